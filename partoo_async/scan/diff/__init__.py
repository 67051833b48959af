"""What changed between two scans: of journals, NDJSON files or reports.

``snapshots`` loads a scan, ``compare`` and ``businesses`` find ``changes``, and ``text`` has the words.
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

__all__ = [
    "BusinessChange",
    "GroupChange",
    "NotCompared",
    "ScanDiff",
    "ScannedGroup",
    "ScannedSection",
    "SectionRename",
    "diff_scans",
]
