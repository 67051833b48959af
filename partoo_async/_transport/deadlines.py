"""Deadlines of many attempts with one timer, since a timer for each would cost more than all else that we add to it."""

from __future__ import annotations

import asyncio
import math

__all__ = ["Deadlines", "Watch"]


class Watch:
    """One attempt that is to end by ``until``, a time of the event loop.

    ``expired``: it was cancelled for that. ``unsent``: nothing has left for sure, kept by whoever sends.
    """

    __slots__ = ("_cancelling", "_task", "expired", "unsent", "until")

    def __init__(self, task: asyncio.Task[object], until: float) -> None:
        self._task = task
        self._cancelling = task.cancelling()
        self.until: float = until
        self.expired: bool = False
        self.unsent: bool = False

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
    cancellation by ``Watch.was_it``.
    """

    __slots__ = ("_due", "_timer", "_under_way")

    def __init__(self) -> None:
        self._under_way: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    def start(self, until: float) -> Watch:
        """Watch the running task from now on."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an attempt has to run in a task")
        watch = Watch(task, until)
        self._under_way.add(watch)
        # Most attempts have the same time, so that the timer of the first one serves all that follow.
        if until < self._due:
            self._set(until)
        return watch

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
        for watch in [watch for watch in self._under_way if watch.until <= now]:
            self._under_way.discard(watch)
            watch.expire()
        self._set(min((watch.until for watch in self._under_way), default=math.inf))
