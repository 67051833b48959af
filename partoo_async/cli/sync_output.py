"""Show a run of the nightly job: its progress and summary on standard error, what changed on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack

from attrs import define, evolve, field

from partoo_async import PartooClient, ScanDiff, ScanProgress
from partoo_async.cli.exit_codes import FAILED_GROUPS, OK, USAGE
from partoo_async.cli.output import say, write_text
from partoo_async.cli.progress import Display, shown
from partoo_async.cli.text import amount, clean, duration
from partoo_async.nightly.names import names_in
from partoo_async.nightly.options import SyncOptions
from partoo_async.nightly.result import SyncResult
from partoo_async.nightly.run import run_once
from partoo_async.scan.diff.text import place
from partoo_async.scan.outcomes import certainty
from partoo_async.scan.rows import describe

__all__ = ["exit_code_of", "failures", "run_shown", "summary"]

_CHANGED = 1
_MOST_NAMED = 20


def exit_code_of(result: SyncResult, *, as_diff: bool) -> int:
    """Return the exit code of a run. ``as_diff``: that of ``partoo diff``."""
    if as_diff:
        return _CHANGED if result.diff else OK if result.complete else USAGE
    return OK if result.complete else FAILED_GROUPS


@define
class _Progress:
    """The latest progress of the scan."""

    now: ScanProgress = field(factory=lambda: ScanProgress(0, 0, 0, 0.0, 0.0, 0.0))

    def note(self, progress: ScanProgress) -> None:
        self.now = progress


async def run_shown(client: PartooClient, options: SyncOptions, display: Display, *, quiet: bool) -> SyncResult:
    """Run once with these options, and show it. ``quiet``: only what changed and what failed."""
    progress, state = _Progress(), options.state
    async with AsyncExitStack() as showing:
        await showing.enter_async_context(shown(display, lambda: progress.now))

        async def deliver(diff: ScanDiff) -> None:
            await showing.aclose()  # a bar and a text on one screen would overwrite each other
            sections, businesses = await names_in(diff, (state / "running.journal", state / "baseline.journal"))
            await write_text(diff.to_text(section_names=sections, business_names=businesses))

        result = await run_once(client, evolve(options, on_progress=progress.note), deliver)
    if not quiet:
        for line in summary(result, options):
            display.note(clean(line))
    for line in failures(result):
        say(clean(line))
    return result


def summary(result: SyncResult, options: SyncOptions) -> Iterator[str]:
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
