"""The event loops that use one quota, each in a thread of its own perhaps, and the clock that they share."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from partoo_async.errors import ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOCK", "Loops", "Member", "has_own_clock", "weak_clock"]

LOCK = threading.RLock()
"""Held for microseconds by whoever looks at a quota, and by nobody who waits. One for all quotas, so that a fork can
take it first. Reentrant, since the garbage collector may end a call, and so return its slot, within any line."""


# Seconds. Loops of other makers look at the clock once a turn, and a turn may be long.
_STALE = 60.0


def has_own_clock(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop keeps another time than the monotonic clock of the process, as a test's loop may."""
    if isinstance(loop, asyncio.BaseEventLoop):
        return getattr(loop.time, "__func__", None) is not asyncio.BaseEventLoop.time
    return abs(loop.time() - time.monotonic()) > _STALE


def weak_clock(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """Return the clock of a loop with one of its own, without keeping the loop alive."""
    latest, own = loop.time(), weakref.ref(loop)

    def now() -> float:
        nonlocal latest
        if (alive := own()) is not None:
            latest = alive.time()
        return latest

    return now


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Member:
    """One loop that uses a quota. ``in_flight``: its slots; ``waiting``: its waiters; ``timer``: wakes it for them."""

    __slots__ = ("in_flight", "loop", "timer", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: weakref.ref[asyncio.AbstractEventLoop] = weakref.ref(loop)
        self.in_flight: int = 0
        self.waiting: int = 0
        self.timer: asyncio.TimerHandle | None = None

    def is_gone(self) -> bool:
        """Whether the loop was closed, and whatever it had under way with it."""
        loop = self.loop()
        return loop is None or loop.is_closed()

    def is_here(self) -> bool:
        """Whether it is the running loop."""
        return self.loop() is _running()

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function in the loop: now if it is the running one."""
        loop = self.loop()
        if loop is _running():
            function(*arguments)
        elif loop is not None:
            with suppress(RuntimeError):  # closed in this moment
                loop.call_soon_threadsafe(function, *arguments)

    def tell(self, future: asyncio.Future[None], error: Exception | None = None) -> None:
        """Let a waiter go, or raise an error to it."""
        self.call(_settle, future, error)

    def set_timer(self, when: float | None, function: Callable[..., object]) -> None:
        """Keep one timer, or none. For the running loop alone: timers know no threads."""
        if self.timer is not None:
            self.timer.cancel()
        loop = self.loop()
        self.timer = None if when is None or loop is None else loop.call_at(when, function, self)


class Loops:
    """The members of one quota, and the clock that all of its times are told by: that of the loop that came first.

    ``clean_up`` is called when one joins: others may have gone.
    """

    __slots__ = ("_clean_up", "_owner", "clock", "is_new", "last", "members")

    def __init__(self, clean_up: Callable[[], None]) -> None:
        self._clean_up = weakref.WeakMethod(clean_up)
        self.members: list[Member] = []
        self.clock: Callable[[], float] = self._first_look  # which is that of the first loop
        self.is_new: bool = True
        self._owner: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self.last: Member | None = None

    def bind(self, owner: asyncio.AbstractEventLoop | None, clock: Callable[[], float] | None = None) -> None:
        """Take the clock of a loop that has its own, else that of the process."""
        self._owner = None if owner is None else weakref.ref(owner)
        self.is_new = False
        self.clock = clock or (time.monotonic if owner is None else owner.time)

    def _first_look(self) -> float:
        self.enter()
        return self.clock()

    def enter(self) -> Member:
        """Return the member that the running loop is, from its first use on.

        Raises ``ClientClosedError`` for a loop with another clock than the ones before it.
        """
        loop, last = asyncio.get_running_loop(), self.last
        if last is not None and last.loop() is loop:
            return last
        return self._find(loop) or self._join(loop)

    def here(self) -> Member | None:
        """Return the member that the running loop is, or without one, as when a call is collected, the latest."""
        last = self.last
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return last
        return last if last is not None and last.loop() is loop else self._find(loop)

    def _find(self, loop: asyncio.AbstractEventLoop) -> Member | None:
        for member in self.members:
            if member.loop() is loop:
                self.last = member
                return member
        return None

    def _join(self, loop: asyncio.AbstractEventLoop) -> Member:
        own = has_own_clock(loop)
        if self.is_new:
            self.bind(loop if own else None)
        elif loop is not (self._owner and self._owner()) if own else self._owner is not None:
            raise ClientClosedError("this quota keeps the time of another event loop; make one Quota per loop")
        if self.members and (clean_up := self._clean_up()) is not None:
            clean_up()
        self.last = Member(loop)
        self.members.append(self.last)
        return self.last

    def leave(self, *, everyone: bool = False) -> list[Member]:
        """Take out and return the members whose loops were closed."""
        gone = [member for member in self.members if everyone or member.is_gone()]
        if gone:
            self.members = [] if everyone else [member for member in self.members if member not in gone]
            self.last = None
        return gone


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    """Tell a waiter, unless it was cancelled meanwhile."""
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
