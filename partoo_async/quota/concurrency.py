"""How many requests of a client are in flight."""

from __future__ import annotations

import asyncio

from partoo_async._internal.reprs import total_repr
from partoo_async.policy import Priority
from partoo_async.quota.wait_queue import Lanes

__all__ = ["Concurrency"]


@total_repr
class Concurrency:
    """At most ``limit`` requests in flight; bulk work leaves an eighth to interactive calls."""

    def __init__(self, limit: int, pool: int = 0) -> None:
        # Requests that wait for a connection of the pool would hold a slot of the quota meanwhile.
        limit = min(limit, pool or limit)
        self.limit: int = limit
        self.bulk_limit: int = limit - max(1, limit // 8) if limit > 1 else limit
        self._in_flight = 0
        self._lanes: Lanes[asyncio.Future[None]] = Lanes()

    def __repr__(self) -> str:
        return f"<Concurrency {self._in_flight} of {self.limit} in flight, {len(self._lanes)} waiting>"

    def _has_room(self, priority: Priority) -> bool:
        if self._in_flight < self.bulk_limit:
            return True
        # Interactive calls that keep more than their eighth busy would starve bulk work that may never pass its limit.
        everything = priority is Priority.INTERACTIVE or self._lanes.bulk_is_due
        return everything and self._in_flight < self.limit

    def _next(self) -> Priority | None:
        first = self._lanes.next()
        # Bulk work that is due must not block the places that it may not take.
        for priority in (first, Priority.INTERACTIVE):
            if priority is not None and self._lanes.lane(priority) and self._has_room(priority):
                return priority
        return None

    def try_acquire(self, priority: Priority) -> bool:
        """Take a place and return True, if that needs no waiting."""
        lanes = self._lanes
        crowded = lanes.interactive or lanes.bulk or lanes.run
        if not crowded and self._in_flight < self.bulk_limit:  # nearly always
            self._in_flight += 1
            return True
        if not self._has_room(priority) or (crowded and self._next() is not None):
            return False
        self._in_flight += 1
        if crowded:
            lanes.granted(priority)
        return True

    async def acquire(self, priority: Priority) -> None:
        """Wait for a place, in order."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane = self._lanes.lane(priority)
        lane[future] = None
        self._dispatch()
        try:
            await future
        except BaseException:
            if lane.pop(future, self) is self and future.done() and not future.cancelled():
                self.release()  # cancelled in the moment in which the place was granted
            raise

    def release(self) -> None:
        """Give a place to whoever goes next."""
        self._in_flight -= 1
        if self._lanes.interactive or self._lanes.bulk:
            self._dispatch()

    def _dispatch(self) -> None:
        while (priority := self._next()) is not None:
            future, _ = self._lanes.lane(priority).popitem(last=False)
            if not future.done():
                self._in_flight += 1
                self._lanes.granted(priority)
                future.set_result(None)
