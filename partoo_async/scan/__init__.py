"""Bulk section scans: many groups at once, at the full speed of the quota, one outcome for each."""

from partoo_async.scan.report import ScanItem, ScanPlan, ScanProgress, ScanReport
from partoo_async.scan.scan import Scan

__all__ = ["Scan", "ScanItem", "ScanPlan", "ScanProgress", "ScanReport"]
