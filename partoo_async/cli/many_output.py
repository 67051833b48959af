"""Show the scans of many organizations: progress, outcomes, and a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from attrs import Factory, define

from partoo_async.cli.exit_codes import exit_code, scan_code
from partoo_async.cli.output import print_json, print_result, table
from partoo_async.cli.progress import Display, shown
from partoo_async.cli.streams import require_stdout
from partoo_async.cli.text import amount, clean, duration
from partoo_async.errors import PartooError
from partoo_async.exports import RowKind, write_many
from partoo_async.scan.many import ManyScans
from partoo_async.scan.many.progress import OrganizationRun
from partoo_async.scan.many.rows import ManyItem, many_object
from partoo_async.scan.rows import describe

__all__ = ["export_many", "show_many"]

_COLUMNS = ("organization", "groups", "failures", "seconds", "note")


@define
class _ManyView:
    """The scans, and what their summary counts beside their progress."""

    scans: ManyScans
    display: Display
    codes: set[int] = Factory(set)

    async def items(self) -> AsyncGenerator[ManyItem, None]:
        """Run the scans and yield their outcomes."""
        async with shown(self.display, lambda: self.scans.progress), aclosing(self.scans.items()) as items:
            async for name, item in items:
                error = item if isinstance(item, PartooError) else item.error
                if error is not None:
                    self.codes.add(exit_code(error))
                yield name, item

    def summarize(self, *, as_json: bool) -> None:
        """Print the table and the counts, if there is anything to sum up. Of ``as_json`` standard output is full."""
        progress = self.scans.progress
        if not progress.done and not progress.ended:
            return
        lines: Any = table(_COLUMNS, map(_cells, self.scans.runs), numbers=_COLUMNS[1:4])
        if as_json:
            self.display.note(lines)
        else:
            print_result(lines)
        counts = (
            amount(progress.organizations, "organization"),
            amount(progress.done - progress.failed, "group"),
            amount(progress.failed + progress.broken, "failure"),
            amount(sum(run.requests for run in self.scans.runs), "request"),
            duration(self.scans.seconds),
        )
        self.display.note(", ".join(counts))

    @property
    def code(self) -> int:
        """The exit code of scans that went through to their end."""
        progress = self.scans.progress
        return scan_code(self.codes, succeeded=progress.done - progress.failed)


def _cells(run: OrganizationRun) -> tuple[str, ...]:
    note = "" if run.complete else "not complete" if run.began else "not begun"
    if run.error is not None:
        note = describe(run.error)
    seconds = f"{run.seconds:.1f}" if run.ended else ""
    return run.name, f"{run.done - run.failed:,}", f"{run.failed:,}", seconds, note


async def show_many(scans: ManyScans, display: Display, *, as_json: bool, businesses: bool) -> int:
    """Run the scans, print their groups with ``as_json``, and return the exit code."""
    require_stdout()
    view = _ManyView(scans, display)
    try:
        async with aclosing(view.items()) as items:
            async for outcome in items:
                if as_json:
                    await print_json(many_object(outcome, businesses=businesses))
    except (PartooError, asyncio.CancelledError):  # what was had until Ctrl-C is shown as well
        view.summarize(as_json=as_json)
        raise
    view.summarize(as_json=as_json)
    return view.code


async def export_many(scans: ManyScans, display: Display, path: str, rows: RowKind | None, *, businesses: bool) -> int:
    """Run the scans, write their groups to a file, and return the exit code."""
    view = _ManyView(scans, display)
    try:
        written = await write_many(view.items(), path, rows=rows, businesses=businesses)
    except (PartooError, asyncio.CancelledError):
        view.summarize(as_json=False)
        raise
    view.summarize(as_json=False)
    display.note(f"{amount(written.rows, 'row')} in {clean(path)}")
    return view.code
