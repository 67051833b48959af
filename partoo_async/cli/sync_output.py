"""Show a run of the nightly job: its progress and summary on standard error, what changed on standard output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack

from attrs import define, evolve

from partoo_async import PartooClient, Scan, ScanDiff, ScanProgress
from partoo_async._internal.describe import describe
from partoo_async.cli.exit_codes import FAILED_GROUPS, OK, USAGE
from partoo_async.cli.output import write_text
from partoo_async.cli.progress import Display, shown
from partoo_async.cli.progress_words import SCAN, Words
from partoo_async.cli.streams import say
from partoo_async.cli.text import amount, clean, duration
from partoo_async.nightly.names import names_in
from partoo_async.nightly.options import SyncOptions
from partoo_async.nightly.result import SyncResult
from partoo_async.nightly.run import run_once
from partoo_async.scan.diff.text import place
from partoo_async.scan.outcomes import certainty

__all__ = ["SYNC", "exit_code_of", "failures", "run_shown", "summary"]

_CHANGED = 1
_MOST_NAMED = 20


def exit_code_of(result: SyncResult, *, as_diff: bool) -> int:
    """Return the exit code of a run. ``as_diff``: that of ``partoo diff``."""
    if as_diff:
        return _CHANGED if result.diff else OK if result.complete else USAGE
    return OK if result.complete else FAILED_GROUPS


@define
class _Seen:
    """What is seen of a run: its scan, then its further steps. ``done`` and ``total``: of a bar."""

    scan: Scan | None = None
    step: str = ""
    since: float = 0.0  # event-loop time
    done: int = 0
    total: int = 0

    def begin(self, scan: Scan) -> None:
        """Note the scan."""
        self.scan, self.step = scan, ""

    def note(self, step: str) -> None:
        """Note what is done after it."""
        self.step, self.since = step, asyncio.get_running_loop().time()

    def look(self) -> _Seen | ScanProgress:
        """Return what is to be shown."""
        return self if self.step or self.scan is None else self.scan.progress

    @property
    def seconds(self) -> float:
        """How long the step has taken."""
        return asyncio.get_running_loop().time() - self.since


def _line(seen: _Seen | ScanProgress) -> str:
    if isinstance(seen, ScanProgress):
        return SCAN.line(seen)
    return f"{seen.step}, {duration(seen.seconds)}" if seen.step else ""


def _bar(seen: _Seen | ScanProgress) -> tuple[str, str]:
    if isinstance(seen, ScanProgress):
        return SCAN.bar(seen)
    return seen.step, duration(seen.seconds) if seen.step else ""


SYNC: Words = Words(_line, _bar)
"""A run of the nightly job."""


async def run_shown(client: PartooClient, options: SyncOptions, display: Display, *, quiet: bool) -> SyncResult:
    """Run once with these options, and show it. ``quiet``: only what changed and what failed."""
    seen, state = _Seen(), options.state
    async with AsyncExitStack() as showing:
        await showing.enter_async_context(shown(display, seen.look))

        async def deliver(diff: ScanDiff) -> None:
            await showing.aclose()  # a bar and a text on one screen would overwrite each other
            sections, businesses = await names_in(diff, (state / "running.journal", state / "baseline.journal"))
            await write_text(diff.to_text(section_names=sections, business_names=businesses))

        result = await run_once(client, evolve(options, on_scan=seen.begin, on_step=seen.note), deliver)
    if not quiet:
        # On one screen the text on standard output has said what changed.
        for line in summary(result, options, with_diff=not (result.diff and sys.stdout.isatty())):
            display.note(clean(line))
    for line in failures(result):
        say(clean(line))
    return result


def summary(result: SyncResult, options: SyncOptions, *, with_diff: bool = True) -> Iterator[str]:
    """Yield the lines that say what a run read, found and loaded."""
    report = result.report
    counts = (
        amount(len(report.succeeded), "group"),
        amount(len(report.failed), "failure"),
        amount(report.requests, "request"),
        duration(report.seconds),
    )
    yield ", ".join(counts)
    inferred = sum(item.inferred for item in report.items)
    if how := certainty(report, len(report.succeeded), inferred):
        yield how
    if with_diff:
        yield "nothing to compare with yet" if result.diff is None else str(result.diff)
    # Neither the URL of the database, which may hold a password, nor its path, which is in the command line.
    if options.to is not None:
        rows = (f"{count:,} {table}" for table, count in result.loaded.items() if not table.startswith("_"))
        yield f"loaded {', '.join(rows)}"
    if options.report is not None:
        yield f"report in {options.report}"


def failures(result: SyncResult) -> Iterator[str]:
    """Yield the lines that name what could not be read."""
    if result.problem:
        yield result.problem
    names, failed = result.report.sections, result.report.failed
    for item in failed[:_MOST_NAMED]:
        section = names.get(item.section_id)
        name = section if item.group_id is None else None
        where = place(item.section_id, item.group_id, name, describe(item.error), section or "")
        yield f"not read, keeps what was known: {where}"
    if len(failed) > _MOST_NAMED:
        yield f"and {len(failed) - _MOST_NAMED:,} more"
