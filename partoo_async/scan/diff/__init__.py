"""What changed between two scans."""

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
