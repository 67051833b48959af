"""Show a scan: its plan, its progress, its results, its summary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from attrs import Factory, define

from partoo_async import Scan, ScanFailure, ScanItem
from partoo_async._internal.describe import describe
from partoo_async.cli.exit_codes import exit_code, scan_code
from partoo_async.cli.output import print_json, print_result, table
from partoo_async.cli.progress import Display, shown
from partoo_async.cli.result_options import Target
from partoo_async.cli.row_output import emit
from partoo_async.cli.streams import require_stdout, say
from partoo_async.cli.text import amount, clean, duration
from partoo_async.errors import AuthenticationError, PartooError
from partoo_async.exports import write
from partoo_async.exports.formats import choose_encoder
from partoo_async.scan.diff.text import place
from partoo_async.scan.outcomes import certainty, item_object
from partoo_async.scan.rows import cells

__all__ = ["show_scan"]

# The ids, by which a table is in order, and the cells. The businesses themselves are not kept.
_Row: TypeAlias = tuple[int, int, tuple[str, ...]]


_MOST_NAMED = 20
_CERTAIN = 3  # refusals in a row, after groups were read
_COLUMNS = ("section", "group", "name", "puller", "businesses", "such as", "error")


def _row(item: ScanItem, scan: Scan) -> _Row:
    section, group, name, *others = cells(item)
    if item.group_id is None:
        group, name = "-", scan._work.name_of(item.section_id) or ""
    return item.section_id, -1 if item.group_id is None else item.group_id, (section, group, name, *others)


@define
class _ScanView:
    """A scan, and what its summary counts beside its progress."""

    scan: Scan
    display: Display
    names_unread: bool  # a table shows them
    read: int = 0
    recorded: int = 0
    inferred: int = 0
    refusals: int = 0  # of the key, one after the other
    unread: list[ScanFailure] = Factory(list)  # sections
    businesses: set[str] = Factory(set)
    codes: set[int] = Factory(set)

    async def items(self) -> AsyncGenerator[ScanItem, None]:
        """Run the scan and yield its outcomes."""
        async with shown(self.display, lambda: self.scan.progress), self.scan:
            if refused := self.scan._work.refused:
                raise refused
            self.display.note(str(self.scan.plan))
            report = self.scan.report()
            if report.added or report.deleted:
                added, deleted = amount(len(report.added), "group"), len(report.deleted)
                self.display.note(f"{added} added and {deleted:,} deleted since the journal was last written")
            async for item in self.scan:
                self._count(item)
                yield item

    def _count(self, item: ScanItem) -> None:
        if isinstance(item.error, AuthenticationError) and not item.recorded:
            self.refusals += 1
            # A key that is wrong, or was withdrawn: all that is left would fail as well.
            if self.refusals >= _CERTAIN or self.read == self.recorded:
                raise item.error
        elif not item.recorded:
            self.refusals = 0
        if item.error is None:
            self.read += 1
            self.recorded += item.recorded
            self.inferred += item.inferred
            # Each once: the groups of a section, and the sections too, share their businesses.
            self.businesses.update(item.group.business_ids)
        else:
            self.codes.add(exit_code(item.error))
            if item.group_id is None:
                self.unread.append(item)

    @contextmanager
    def summing_up(self) -> Iterator[None]:
        """Print the summary after the block, whether the scan came to its end or not."""
        try:
            yield
        except (PartooError, asyncio.CancelledError):
            self.summarize()
            raise
        self.summarize()

    def summarize(self) -> None:
        """Print the summary, if there is anything to sum up."""
        progress, report = self.scan.progress, self.scan.report()
        if not progress.done and self.scan.complete:
            self.display.note("there is no group to read")
        if not progress.done or (self.refusals and not self.read):  # the error says it all
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
        if self.names_unread:
            self._name_unread()

    def _name_unread(self) -> None:
        for item in self.unread[:_MOST_NAMED]:
            name = self.scan._work.name_of(item.section_id)
            say(clean(f"not read: {place(item.section_id, None, name, describe(item.error), name or '')}"))
        if len(self.unread) > _MOST_NAMED:
            say(f"and {amount(len(self.unread) - _MOST_NAMED, 'more section')}")

    @property
    def code(self) -> int:
        """The exit code of a scan that went through to its end."""
        progress = self.scan.progress
        return scan_code(self.codes, succeeded=progress.done - progress.failed)


async def show_scan(scan: Scan, display: Display, target: Target | None) -> int:
    """Run a scan, print its groups or write them to a file, and return the exit code."""
    view = _ScanView(scan, display, target is not None)
    if target is not None and target.path is not None:
        return await _write_file(view, target.path, target)
    require_stdout()
    if target is not None and not target.is_json:
        return await _print_encoded(view, target)
    rows = list[_Row]()
    try:
        async with aclosing(view.items()) as items:
            async for item in items:
                if target is not None:
                    await print_json(item_object(item, businesses=scan.with_businesses))
                else:
                    rows.append(_row(item, scan))
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
        shown_cells = ([texts[number] for number in used] for *_, texts in sorted(rows))
        columns = [_COLUMNS[number] for number in used]
        print_result(table(columns, shown_cells, numbers=("section", "group", "businesses")))
    view.summarize()


async def _print_encoded(view: _ScanView, target: Target) -> int:
    form, scan = target.format, view.scan
    encoder = choose_encoder(Path("-"), form, target.rows, target.delimiter, businesses=scan.with_businesses)
    with view.summing_up():
        await emit(view.items(), encoder, whole=form == "parquet")
    return view.code


async def _write_file(view: _ScanView, path: str, target: Target) -> int:
    how: dict[str, Any] = {"format": target.format, "rows": target.rows, "delimiter": target.delimiter}
    with view.summing_up():
        written = await write(view.items(), path, businesses=view.scan.with_businesses, **how)
    view.display.note(f"{amount(written.rows, 'row')} in {clean(path)}")
    return view.code
