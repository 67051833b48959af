"""Show a scan: its plan, its progress, its results, its summary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeAlias

from attrs import Factory, define

from partoo_async import Scan, ScanItem
from partoo_async.cli.exit_codes import exit_code, scan_code
from partoo_async.cli.output import print_json, print_result, table, yes_no
from partoo_async.cli.progress import Display, shown
from partoo_async.cli.streams import require_stdout
from partoo_async.cli.text import amount, clean, duration
from partoo_async.errors import PartooError
from partoo_async.exports import RowKind, write
from partoo_async.scan.outcomes import certainty, item_object
from partoo_async.scan.rows import describe, such_as

__all__ = ["export_scan", "show_scan"]

# The ids, by which a table is in order, and the cells. The businesses themselves are not kept.
_Row: TypeAlias = tuple[int, int, tuple[str, ...]]


_COLUMNS = ("section", "group", "name", "puller", "businesses", "such as", "error")


def _row(item: ScanItem) -> _Row:
    group_id, error = item.group_id, "" if item.error is None else describe(item.error)
    cells = [str(item.section_id), "-" if group_id is None else str(group_id)]
    group = item.group
    cells += [group.name, yes_no(group.has_puller), f"{len(group.business_ids):,}"] if group is not None else [""] * 3
    return item.section_id, -1 if group_id is None else group_id, (*cells, such_as(item.businesses), error)


@define
class _ScanView:
    """A scan, and what its summary counts beside its progress."""

    scan: Scan
    display: Display
    recorded: int = 0
    inferred: int = 0
    businesses: set[str] = Factory(set)
    codes: set[int] = Factory(set)

    async def items(self) -> AsyncGenerator[ScanItem, None]:
        """Run the scan and yield its outcomes."""
        async with shown(self.display, lambda: self.scan.progress), self.scan:
            self.display.note(str(self.scan.plan))
            report = self.scan.report()
            if report.added or report.deleted:
                added, deleted = amount(len(report.added), "group"), len(report.deleted)
                self.display.note(f"{added} added and {deleted:,} deleted since the journal was last written")
            async for item in self.scan:
                self._count(item)
                yield item

    def _count(self, item: ScanItem) -> None:
        if item.error is None:
            self.recorded += item.recorded
            self.inferred += item.inferred
            # Each once: the groups of a section, and the sections too, share their businesses.
            self.businesses.update(item.group.business_ids)
        else:
            self.codes.add(exit_code(item.error))

    def summarize(self) -> None:
        """Print the summary, if there is anything to sum up."""
        progress, report = self.scan.progress, self.scan.report()
        if not progress.done:
            return
        recorded = f" ({self.recorded:,} recorded before)" if self.recorded else ""
        counts = (
            amount(progress.done - progress.failed, "group") + recorded,
            amount(len(self.businesses), "business", "businesses"),
            amount(progress.failed, "failure"),
            amount(report.requests, "request"),
            duration(report.seconds),
            amount(report.retries, "retry", "retries"),
        )
        self.display.note(", ".join(counts))
        how = certainty(report, self.scan.plan.groups, self.inferred)
        if how:
            self.display.note(clean(how))

    @property
    def code(self) -> int:
        """The exit code of a scan that went through to its end."""
        progress = self.scan.progress
        return scan_code(self.codes, succeeded=progress.done - progress.failed)


async def show_scan(scan: Scan, display: Display, *, as_json: bool) -> int:
    """Run a scan, print its groups, and return the exit code."""
    require_stdout()
    view, rows = _ScanView(scan, display), list[_Row]()
    try:
        async with aclosing(view.items()) as items:
            async for item in items:
                if as_json:
                    await print_json(item_object(item, businesses=scan.with_businesses))
                else:
                    rows.append(_row(item))
    # What was had until Ctrl-C, or until one failure too many, is shown as well.
    except (PartooError, asyncio.CancelledError):
        _finish(view, rows)
        raise
    _finish(view, rows)
    return view.code


def _finish(view: _ScanView, rows: list[_Row]) -> None:
    if rows:
        left_out = {"such as": not view.scan.with_businesses, "error": not view.codes}
        used = [number for number, column in enumerate(_COLUMNS) if not left_out.get(column)]
        cells = ([cells[number] for number in used] for *_, cells in sorted(rows))
        columns = [_COLUMNS[number] for number in used]
        print_result(table(columns, cells, numbers=("section", "group", "businesses")))
    view.summarize()


async def export_scan(scan: Scan, display: Display, path: str, rows: RowKind | None) -> int:
    """Run a scan, write its groups to a file, and return the exit code."""
    view = _ScanView(scan, display)
    try:
        written = await write(view.items(), path, rows=rows, businesses=scan.with_businesses)
    except (PartooError, asyncio.CancelledError):
        view.summarize()
        raise
    view.summarize()
    display.note(f"{amount(written.rows, 'row')} in {clean(path)}")
    return view.code
