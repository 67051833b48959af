"""One awaited call, from its deadline to its result: wait for quota, send, judge the answer, and try again."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._call.admission import Admission
from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.decode_budget import LARGE
from partoo_async._call.resend import again, attempt
from partoo_async._call.retrying import Retrying, worth_retrying
from partoo_async._internal.secret import Secret
from partoo_async._protocol.interpret import interpret
from partoo_async._transport import Exchange, HeldBackError
from partoo_async.errors import (
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    ClientClosedError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
)
from partoo_async.events import PauseEvent, RequestEvent, RetryEvent
from partoo_async.policy import Priority
from partoo_async.quota import LONGEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from partoo_async._call.context import CallContext
    from partoo_async._protocol.operations import Operation
    from partoo_async.quota import Quota

    Decide = Callable[["Call", Operation[Any]], Awaitable[Any]]

__all__ = ["Call"]

T = TypeVar("T")

# With these errors it was this side that went, and the request may be on its way still.
_GIVEN_UP = (APITimeoutError, ClientClosedError)

_logger = logging.getLogger("partoo_async.retry")


class Call(Admission):
    """The state of one call.

    Attributes:
        sends: Requests that left.
        busy: Their seconds, without any waiting.
        task: That which runs the call.
        in_flight: A request is out, without a response yet.
        last_try: Once set, nothing is sent after the request that is out.
        late: Seconds from the end of an attempt to its failure: few, unless the process stood still.
    """

    # Of the class, and no ``__slots__``: most calls never change them, and to set them all takes its time.
    sends: int = 0
    busy: float = 0.0
    late: float = 0.0
    in_flight: bool = False
    last_try: bool = False
    task: asyncio.Task[Any] | None = None
    _aborted: bool = False

    def __init__(
        self,
        decide: Decide | None = None,
        *,
        key: Secret | None = None,
        until: float | None = None,
        before: Sequence[Attempt] = (),
    ) -> None:
        """Prepare a call.

        Args:
            decide: Sends, and decides what follows a fault of the server, which is not retried here then.
            key: The one that a callable gave for a read that others share: no other is used.
            until: The event-loop time at which the call ends, in place of the client's ``timeout``.
            before: Attempts that were made for the caller already.
        """
        self._decide, self._until = decide, until
        self._attempts: list[Attempt] = [*before]
        self._before = before
        if key is not None:
            self._asked, self._shared_by = key, key.fingerprint

    async def run(
        self, context: CallContext, operation: Operation[T], priority: Priority, loop: asyncio.AbstractEventLoop
    ) -> T:
        """Return the operation's result. Raises one error of ours, with all that was tried in its ``attempts``."""
        self.context: CallContext = context
        self.quota: Quota = context.quotas.latest
        self._operation, self._loop = operation, loop
        self.priority: Priority = priority
        self._ambient = ambient_deadline()
        self._deadline = (
            self._until if self._until is not None else min(loop.time() + context.settings.timeout, self._ambient)
        )
        self.task = asyncio.current_task(loop)
        lifecycle = context.lifecycle
        if lifecycle.closed:  # since it was asked for: a shared read starts a turn of the loop later
            raise ClientClosedError("this client is closed; make a new one")
        lifecycle.calls[self] = lifecycle
        try:
            if self._decide is not None:
                decided: T = await self._decide(self, operation)
                return decided
            try:
                return await self.send(operation)
            except (PartooError, HeldBackError) as error:
                first = error
            return await self.go_on(operation, first)
        except asyncio.CancelledError:
            if not self._aborted or self.task is None or self.task.uncancel():
                raise
        finally:
            lifecycle.calls.pop(self, None)
            if context.lifecycle.closed:
                lifecycle.wake()
        raise ClientClosedError(f"{operation.request.route}: the client was closed while the call waited")

    async def go_on(self, operation: Operation[T], first: PartooError | HeldBackError) -> T:
        """Return the result of a later send, after a first one that failed, while that is worth it here."""
        try:
            return await again(self, operation, first)
        except PartooError as error:
            failure = error
        if worth_retrying(failure, idempotent=operation.idempotent, once=self._decide is not None):
            retrying = Retrying(
                policy=self.context.settings.retry,
                throttle=self.context.throttle,
                idempotent=operation.idempotent,
                once=self._decide is not None,
                remaining=lambda: -math.inf if self.last_try else self._deadline - self._loop.time(),
                pause=self._pause,
                sleep=asyncio.sleep,
                on_retry=self.tell,
                gated=isinstance(self.context.settings.api_key, Secret),
                before=self._before,
            )
            try:
                return await retrying.run(failure, lambda: attempt(self, operation))
            except QuotaExceededError as error:
                failure = self._last_error or error  # the repeat was refused, not the call
                failure.hurried = True
            except PartooError as error:
                failure = error
        # Raised here and not there, so that its traceback has no frames of the retry engine.
        failure.attempts = tuple(self._attempts)
        raise failure.with_traceback(None)

    def renew(self, seconds: float) -> None:
        """Give the call so many seconds from now on, within the ambient deadline."""
        self._deadline = min(self._loop.time() + seconds, self._ambient)

    def abort(self) -> None:
        """End a call of a client that is being closed. One whose request is out waits for nothing after that."""
        self.last_try = True
        if not self.in_flight and self.task is not None and not self._aborted:
            self._aborted = True
            self.task.cancel()

    def _pause(self) -> float:
        """The seconds of the gate's pause that count against the deadline: for bulk work only absurd ones do."""
        paused = self.quota.paused_for()
        return 0.0 if self.priority is Priority.BULK and paused <= LONGEST_PAUSE else paused

    def tell(self, error: PartooError, wait: float) -> None:
        """Say that the request is going to be sent again after so many seconds."""
        request, kind = self._operation.request, type(error).__name__
        route = request.route
        _logger.info("%s: attempt %d failed (%s); next in %.2f s", route, len(self._attempts), error, wait)
        self.context.emit(RetryEvent(route, kind, len(self._attempts), wait, request.template))

    async def send(self, operation: Operation[T], *, fresh: bool = False) -> T:
        """Send once, when quota and cap allow, on a new connection if ``fresh``; return the typed answer."""
        context, loop, settings = self.context, self._loop, self.context.settings
        key = settings.api_key
        if not isinstance(key, Secret):
            key = await self.ask(key)
        quota = self.quota
        if not self._admitted(quota):
            key, quota = await self._admission(key)
        started = loop.time()
        exchange: Exchange | None = None
        answered, late, task = False, settings.attempt_timeout, self.task
        try:
            if task is None:
                raise RuntimeError("a call has to run in a task")
            if not context.transport.is_ready:
                await context.transport.get_ready(self._deadline, operation.request.route)
                started = loop.time()  # what the client needs once is no part of an attempt
            until = min(started + settings.attempt_timeout, self._deadline)
            latest = self._ambient if self.priority is Priority.BULK else self._deadline
            exchange = Exchange(
                task, until, settings.server, operation.request, key, quota.is_open, latest=latest, fresh=fresh
            )
            self.in_flight = True
            response = await context.transport.send(exchange)
            answered = True
            if len(response.body) > LARGE:
                await context.decode_budget.wait(len(response.body))
            result = interpret(operation, response, context.decoder, settings.server)
        except PartooError as error:
            late = late if isinstance(error, _GIVEN_UP) else 0.0
            failure = self._failed(error, started, sent=exchange is not None and exchange.sent)
        else:
            self._succeeded(response.status, loop.time() - started)
            return result
        finally:
            self.in_flight = False
            context.concurrency.release()
            sent = exchange is not None and exchange.sent
            quota.release(sent=sent, answered=answered, late=late, loop=loop)
        raise failure

    def _succeeded(self, status: int, elapsed: float) -> None:
        context = self.context
        self.sends += 1
        self.busy += elapsed
        context.throttle.succeeded()
        if context.settings.on_event is not None:
            request, number, server = self._operation.request, len(self._attempts) + 1, context.settings.server
            context.emit(RequestEvent(request.route, status, None, elapsed, number, server, request.template))

    def _pause_all(self, error: RateLimitError) -> None:
        """Close the gate. The other 429s of a burst are no pauses of their own, unless they ask for more."""
        quota, before = self.quota, self.quota.paused_for()
        paused = quota.pause(error.retry_after)
        if not before or paused > before + 1.0:
            request = self._operation.request
            self.context.emit(PauseEvent(request.route, paused, request.template))

    def _failed(self, error: PartooError, started: float, *, sent: bool) -> PartooError:
        """Note a failed attempt, close the gate when the server asks for it, and return what is to be raised."""
        now = self._loop.time()
        self.late = now - min(started + self.context.settings.attempt_timeout, self._deadline)
        if isinstance(error, APITimeoutError) and now >= self._deadline:
            error = self._out_of_time(error)
        elapsed, kind = now - started, type(error).__name__
        status = error.status if isinstance(error, APIStatusError) else None
        self.sends += sent
        self.busy += elapsed
        self._last_error = error
        self._attempts.append(Attempt(kind if status is None else str(status), elapsed, sent))
        context, request = self.context, self._operation.request
        if isinstance(error, RateLimitError):
            self._pause_all(error)
        if isinstance(error, APIResponseValidationError) and error.foreign:
            context.transport.discard_idle()  # the connections may be off by one answer
        if sent:
            number, server = len(self._attempts), context.settings.server
            context.emit(RequestEvent(request.route, status, kind, elapsed, number, server, request.template))
        return error
