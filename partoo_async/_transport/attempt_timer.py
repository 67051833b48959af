"""Deadlines of many attempts with one timer, since a timer for each would cost more than all else that we add to it."""

from __future__ import annotations

import asyncio
import math

__all__ = ["AttemptTimer", "TimedTask"]

# Event-loop iterations from a deadline to the end of the attempt, see ``AttemptTimer``. One reads at most 256 KiB of a
# socket, and whoever waits for them is woken in the next; some loops look at their sockets after they ran the timers.
_ITERATIONS = 10


class TimedTask:
    """What a task does until ``until``, a time of the event loop, at which it is cancelled."""

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
    """One timer for many attempts, at the earliest deadline of them.

    Unlike with ``asyncio.timeout``, a response that came in time counts even if the event loop was held up and could
    not read it: before it cancels, the timer gives the loop a few iterations to do so.
    """

    __slots__ = ("_due", "_timer", "_under_way")

    def __init__(self) -> None:
        self._under_way: set[TimedTask] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    def start(self, timed: TimedTask) -> None:
        """Cancel the task at its deadline, unless it is stopped before."""
        self._under_way.add(timed)
        # Most attempts have the same time, so that the timer of the first one serves all that follow.
        if timed.until < self._due:
            self._set(timed.until)

    @staticmethod
    def now() -> float:
        """Return the time by the clock of the deadlines."""
        return asyncio.get_running_loop().time()

    def move(self, timed: TimedTask, until: float) -> None:
        """Give an attempt another time."""
        timed.until = until
        if timed in self._under_way and until < self._due:
            self._set(until)

    def stop(self, timed: TimedTask) -> None:
        """Watch it no longer."""
        self._under_way.discard(timed)

    def close(self) -> None:
        """End what is under way, and leave no timer behind."""
        while self._under_way:
            self._under_way.pop().expire()
        self._set(math.inf)

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due == math.inf else asyncio.get_running_loop().call_at(due, self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        late = [timed for timed in self._under_way if timed.until <= now]
        self._give_turns(late, _ITERATIONS)
        self._set(min((timed.until for timed in self._under_way if timed.until > now), default=math.inf))

    def _give_turns(self, late: list[TimedTask], left: int) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [timed for timed in late if timed in self._under_way and timed.until <= now]
        if late and left:
            loop.call_soon(self._give_turns, late, left - 1)
            return
        for timed in late:
            self._under_way.discard(timed)
            timed.expire()
