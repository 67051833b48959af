"""The ambient deadline: a bound on every call made inside a block, however deep, kept in a context variable."""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from partoo_async._internal.checks import check_seconds
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ambient_deadline", "deadline"]

# The event loop's time, since that is the clock of everything that waits here.
_until: ContextVar[float] = ContextVar("partoo_async.deadline", default=math.inf)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let every call inside the ``with`` block end within ``seconds``, waits and retries included.

    Of nested ones, and of the client's ``timeout``, the earliest counts. Tasks that are started inside inherit it, so
    start what shall outlive the block with a context of its own: ``asyncio.create_task(job(), context=Context())``.
    A call that cannot make it raises ``QuotaExceededError`` or ``DeadlineExceededError``, a scan ``ScanError``.

    Raises ``ConfigurationError`` for anything but a number of seconds above 0, and outside of a running event loop.
    """
    check_seconds("deadline", seconds)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if loop is None:
        raise ConfigurationError("deadline: has to be entered where an event loop runs, in a coroutine")
    token = _until.set(min(_until.get(), loop.time() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


def ambient_deadline() -> float:
    """Return the event loop time at which the ambient deadline ends, infinity without one."""
    return _until.get()
