"""Bulk section scans: many groups at once, at the full speed of the quota, one outcome for each."""

from partoo_async.scan.changes import (
    GroupChange,
    NotCompared,
    ScanDiff,
    ScannedGroup,
    ScannedSection,
    SectionRename,
)
from partoo_async.scan.diff import diff_scans
from partoo_async.scan.report import ScanItem, ScanPlan, ScanProgress, ScanReport
from partoo_async.scan.scan import Scan

__all__ = [
    "GroupChange",
    "NotCompared",
    "Scan",
    "ScanDiff",
    "ScanItem",
    "ScanPlan",
    "ScanProgress",
    "ScanReport",
    "ScannedGroup",
    "ScannedSection",
    "SectionRename",
    "diff_scans",
]
