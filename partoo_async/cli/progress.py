"""Progress of a scan on standard error: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import asyncio
import enum
import os
import stat
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from attrs import frozen
from rich.cells import cell_len
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment
from rich.text import Text

from partoo_async.cli.output import error_console
from partoo_async.cli.progress_words import SCAN, Words
from partoo_async.cli.text import cut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

__all__ = ["BarDisplay", "Display", "PlainDisplay", "ProgressMode", "QuietDisplay", "choose_display", "shown"]

_SHORTEST_BAR = 8
# In the last column some terminals begin a new line, and so would the ^C that they echo.
_MARGIN = 3
_SELDOM = 10.0  # seconds between lines


class ProgressMode(enum.StrEnum):
    """What ``--progress`` takes."""

    AUTO = "auto"
    PLAIN = "plain"
    NONE = "none"


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


class SilentDisplay(QuietDisplay):
    """Shows nothing at all."""

    def note(self, line: RenderableType) -> None:
        """Print nothing."""


class PlainDisplay(QuietDisplay):
    """Prints a line every ``interval`` seconds, for logs."""

    def __init__(self, interval: float = 2.0, words: Words = SCAN) -> None:
        super().__init__()
        self.interval = interval
        self._words = words

    def show(self, progress: Any) -> None:
        """Print where the scan is now."""
        line = self._words.line(progress)
        if line:
            self.note(line)


@frozen
class _Line:
    """One line of the terminal's width: what is known in words, and a bar in what they leave."""

    done: int
    total: int
    before: str
    behind: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        most = options.max_width - _MARGIN
        before, behind = f"{self.before}  ", self.behind
        if self.total:
            behind = f"{100 * self.done // self.total:3}%  {behind}"
        left = most - cell_len(before) - cell_len(behind) - 2
        if not self.total or left < _SHORTEST_BAR:
            yield Text(cut(before + behind, most), end="")
            return
        yield Text(before, end="")
        # Colours of the terminal's own palette, which fit its background. Without colours there is no rest of a bar.
        bar = ProgressBar(self.total, self.done, left, style="bright_black", complete_style="green")
        yield from Segment.adjust_line_length([*console.render(bar, options)], left)
        yield Text(f"  {behind}", end="")


class BarDisplay:
    """Shows a bar as wide as the terminal, drawn anew every ``interval`` seconds."""

    interval: float = 0.25

    def __init__(self, words: Words = SCAN) -> None:
        self._words = words
        # Drawn by the event loop alone: a thread of its own would draw while a result is being printed. Results go to
        # standard output, which the bar would otherwise take over as well.
        options: dict[str, Any] = {"auto_refresh": False, "transient": True, "redirect_stdout": False}
        self._live = Live(Text(end=""), console=error_console(), **options)
        self._width = 0  # when it was last drawn

    def start(self) -> None:
        """Draw for the first time."""
        self._live.start()

    def note(self, line: RenderableType) -> None:
        """Print a line above the bar."""
        self._live.console.print(line, soft_wrap=True)

    def show(self, progress: Any) -> None:
        """Draw the bar anew."""
        before, behind = self._words.bar(progress)
        self._heed_width()
        self._live.update(_Line(progress.done, progress.total, before, behind), refresh=True)

    def _heed_width(self) -> None:
        # A terminal that became narrower has folded the line, of which only the last part would be drawn over.
        console = self._live.console
        before, self._width = self._width, console.width
        for _ in range(-(-(before - _MARGIN) // self._width) - 1):
            console.control(Control((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)))

    def stop(self) -> None:
        """Take the bar away: the summary follows."""
        self._live.stop()


def choose_display(mode: ProgressMode, *, streaming: bool, words: Words = SCAN, quiet: bool = False) -> Display:
    """Return the display for this process; ``streaming``: if results are printed while the scan runs."""
    if quiet:
        return SilentDisplay()
    if mode is ProgressMode.PLAIN:
        return PlainDisplay(words=words)
    # In a log even a plain line is noise, unless it is asked for.
    if mode is ProgressMode.NONE or not sys.stderr.isatty():
        return QuietDisplay()
    # A bar and a stream of results on one screen would overwrite each other; whole lines do not.
    if os.environ.get("TERM") in ("dumb", "unknown") or (streaming and sys.stdout.isatty()):
        return PlainDisplay(words=words)
    # So would what jq or head makes of a stream behind a pipe. It may as well go to a file: then few lines do.
    return PlainDisplay(_SELDOM, words) if streaming and _is_pipe(sys.stdout) else BarDisplay(words)


def _is_pipe(stream: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


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
