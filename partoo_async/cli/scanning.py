"""Show a scan: its plan, its progress, its results as they come or as a table, its summary."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import Factory, define

from partoo_async.cli.errors import exit_code, scan_code
from partoo_async.cli.output import print_result, write_line, writes_utf8
from partoo_async.cli.progress import shown
from partoo_async.cli.render import Row, groups_table, item_object
from partoo_async.cli.text import amount, duration, json_line
from partoo_async.errors import PartooError

if TYPE_CHECKING:
    from partoo_async import Scan, ScanItem, ScanReport
    from partoo_async.cli.progress import Display

__all__ = ["show_scan"]


@define
class _Tally:
    """What the summary counts, without keeping the groups."""

    groups: int = 0
    businesses: set[str] = Factory(set)
    failures: int = 0
    codes: set[int] = Factory(set)

    def add(self, item: ScanItem) -> None:
        """Count one outcome."""
        if item.group is not None:
            self.groups += 1
            # Each once: the groups of a section, and the sections too, share their businesses.
            self.businesses.update(item.group.business_ids)
        elif item.error is not None:
            self.failures += 1
            self.codes.add(exit_code(item.error))

    def summary(self, report: ScanReport) -> str:
        """Return the line that ends a scan."""
        counts = (
            amount(self.groups, "group"),
            amount(len(self.businesses), "business", "businesses"),
            amount(self.failures, "failure"),
            amount(report.requests, "request"),
            duration(report.seconds),
            amount(report.retries, "retry", "retries"),
        )
        return ", ".join(counts)


async def show_scan(scan: Scan, display: Display, *, as_json: bool) -> int:
    """Run a scan with everything that the command shows of it, and return the exit code."""
    tally = _Tally()
    rows: list[Row] = []
    try:
        async with shown(display, lambda: scan.progress), scan:
            display.note(str(scan.plan))
            async for item in scan:
                tally.add(item)
                if as_json:
                    await write_line(json_line(item_object(item), ascii_only=not writes_utf8()))
                else:
                    rows.append(Row.of(item))
    # What was had until Ctrl-C, or until one failure too many, is shown as well.
    except (PartooError, asyncio.CancelledError):
        _finish(scan, tally, rows, display)
        raise
    _finish(scan, tally, rows, display)
    return scan_code(tally.codes, succeeded=tally.groups)


def _finish(scan: Scan, tally: _Tally, rows: list[Row], display: Display) -> None:
    if rows:
        print_result(groups_table(rows))
    if tally.groups or tally.failures:
        display.note(tally.summary(scan.report()))
