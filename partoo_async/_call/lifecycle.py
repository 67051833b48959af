"""Where a client may be used, and how its calls end when it is closed."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet

from partoo_async.errors import ClientClosedError

__all__ = ["Lifecycle"]

# Cancelled calls end within a few event-loop iterations, unless a caller's code shields something.
_ABORT_SECONDS = 1.0


class Running(Protocol):
    """A call under way."""

    in_flight: bool
    sends: int

    def abort(self) -> None:
        """End it, now or after the request that is out."""


class Lifecycle:
    """The lifecycle of one session; those of its copies are its children."""

    def __init__(self, parent: Lifecycle | None = None) -> None:
        self._parent = parent
        # That of the first use: connections and waiters cannot serve another.
        self.loop: asyncio.AbstractEventLoop | None = None
        self.closed: bool = parent is not None and parent.closed
        # Those of copies, too, each with its own lifecycle.
        self.calls: dict[Running, Lifecycle] = {} if parent is None else parent.calls
        self._call_ended: asyncio.Event = asyncio.Event() if parent is None else parent._call_ended
        self._forked = False
        self._children: WeakSet[Lifecycle] = WeakSet()
        (_roots if parent is None else parent._children).add(self)

    def mark_forked(self) -> None:
        """Refuse to be used in this process."""
        # Two processes must not write to the same connections. Without a loop, the next call has to ``bind``.
        self.loop, self._forked = None, True
        for child in self._children:
            child.mark_forked()

    def bind(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tie the session to ``loop``. Return True if an earlier one was closed, and what it left is of no use."""
        if self._forked:
            raise ClientClosedError(
                "this client was made in another process, before a fork; make a client in each process"
            )
        before, self.loop = self.loop, loop
        if self._parent is not None:
            # The original binds first, and has a new event in a new loop: also for a copy that was not used before.
            self._call_ended = self._parent._call_ended
        if before is None or before is loop:
            return False
        if not before.is_closed():
            self.loop = before
            raise ClientClosedError(
                "this client belongs to another event loop; make one client per loop, inside the loop that uses it"
            )
        # Test clients run each test in a loop of its own. Calls under way ended with the earlier loop.
        if self._parent is None:
            self.calls.clear()
            self._call_ended = asyncio.Event()
        return True

    def notify(self) -> None:
        """Tell ``end_calls`` that a call has ended."""
        self._call_ended.set()

    def close(self) -> None:
        """Refuse new calls, those of copies included."""
        self.closed = True
        for child in self._children:
            child.close()

    async def end_calls(self, grace: float) -> None:
        """Let calls go on for ``grace`` seconds, then abort those that wait. Call ``close`` first."""
        # Calls with a request in flight are left: they end when their connections are closed.
        calls = {call for call, lifecycle in self.calls.items() if self._includes(lifecycle)}
        if grace > 0:
            await self._wait_for_end(calls, grace)
        for call in calls & self.calls.keys():
            call.abort()
        # So the slots and places that they held are free when the client is closed.
        await self._wait_for_end({call for call in calls if not call.in_flight}, _ABORT_SECONDS)

    def _includes(self, other: Lifecycle | None) -> bool:
        # Copies have copies: a scan makes one, too.
        while other is not None and other is not self:
            other = other._parent
        return other is self

    async def _wait_for_end(self, calls: set[Running], timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while calls & self.calls.keys():
                    self._call_ended.clear()
                    await self._call_ended.wait()


_roots: WeakSet[Lifecycle] = WeakSet()


def _after_fork() -> None:
    for lifecycle in _roots:
        lifecycle.mark_forked()


# A hook, since comparing process ids would cost each request a system call.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
