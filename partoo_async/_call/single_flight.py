"""Identical reads at the same time share one request, or its cached result."""

from __future__ import annotations

import asyncio
import copy
import sys
from asyncio import Future
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async._internal.reprs import total_repr
from partoo_async._protocol.routes import resource_path
from partoo_async._transport import AttemptTimer, TimedTask
from partoo_async.errors import DeadlineExceededError, PartooError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context

    from partoo_async._call.read_cache import ReadCache, ReadId
    from partoo_async._explain.facts import CallFacts

__all__ = ["SingleFlight"]

# Seconds that a cancelled request gets to release what it holds, while its last caller waits. It needs a few
# event-loop iterations, unless it waits for a key: then the caller's own code decides.
_CANCEL_SECONDS = 0.1

Start: TypeAlias = "Callable[[float], Coroutine[Any, Any, Any]]"
"""Makes the request, given the event-loop time at which it ends."""

Facts: TypeAlias = "Callable[[PartooError, str, float, float], CallFacts]"
"""What an error may keep, given the path, the seconds that its call waited for another one, and the time."""


@total_repr
class _Flight(Future["BaseException | None"]):
    """One request, and what the caller that made it awaits: the error to raise, or None."""

    # One object for both, since a hundred thousand may wait at once.
    __slots__ = ("begun", "followers", "leaver", "message", "read", "reads", "task", "until", "value")

    def begin(self, reads: SingleFlight, read: ReadId, until: float) -> None:
        """Set what a request begins with. Not by ``__init__``, which for a class on top of one in C is slow."""
        self.reads, self.read, self.until = reads, read, until
        self.followers: dict[_Follower, None] = {}
        self.leaver: Future[BaseException | None] | None = None  # the last caller, while the request ends
        self.begun: bool = False

    task: asyncio.Task[None]
    message: object
    value: Any

    def cancel(self, msg: Any | None = None) -> bool:
        """Called by the task of the caller, when that is cancelled."""
        return self.leave(self, msg) or Future.cancel(self, msg)

    def leave(self, caller: Future[BaseException | None], message: object) -> bool:
        """Cancel the request if ``caller`` is its last one; return whether he is woken when it has ended."""
        waited_for = self.followers or (caller is not self and not self.done())
        if caller.done() or waited_for or self.leaver is not None:  # who is cancelled twice waits no longer
            return False
        self.reads.forget(self)
        self.task.cancel()
        if self.begun:  # else it ends without a word
            self.leaver, self.message = caller, message
            # Bounded: cleaning up in the api_key callable is not waited for.
            loop = self.get_loop()  # it does not run while ``asyncio.run`` cancels the tasks that are left
            self.until = loop.time() + _CANCEL_SECONDS
            self.reads.timer.start(self, loop)
        return self.begun

    def expire(self) -> None:
        """Wake the last caller."""
        leaver, self.leaver = self.leaver, None
        if leaver is not None:
            Future.cancel(leaver, self.message)


@total_repr
class _Follower(Future["BaseException | None"]):
    """What a caller awaits that joined a request, and how to make the request in its place."""

    __slots__ = ("context", "flight", "start", "until")

    def __init__(self, flight: _Flight, start: Start, until: float, loop: asyncio.AbstractEventLoop) -> None:
        Future.__init__(self, loop=loop)
        self.flight, self.start, self.until = flight, start, until
        self.context: Context = copy_context()

    def cancel(self, msg: Any | None = None) -> bool:
        """Called by the task of the caller, when that is cancelled."""
        self.flight.followers.pop(self, None)
        return self.flight.leave(self, msg) or Future.cancel(self, msg)


@total_repr
class SingleFlight:
    """The reads of one client, by path and key."""

    # Each request has a task of its own, so that cancelling one caller does not end it for the others. And each caller
    # has a future of its own that passes on the cancellation of the last one: his task is woken once, by the end.

    def __init__(self, cache: ReadCache | None, facts: Facts | None = None) -> None:
        self._cache, self._facts = cache, facts
        self._flights: dict[ReadId, _Flight] = {}
        self.timer: AttemptTimer = AttemptTimer()  # of followers, and of the last callers that leave

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
        try:
            if flight is None:
                flight = self._flights[read] = _Flight(loop=loop)
                flight.begin(self, read, until)
                flight.task = _start(self._run(flight, start), loop)
                error = await flight  # needs no timer, since the call has its own deadline
            else:
                error = await self._follow(read, flight, _Follower(flight, start, until, loop), loop)
                if error is not None:
                    error = _own(error)
        except asyncio.CancelledError:
            del flight, start  # the task that was cancelled keeps this frame
            raise
        if error is not None:
            # Where in the request's task an error of ours was raised says nothing.
            raise error.with_traceback(None) if isinstance(error, PartooError) else error
        return flight.value

    async def _run(self, flight: _Flight, start: Start) -> None:
        flight.begun = True
        try:
            flight.value = await start(flight.until)
        except BaseException as error:  # raised by the callers
            self._finish(flight, error)
        else:
            # No longer there: a later write may have changed it.
            if self._cache is not None and self._flights.get(flight.read) is flight:
                self._cache.put(flight.read, flight.value, asyncio.get_running_loop().time())
            self._finish(flight, None)

    def _finish(self, flight: _Flight, error: BaseException | None) -> None:
        """Wake the callers; begin anew for those who have more time than the request had."""
        followers = flight.followers
        patient: dict[_Follower, None] = {}
        if followers and isinstance(error, PartooError) and error.hurried:
            patient = {one: None for one in followers if one.until > flight.until}
        flight.followers = patient
        if patient:
            # The one with most time goes first, so that the quota refuses two requests, and not one for each caller.
            first = max(patient, key=lambda follower: follower.until)
            flight.until, flight.begun = first.until, False
            again = self._run(flight, first.start)
            flight.task = asyncio.get_running_loop().create_task(again, context=first.context)
        else:
            self.forget(flight)
            del flight.reads  # the event loop keeps the future for as long as the caller, whom it wakes, then runs
        # Not by a callback of the task: that would cost an event-loop iteration more.
        if flight.leaver is not None:
            self.timer.stop(flight)
            flight.expire()
        elif not flight.done():
            flight.set_result(error)
        for follower in followers:
            if follower not in patient and not follower.done():
                follower.set_result(error)

    async def _follow(
        self, read: ReadId, flight: _Flight, follower: _Follower, loop: asyncio.AbstractEventLoop
    ) -> BaseException | None:
        """Wait for the request of another caller, and return its error."""
        flight.followers[follower] = None
        task, began = asyncio.current_task(loop), loop.time()
        if task is None:
            raise RuntimeError("a call has to run in a task")
        timed = TimedTask(task, follower.until)
        self.timer.start(timed)
        try:
            return await follower
        except asyncio.CancelledError:
            if not timed.timed_out():
                raise
            if follower.done() and not follower.cancelled():
                return follower.result()  # both in one event-loop iteration
        finally:
            self.timer.stop(timed)
            del task, timed, flight, follower  # as in ``get``
        # Without the query: it may hold what must not be logged.
        route = f"GET {read[0].partition('?')[0]}"
        error = DeadlineExceededError(f"{route}: no response in time to the request that this call shared")
        if self._facts is not None:
            error._facts = self._facts(error, read[0], loop.time() - began, loop.time())
        raise error

    def forget(self, flight: _Flight) -> None:
        """Let nobody join a request."""
        if self._flights.get(flight.read) is flight:
            del self._flights[flight.read]

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
        self._flights.pop(read, None)


def _own(error: BaseException) -> BaseException:
    """Return a copy of an error for another caller: tracebacks and notes of one would add up."""
    try:
        own = copy.copy(error)
    except Exception:  # of an application's transport: its class may take no copies
        return error
    # The first caller may have added some by now.
    vars(own).pop("__notes__", None)
    return own


def _is_related(place: str, target: str) -> bool:
    return place == target or target.startswith(place + "/") or place.startswith(target + "/")


if sys.version_info >= (3, 12):

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        # The first steps run at once, which saves an event-loop iteration.
        return asyncio.Task(flight, loop=loop, eager_start=True)

else:

    def _start(flight: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        return loop.create_task(flight)
