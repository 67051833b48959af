"""The former place of ``outcomes``: pickles and programs that name it find the classes there."""

from partoo_async.scan.outcomes import ScanItem, ScanPlan, ScanProgress, ScanReport

__all__ = ["ScanItem", "ScanPlan", "ScanProgress", "ScanReport"]
