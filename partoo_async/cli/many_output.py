"""Show the scans of many organizations: progress, outcomes, and a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from attrs import Factory, define

from partoo_async._internal.describe import describe
from partoo_async.cli.exit_codes import exit_code, scan_code
from partoo_async.cli.output import print_json, print_result, table
from partoo_async.cli.progress import Display, shown
from partoo_async.cli.result_options import Target
from partoo_async.cli.row_output import emit
from partoo_async.cli.streams import require_stdout
from partoo_async.cli.text import amount, clean, duration
from partoo_async.errors import PartooError
from partoo_async.exports import Written, write_many
from partoo_async.exports.formats import choose_encoder
from partoo_async.scan.many import ManyScans
from partoo_async.scan.many.progress import OrganizationRun
from partoo_async.scan.many.rows import ManyItem, many_object

__all__ = ["show_many"]

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

    def summarize(self, *, results_on_stdout: bool) -> None:
        """Print the table and the counts, if there is anything to sum up."""
        progress = self.scans.progress
        if not progress.done and not progress.ended:
            return
        lines: Any = table(_COLUMNS, map(_cells, self.scans.runs), numbers=_COLUMNS[1:4])
        if results_on_stdout:
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


async def show_many(scans: ManyScans, display: Display, target: Target | None, *, businesses: bool) -> int:
    """Run the scans, print their groups or write them to a file, and return the exit code."""
    view, to_file = _ManyView(scans, display), target is not None and target.path is not None
    if not to_file:
        require_stdout()
    written = None
    try:
        if target is None or target.is_json:
            await _print(view, as_json=target is not None, businesses=businesses)
        else:
            written = await _write(view, target, businesses=businesses)
    except (PartooError, asyncio.CancelledError):  # what was had until Ctrl-C is shown as well
        view.summarize(results_on_stdout=target is not None and not to_file)
        raise
    view.summarize(results_on_stdout=target is not None and not to_file)
    if written is not None:
        display.note(f"{amount(written.rows, 'row')} in {clean(str(written.path))}")
    return view.code


async def _print(view: _ManyView, *, as_json: bool, businesses: bool) -> None:
    async with aclosing(view.items()) as items:
        async for outcome in items:
            if as_json:
                await print_json(many_object(outcome, businesses=businesses))


async def _write(view: _ManyView, target: Target, *, businesses: bool) -> Written | None:
    form, rows, delimiter = target.format, target.rows, target.delimiter
    if target.path is not None:
        how: dict[str, Any] = {"format": form, "rows": rows, "delimiter": delimiter}
        return await write_many(view.items(), target.path, businesses=businesses, **how)
    encoder = choose_encoder(Path("-"), form, rows, delimiter, businesses=businesses, organizations=True)
    await emit(view.items(), encoder, whole=form == "parquet")
    return None
