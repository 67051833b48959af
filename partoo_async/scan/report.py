"""The former place of ``items`` and ``outcomes``: pickles and programs that name it find the classes there."""

from partoo_async.scan.items import FormerItem as ScanItem
from partoo_async.scan.items import ScanFailure, ScanSuccess
from partoo_async.scan.outcomes import ScanPlan, ScanProgress, ScanReport

__all__ = ["ScanFailure", "ScanItem", "ScanPlan", "ScanProgress", "ScanReport", "ScanSuccess"]
