"""Where the command writes: results to standard output, everything else to standard error."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from partoo_async.cli.streams import Messages
from partoo_async.cli.text import json_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = [
    "error_console",
    "print_json",
    "print_result",
    "print_text",
    "table",
    "write_bytes",
    "write_text",
    "yes_no",
]

# A pipe that is reported writable takes this much without blocking; 512 is the least that POSIX allows.
_CHUNK = getattr(select, "PIPE_BUF", 512)


def error_console() -> Console:
    """Return a console on standard error that prints text as it is: no markup, no highlighting, no emoji codes."""
    from partoo_async.cli.consoles import console  # noqa: PLC0415 - here and below: text alone needs no rich

    messages: Any = Messages(sys.stderr)
    return console(messages)


def yes_no(value: bool) -> str:
    """Return a flag as tables show it."""
    return "yes" if value else "no"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str]) -> Table:
    """Return a table for ``print_result``; columns in ``numbers`` are aligned on the right."""
    from partoo_async.cli.consoles import plain_table  # noqa: PLC0415

    return plain_table(columns, rows, numbers)


def print_result(result: RenderableType) -> None:
    """Print a table or a text on standard output."""
    from partoo_async.cli.consoles import console  # noqa: PLC0415

    # A file or a pipe gets lines unfolded, however long they are.
    console(sys.stdout, None if sys.stdout.isatty() else 10_000).print(result)
    sys.stdout.flush()


def print_text(text: str) -> None:
    """Print a text on standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on a line of its own."""
    # Escaped where standard output cannot carry every name as it is.
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    await write_text(json_line(value, ascii_only=not utf8))


async def write_text(text: str) -> None:
    """Write text to standard output at once, without blocking the event loop when that is a full pipe."""
    if _pipe() is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    await write_bytes(text.encode(sys.stdout.encoding, sys.stdout.errors or "strict"))


async def write_bytes(data: bytes) -> None:
    """Write bytes likewise."""
    # A slow reader, such as a pager, must slow the scan down and not make its requests time out.
    descriptor = _pipe()
    if descriptor is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
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
