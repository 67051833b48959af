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
    from contextvars import Token

__all__ = ["Limit", "ambient_deadline", "deadline"]


class Limit:
    """A deadline that can be lifted, for tasks that inherited it, too."""

    # An event-loop time, as everything here that waits keeps time by the event loop.
    __slots__ = ("_outer", "_token", "until")

    def __init__(self, outer: Limit | None = None, until: float = math.inf) -> None:
        self._outer = outer
        self._token: Token[Limit] | None = None
        self.until = until

    @classmethod
    def begin(cls, seconds: float) -> Limit:
        """Set the ambient deadline of this context."""
        outer = _limit.get()
        limit = cls(outer, min(outer.until, asyncio.get_running_loop().time() + seconds))
        limit._token = _limit.set(limit)
        return limit

    def lift(self) -> None:
        """Let calls that begin from now on have the time that there was outside."""
        if self._outer is not None:
            self.until = self._outer.until

    def end(self) -> None:
        """Undo ``begin()``, in the same context."""
        if self._token is not None:
            _limit.reset(self._token)


_limit: ContextVar[Limit] = ContextVar("partoo_async.deadline", default=Limit())  # noqa: B039 - the default is never lifted


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
        limit = Limit.begin(seconds)
    except RuntimeError:
        limit = None
    # Raised outside of the except block, or the error would show asyncio's own as its context.
    if limit is None:
        raise ConfigurationError("deadline: no event loop is running here; use it inside a coroutine")
    try:
        yield
    finally:
        limit.end()


def ambient_deadline() -> float:
    """Return the event-loop time of the ambient deadline, infinity without one."""
    return _limit.get().until
