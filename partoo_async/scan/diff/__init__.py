"""What changed between two scans: of journals, NDJSON files or reports.

``loading`` loads a scan as one of ``snapshots`` or ``journals``; ``compare`` and ``businesses`` find ``changes``.
``text`` has the words, ``flat`` the lines.
"""

from partoo_async.scan.diff.businesses import BusinessChange
from partoo_async.scan.diff.changes import (
    GroupChange,
    NotCompared,
    ScanDiff,
    ScannedGroup,
    ScannedSection,
    SectionRename,
)
from partoo_async.scan.diff.compare import diff_scans
from partoo_async.scan.diff.flat import Change

__all__ = [
    "BusinessChange",
    "Change",
    "GroupChange",
    "NotCompared",
    "ScanDiff",
    "ScannedGroup",
    "ScannedSection",
    "SectionRename",
    "diff_scans",
]
