"""What a run of the nightly job found and did."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from partoo_async._internal.values import Value
from partoo_async.scan.diff import ScanDiff
from partoo_async.scan.outcomes import ScanReport

__all__ = ["SyncResult"]


@frozen
class SyncResult(Value):
    """What ``sync`` found and did.

    Attributes:
        diff: What changed since the run before. None the first time.
        report: The scan.
        loaded: Rows by table.
        complete: Everything could be read. What could not is in ``report.failed``.
        problem: Why the scan ended early, or not all businesses could be listed, "" if neither.
    """

    diff: ScanDiff | None
    report: ScanReport
    loaded: Mapping[str, int]
    complete: bool
    problem: str = ""
