"""One awaited call, from its deadline to its result: wait for quota, send, judge the answer, and try again."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._deadline import ambient_deadline
from partoo_async._judge import judge
from partoo_async._retry import Retrying, worth_retrying
from partoo_async._secret import Secret, ask_for_key
from partoo_async._transport import CancelledUnsentError
from partoo_async._turns import LARGE
from partoo_async.errors import (
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    ClientClosedError,
    DeadlineExceededError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
)
from partoo_async.events import PauseEvent, RequestEvent, RetryEvent
from partoo_async.policy import Priority
from partoo_async.quota import LONGEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from partoo_async._operations import Operation
    from partoo_async.quota import Quota
    from partoo_async.session import PartooSession

    Decide = Callable[["Call", Operation[Any]], Awaitable[Any]]

__all__ = ["Call"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async.retry")


class Call:
    """The state of one call. ``sends`` counts the requests that left; ``busy`` their seconds, without any waiting.

    ``in_flight``: one is out, without an answer yet. ``last_try``, once set: nothing is sent after that one. ``late``:
    seconds from the end of an attempt to its failure, few unless the process stood still. ``decide``: sends by
    ``tries``, and decides what follows faults of the server, which are not tried again here then.
    """

    __slots__ = (
        *("_aborted", "_ambient", "_attempts", "_deadline", "_decide", "_last_error", "_loop", "_operation"),
        *("_priority", "_sent", "_task", "busy", "in_flight", "last_try", "late", "sends", "session"),
    )

    def __init__(self, decide: Decide | None = None) -> None:
        self.sends: int = 0
        self.busy: float = 0.0
        self.late: float = 0.0
        self.in_flight: bool = False
        self.last_try: bool = False
        self._decide = decide
        self._aborted = False
        self._attempts: list[Attempt] = []
        self._last_error: PartooError | None = None

    async def run(
        self, session: PartooSession, operation: Operation[T], priority: Priority, loop: asyncio.AbstractEventLoop
    ) -> T:
        """Return the operation's result. Raises one error of ours, with all that was tried in its ``attempts``."""
        self.session = session
        self._operation, self._priority, self._loop = operation, priority, loop
        self._ambient = ambient_deadline()
        self._deadline = min(loop.time() + session.settings.timeout, self._ambient)
        self._task = asyncio.current_task()
        life = session.life
        if life.closed:  # since it was asked for: a shared read starts a turn of the loop later
            raise ClientClosedError("this client is closed; make a new one")
        life.calls.add(self)
        try:
            return await (self.tries(operation) if self._decide is None else self._decide(self, operation))
        except asyncio.CancelledError:
            if not self._aborted or self._task is None or self._task.uncancel():
                raise
        finally:
            life.calls.discard(self)
            if session.life.closed:
                life.wake()
        raise ClientClosedError(f"{operation.request.route}: the client was closed while the call waited")

    async def tries(self, operation: Operation[T]) -> T:
        """Send the request, and again while that is worth it here, and return the result."""
        try:
            return await self._attempt(operation)
        except PartooError as error:
            failure = error
        if worth_retrying(failure, idempotent=operation.idempotent, once=self._decide is not None):
            retrying = Retrying(
                policy=self.session.settings.retry,
                throttle=self.session.throttle,
                idempotent=operation.idempotent,
                once=self._decide is not None,
                remaining=lambda: -math.inf if self.last_try else self._deadline - self._loop.time(),
                pause=self._pause,
                sleep=asyncio.sleep,
                on_retry=self.tell,
            )
            try:
                return await retrying.run(failure, lambda: self._attempt(operation))
            except QuotaExceededError as error:
                failure = self._last_error or error  # the repeat was refused, not the call
            except PartooError as error:
                failure = error
        # Raised here and not there, so that its traceback has no frames of the retry engine.
        failure.attempts = tuple(self._attempts)
        raise failure.with_traceback(None)

    def renew(self, seconds: float) -> None:
        """Give the call so many seconds from now on, within the ambient deadline."""
        self._deadline = min(self._loop.time() + seconds, self._ambient)

    def abort(self) -> None:
        """End a call of a client that is being closed with a ``ClientClosedError``, unless its request is out."""
        if not self.in_flight and self._task is not None and not self._aborted:
            self._aborted = True
            self._task.cancel()

    def _pause(self) -> float:
        """The seconds of the gate's pause that count against the deadline: for bulk work only absurd ones do."""
        paused = self.session.quota.paused_for()
        return 0.0 if self._priority is Priority.BULK and paused <= LONGEST_PAUSE else paused

    def tell(self, error: PartooError, wait: float) -> None:
        """Say that the request is going to be sent again after so many seconds."""
        route, kind = self._operation.request.route, type(error).__name__
        _logger.info("%s: attempt %d failed (%s); next in %.2f s", route, len(self._attempts), error, wait)
        self.session.emit(RetryEvent(route, kind, len(self._attempts), wait))

    async def _attempt(self, operation: Operation[T]) -> T:
        """Send once, when the quota and the cap on requests in flight allow, and return the typed answer."""
        session, loop = self.session, self._loop
        settings, quota = session.settings, session.quota
        if not self._admitted(quota):
            await self._admission(quota)
        started = loop.time()
        self._sent = answered = False
        try:
            until = min(started + settings.attempt_timeout, self._deadline)
            key = settings.api_key
            if not isinstance(key, Secret):
                key = await ask_for_key(key, until, operation.request.route)
            await session.transport.ready(until, operation.request.route)
            self._sent = self.in_flight = True
            response = await session.transport.exchange(settings.server, operation.request, key, until)
            answered = True
            if len(response.body) > LARGE:
                await session.turns.take(len(response.body))
            result = judge(operation, response, session.decoder, settings.server)
        except CancelledUnsentError as error:
            self._sent = False
            raise asyncio.CancelledError(*error.args) from None  # asyncio.timeout of 3.11 knows no subclass of it
        except PartooError as error:
            failure = self._failed(error, started)
        else:
            elapsed = loop.time() - started
            self.sends += 1
            self.busy += elapsed
            if settings.on_event is not None:
                route, number = operation.request.route, len(self._attempts) + 1
                session.emit(RequestEvent(route, response.status, None, elapsed, number, settings.server))
            session.throttle.succeeded()
            return result
        finally:
            self.in_flight = False
            session.concurrency.release()
            quota.release(sent=self._sent, answered=answered)
        raise failure

    def _admitted(self, quota: Quota) -> bool:
        """Take a slot and a place, if that needs no waiting: nearly always."""
        if not quota.try_acquire(self._priority):
            return False
        if self.session.concurrency.try_acquire(self._priority):
            return True
        quota.release(sent=False)
        return False

    async def _admission(self, quota: Quota) -> None:
        """Wait for a slot of the quota and a place among the requests in flight, and hold both."""
        priority, concurrency = self._priority, self.session.concurrency
        started = self._loop.time()
        while True:
            if not quota.try_acquire(priority):
                # A scan waits for as long as it takes: that time is not the group's.
                await quota.acquire(priority, self._ambient if priority is Priority.BULK else self._deadline)
            if not concurrency.try_acquire(priority):
                await self._wait_for_place(quota)
            if not quota.paused_for():
                break
            # The gate closed after this call was let through, and before it was sent: back behind it.
            concurrency.release()
            quota.release(sent=False)
        if priority is Priority.BULK:
            # A scan's waits do not count against a group's time.
            self._deadline = min(self._deadline + self._loop.time() - started, self._ambient)

    async def _wait_for_place(self, quota: Quota) -> None:
        until = self._deadline if self._priority is Priority.INTERACTIVE else self._ambient
        try:
            async with asyncio.timeout_at(None if until == math.inf else until):
                await self.session.concurrency.acquire(self._priority)
        except BaseException as error:
            quota.release(sent=False)
            if isinstance(error, TimeoutError):
                raise self._out_of_time() from None
            raise

    def _out_of_time(self, error: PartooError | None = None) -> DeadlineExceededError:
        own = self._deadline < self._ambient
        bound = f"timeout={self.session.settings.timeout:g} s" if own else "the time that deadline() gives"
        text = f"{self._operation.request.route}: no answer within {bound}"
        return DeadlineExceededError(text, self._last_error or error)

    def _failed(self, error: PartooError, started: float) -> PartooError:
        """Note a failed attempt, close the gate when the server asks for it, and return what is to be raised."""
        now = self._loop.time()
        self.late = now - min(started + self.session.settings.attempt_timeout, self._deadline)
        sent = self._sent = self._sent and getattr(error, "request_sent", True)
        if isinstance(error, APITimeoutError) and now >= self._deadline:
            error = self._out_of_time(error)
        elapsed = now - started
        status = error.status if isinstance(error, APIStatusError) else None
        kind = type(error).__name__
        self.sends += sent
        self.busy += elapsed
        self._last_error = error
        self._attempts.append(Attempt(kind if status is None else str(status), elapsed, sent))
        session, route = self.session, self._operation.request.route
        if isinstance(error, RateLimitError):
            session.emit(PauseEvent(route, session.quota.pause(error.retry_after)))
        if isinstance(error, APIResponseValidationError):
            # It may be the answer to another request: the connections are off by one then.
            session.transport.distrust()
        if sent:
            session.emit(RequestEvent(route, status, kind, elapsed, len(self._attempts), session.settings.server))
        return error
