"""What changed between two scans: journals, lines of JSON or reports.

May import what ``scan`` may, and of ``scan`` what reads outcomes: ``journal``, ``outcomes``, ``rows`` and ``scope``.
"""

from partoo_async.scan.diff.changes import (
    GroupChange,
    NotCompared,
    ScanDiff,
    ScannedGroup,
    ScannedSection,
    SectionRename,
)
from partoo_async.scan.diff.compare import diff_scans

__all__ = [
    "GroupChange",
    "NotCompared",
    "ScanDiff",
    "ScannedGroup",
    "ScannedSection",
    "SectionRename",
    "diff_scans",
]
