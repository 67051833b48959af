"""Where the command writes: results to standard output, everything else to standard error."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console

from partoo_async._internal.reprs import total_repr
from partoo_async.cli.streams import Messages

if TYPE_CHECKING:
    from typing import NoReturn

    from rich.console import RenderableType

__all__ = ["PipeConsole", "error_console", "print_result", "say", "write_line", "writes_utf8"]

# A pipe that is reported writable takes this much without blocking; 512 is the least that POSIX allows.
_CHUNK = getattr(select, "PIPE_BUF", 512)


@total_repr
class PipeConsole(Console):
    """A console that raises when its reader is gone; rich's own ends the process, in the middle of a scan."""

    def on_broken_pipe(self) -> NoReturn:
        """Let the caller clean up and choose the exit code."""
        raise BrokenPipeError


def error_console() -> Console:
    """Return a console on standard error that takes text as it is: no markup, no highlighting, no emoji codes."""
    messages: Any = Messages(sys.stderr)
    return PipeConsole(file=messages, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Write one line to standard error, if anybody still listens there."""
    messages = Messages(sys.stderr)
    messages.write(f"partoo: {text}\n")
    messages.flush()


def print_result(result: RenderableType) -> None:
    """Print a table or a text on standard output; a file or a pipe gets it unfolded, however wide it is."""
    width = None if sys.stdout.isatty() else 10_000
    console = PipeConsole(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    console.print(result)
    sys.stdout.flush()


def writes_utf8() -> bool:
    """Tell whether standard output can carry any name as it is."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


async def write_line(line: str) -> None:
    """Write a line to standard output at once, without blocking the event loop when that is a full pipe.

    A reader that is slow, such as a pager, must slow the scan and not make its requests time out.
    """
    descriptor = _pipe()
    if descriptor is None:
        sys.stdout.write(line)
        sys.stdout.flush()
        return
    data = line.encode(sys.stdout.encoding, sys.stdout.errors or "strict")
    for start in range(0, len(data), _CHUNK):
        await _writable(descriptor)
        os.write(descriptor, data[start : start + _CHUNK])


def _pipe() -> int | None:
    """Return the descriptor of standard output if it is a pipe that an event loop can wait for."""
    with suppress(OSError, ValueError):  # a stream in memory has no descriptor
        descriptor = sys.stdout.fileno()
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode) and os.name == "posix":
            return descriptor
    return None


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)
