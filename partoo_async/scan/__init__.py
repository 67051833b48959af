"""Bulk scans: many groups at once, at the full speed of the quota, with one outcome for each.

May import the resources and what is below them, not the client. ``scan`` is the lifecycle, ``worklist`` what to read,
``source`` where outcomes come from: the ``worker_pool`` calls the ``fetcher``. ``inference`` makes groups of the
``business_list``. ``outage`` holds the scan, ``key_retries`` retries a key. ``items`` and ``outcomes`` are the public
values; ``rows``, ``arrow``, ``frames`` and ``notebook`` show them. ``summary`` tells people about a scan.
"""

from typing import TYPE_CHECKING, Any

from partoo_async.scan.items import ScanFailure, ScanItem, ScanSuccess
from partoo_async.scan.outcomes import ScanPlan, ScanProgress, ScanReport
from partoo_async.scan.scan import Scan

if TYPE_CHECKING:
    from partoo_async.scan.diff import (
        BusinessChange,
        Change,
        GroupChange,
        NotCompared,
        ScanDiff,
        ScannedGroup,
        ScannedSection,
        SectionRename,
        diff_scans,
    )
    from partoo_async.scan.inference import Strategy, Verify
    from partoo_async.scan.many import ManyProgress, Organization, scan_many

__all__ = [
    "BusinessChange",
    "Change",
    "GroupChange",
    "ManyProgress",
    "NotCompared",
    "Organization",
    "Scan",
    "ScanDiff",
    "ScanFailure",
    "ScanItem",
    "ScanPlan",
    "ScanProgress",
    "ScanReport",
    "ScanSuccess",
    "ScannedGroup",
    "ScannedSection",
    "SectionRename",
    "Strategy",
    "Verify",
    "diff_scans",
    "scan_many",
]

if not TYPE_CHECKING:  # which would take any name for one of the package

    def __getattr__(name: str) -> Any:
        # On demand: few programs that scan compare scans, or scan many organizations, as well.
        if name in __all__:
            from partoo_async.scan import diff, inference, many  # noqa: PLC0415 - on demand

            home = next(module for module in (diff, inference, many) if name in module.__all__)
            value = globals()[name] = getattr(home, name)
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
