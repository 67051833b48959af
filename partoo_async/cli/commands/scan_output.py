"""Show a scan: its plan, its progress, its results as they come, as a table or in a file, its summary."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from attrs import Factory, define

from partoo_async.cli.errors import exit_code, scan_code
from partoo_async.cli.output import print_result, write_line, writes_utf8
from partoo_async.cli.progress import shown
from partoo_async.cli.render import Row, groups_table
from partoo_async.cli.streams import require_stdout
from partoo_async.cli.text import amount, clean, duration, json_line
from partoo_async.errors import PartooError
from partoo_async.exports import write
from partoo_async.scan.rows import item_object

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from partoo_async import Scan, ScanItem, ScanProgress, ScanReport
    from partoo_async.cli.progress import Display
    from partoo_async.exports import RowKind

__all__ = ["export_scan", "show_scan"]


@define
class _Tally:
    """What the summary counts beside the scan's own progress, without keeping the groups."""

    recorded: int = 0
    businesses: set[str] = Factory(set)
    codes: set[int] = Factory(set)

    def add(self, item: ScanItem) -> None:
        """Count one outcome."""
        if item.group is not None:
            self.recorded += item.recorded
            # Each once: the groups of a section, and the sections too, share their businesses.
            self.businesses.update(item.group.business_ids)
        elif item.error is not None:
            self.codes.add(exit_code(item.error))

    def summary(self, progress: ScanProgress, report: ScanReport) -> str:
        """Return the line that ends a scan."""
        counts = (
            amount(progress.done - progress.failed, "group")
            + (f" ({self.recorded:,} recorded before)" if self.recorded else ""),
            amount(len(self.businesses), "business", "businesses"),
            amount(progress.failed, "failure"),
            amount(report.requests, "request"),
            duration(report.seconds),
            amount(report.retries, "retry", "retries"),
        )
        return ", ".join(counts)


@define
class _Show:
    """One scan with everything that the command shows of it beside its results."""

    scan: Scan
    display: Display
    tally: _Tally = Factory(_Tally)

    async def items(self) -> AsyncGenerator[ScanItem, None]:
        """Run the scan and yield its outcomes."""
        async with shown(self.display, lambda: self.scan.progress), self.scan:
            self.display.note(str(self.scan.plan))
            self._note_changes(self.scan.report())
            async for item in self.scan:
                self.tally.add(item)
                yield item

    def _note_changes(self, report: ScanReport) -> None:
        if report.added or report.deleted:
            added, deleted = amount(len(report.added), "group"), len(report.deleted)
            self.display.note(f"{added} added and {deleted:,} deleted since the journal was last written")

    def summarize(self) -> None:
        """Print the summary, if there is anything to sum up."""
        progress = self.scan.progress
        if progress.done:
            self.display.note(self.tally.summary(progress, self.scan.report()))

    @property
    def code(self) -> int:
        """The exit code of a scan that went through to its end."""
        return scan_code(self.tally.codes, succeeded=self.scan.progress.done - self.scan.progress.failed)


async def show_scan(scan: Scan, display: Display, *, as_json: bool) -> int:
    """Run a scan, print its groups, and return the exit code."""
    require_stdout()
    show, rows = _Show(scan, display), list[Row]()
    try:
        async with aclosing(show.items()) as items:
            async for item in items:
                if as_json:
                    await write_line(json_line(item_object(item), ascii_only=not writes_utf8()))
                else:
                    rows.append(Row.of(item))
    # What was had until Ctrl-C, or until one failure too many, is shown as well.
    except (PartooError, asyncio.CancelledError):
        _finish(show, rows)
        raise
    _finish(show, rows)
    return show.code


def _finish(show: _Show, rows: list[Row]) -> None:
    if rows:
        print_result(groups_table(rows))
    show.summarize()


async def export_scan(scan: Scan, display: Display, path: str, rows: RowKind | None) -> int:
    """Run a scan, write its groups to a file, and return the exit code."""
    show = _Show(scan, display)
    try:
        written = await write(show.items(), path, rows=rows)
    except (PartooError, asyncio.CancelledError):
        show.summarize()
        raise
    show.summarize()
    display.note(f"{amount(written.rows, 'row')} in {clean(path)}")
    return show.code
