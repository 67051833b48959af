"""Work that blocks the event loop, such as reading a pipe: signals have to end it all the same."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from partoo_async.cli.streams import say_line

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Terminated", "interruptible", "prompting"]


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end what blocks in the ``with`` block. The event loop would hear of them afterwards."""
    before = {}
    try:
        for number, stop in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, _terminate)):
            handler = signal.getsignal(number)
            if callable(handler):  # what is ignored stays so
                signal.signal(number, stop)
                before[number] = handler
    except ValueError:  # not in the main thread
        before.clear()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def prompting() -> Iterator[None]:
    """Let what is said after Ctrl-C or SIGTERM at a prompt begin a line of its own."""
    try:
        yield
    except (KeyboardInterrupt, asyncio.CancelledError):
        say_line("")
        raise


def _terminate(*_: object) -> NoReturn:
    raise Terminated
