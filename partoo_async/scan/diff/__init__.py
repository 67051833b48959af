"""What changed between two scans: of journals, NDJSON files or reports.

``snapshots`` loads a scan, ``compare`` finds what changed, ``businesses`` what changed of each business. ``changes``
has the values that say it, in the words of ``text``.
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
