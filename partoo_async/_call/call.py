"""One call: wait for the quota, send, interpret the response, and retry until the deadline."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from partoo_async._call.admission import Admission
from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.decode_budget import LARGE
from partoo_async._call.retrying import Retrying, worth_retrying
from partoo_async._call.telling import facts_of, tell_pause, tell_request, tell_retry
from partoo_async._internal.secret import Secret, ask_for_key
from partoo_async._protocol.interpret import interpret
from partoo_async._transport import CLOSED, Exchange, HeldBackError
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
from partoo_async.policy import Priority
from partoo_async.quota import LONGEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from partoo_async._call.context import CallContext
    from partoo_async._protocol.operations import Operation
    from partoo_async.quota import Quota

    Strategy = Callable[["Call", Operation[Any]], Awaitable[Any]]

__all__ = ["Call", "KeyChangedError"]

T = TypeVar("T")

# With these errors the client gave up, and the request may still reach the server.
_GIVEN_UP = (APITimeoutError, ClientClosedError)

_logger = logging.getLogger("partoo_async.retry")


class KeyChangedError(PartooError):
    """A shared read would go on with another key than its callers have: they ask anew."""


class Call(Admission):
    """One call, and what became of it."""

    # Defaults are on the class, without ``__slots__``: most calls never change them, and setting them all takes time.
    sends: int = 0
    request_seconds: float = 0.0  # of these sends, without waiting
    overrun: float = 0.0  # seconds from the end of the last attempt's time to its failure
    in_flight: bool = False  # a request is out, without its response
    last_try: bool = False  # nothing may be sent after that request
    task: asyncio.Task[Any] | None = None  # runs the call
    _aborted: bool = False
    _fetched_key: Secret | None = None
    _shared_fingerprint: str | None = None  # of the only key to use, if others share the read

    def __init__(
        self,
        strategy: Strategy | None = None,
        *,
        key: Secret | None = None,
        until: float | None = None,
        before: Sequence[Attempt] = (),
    ) -> None:
        """Prepare a call, with a fetched ``key`` if others share it, and the attempts that were made ``before``."""
        # A scan's strategy sends the request, and decides what follows a fault of the server. None: it is retried.
        self._strategy, self._until = strategy, until
        self._attempts, self._before = tuple(before), before
        if key is not None:
            self._fetched_key, self._shared_fingerprint = key, key.fingerprint

    async def run(
        self, context: CallContext, operation: Operation[T], priority: Priority, loop: asyncio.AbstractEventLoop
    ) -> T:
        """Return the operation's result, or raise one ``PartooError`` with all ``attempts``."""
        self.context = context
        self.quota: Quota = context.quotas.current
        self.operation: Operation[Any] = operation
        self.priority = priority
        self._loop, self._ambient = loop, ambient_deadline()
        latest = min(loop.time() + context.settings.timeout, self._ambient)
        self._deadline = latest if self._until is None else self._until
        self.task = asyncio.current_task(loop)
        lifecycle = context.lifecycle
        # The client may have been closed since: a shared read can start an event-loop iteration later.
        if lifecycle.closed:
            raise ClientClosedError(CLOSED)
        lifecycle.calls[self] = lifecycle
        try:
            if self._strategy is not None:
                return await self._strategy(self, operation)  # type: ignore[no-any-return]  # strategies of all types
            try:
                return await self.send(operation)
            except (PartooError, HeldBackError) as error:
                first = error
            return await self.retry(operation, first)
        except PartooError as error:
            if error._facts is None:
                error._facts = facts_of(self, error, loop.time())
            raise
        except asyncio.CancelledError as cancelled:
            # Only a cancellation by ``abort`` becomes an error of ours.
            if not self._aborted or self.task is None or self.task.uncancel():
                # Of thousands that are cancelled at once, the frames of each would live until its task is collected.
                cancelled.__traceback__ = None
                raise
        finally:
            lifecycle.calls.pop(self, None)
            if context.lifecycle.closed:  # may have changed, and mypy takes that of ``lifecycle`` for unchanged
                lifecycle.notify()
        raise self.stopped_error()

    async def send(self, operation: Operation[T], *, fresh: bool = False) -> T:
        """Send once, as soon as the quota and the concurrency limit allow. ``fresh``: on a new connection."""
        context, loop, settings = self.context, self._loop, self.context.settings
        key = settings.api_key
        if not isinstance(key, Secret):
            key = await self.fetch_key(key)
        quota = self.quota
        if not self._try_admit(quota):
            key, quota = await self._wait_for_admission(key)
        started = loop.time()
        exchange: Exchange | None = None
        answered, late, task = False, settings.attempt_timeout, self.task
        try:
            if task is None:
                raise RuntimeError("a call has to run in a task")
            if not context.transport.is_ready:
                await context.transport.get_ready(self._deadline, operation.request.route)
                started = loop.time()  # what a client does only once is no part of an attempt
            until = min(started + settings.attempt_timeout, self._deadline)
            latest = self._ambient if self.priority is Priority.BULK else self._deadline
            exchange = Exchange(
                task,
                until,
                settings.server,
                operation.request,
                key,
                quota.is_open,
                latest=latest,
                fresh=fresh,
                repeatable=operation.idempotent,
            )
            self.in_flight = True
            response = await context.transport.send(exchange)
            answered = True
            decoder = context.decoder
            if len(response.body) > LARGE:
                decoder = await context.decode_budget.decoder_for(operation, response, decoder)
            result = interpret(operation, response, decoder, settings.server)
        except PartooError as error:
            late = late if isinstance(error, _GIVEN_UP) else 0.0
            failure = self._failed(error, started, sent=exchange is not None and exchange.sent)
        except asyncio.CancelledError:
            self._cut_short(started, sent=exchange is not None and exchange.sent)
            raise
        else:
            self._succeeded(response.status, loop.time() - started)
            return result
        finally:
            self.in_flight = False
            context.concurrency.release()
            sent = exchange is not None and exchange.sent
            quota.release(sent=sent, answered=answered, late=late, loop=loop)
        # Raised after the except block, so that the error has no context with other frames.
        raise failure

    async def retry(self, operation: Operation[T], first: PartooError | HeldBackError) -> T:
        """Send again after the ``first`` failure, as long as that is worth it; return the result."""
        try:
            return await self.context.resender.resend(self, operation, first)
        except PartooError as error:
            failure = error
        if worth_retrying(failure, idempotent=operation.idempotent, once=self._strategy is not None):
            retrying = Retrying(
                policy=self.context.settings.retry,
                throttle=self.context.throttle,
                idempotent=operation.idempotent,
                once=self._strategy is not None,
                remaining=lambda: -math.inf if self.last_try else self._deadline - self._loop.time(),
                pause=self._pause_seconds,
                sleep=asyncio.sleep,
                on_retry=self.on_retry,
                gated=isinstance(self.context.settings.api_key, Secret),
                before=self._before,
            )
            try:
                return await retrying.run(failure, lambda: self.context.resender.send(self, operation))
            except QuotaExceededError as error:
                failure = self._last_error or error  # the quota refused the retry, not the call
                failure.hurried = True
            except PartooError as error:
                failure = error
        # Raised here, so that its traceback has no frames of the retry engine.
        failure.attempts = self._attempts
        raise failure.with_traceback(None)

    def on_retry(self, error: PartooError, wait: float) -> None:
        """Log, and emit an event, that the request is sent again in ``wait`` seconds."""
        route, kind = self.operation.request.route, type(error).__name__
        if self._attempts:
            self._attempts = (*self._attempts[:-1], evolve(self._attempts[-1], wait=wait))
        _logger.info("%s: attempt %d failed (%s); next in %.2f s", route, len(self._attempts), error, wait)
        tell_retry(self, kind, len(self._attempts), wait)

    def set_timeout(self, seconds: float) -> None:
        """Let the call end in that many seconds, or at the ambient deadline."""
        self._deadline = min(self._loop.time() + seconds, self._ambient)

    def abort(self) -> None:
        """End the call, since its client is closing: now, or after the request that is out."""
        self.last_try = True
        if not self.in_flight and self.task is not None and not self._aborted:
            self._aborted = True
            self.task.cancel()

    def stopped_error(self) -> ClientClosedError | asyncio.CancelledError:
        """Return the error of a call that its client or scan stopped while it waited."""
        if self.context.lifecycle.closed:
            return ClientClosedError(f"{self.operation.request.route}: the client was closed while the call waited")
        return asyncio.CancelledError()

    async def fetch_key(self, source: Callable[[], Awaitable[str]]) -> Secret:
        """Return the key that the caller's ``source`` gives, and use the quota of that key."""
        route, started = self.operation.request.route, self._loop.time()
        key, self._fetched_key = self._fetched_key, None
        if key is None:
            try:
                until = min(started + self.context.settings.attempt_timeout, self._deadline)
                key = await ask_for_key(source, until, route)
            except PartooError as error:
                failure = self._failed(error, started, sent=False)
            if key is None:
                raise failure
        if self._shared_fingerprint not in (None, key.fingerprint):
            raise KeyChangedError(f"{route}: the api_key callable now gives another key")
        self.quota = self.context.quotas.for_key(key)
        return key

    def _succeeded(self, status: int, elapsed: float) -> None:
        context = self.context
        self.sends += 1
        self.request_seconds += elapsed
        context.throttle.succeeded()
        if context.emit.wants_requests:
            tell_request(self, status, None, elapsed, self.queued, len(self._attempts) + 1)

    def _failed(self, error: PartooError, started: float, *, sent: bool) -> PartooError:
        """Note a failed attempt, and return the error to raise."""
        now = self._loop.time()
        self.overrun = now - min(started + self.context.settings.attempt_timeout, self._deadline)
        if isinstance(error, APITimeoutError) and now >= self._deadline:
            error = self._out_of_time(error)
        elapsed, kind = now - started, type(error).__name__
        status = error.status if isinstance(error, APIStatusError) else None
        self.sends += sent
        self.request_seconds += elapsed
        self._last_error = error
        outcome, cause = kind if status is None else str(status), str(error.args[0]) if error.args else ""
        self._attempts += (Attempt(outcome, elapsed, sent, self.queued, cause=cause),)
        context, queued = self.context, self.queued
        self.queued: float = 0.0
        if isinstance(error, RateLimitError):
            self._pause_quota(error)
        if isinstance(error, APIResponseValidationError) and error.foreign:
            context.transport.discard_idle()  # the connections may be off by one response
        if sent and context.emit.wants_requests:
            tell_request(self, status, kind, elapsed, queued, len(self._attempts))
        return error

    def _cut_short(self, started: float, *, sent: bool) -> None:
        """Called when an attempt is cancelled."""

    def _pause_quota(self, error: RateLimitError) -> None:
        quota, before = self.quota, self.quota.paused_for()
        paused = quota.pause(error.retry_after)
        # The other 429s of a burst are no pauses of their own, unless they ask for more.
        if not before or paused > before + 1.0:
            tell_pause(self, paused)

    def _pause_seconds(self) -> float:
        """Seconds of the quota's pause that count against the deadline."""
        paused = self.quota.paused_for()
        # A scan waits out a pause, unless it is absurdly long.
        return 0.0 if self.priority is Priority.BULK and paused <= LONGEST_PAUSE else paused
