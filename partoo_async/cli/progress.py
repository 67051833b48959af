"""Progress of a scan on standard error: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import asyncio
import enum
import os
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from partoo_async.cli.output import error_console
from partoo_async.cli.text import amount, duration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rich.console import RenderableType

    from partoo_async import ManyProgress, ScanProgress

__all__ = [
    "MANY",
    "BarDisplay",
    "Display",
    "PlainDisplay",
    "ProgressMode",
    "QuietDisplay",
    "choose_display",
    "shown",
    "status",
]


class ProgressMode(enum.StrEnum):
    """What ``--progress`` takes."""

    AUTO = "auto"
    PLAIN = "plain"
    NONE = "none"


@frozen
class Words:
    """How a kind of progress is put in words.

    ``line``: for a log, "" for nothing worth one. ``bar``: what stands before a bar, and behind it.
    """

    line: Callable[[Any], str]
    bar: Callable[[Any], tuple[str, str]]


class Display(Protocol):
    """One way to show a scan, or many."""

    interval: float  # seconds between two calls of show()

    def start(self) -> None:
        """Begin, with nothing known yet."""
        ...

    def note(self, line: RenderableType) -> None:
        """Show a line that stays."""
        ...

    def show(self, progress: Any) -> None:
        """Show where the scan is now."""
        ...

    def stop(self) -> None:
        """End, and leave the terminal as it was."""
        ...


class QuietDisplay:
    """Shows no progress, only the lines that stay."""

    interval: float = 3600.0  # there is nothing to draw

    def __init__(self) -> None:
        self._console = error_console()

    def start(self) -> None:
        """Begin."""

    def note(self, line: RenderableType) -> None:
        """Print a line."""
        self._console.print(line, soft_wrap=True)

    def show(self, progress: Any) -> None:
        """Print nothing."""

    def stop(self) -> None:
        """End."""


class PlainDisplay(QuietDisplay):
    """Prints a line every ``interval`` seconds, for logs."""

    def __init__(self, interval: float = 2.0, words: Words | None = None) -> None:
        super().__init__()
        self.interval = interval
        self._words = words or SCAN

    def show(self, progress: Any) -> None:
        """Print where the scan is now."""
        line = self._words.line(progress)
        if line:
            self.note(line)


class BarDisplay:
    """Shows a bar, drawn anew every ``interval`` seconds."""

    interval: float = 0.25

    def __init__(self, words: Words | None = None) -> None:
        self._words = words or SCAN
        # Short enough for 80 columns with a pause and failures in it.
        columns = (TextColumn("{task.description}", markup=False), BarColumn(16))
        details = (TaskProgressColumn(), TextColumn("{task.fields[status]}", markup=False))
        # Drawn by the event loop alone: a thread of its own would draw while a result is being printed. Results go to
        # standard output, which the bar would otherwise take over as well.
        options: dict[str, Any] = {"auto_refresh": False, "transient": True, "redirect_stdout": False}
        self._bar = Progress(*columns, *details, console=error_console(), **options)
        self._task = self._bar.add_task("", total=0, visible=False, status="")

    def start(self) -> None:
        """Draw for the first time."""
        self._bar.start()

    def note(self, line: RenderableType) -> None:
        """Print a line above the bar."""
        self._bar.console.print(line, soft_wrap=True)

    def show(self, progress: Any) -> None:
        """Draw the bar anew."""
        before, behind = self._words.bar(progress)
        self._bar.update(
            self._task,
            description=before,
            total=progress.total,
            completed=progress.done,
            status=behind,
            visible=True,
        )
        self._bar.refresh()

    def stop(self) -> None:
        """Take the bar away: the summary follows."""
        self._bar.stop()


def status(progress: ScanProgress) -> str:
    """Return rate, time left, failures, and pause or hold, in words."""
    parts = []
    if progress.held_for:
        parts.append(f"held {duration(progress.held_for)}: {progress.held_by}")
    elif progress.paused_for:
        parts.append(f"paused {duration(progress.paused_for)} by the server")
    elif progress.rate:
        parts.append(f"{progress.rate:.1f}/s")
    if progress.total > progress.done and not progress.held_for:  # until the server answers, nobody knows
        parts.append(f"ETA {duration(progress.eta)}")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    return ", ".join(parts)


def _scan_line(progress: ScanProgress) -> str:
    # After the last group the summary tells it; while the sections are read only a wait is worth a line.
    if progress.done < progress.total:
        return f"{progress.done:,}/{amount(progress.total, 'group')}, {status(progress)}"
    if (progress.paused_for or progress.held_for) and not progress.total:
        return f"reading sections, {status(progress)}"
    return ""


def _scan_bar(progress: ScanProgress) -> tuple[str, str]:
    return f"{progress.done:,}/{progress.total:,}" if progress.total else "reading sections", status(progress)


SCAN: Words = Words(_scan_line, _scan_bar)
"""One scan."""


def _many_line(progress: ManyProgress) -> str:
    if progress.ended == progress.organizations:
        return ""  # the summary tells it
    ended = f"{progress.ended:,}/{amount(progress.organizations, 'organization')}"
    return f"{ended}, {progress.done:,}/{amount(progress.total, 'group')}, {_many_status(progress)}"


def _many_status(progress: ManyProgress) -> str:
    parts = [f"{progress.rate:.1f}/s", f"ETA {duration(progress.eta)}"]
    failed = progress.failed + progress.broken
    for count, what in ((failed, "failed"), (progress.paused, "paused"), (progress.held, "held")):
        if count:
            parts.append(f"{count:,} {what}")
    return ", ".join(parts)


def _many_bar(progress: ManyProgress) -> tuple[str, str]:
    before = f"{progress.ended:,}/{progress.organizations:,}  {progress.done:,}/{progress.total:,}"
    return before, _many_status(progress)


MANY: Words = Words(_many_line, _many_bar)
"""The scans of many organizations."""


def choose_display(mode: ProgressMode, *, streaming: bool, words: Words = SCAN) -> Display:
    """Return the display for this process; ``streaming``: if results are printed while the scan runs."""
    if mode is ProgressMode.PLAIN:
        return PlainDisplay(words=words)
    # In a log even a plain line is noise, unless it is asked for.
    if mode is ProgressMode.NONE or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return QuietDisplay()
    # A bar and a stream of results on one screen would overwrite each other; whole lines do not.
    return PlainDisplay(words=words) if streaming and sys.stdout.isatty() else BarDisplay(words)


@asynccontextmanager
async def shown(display: Display, read: Callable[[], object]) -> AsyncIterator[None]:
    """Keep the display up to date while the block runs."""

    # Polled: a scan that waits for quota sends no news, and its time left still changes.
    async def watch() -> None:
        # A display whose terminal went away: the scan is worth more than its bar.
        with suppress(OSError):
            while True:
                await asyncio.sleep(display.interval)
                display.show(read())

    display.start()
    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        await asyncio.wait([watcher])
        display.stop()
