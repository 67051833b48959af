"""Tells an outage from requests that fail, and holds the scan until the server responds."""

# States:
#
#   up         Requests are sent.
#              -> suspected: three different requests failed in a row; or one key failed twice without a success in
#                 between, or is about to be given up.
#              -> down: three requests failed, and nothing has succeeded in this scan yet.
#   suspected  All calls hold, and one of them sends a probe.
#              -> up: the server responded, so the failures were those of their keys.
#              -> down: the probe failed.
#   down       An outage: all calls hold. One probe at a time is sent, with growing waits in between.
#              -> up: the server responded. Failures of before count for no key.
#              -> OutageError, which ends the scan: no response for ``max_outage`` seconds.
#
# Terms:
#
#   hold    A call waits and sends nothing, until the state is up.
#   probe   One request to see whether the server responds: in turns the operation that succeeded last, and the
#           operation of the call that sends it. The result of the latter is kept, it need not be read again.
#   recall  A call that waits for the quota is cancelled there and holds instead: it must not send when it is admitted.

from __future__ import annotations

import asyncio
import logging
import random
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.retrying import RetryThrottle, wait_after
from partoo_async._transport import HeldBackError
from partoo_async.errors import APIResponseValidationError, APIStatusError, DeadlineExceededError, PartooError
from partoo_async.events import HoldEvent
from partoo_async.policy import RetryPolicy
from partoo_async.scan.key_retries import KeyRetries, OutageError, may_be_outage, short_reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from partoo_async._call.call import Call
    from partoo_async._protocol.operations import Operation
    from partoo_async.session import PartooSession

__all__ = ["Outage"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async.scan")

# One failed request is that request's own failure, two may be a coincidence.
_SUSPICIOUS = 3
_PROBE_WAITS = RetryPolicy(initial_backoff=0.5, max_backoff=5.0)


class Outage:
    """Runs the calls of one scan, and holds them while the server is down."""

    def __init__(
        self,
        session: PartooSession,
        probe: Callable[[Operation[Any], Call, Call | None], Awaitable[Any]],
        calls: Collection[Call],
        max_outage: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self._send_probe = probe  # sends an operation once; its last argument is the call that it belongs to, if any
        self._calls = calls  # all that are running
        self._max_outage = max_outage  # seconds
        self._chance = chance
        # The scan's own retry budget: scans and interactive calls do not use up each other's.
        self._throttle = RetryThrottle()
        self._failed_paths: set[str] = set()  # since the last success
        self._last_good: Operation[Any] | None = None
        self._waiting: set[Call] = set()  # calls that hold, or sleep before a retry
        self._recalled: set[Call] = set()
        self._probe_lock = asyncio.Lock()
        self._probe: tuple[Call | None, Call] | None = None  # for which call, and the probe itself
        self._held_since: float | None = None  # event-loop time; None: up
        self._down = False
        self._outages = self._probes = self._failed_probes = 0
        self._next_probe = 0.0  # event-loop time
        self._quota_wait = 0.0  # seconds that probes waited for the quota: in those the server was not silent
        self._error: PartooError | None = None

    @property
    def held_for(self) -> float:
        """Seconds since the outage began, 0.0 without one."""
        began = self._held_since if self._down else None
        return 0.0 if began is None else asyncio.get_running_loop().time() - began

    @property
    def held_by(self) -> str:
        """The last failure of the outage in a few words, "" without one."""
        return short_reason(self._error) if self._down and self._error is not None else ""

    @property
    def probe_in(self) -> float:
        """Seconds until the next probe. 0.0 without an outage, or when it is being sent."""
        return max(0.0, self._next_probe - asyncio.get_running_loop().time()) if self._down else 0.0

    async def run(self, call: Call, operation: Operation[T]) -> T:
        """Return the operation's result, after any outage. Raises the key's own error or ``OutageError``."""
        # The first try is here and not in a function of its own: a frame less for nearly all requests.
        first: PartooError | HeldBackError | None = None
        seen = self._outages
        if self._held_since is None:
            try:
                result = await call.send(operation)
            except (PartooError, HeldBackError) as error:
                first = error
            except asyncio.CancelledError:
                if not self._was_recalled(call):
                    raise
            else:
                self.succeeded(operation)
                return result
        return await self._persist(call, operation, first, seen)

    async def _persist(
        self, call: Call, operation: Operation[T], first: PartooError | HeldBackError | None, seen: int
    ) -> T:
        """Go on after the ``first`` try failed, or None on hold. ``seen``: outages before it."""
        result: T | None = None
        failure: PartooError | None = None
        if first is not None:
            result, failure = await self._attempt(call, operation, first)
        retries: KeyRetries | None = None
        busy = 0.0
        while result is None:
            if failure is not None and (call.last_try or not may_be_outage(failure)):
                self._failed_paths.clear()
                raise failure
            if self._held_since is not None or failure is not None:
                retries = retries or KeyRetries(self._session.settings, self._throttle, self._chance, self._last_good)
                result = await self._wait(call, operation, failure, retries, seen, busy)
            seen, busy = self._outages, call.request_seconds
            if result is None:
                result, failure = await self._attempt(call, operation, None)
        self.succeeded(operation)
        return result

    async def _attempt(
        self, call: Call, operation: Operation[Any], first: PartooError | HeldBackError | None
    ) -> tuple[Any, PartooError | None]:
        """Send, or go on after the ``first`` failure. Return the result, the failure, or neither if recalled."""
        try:
            return await (_send(call, operation) if first is None else call.retry(operation, first)), None
        except PartooError as error:
            return None, error
        except asyncio.CancelledError:
            if not self._was_recalled(call):
                raise
            return None, None

    def succeeded(self, operation: Operation[Any]) -> None:
        """Note that the server has responded to this, here or to somebody else."""
        self._last_good = operation
        self._throttle.succeeded()
        if self._failed_paths:
            self._failed_paths.clear()

    async def _wait(
        self,
        call: Call,
        operation: Operation[T],
        failure: PartooError | None,
        tries: KeyRetries,
        seen: int,
        busy: float,
    ) -> T | None:
        """Return when to send the call, with its result if a probe has read it, or raise its failure."""
        self._waiting.add(call)
        result: T | None = None
        try:
            if failure is None:
                result = await self._hold(call, operation)
            elif not tries.excuses(call.overrun):
                wait = tries.after(failure, call.request_seconds - busy) if seen == self._outages else 0.0
                # The last keys of a scan are alone, and nobody else tells them of an outage: their retries would be
                # spent on it.
                lonely = wait is None or (tries.probe_due and tries.last_good is self._last_good)
                result = await self._doubt(call, seen, operation, failure, lonely=lonely)
                if result is None and seen == self._outages:
                    if wait is None:
                        raise failure
                    call.on_retry(failure, wait)
                    await asyncio.sleep(wait)
                    result = await self._hold(call, operation)
        finally:
            self._waiting.discard(call)
        if seen != self._outages:
            # The outage was not this key's fault, even if it began a little later: all its retries are left.
            tries.reset(self._last_good)
            call.request_seconds = busy
        call.set_timeout(tries.left)
        return result

    def _was_recalled(self, call: Call) -> bool:
        task = asyncio.current_task()
        if call not in self._recalled or task is None:
            return False
        self._recalled.discard(call)
        return not task.uncancel()

    async def _doubt(
        self, call: Call, seen: int, operation: Operation[T], error: PartooError, *, lonely: bool
    ) -> T | None:
        """Count a failure, and hold if it makes the server suspected. ``lonely``: this one is enough."""
        if seen == self._outages:
            self._failed_paths.add(operation.request.path)
            doubtful = len(self._failed_paths) >= _SUSPICIOUS or (lonely and self._last_good is not None)
            if doubtful and self._held_since is None:
                self._suspect(operation, error)
        return await self._hold(call, operation)

    def _suspect(self, operation: Operation[Any], error: PartooError) -> None:
        """Change to suspected or down, and recall the calls that were not sent yet."""
        self._held_since = self._next_probe = asyncio.get_running_loop().time()
        self._probes = self._failed_probes = 0
        self._quota_wait = 0.0
        if self._last_good is None:
            self._probe_failed(operation, error)
        for call in self._calls:
            if call.task is not None and not call.in_flight and call not in self._waiting:
                self._recalled.add(call)
                call.task.cancel()

    async def _hold(self, call: Call, operation: Operation[T]) -> T | None:
        """Return when the state is up. Each call in turn sends a probe."""
        result: T | None = None
        while self._held_since is not None:
            async with self._probe_lock:
                if self._held_since is not None:
                    until = min(self._held_since + self._patience + self._quota_wait, ambient_deadline())
                    result = await self._probe_once(call, operation, until)
        return result

    @property
    def _patience(self) -> float:
        # Before the first success no longer than a call's timeout: a wrong address is reported soon.
        most = self._max_outage
        return most if self._last_good is not None else min(most, self._session.settings.timeout)

    def stop(self) -> None:
        """Do not repeat the probe that is in flight."""
        if self._probe is not None:
            self._probe[1].last_try = True

    def in_flight(self, call: Call) -> bool:
        """Whether a request for the call is in flight, a probe included."""
        return call.in_flight or (self._probe is not None and self._probe[0] is call and self._probe[1].in_flight)

    async def _probe_once(self, call: Call, operation: Operation[T], until: float) -> T | None:
        """Send the next probe at its time. Return the result if it was that of this operation."""
        own = self._last_good is None or self._probes % 2 != 0
        probed: Operation[Any] = operation if own or self._last_good is None else self._last_good
        self._probes += 1
        loop, failure = asyncio.get_running_loop(), None
        await asyncio.sleep(min(self._next_probe, until) - loop.time())
        started = loop.time()
        if until - started < 0.001:
            raise self._out_of_time()
        probe, result = self._session.context.new_call(partial(_send_within, until - started)), None
        self._probe = (call if own else None), probe
        try:
            result = await self._send_probe(probed, probe, call if own else None)
        except PartooError as error:
            failure = error
        finally:
            self._probe = None
        self._quota_wait += loop.time() - started - probe.request_seconds
        if failure is not None and may_be_outage(failure):
            if call.last_try:
                raise failure
            self._probe_failed(probed, failure)
            return None
        # A 404 is a response as well.
        if failure is None or isinstance(failure, (APIStatusError, APIResponseValidationError)):
            self._recovered(probed)
            if failure is None or not own:
                return result if own else None
        raise failure

    def _probe_failed(self, operation: Operation[Any], error: PartooError) -> None:
        """Change to down, and set the time of the next probe."""
        self._failed_probes += 1
        wait = wait_after(_PROBE_WAITS, self._failed_probes, error, lambda: 1 - self._chance() / 4)
        self._next_probe = asyncio.get_running_loop().time() + wait
        self._error = error
        if not self._down:
            self._down = True
            self._outages += 1
            text = "scan: on hold, the server does not respond: %s; the scan ends if that lasts for %g s"
            _logger.warning(text, error, self._patience)
            request = operation.request
            self._session.context.emit(HoldEvent(request.route, 0.0, type(error).__name__, request.template))

    def _recovered(self, operation: Operation[Any]) -> None:
        """Change to up."""
        if self._error is not None:
            held = self.held_for
            self._throttle.tokens = RetryThrottle.FULL  # what was in flight has paid, and got nothing
            _logger.info("scan: goes on after %.1f s on hold, the server responds again", held)
            request = operation.request
            self._session.context.emit(HoldEvent(request.route, held, type(self._error).__name__, request.template))
        self._held_since = self._error = None
        self._down = False
        self._failed_paths.clear()

    def _out_of_time(self) -> PartooError:
        if asyncio.get_running_loop().time() >= ambient_deadline():
            return DeadlineExceededError("no response within the time that deadline() gives", self._error)
        return OutageError(f"the server did not respond for {self._patience:g} s; the last failure: {self._error}")


async def _send(call: Call, operation: Operation[T]) -> T:
    """Send a call, with the repeats that it makes by itself."""
    try:
        return await call.send(operation)
    except (PartooError, HeldBackError) as error:
        first = error
    return await call.retry(operation, first)


async def _send_within(seconds: float, call: Call, operation: Operation[T]) -> T:
    call.set_timeout(seconds)
    return await _send(call, operation)
