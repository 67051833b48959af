"""Identical reads at the same time share one request, or its cached result."""

from __future__ import annotations

import asyncio
import copy
import sys
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async._internal.reprs import total_repr
from partoo_async._protocol.routes import resource_path
from partoo_async._transport import AttemptTimer, TimedTask
from partoo_async.errors import DeadlineExceededError, PartooError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from partoo_async._call.read_cache import ReadCache, ReadId
    from partoo_async._explain.facts import CallFacts

__all__ = ["SingleFlight"]

# Seconds that a cancelled request gets to release what it holds, while its last caller waits. It needs a few
# event-loop iterations, unless it waits for a key: then the caller's own code decides.
_CANCEL_SECONDS = 0.1
_CANCEL_ITERATIONS = 3

Start: TypeAlias = "Callable[[float], Coroutine[Any, Any, Any]]"
"""Makes the request, given the event-loop time at which it ends."""

Facts: TypeAlias = "Callable[[PartooError, str, float, float], CallFacts]"
"""What an error may keep, given the path, the seconds that its call waited for another one, and the time."""


class _Follower:
    """A caller that joined a request, and how to make the request in its place."""

    __slots__ = ("context", "start", "until")

    def __init__(self, until: float, start: Start, context: Context) -> None:
        self.until: float = until
        self.start: Start = start
        self.context: Context = context


class _Flight:
    """One request that callers wait for."""

    __slots__ = ("done", "error", "stale", "task", "until", "value", "waiters")

    def __init__(self, until: float) -> None:
        self.until = until
        # They get the error to raise, or None. The caller that made the request is no follower.
        self.waiters: dict[asyncio.Future[BaseException | None], _Follower | None] = {}
        self.done = self.stale = False  # stale: it may not see a later write
        self.value: Any = None
        self.error: BaseException | None = None

    task: asyncio.Task[None]


@total_repr
class SingleFlight:
    """The reads of one client, by path and key."""

    # Each request has a task of its own, so that cancelling one caller does not end it for the others.

    def __init__(self, cache: ReadCache | None, facts: Facts | None = None) -> None:
        self._cache, self._facts = cache, facts
        self._flights: dict[ReadId, _Flight] = {}
        self._timer = AttemptTimer()  # of followers

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
        """Return what ``start`` returns, or the result of an identical read with the same ``key`` (a fingerprint).

        ``fresh``: use no result, and join no request, from before this call.
        """
        loop, read = loop or asyncio.get_running_loop(), (path, key)
        if fresh:
            self._drop(read)
        elif self._cache is not None and (kept := self._cache.get(read, loop.time())) is not None:
            return kept
        flight = self._flights.get(read)
        if flight is None:
            flight = self._flights[read] = _Flight(until)
            flight.task = _start(self._run(read, flight, start), loop)
            if flight.done:
                error = flight.error
            else:
                flight.waiters[waiter := loop.create_future()] = None
                try:
                    error = await waiter  # needs no timer, since the call has its own deadline
                except asyncio.CancelledError:
                    await self._leave(read, flight, waiter)
                    raise
        else:
            error = await self._follow(read, flight, _Follower(until, start, copy_context()), loop)
            if error is not None:
                error = copy.copy(error)  # or the callers' tracebacks would add up
        if error is not None:
            # Where in the request's task an error of ours was raised says nothing.
            raise error.with_traceback(None) if isinstance(error, PartooError) else error
        return flight.value

    async def _run(self, read: ReadId, flight: _Flight, start: Start) -> None:
        error: BaseException | None = None
        try:
            flight.value = await start(flight.until)
        except asyncio.CancelledError as cancelled:
            self._finish(read, flight, cancelled)
            raise
        except BaseException as failure:
            error = failure  # raised by the callers
        else:
            if self._cache is not None and not flight.stale:
                self._cache.put(read, flight.value, asyncio.get_running_loop().time())
        self._finish(read, flight, error)

    def _finish(self, read: ReadId, flight: _Flight, error: BaseException | None) -> None:
        """Wake the callers; begin anew for those who have more time than the request had."""
        followers: list[_Follower] = []
        if error is not None and isinstance(error, PartooError) and error.hurried:
            followers = [one for one in flight.waiters.values() if one is not None and one.until > flight.until]
        if followers:
            # The one with most time goes first, so that the quota refuses two requests, and not one for each caller.
            patient = max(followers, key=lambda follower: follower.until)
            ended = {waiter: one for waiter, one in flight.waiters.items() if one is None or one.until <= flight.until}
            flight.waiters = {waiter: one for waiter, one in flight.waiters.items() if waiter not in ended}
            flight.until = patient.until
            again = self._run(read, flight, patient.start)
            flight.task = asyncio.get_running_loop().create_task(again, context=patient.context)
        else:
            flight.done, flight.error = True, error
            if self._flights.get(read) is flight:
                del self._flights[read]
            ended, flight.waiters = flight.waiters, {}
        # Not by a callback of the task: that would cost an event-loop iteration more.
        for waiter in ended:
            if not waiter.done():
                waiter.set_result(error)

    async def _follow(
        self, read: ReadId, flight: _Flight, follower: _Follower, loop: asyncio.AbstractEventLoop
    ) -> BaseException | None:
        """Wait for the request of another caller, and return its error."""
        waiter: asyncio.Future[BaseException | None] = loop.create_future()
        flight.waiters[waiter] = follower
        task, began = asyncio.current_task(loop), loop.time()
        if task is None:
            raise RuntimeError("a call has to run in a task")
        timed = TimedTask(task, follower.until)
        self._timer.start(timed)
        try:
            return await waiter
        except asyncio.CancelledError:
            timed_out = timed.timed_out()
            if timed_out and waiter.done() and not waiter.cancelled():
                return waiter.result()  # both in one event-loop iteration
            self._timer.stop(timed)
            await self._leave(read, flight, waiter)
            if not timed_out:
                raise
        finally:
            self._timer.stop(timed)
        # Without the query: it may hold what must not be logged.
        route = f"GET {read[0].partition('?')[0]}"
        error = DeadlineExceededError(f"{route}: no response in time to the request that this call shared")
        if self._facts is not None:
            error._facts = self._facts(error, read[0], loop.time() - began, loop.time())
        raise error

    async def _leave(self, read: ReadId, flight: _Flight, waiter: asyncio.Future[BaseException | None]) -> None:
        """Stop waiting. The last caller cancels the request."""
        flight.waiters.pop(waiter, None)
        if flight.waiters or flight.done:
            return
        if self._flights.get(read) is flight:
            del self._flights[read]
        flight.task.cancel()
        for _ in range(_CANCEL_ITERATIONS):  # mostly enough, and far cheaper than what follows
            await asyncio.sleep(0)
            if flight.task.done():
                return
        # Bounded, and ended by a cancellation: cleaning up in the api_key callable is not waited for.
        await asyncio.wait([flight.task], timeout=_CANCEL_SECONDS)

    def invalidate(self, path: str) -> None:
        """Drop what a write to ``path`` may have changed: reads of it, and of paths above and below it."""
        target = resource_path(path)
        for read in [*(self._cache.reads() if self._cache is not None else ()), *self._flights]:
            place = read[0].partition("?")[0]
            # Any other path is None: a write to a business may change its groups, too. And a business lists its groups.
            if target is None or place.startswith("/business/") or _is_related(place, target):
                self._drop(read)

    def _drop(self, read: ReadId) -> None:
        if self._cache is not None:
            self._cache.drop(read)
        flight = self._flights.pop(read, None)
        if flight is not None:
            flight.stale = True


def _is_related(place: str, target: str) -> bool:
    return place == target or target.startswith(place + "/") or place.startswith(target + "/")


if sys.version_info >= (3, 12):

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        # The first steps run at once, which saves an event-loop iteration.
        return asyncio.Task(flight, loop=loop, eager_start=True)

else:

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        return loop.create_task(flight)
