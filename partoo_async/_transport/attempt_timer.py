"""Deadlines of many attempts with one timer, since a timer for each would cost more than all else that we add to it."""

from __future__ import annotations

import asyncio
import math

__all__ = ["Deadlines", "Watch"]

# Turns of the event loop from a deadline to the end of the attempt, see ``Deadlines``. One reads at most 256 KiB of a
# socket, and whoever waits for them is woken in the next; some loops look at their sockets after they ran the timers.
_TURNS = 10


class Watch:
    """One attempt that is to end by ``until``, a time of the event loop, and how far it has come.

    ``expired``: it was cancelled for that. ``unsent``: nothing has left for sure. ``reused``: it waits for the first
    byte of an answer on a connection that was used before. Both are kept by whoever sends.
    """

    __slots__ = ("_cancelling", "_task", "expired", "reused", "unsent", "until")

    def __init__(self, task: asyncio.Task[object], until: float) -> None:
        self._task = task
        self._cancelling = task.cancelling()
        self.until: float = until
        self.expired: bool = False
        self.unsent: bool = False
        self.reused: bool = False

    def expire(self) -> None:
        """Cancel the attempt."""
        self.expired = True
        self._task.cancel()

    def was_it(self) -> bool:
        """Whether the deadline alone is why the task was cancelled; takes that cancellation back."""
        return self.expired and self._task.uncancel() <= self._cancelling


class Deadlines:
    """What is under way, and one timer at the earliest deadline of it.

    As with ``asyncio.timeout``, an attempt whose time is over is cancelled; who awaits it tells that from another
    cancellation by ``Watch.was_it``. Unlike there, an answer that came in time counts also when the event loop was
    held up and could not read it: the loop gets a few turns for that first.
    """

    __slots__ = ("_due", "_loop", "_timer", "_under_way")

    def __init__(self) -> None:
        self._under_way: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = math.inf

    def start(self, until: float) -> Watch:
        """Watch the running task from now on."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("an attempt has to run in a task")
        watch = Watch(task, until)
        self._under_way.add(watch)
        # Most attempts have the same time, so that the timer of the first one serves all that follow.
        if until < self._due:
            self._set(until)
        return watch

    @staticmethod
    def now() -> float:
        """Return the time by the clock of the deadlines."""
        return asyncio.get_running_loop().time()

    def move(self, watch: Watch, until: float) -> None:
        """Give an attempt another time."""
        watch.until = until
        if watch in self._under_way and until < self._due:
            self._set(until)

    def stop(self, watch: Watch) -> None:
        """Watch it no longer."""
        self._under_way.discard(watch)

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
        late = [watch for watch in self._under_way if watch.until <= now]
        self._give_turns(late, _TURNS)
        self._set(min((watch.until for watch in self._under_way if watch.until > now), default=math.inf))

    def _give_turns(self, late: list[Watch], left: int) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [watch for watch in late if watch in self._under_way and watch.until <= now]
        if late and left:
            loop.call_soon(self._give_turns, late, left - 1)
            return
        for watch in late:
            self._under_way.discard(watch)
            watch.expire()
