"""While the server answers nobody, a scan holds: one asks now and then, and its first answer lets all go on."""

from __future__ import annotations

import asyncio
import logging
import random
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._call.call import Call
from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.retrying import RetryThrottle, wait_after
from partoo_async._transport import HeldBackError
from partoo_async.errors import APIResponseValidationError, APIStatusError, DeadlineExceededError, PartooError
from partoo_async.events import HoldEvent
from partoo_async.policy import RetryPolicy
from partoo_async.scan.tries import OutageError, Tries, in_words, sent, suspicious, within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from partoo_async._protocol.operations import Operation
    from partoo_async.session import PartooSession

__all__ = ["Outage"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async.scan")

# One request that fails is that request's affair, two may be a coincidence.
_IN_A_ROW = 3
_ASKING = RetryPolicy(initial_backoff=0.5, max_backoff=5.0)


class Outage:
    """Tells a server that is gone from a request that fails, for the calls of one scan.

    A server is under suspicion when three different requests have failed in a row, or when one is to be given up. From
    that moment nobody sends but the one whose turn it is to ask: for what had succeeded last. An answer to that clears
    the server; a fault makes it an outage, and so do three failures before anything has succeeded.

    ``ask`` sends a request once, for a call that has it for its own. ``calls``: all that are under way. ``most``: for
    how many seconds at most a scan holds; before its first success, for a call's ``timeout``: a wrong address is told
    soon.
    """

    def __init__(
        self,
        session: PartooSession,
        ask: Callable[[Operation[Any], Call, Call | None], Awaitable[Any]],
        calls: Collection[Call],
        most: float,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self._ask = ask
        self._calls = calls
        self._most = most
        self._chance = chance
        # The scan's own budget of repeats: a scan and interactive calls do not use up each other's.
        self._throttle = RetryThrottle()
        self._suspects: set[str] = set()  # what has failed since the last success
        self._good: Operation[Any] | None = None  # what succeeded last
        self._waiting: set[Call] = set()
        self._recalled: set[Call] = set()
        self._turn = asyncio.Lock()
        self._asking: tuple[Call | None, Call] | None = None  # for whom, and the request
        self._closed_at: float | None = None
        self._sure = False
        self._outages = self._asked = self._silent = 0
        self._next = self._queued = 0.0
        self._error: PartooError | None = None

    @property
    def held_for(self) -> float:
        """For how many seconds the scan has held, 0.0 while it does not."""
        began = self._closed_at if self._sure else None
        return 0.0 if began is None else asyncio.get_running_loop().time() - began

    @property
    def held_by(self) -> str:
        """Why it holds, in few words, "" while it does not."""
        return in_words(self._error) if self._sure and self._error is not None else ""

    @property
    def asks_in(self) -> float:
        """In how many seconds the server is asked again; 0.0 when that is being done, or need not be."""
        return max(0.0, self._next - asyncio.get_running_loop().time()) if self._sure else 0.0

    async def run(self, call: Call, operation: Operation[T]) -> T:
        """Return the operation's result, however long the server is gone meanwhile.

        Raises the call's own error when it fails while others succeed, and ``OutageError``.
        """
        first: PartooError | HeldBackError | None = None
        seen = self._outages
        if self._closed_at is None:
            try:
                result = await call.send(operation)
            except (PartooError, HeldBackError) as error:
                first = error
            except asyncio.CancelledError:
                if not self._was_recalled(call):
                    raise
            else:
                self._succeeded(operation)
                return result
        return await self._persist(call, operation, first, seen)

    async def _persist(
        self, call: Call, operation: Operation[T], first: PartooError | HeldBackError | None, seen: int
    ) -> T:
        """Go on after the ``first`` send failed, if it did and was not held. ``seen``: the outages before it."""
        result: T | None = None
        failure: PartooError | None = None
        if first is not None:
            result, failure = await self._attempt(call, operation, first)
        tries: Tries | None = None
        busy = 0.0
        while result is None:
            if failure is not None and (call.last_try or not suspicious(failure)):
                self._suspects.clear()
                raise failure
            if self._closed_at is not None or failure is not None:
                tries = tries or Tries(self._session.settings, self._throttle, self._chance, self._good)
                result = await self._wait(call, operation, failure, tries, seen, busy)
            seen, busy = self._outages, call.request_seconds
            if result is None:
                result, failure = await self._attempt(call, operation, None)
        self._succeeded(operation)
        return result

    async def _attempt(
        self, call: Call, operation: Operation[Any], first: PartooError | HeldBackError | None
    ) -> tuple[Any, PartooError | None]:
        """Send, after the ``first`` failure if any. Return the result, the failure, or neither when recalled."""
        try:
            return await (sent(call, operation) if first is None else call.retry(operation, first)), None
        except PartooError as error:
            return None, error
        except asyncio.CancelledError:
            if not self._was_recalled(call):
                raise
            return None, None

    def _succeeded(self, operation: Operation[Any]) -> None:
        self._good = operation
        self._throttle.succeeded()
        if self._suspects:
            self._suspects.clear()

    async def _wait(
        self, call: Call, operation: Operation[T], failure: PartooError | None, tries: Tries, seen: int, busy: float
    ) -> T | None:
        """Return when the call is to be sent, again after a failure, or the answer if it was asked for meanwhile.

        Raises the failure when the call is given up.
        """
        self._waiting.add(call)
        answer: T | None = None
        try:
            if failure is None:
                answer = await self._hold(call, operation)
            elif not tries.excuses(call.overrun):
                wait = tries.after(failure, call.request_seconds - busy) if seen == self._outages else 0.0
                # Found out before the last try, too, if no success of another key has told.
                last = wait is None or (tries.one_left and tries.good is self._good)
                answer = await self._find_out(call, seen, operation, failure, last=last)
                if answer is None and seen == self._outages:
                    if wait is None:
                        raise failure
                    call.on_retry(failure, wait)
                    await asyncio.sleep(wait)
                    answer = await self._hold(call, operation)
        finally:
            self._waiting.discard(call)
        if seen != self._outages:
            # An outage is not this key's fault, even one that began a little later: it starts anew.
            tries.forget(self._good)
            call.request_seconds = busy
        call.set_timeout(tries.left)
        return answer

    def _was_recalled(self, call: Call) -> bool:
        task = asyncio.current_task()
        if call not in self._recalled or task is None:
            return False
        self._recalled.discard(call)
        return not task.uncancel()

    async def _find_out(
        self, call: Call, seen: int, operation: Operation[T], error: PartooError, *, last: bool
    ) -> T | None:
        """Return when the way is open, and if need be it is known whether this failure was the server's: an outage.

        ``seen``: how many outages there had been when the request left; ``last``: the key may be given up.
        """
        if seen == self._outages:
            self._suspects.add(operation.request.path)
            doubtful = len(self._suspects) >= _IN_A_ROW or (last and self._good is not None)
            if doubtful and self._closed_at is None:
                self._close(operation, error)
        return await self._hold(call, operation)

    def _close(self, operation: Operation[Any], error: PartooError) -> None:
        self._closed_at = self._next = asyncio.get_running_loop().time()
        self._asked = self._silent = 0
        self._queued = 0.0  # seconds in which who asked waited for the quota: the server was not silent then
        if self._good is None:
            self._no_answer(operation, error)
        for call in self._calls:
            # Not sent yet: it waits for a slot of the quota, say, and is not to leave when it gets one.
            if call.task is not None and not call.in_flight and call not in self._waiting:
                self._recalled.add(call)
                call.task.cancel()

    async def _hold(self, call: Call, operation: Operation[T]) -> T | None:
        """Return when the way is open. Who is first in line asks, and goes to its end after that."""
        answer: T | None = None
        while self._closed_at is not None:
            async with self._turn:
                if self._closed_at is not None:
                    until = min(self._closed_at + self._patience + self._queued, ambient_deadline())
                    answer = await self._look(call, operation, until)
        return answer

    @property
    def _patience(self) -> float:
        return self._most if self._good is not None else min(self._most, self._session.settings.timeout)

    def is_out(self, call: Call) -> bool:
        """Whether the call's own request is on its way, sent by itself or to ask; if so it is not sent again."""
        if self._asking is not None:
            self._asking[1].last_try = True
        return call.in_flight or (self._asking is not None and self._asking[0] is call and self._asking[1].in_flight)

    async def _look(self, call: Call, operation: Operation[T], until: float) -> T | None:
        """Wait for the moment to ask, and ask: in turns for what succeeded last and for this operation.

        Return the operation's answer, if it was that one: it need not be asked for again.
        """
        own = self._good is None or self._asked % 2 != 0
        asked: Operation[Any] = operation if own or self._good is None else self._good
        self._asked += 1
        loop, failure = asyncio.get_running_loop(), None
        await asyncio.sleep(min(self._next, until) - loop.time())
        started = loop.time()
        if until - started < 0.001:
            raise self._out_of_time()
        asking, answer = Call(partial(within, until - started)), None
        self._asking = (call if own else None), asking
        try:
            answer = await self._ask(asked, asking, call if own else None)
        except PartooError as error:
            failure = error
        finally:
            self._asking = None
        self._queued += loop.time() - started - asking.request_seconds
        if failure is not None and suspicious(failure):
            if call.last_try:
                raise failure
            self._no_answer(asked, failure)
            return None
        if failure is None or isinstance(failure, (APIStatusError, APIResponseValidationError)):
            self._answer(asked)
            if failure is None or not own:
                return answer if own else None
        raise failure

    def _no_answer(self, operation: Operation[Any], error: PartooError) -> None:
        """Note that it is an outage for sure, told once, and when to ask again."""
        self._silent += 1
        wait = wait_after(_ASKING, self._silent, error, lambda: 1 - self._chance() / 4)
        self._next = asyncio.get_running_loop().time() + wait
        self._error = error
        if not self._sure:
            self._sure = True
            self._outages += 1
            text = "scan: held, since nobody is answered: %s; it ends if that lasts for %g s"
            _logger.warning(text, error, self._patience)
            self._session.context.emit(HoldEvent(operation.request.route, 0.0, type(error).__name__))

    def _answer(self, operation: Operation[Any]) -> None:
        """Open the way."""
        if self._error is not None:
            held = self.held_for
            self._throttle.tokens = RetryThrottle.FULL  # what was in flight has paid for nothing
            _logger.info("scan: goes on after %.1f s, the server answers again", held)
            self._session.context.emit(HoldEvent(operation.request.route, held, type(self._error).__name__))
        self._closed_at = self._error = None
        self._sure = False
        self._suspects.clear()

    def _out_of_time(self) -> PartooError:
        if asyncio.get_running_loop().time() >= ambient_deadline():
            return DeadlineExceededError("no answer within the time that deadline() gives", self._error)
        return OutageError(f"nobody was answered for {self._patience:g} s; the last failure: {self._error}")
