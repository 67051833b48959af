"""Reads that share: identical ones in flight share one request, and for a while, if asked to, its answer."""

from __future__ import annotations

import asyncio
import copy
import sys
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from partoo_async._internal.reprs import total_repr
from partoo_async._protocol.routes import resource_path
from partoo_async._transport import AttemptTimer, TimedTask
from partoo_async.errors import DeadlineExceededError, PartooError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from partoo_async._call.read_cache import Name, ReadCache

__all__ = ["SingleFlight"]

# Seconds that a request which nobody waits for any more gets to give back what it holds, while its last caller waits.
# It needs a few turns of the loop, unless it waits for a key: then somebody's own code decides.
_TIDY = 0.1

Start: TypeAlias = "Callable[[float], Coroutine[Any, Any, Any]]"
"""Begins a request that is to end at a time of the event loop."""


class _Follower(NamedTuple):
    """Who joined a request, and how to ask in his place: within his time, and in his context."""

    until: float
    start: Start
    context: Context


class _Flight:
    """One request that several callers wait for. ``until``: when it gives up. ``stale``: older than some change.

    ``waiters``: what wakes each caller, with None or the error to raise; the one who began it is no follower.
    """

    __slots__ = ("error", "landed", "stale", "task", "until", "value", "waiters")

    def __init__(self, until: float) -> None:
        self.until = until
        self.waiters: dict[asyncio.Future[BaseException | None], _Follower | None] = {}
        self.landed = self.stale = False
        self.value: Any = None
        self.error: BaseException | None = None

    task: asyncio.Task[None]


@total_repr
class SingleFlight:
    """The reads of one client, by path and by the fingerprint of the key that they are made with.

    The callers of a flight are shielded from each other: it goes on until the last of them is cancelled.
    """

    def __init__(self, cache: ReadCache | None) -> None:
        self._cache = cache
        self._flights: dict[Name, _Flight] = {}
        self._timer = AttemptTimer()  # of those who joined

    def __repr__(self) -> str:
        kept = 0 if self._cache is None else len(self._cache)
        return f"<SingleFlight {len(self._flights)} in flight, {kept} kept>"

    async def get(
        self,
        path: str,
        start: Start,
        *,
        until: float,
        fresh: bool = False,
        key: str = "",
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> Any:
        """Return what ``start()`` returns, or what an identical read with the same key does.

        ``until``: the event loop time at which this caller gives up. ``fresh``: take no answer, and no request,
        that is older than this call. ``loop``: the running one, if it is at hand.
        Raises what ``start()`` raises, and ``DeadlineExceededError``.
        """
        loop, name = loop or asyncio.get_running_loop(), (path, key)
        if fresh:
            self._forget(name)
        elif self._cache is not None and (kept := self._cache.get(name, loop.time())) is not None:
            return kept.value
        flight = self._flights.get(name)
        if flight is None:
            flight = self._flights[name] = _Flight(until)
            flight.task = _start(self._fly(name, flight, start), loop)
            if flight.landed:
                error = flight.error
            else:
                flight.waiters[landed := loop.create_future()] = None
                try:
                    error = await landed  # its call is bounded by itself
                except asyncio.CancelledError:
                    await self._leave(name, flight, landed)
                    raise
        else:
            error = await self._follow(name, flight, _Follower(until, start, copy_context()), loop)
            if error is not None:
                error = copy.copy(error)
        if error is not None:
            raise error
        return flight.value

    async def _fly(self, name: Name, flight: _Flight, start: Start) -> None:
        error: BaseException | None = None
        try:
            flight.value = await start(flight.until)
        except asyncio.CancelledError as cancelled:
            self._land(name, flight, cancelled)
            raise
        except BaseException as failure:
            error = failure  # every caller raises it, or has gone
        else:
            if self._cache is not None and not flight.stale:
                self._cache.put(name, flight.value, asyncio.get_running_loop().time())
        self._land(name, flight, error)

    def _land(self, name: Name, flight: _Flight, error: BaseException | None) -> None:
        """Tell those who wait, unless some have more time than the request had and that was all it lacked.

        Then it is begun anew with the time of the one who has most. So each caller is woken once, and what the quota
        refuses is asked for twice, and not once for each.
        """
        followers: list[_Follower] = []
        if error is not None and isinstance(error, PartooError) and error.hurried:
            followers = [one for one in flight.waiters.values() if one is not None and one.until > flight.until]
        if followers:
            patient = max(followers, key=_patience)
            late = {waiter: one for waiter, one in flight.waiters.items() if one is None or one.until <= flight.until}
            flight.waiters = {waiter: one for waiter, one in flight.waiters.items() if waiter not in late}
            flight.until = patient.until
            again = self._fly(name, flight, patient.start)
            flight.task = asyncio.get_running_loop().create_task(again, context=patient.context)
        else:
            flight.landed, flight.error = True, error
            if self._flights.get(name) is flight:
                del self._flights[name]
            late, flight.waiters = flight.waiters, {}
        # Woken here and not by a callback of the task: that would take the loop one turn more.
        for waiter in late:
            if not waiter.done():
                waiter.set_result(error)

    async def _follow(
        self, name: Name, flight: _Flight, follower: _Follower, loop: asyncio.AbstractEventLoop
    ) -> BaseException | None:
        """Return the error when the flight has landed; when cancelled, cancel it if nobody else waits."""
        landed: asyncio.Future[BaseException | None] = loop.create_future()
        flight.waiters[landed] = follower
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a call has to run in a task")
        timed = TimedTask(task, follower.until)
        self._timer.start(timed)
        try:
            return await landed
        except asyncio.CancelledError:
            timed_out = timed.timed_out()
            if timed_out and landed.done() and not landed.cancelled():
                return landed.result()  # both in one turn of the loop
            self._timer.stop(timed)
            await self._leave(name, flight, landed)
            if not timed_out:
                raise
        finally:
            self._timer.stop(timed)
        # Without the query: it may hold what is not ours to log.
        route = f"GET {name[0].partition('?')[0]}"
        raise DeadlineExceededError(f"{route}: no answer in time from the request that this call shared")

    async def _leave(self, name: Name, flight: _Flight, landed: asyncio.Future[BaseException | None]) -> None:
        """Wait no longer. The last one cancels the request, and gives it a moment to give back what it held.

        No more than that, and a cancellation ends it: what the key's callable cleans up is not waited for.
        """
        flight.waiters.pop(landed, None)
        if flight.waiters or flight.landed:
            return
        if self._flights.get(name) is flight:
            del self._flights[name]
        flight.task.cancel()
        await asyncio.wait([flight.task], timeout=_TIDY)

    def changed(self, path: str) -> None:
        """Drop what a write to ``path`` may have changed: what lies above it and below it.

        A read that is in flight already does not see the write for sure: nobody joins it any more.
        """
        target = resource_path(path)
        for known in [*(self._cache.names() if self._cache is not None else ()), *self._flights]:
            place = known[0].partition("?")[0]
            # A business, say, knows its groups, too.
            if target is None or place == target or target.startswith(place + "/") or place.startswith(target + "/"):
                self._forget(known)

    def _forget(self, name: Name) -> None:
        if self._cache is not None:
            self._cache.drop(name)
        flight = self._flights.pop(name, None)
        if flight is not None:
            flight.stale = True


def _patience(follower: _Follower) -> float:
    return follower.until


if sys.version_info >= (3, 12):

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        # Its first steps at once: a turn of the loop less.
        return asyncio.Task(flight, loop=loop, eager_start=True)

else:

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        return loop.create_task(flight)
