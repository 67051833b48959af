"""Bulk scans: many groups at once, at the full speed of the quota, with one outcome for each.

May import the resources and what is below them, not the client. ``scan`` is the lifecycle, ``worklist`` what to read,
``worker_pool`` the concurrency, ``fetcher`` the requests and how long they will take, ``source`` where outcomes come
from. ``inference`` makes groups of the ``business_list`` and verifies a ``sample``; ``confidence`` says how sure they
are; ``names`` looks up businesses. After a failure, ``outage`` holds the scan and ``key_retries`` retries the key.
``progress`` has the counts and the last log line, ``items`` and ``outcomes`` the public values, ``rows``, ``arrow`` and
``frames`` their columns, ``notebook`` their table. ``journal`` resumes, ``diff`` compares scans, ``summary`` tells
people about one, ``many`` scans many organizations.
"""

from typing import TYPE_CHECKING, Any

from partoo_async.scan.items import ScanFailure, ScanItem, ScanSuccess
from partoo_async.scan.outcomes import ScanPlan, ScanProgress, ScanReport
from partoo_async.scan.scan import Scan

if TYPE_CHECKING:
    from partoo_async.scan.diff import (
        BusinessChange,
        GroupChange,
        NotCompared,
        ScanDiff,
        ScannedGroup,
        ScannedSection,
        SectionRename,
        diff_scans,
    )
    from partoo_async.scan.many import ManyProgress, Organization, scan_many

__all__ = [
    "BusinessChange",
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
    "diff_scans",
    "scan_many",
]

if not TYPE_CHECKING:  # which would take any name for one of the package

    def __getattr__(name: str) -> Any:
        # On demand: few programs that scan compare scans, or scan many organizations, as well.
        if name in __all__:
            from partoo_async.scan import diff, many  # noqa: PLC0415 - on demand

            value = globals()[name] = getattr(many if name in many.__all__ else diff, name)
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
