"""One awaited call, from its deadline to its result: wait for quota, send, judge the answer, and try again."""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from partoo_async._convert import decode_error_body
from partoo_async._http import Response, describe_errors, error_class, parse_retry_after, retryable_status
from partoo_async._json import InvalidJSONError
from partoo_async._retry import Retrying, worth_retrying
from partoo_async._secret import Secret
from partoo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    DeadlineExceededError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
)
from partoo_async.events import PauseEvent, RequestEvent, RetryEvent
from partoo_async.policy import Priority
from partoo_async.quota import LONGEST_PAUSE

if TYPE_CHECKING:
    from partoo_async._operations import Operation
    from partoo_async.quota import Quota
    from partoo_async.session import PartooSession

__all__ = ["Call"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async.retry")


class Call:
    """The state of one call. ``sends`` counts the requests that left; ``busy`` their seconds, without any waiting.

    ``in_flight``: one is out, without an answer yet. ``last_try``, once set: nothing is sent after that one.
    """

    __slots__ = (
        *("_attempts", "_deadline", "_last_error", "_loop", "_operation", "_priority", "_sent", "_session"),
        *("busy", "in_flight", "last_try", "sends"),
    )

    def __init__(self) -> None:
        self.sends: int = 0
        self.busy: float = 0.0
        self.in_flight = self.last_try = False
        self._attempts: list[Attempt] = []
        self._last_error: PartooError | None = None

    async def run(
        self, session: PartooSession, operation: Operation[T], priority: Priority, loop: asyncio.AbstractEventLoop
    ) -> T:
        """Return the operation's result. Raises one error of ours, with all that was tried in its ``attempts``."""
        self._session = session
        self._operation = operation
        self._priority = priority
        self._loop = loop
        self._deadline = loop.time() + session.settings.timeout
        try:
            result = await self._attempt(operation)
        except PartooError as error:
            first = error
        else:
            session.throttle.succeeded()
            return result
        if worth_retrying(first, idempotent=operation.idempotent):
            return await self._retry(first, operation)
        raise self._complete(first)

    async def _retry(self, first: PartooError, operation: Operation[T]) -> T:
        session = self._session
        retrying = Retrying(
            policy=session.settings.retry,
            throttle=session.throttle,
            idempotent=operation.idempotent,
            remaining=lambda: -math.inf if self.last_try else self._deadline - self._loop.time(),
            pause=self._pause,
            sleep=asyncio.sleep,
            on_retry=self._tell,
        )
        failure: PartooError
        try:
            result = await retrying.run(first, lambda: self._attempt(operation))
        except QuotaExceededError as error:
            # The repeat was refused, not the call: say why the call failed.
            failure = self._last_error or error
        except PartooError as error:
            failure = error
        else:
            session.throttle.succeeded()
            return result
        # Raised here and not there, so that its traceback has no frames of the retry engine.
        raise self._complete(failure.with_traceback(None))

    def _pause(self) -> float:
        """The seconds of the gate's pause that count against the deadline: for bulk work only absurd ones do."""
        paused = self._session.quota.paused_for()
        return 0.0 if self._priority is Priority.BULK and paused <= LONGEST_PAUSE else paused

    def _complete(self, error: PartooError) -> PartooError:
        error.attempts = tuple(self._attempts)
        return error

    def _tell(self, error: PartooError, wait: float) -> None:
        route, kind = self._operation.request.route, type(error).__name__
        _logger.info("%s: attempt %d failed (%s); next in %.2f s", route, len(self._attempts), error, wait)
        self._session.emit(RetryEvent(route, kind, len(self._attempts), wait))

    async def _attempt(self, operation: Operation[T]) -> T:
        """Send once, when the quota and the cap on requests in flight allow, and return the typed answer."""
        session = self._session
        quota = session.quota
        await self._admission(quota)
        started = self._loop.time()
        self._sent = False
        answered = False
        self.in_flight = True
        try:
            response = await self._exchange(started)
            answered = True
            result = self._judge(operation, response)
        except PartooError as error:
            self._sent = self._sent and getattr(error, "request_sent", True)
            self._failed(error, started, sent=self._sent)
            raise
        finally:
            self.in_flight = False
            session.concurrency.release()
            quota.release(sent=self._sent, answered=answered)
        elapsed = self._loop.time() - started
        self.sends += 1
        self.busy += elapsed
        if session.settings.on_event is not None:
            route = operation.request.route
            session.emit(RequestEvent(route, response.status, None, elapsed, len(self._attempts) + 1))
        return result

    async def _admission(self, quota: Quota) -> None:
        """Wait for a slot of the quota and a place among the requests in flight, and hold both."""
        priority, concurrency = self._priority, self._session.concurrency
        started = self._loop.time()
        while True:
            if not quota.try_acquire(priority):
                # A scan waits for as long as it takes: that time is not the group's.
                await quota.acquire(priority, math.inf if priority is Priority.BULK else self._deadline)
            if not concurrency.try_acquire(priority):
                await self._wait_for_place(quota)
            if not quota.paused_for():
                break
            # The gate closed after this call was let through, and before it was sent: back behind it.
            concurrency.release()
            quota.release(sent=False)
        if priority is Priority.BULK:
            # A scan's waits do not count against a group's time.
            self._deadline += self._loop.time() - started

    async def _wait_for_place(self, quota: Quota) -> None:
        interactive = self._priority is Priority.INTERACTIVE
        try:
            async with asyncio.timeout_at(self._deadline if interactive else None):
                await self._session.concurrency.acquire(self._priority)
        except TimeoutError:
            quota.release(sent=False)
            raise self._out_of_time() from None
        except BaseException:
            quota.release(sent=False)
            raise

    async def _exchange(self, started: float) -> Response:
        session = self._session
        settings = session.settings
        until = min(started + settings.attempt_timeout, self._deadline)
        key = settings.api_key
        failure: APITimeoutError
        try:
            if not isinstance(key, Secret):
                async with asyncio.timeout_at(until):
                    key = Secret(await key())
            self._sent = True
            return await session.transport.exchange(settings.server, self._operation.request, key, until)
        except APITimeoutError as error:
            failure, self._sent = error, error.request_sent
        except TimeoutError:
            failure = APITimeoutError("api_key: the callable gave no key in time", False, self._operation.request.route)
        if self._loop.time() >= self._deadline:
            raise self._out_of_time(failure)
        raise failure

    def _out_of_time(self, error: PartooError | None = None) -> DeadlineExceededError:
        route, timeout = self._operation.request.route, self._session.settings.timeout
        return DeadlineExceededError(f"{route}: no answer within timeout={timeout:g} s", self._last_error or error)

    def _judge(self, operation: Operation[T], response: Response) -> T:
        """Return the typed answer, or raise what its status or its body calls for."""
        route = operation.request.route
        if 200 <= response.status < 300:
            problem = ""
            try:
                return operation.read(self._session.decoder, response.body, route)
            except InvalidJSONError as error:
                problem = str(error)
            # It may have been cut on its way, so that the next try brings the whole.
            invalid = APIResponseValidationError((f"{problem} @ $",), response.status, route)
            invalid.transient = True
            raise invalid
        raise self._status_error(response, route)

    def _status_error(self, response: Response, route: str) -> APIStatusError:
        status, headers = response.status, response.headers
        retry_after = parse_retry_after(headers.get("Retry-After"), headers.get("Date"), now=datetime.now(UTC))
        body, raw = decode_error_body(status, response.body)
        # A page of HTML says nothing in one line; it stays in ``body``.
        detail = "" if isinstance(raw, str) and raw.startswith("<") else describe_errors(raw)
        error = error_class(status)(status, body, route, retry_after, detail, str(self._session.settings.server))
        error.transient = retryable_status(status)
        return error

    def _failed(self, error: PartooError, started: float, *, sent: bool) -> None:
        """Note a failed attempt, and close the gate when the server asks for it."""
        elapsed = self._loop.time() - started
        status = error.status if isinstance(error, APIStatusError) else None
        kind = type(error).__name__
        self.sends += sent
        self.busy += elapsed
        self._last_error = error
        self._attempts.append(Attempt(kind if status is None else str(status), elapsed, sent))
        session, route = self._session, self._operation.request.route
        if isinstance(error, RateLimitError):
            session.emit(PauseEvent(route, session.quota.pause(error.retry_after)))
        if not isinstance(error, APIConnectionError) or error.request_sent:
            session.emit(RequestEvent(route, status, kind, elapsed, len(self._attempts)))
