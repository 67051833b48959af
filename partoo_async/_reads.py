"""Reads that share: identical ones in flight share one request, and for a while, if asked to, its answer."""

from __future__ import annotations

import asyncio
import copy
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from partoo_async.errors import DeadlineExceededError, QuotaExceededError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Reads"]

_MOST_KEPT = 1000
_Name = tuple[str, str]  # path and fingerprint


class _Flight:
    """One request that several callers wait for. ``stale``: something was changed after it set out."""

    __slots__ = ("error", "landed", "stale", "task", "value", "waiters")

    def __init__(self) -> None:
        self.waiters: set[asyncio.Future[None]] = set()
        self.landed = self.stale = False
        self.value: Any = None
        self.error: BaseException | None = None

    task: asyncio.Task[None]


class Reads:
    """The reads of one client, by path and by the fingerprint of the key that they are made with.

    ``ttl``: for how many seconds an answer is used again, None for not at all.
    The callers of a flight are shielded from each other: it goes on until the last of them is cancelled.
    """

    def __init__(self, ttl: float | None) -> None:
        self._ttl = ttl
        self._flights: dict[_Name, _Flight] = {}
        self._kept: OrderedDict[_Name, tuple[float, Any]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Reads {len(self._flights)} in flight, {len(self._kept)} kept>"

    async def get(
        self,
        path: str,
        start: Callable[[], Coroutine[Any, Any, Any]],
        *,
        until: float,
        fresh: bool = False,
        key: str = "",
    ) -> Any:
        """Return what ``start()`` returns, or what an identical read with the same key does.

        ``until``: the event loop time at which this caller gives up. ``fresh``: take no answer, and no request,
        that is older than this call. Raises what ``start()`` raises, and ``DeadlineExceededError``.
        """
        loop, name = asyncio.get_running_loop(), (path, key)
        if fresh:
            self._forget(name)
        elif self._ttl is not None:
            expires, value = self._kept.get(name, (0.0, None))
            if expires > loop.time():
                return value
        while True:
            flight = self._flights.get(name)
            leads = flight is None
            if flight is None:
                flight = self._flights[name] = _Flight()
                flight.task = _start(self._fly(name, flight, start), loop)
            if not flight.landed:
                await self._wait(name, flight, None if leads else until)
            error = flight.error
            if error is None:
                return flight.value
            if leads:
                raise error
            # The one that led had less time than this call has: that is not this call's error.
            if not isinstance(error, (DeadlineExceededError, QuotaExceededError)) or loop.time() >= until:
                raise copy.copy(error)

    async def _fly(self, name: _Name, flight: _Flight, start: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        try:
            flight.value = await start()
        except asyncio.CancelledError as error:
            flight.error = error
            raise
        except BaseException as error:
            flight.error = error  # every caller raises it, or has gone
        else:
            if self._ttl is not None and not flight.stale:
                self._keep(name, asyncio.get_running_loop().time() + self._ttl, flight.value)
        finally:
            flight.landed = True
            if self._flights.get(name) is flight:
                del self._flights[name]
            # Woken here and not by a callback of the task: that would take the loop one turn more.
            for waiter in flight.waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def _wait(self, name: _Name, flight: _Flight, until: float | None) -> None:
        """Return when the flight has landed; when cancelled, cancel it if nobody else waits."""
        landed = asyncio.get_running_loop().create_future()
        flight.waiters.add(landed)
        try:
            if until is None:
                await landed  # the call is bounded by itself
            else:
                async with asyncio.timeout_at(until):
                    await landed
        except TimeoutError:
            flight.waiters.discard(landed)
            if not flight.waiters and not flight.landed:
                await self._cancel(name, flight)  # whoever led has gone
            failure = DeadlineExceededError(f"GET {name[0]}: no answer in time from the request that this call shared")
        except asyncio.CancelledError:
            flight.waiters.discard(landed)
            if not flight.waiters and not flight.landed:
                await self._cancel(name, flight)
            raise
        else:
            return
        finally:
            flight.waiters.discard(landed)
        raise failure

    async def _cancel(self, name: _Name, flight: _Flight) -> None:
        """Cancel a flight and return when it has given back what it held, as a call by itself would."""
        if self._flights.get(name) is flight:
            del self._flights[name]
        flight.task.cancel()
        while not flight.task.done():
            try:
                await asyncio.wait([flight.task])
            except asyncio.CancelledError:
                continue  # cancelled once more: what it held must be back all the same, and soon is

    def _keep(self, name: _Name, expires: float, value: Any) -> None:
        self._kept[name] = (expires, value)
        self._kept.move_to_end(name)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def changed(self, path: str) -> None:
        """Drop what a write to ``path`` may have changed: what lies above it and below it.

        A read that is in flight already does not see the write for sure: nobody joins it any more.
        """
        target = path.partition("?")[0]
        everything = not target.startswith("/sections")  # a business, say, knows its groups, too
        for known in [*self._kept, *self._flights]:
            place = known[0].partition("?")[0]
            if everything or place == target or target.startswith(place + "/") or place.startswith(target + "/"):
                self._forget(known)

    def _forget(self, name: _Name) -> None:
        self._kept.pop(name, None)
        flight = self._flights.pop(name, None)
        if flight is not None:
            flight.stale = True


if sys.version_info >= (3, 12):

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        # Its first steps at once: a turn of the loop less.
        return asyncio.Task(flight, loop=loop, eager_start=True)

else:

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        return loop.create_task(flight)
