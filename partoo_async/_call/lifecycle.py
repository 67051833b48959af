"""Whether a client may be used here and now, which calls it has under way, and how they end when it is closed."""

from __future__ import annotations

import asyncio
import os
from typing import Protocol
from weakref import WeakSet

from partoo_async.errors import ClientClosedError

__all__ = ["Lifecycle"]

# Seconds that a call that was cancelled gets to clean up. It does so at once, unless somebody's code shields it.
_TURNS = 1.0


class Running(Protocol):
    """A call that is under way."""

    in_flight: bool

    def abort(self) -> None:
        """End it, unless its request is out."""


class Lifecycle:
    """The life of one session. Those of its copies end with it.

    Attributes:
        loop: The event loop of the first use; connections and waiters cannot serve another.
        calls: What is under way, of copies too, each call with its own lifecycle.
    """

    def __init__(self, parent: Lifecycle | None = None) -> None:
        self._parent = parent
        self.loop: asyncio.AbstractEventLoop | None = None
        self.closed: bool = parent is not None and parent.closed
        self.calls: dict[Running, Lifecycle] = {} if parent is None else parent.calls
        self._idle: asyncio.Event = asyncio.Event() if parent is None else parent._idle
        self._forked = False
        self._children: WeakSet[Lifecycle] = WeakSet()
        (_roots if parent is None else parent._children).add(self)

    def fork(self) -> None:
        """Let the next call be looked at: two processes must not write to the same connections."""
        self.loop, self._forked = None, True
        for child in self._children:
            child.fork()

    def bind(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Take the loop, and return whether an earlier one, closed since, has left things behind to be made anew.

        Raises ``ClientClosedError`` when another loop is still in use, and after a fork.
        """
        if self._forked:
            raise ClientClosedError(
                "this client was made in another process, before a fork; make a client in each process"
            )
        before, self.loop = self.loop, loop
        if before is None or before is loop:
            return False
        if not before.is_closed():
            self.loop = before
            raise ClientClosedError(
                "this client belongs to another event loop; make one client per loop, inside the loop that uses it"
            )
        # As with test clients that run each test in a loop of its own: what was under way ended with that loop.
        if self._parent is None:
            self.calls.clear()
            self._idle = asyncio.Event()
        else:
            self._idle = self._parent._idle
        return True

    def wake(self) -> None:
        """Tell ``finish`` that a call is over."""
        self._idle.set()

    def close(self) -> None:
        """Refuse new calls, of copies, too."""
        self.closed = True
        for child in self._children:
            child.close()

    def _has(self, call: Running) -> bool:
        """Whether a call belongs here, or to a copy of the client, or to a copy of that: a scan makes one, too."""
        life: Lifecycle | None = self.calls[call]
        while life is not None and life is not self:
            life = life._parent
        return life is self

    async def finish(self, grace: float) -> None:
        """Give the calls ``grace`` seconds, then end those that wait. Requests that are out end with the connections.

        Returns when all have ended or only such are left. Call ``close`` before it.
        """
        calls = {call for call in self.calls if self._has(call)}
        if grace > 0:
            await self._until_idle(calls, grace)
        for call in calls & self.calls.keys():
            call.abort()
        # What those that were aborted held is back when the client is closed: a few turns of the loop.
        await self._until_idle({call for call in calls if not call.in_flight}, _TURNS)

    async def _until_idle(self, calls: set[Running], grace: float) -> None:
        try:
            async with asyncio.timeout(grace):
                while calls & self.calls.keys():
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            pass


_roots: WeakSet[Lifecycle] = WeakSet()


def _after_fork() -> None:
    for life in _roots:
        life.fork()


# To compare the ids of processes would be a system call for each request.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
