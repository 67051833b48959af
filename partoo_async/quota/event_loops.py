"""The event loops that use one quota, and their clock."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING

from partoo_async.errors import ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOCK", "EventLoops", "LoopMember", "Turns", "has_own_clock", "running_loop"]

# Held for microseconds by whoever looks at a quota, and by nobody who waits. One for all quotas, so that a fork can
# take it first. Reentrant: the garbage collector may end a call, and so return its slot, within any line.
LOCK = threading.RLock()

# Seconds. Loops other than asyncio's read the clock once an iteration, and an iteration may be long.
_STALE = 60.0


def has_own_clock(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop has a time of its own, as in tests."""
    if isinstance(loop, asyncio.BaseEventLoop):
        return getattr(loop.time, "__func__", None) is not asyncio.BaseEventLoop.time
    return abs(loop.time() - time.monotonic()) > _STALE


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the running loop, if there is one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Turns:
    """A lock for tasks of any event loop: an ``asyncio.Lock`` belongs to the one in which two of them met."""

    def __init__(self) -> None:
        self._taken: Future[None] | None = None

    async def __aenter__(self) -> None:
        while True:
            with LOCK:
                before = self._taken
                if before is None:
                    self._taken = Future()
                    return
            await asyncio.shield(asyncio.wrap_future(before))  # a cancelled wait must not cancel the turn

    async def __aexit__(self, *_: object) -> None:
        with LOCK:
            over, self._taken = self._taken, None
        if over is not None:
            over.set_result(None)


class LoopMember:
    """One loop that uses a quota: its slots in flight, waiters and timer."""

    __slots__ = ("context", "in_flight", "loop", "timer", "waiting")

    def __init__(self, loop: weakref.ref[asyncio.AbstractEventLoop]) -> None:
        self.loop: weakref.ref[asyncio.AbstractEventLoop] = loop
        self.in_flight: int = 0
        self.waiting: int = 0
        self.timer: asyncio.TimerHandle | None = None
        # Of all timers: a copy of the present one for each would be kept as long as they wait.
        self.context: Context = Context()

    def is_closed(self) -> bool:
        """Whether the loop was closed."""
        loop = self.loop()
        return loop is None or loop.is_closed()

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function in the loop."""
        loop = self.loop()
        if loop is running_loop():
            function(*arguments)
        elif loop is not None:
            with suppress(RuntimeError):  # closed in this moment
                loop.call_soon_threadsafe(function, *arguments)

    def set_timer(self, when: float | None, function: Callable[..., object]) -> None:
        """Keep one timer, or none."""
        if self.timer is not None:
            self.timer.cancel()
        loop = self.loop()
        self.timer = None if when is None or loop is None else loop.call_at(when, function, self, context=self.context)


class EventLoops:
    """The loops that use one quota, and its clock."""

    def __init__(self, on_join: Callable[[], None]) -> None:
        self._on_join = weakref.WeakMethod(on_join)
        self.members: list[LoopMember] = []
        self.clock: Callable[[], float] = self._first_look  # which joins, and so replaces itself
        self.is_new: bool = True
        self._owner: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self.last: LoopMember | None = None

    def bind(self, owner: asyncio.AbstractEventLoop | None, clock: Callable[[], float] | None = None) -> None:
        """Take the clock of ``owner``, else of the process."""
        self._owner = None if owner is None else weakref.ref(owner)
        self.is_new = False
        self.clock = clock or (time.monotonic if owner is None else owner.time)

    def _first_look(self) -> float:
        self.enter()
        return self.clock()

    def enter(self) -> LoopMember:
        """Return the member for the running loop."""
        loop = asyncio.get_running_loop()
        return self._find(loop) or self._join(loop)

    def here(self) -> LoopMember | None:
        """Return the same, or without a loop the latest."""
        loop = running_loop()  # None when a call is collected
        return self.last if loop is None else self._find(loop)

    def _find(self, loop: asyncio.AbstractEventLoop) -> LoopMember | None:
        for member in self.members:
            if member.loop() is loop:
                self.last = member
                return member
        return None

    def _join(self, loop: asyncio.AbstractEventLoop) -> LoopMember:
        own = has_own_clock(loop)
        if self.is_new:
            self.bind(loop if own else None)
        elif loop is not (self._owner and self._owner()) if own else self._owner is not None:
            raise ClientClosedError("this quota keeps the time of another event loop; make one Quota per loop")
        if self.members and (on_join := self._on_join()) is not None:
            on_join()
        self.last = LoopMember(weakref.ref(loop))
        self.members.append(self.last)
        return self.last

    def remove_closed(self, *, everyone: bool = False) -> list[LoopMember]:
        """Take out and return those that were closed."""
        closed = [member for member in self.members if everyone or member.is_closed()]
        if closed:
            self.members = [member for member in self.members if member not in closed]
            self.last = None
        return closed
