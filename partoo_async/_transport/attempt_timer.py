"""Deadlines of many attempts with one timer, since one for each would be dear."""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

__all__ = ["AttemptTimer", "TimedTask"]

# A response that arrived in time counts, even if the event loop was too busy to read it: so many iterations pass from
# the deadline to the end of an attempt. One reads at most 256 KiB of a socket, and its reader runs in the next.
_ITERATIONS = 10


class Timed(Protocol):
    """What ends at the event-loop time ``until``."""

    until: float

    def expire(self) -> None:
        """End it."""


class TimedTask:
    """A task that is cancelled at the event-loop time ``until``."""

    __slots__ = ("_cancelling", "_expired", "_task", "until")

    def __init__(self, task: asyncio.Task[object], until: float) -> None:
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        self.until: float = until

    def expire(self) -> None:
        """Cancel the task."""
        self._expired = True
        self._task.cancel()

    def timed_out(self) -> bool:
        """True if the deadline, and no other caller, cancelled the task. Consumes that cancellation."""
        return self._expired and self._task.uncancel() <= self._cancelling


class AttemptTimer:
    """One timer for many attempts, set to the earliest deadline."""

    __slots__ = ("_due", "_running", "_timer")

    def __init__(self) -> None:
        self._running: set[Timed] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    def start(self, timed: Timed, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """End it at its deadline, unless ``stop`` is called before. Name the event loop where it may not run."""
        self._running.add(timed)
        # Most attempts have the same timeout: later ones need no new timer.
        if timed.until < self._due:
            self._set(timed.until, loop)

    @staticmethod
    def now() -> float:
        return asyncio.get_running_loop().time()

    def move(self, timed: Timed, until: float) -> None:
        """Change a deadline."""
        timed.until = until
        if timed in self._running and until < self._due:
            self._set(until)

    def stop(self, timed: Timed) -> None:
        """Forget an attempt."""
        self._running.discard(timed)

    def close(self) -> None:
        """Cancel all attempts, and the timer."""
        while self._running:
            self._running.pop().expire()
        self._set(math.inf)

    def _set(self, due: float, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due == math.inf else (loop or asyncio.get_running_loop()).call_at(due, self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        late = [timed for timed in self._running if timed.until <= now]
        self._expire_after(late, _ITERATIONS)
        self._set(min((timed.until for timed in self._running if timed.until > now), default=math.inf))

    def _expire_after(self, late: list[Timed], iterations: int) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [timed for timed in late if timed in self._running and timed.until <= now]
        if late and iterations:
            loop.call_soon(self._expire_after, late, iterations - 1)
            return
        for timed in late:
            self._running.discard(timed)
            timed.expire()
