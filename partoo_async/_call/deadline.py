"""The ambient deadline: a context variable that bounds every call inside a block."""

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

# An event-loop time, as everything here that waits keeps time by the event loop.
_until: ContextVar[float] = ContextVar("partoo_async.deadline", default=math.inf)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """End every call inside the ``with`` block within ``seconds``, waits and retries included.

    The earliest of nested deadlines and the client's ``timeout`` counts. Tasks started inside inherit the deadline;
    one that should outlive the block needs a context of its own: ``asyncio.create_task(job(), context=Context())``.
    A call that is out of time raises ``QuotaExceededError`` or ``DeadlineExceededError``, a scan ``ScanError``.

    Args:
        seconds: Seconds from now, above 0.

    Raises:
        ConfigurationError: ``seconds`` is no such number, or no event loop is running.
    """
    check_seconds("deadline", seconds)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    # Raised outside of the except block, or the error would show asyncio's own as its context.
    if loop is None:
        raise ConfigurationError("deadline: no event loop is running here; use it inside a coroutine")
    token = _until.set(min(_until.get(), loop.time() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


def ambient_deadline() -> float:
    """Return the event-loop time of the ambient deadline, infinity without one."""
    return _until.get()
