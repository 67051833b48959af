"""What a call waits for before it is sent: a key, a slot of that key's quota, and a place among those in flight."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._internal.secret import Secret, ask_for_key
from partoo_async.errors import DeadlineExceededError, PartooError
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from partoo_async._call.context import CallContext
    from partoo_async._protocol.operations import Operation
    from partoo_async.quota import Quota

__all__ = ["Admission", "KeyChangedError"]

T = TypeVar("T")


class KeyChangedError(PartooError):
    """A read that several callers share would have to go on with another key than theirs: they ask anew."""


class Admission:
    """The waiting part of a call."""

    context: CallContext
    in_flight: bool
    last_try: bool
    _ambient: float
    _asked: Secret | None = None
    _deadline: float
    _last_error: PartooError | None = None
    _loop: asyncio.AbstractEventLoop
    _operation: Operation[Any]
    priority: Priority
    _shared_by: str | None = None
    quota: Quota

    async def send(self, operation: Operation[T], *, fresh: bool = False) -> T:
        """Send once, when quota and cap allow, on a new connection if ``fresh``; return the typed result."""
        raise NotImplementedError

    def abort(self) -> None:
        """End a call of a client that is being closed. One whose request is out waits for nothing after that."""
        raise NotImplementedError

    def _failed(self, error: PartooError, started: float, *, sent: bool) -> PartooError:
        """Note a failed attempt and return what is to be raised."""
        raise NotImplementedError

    async def ask(self, source: Callable[[], Awaitable[str]]) -> Secret:
        """Return the key that a callable of the caller's gives, and take the quota of that key."""
        route, started = self._operation.request.route, self._loop.time()
        key, self._asked = self._asked, None
        if key is None:
            try:
                until = min(started + self.context.settings.attempt_timeout, self._deadline)
                key = await ask_for_key(source, until, route)
            except PartooError as error:
                failure = self._failed(error, started, sent=False)
            if key is None:
                raise failure
        if self._shared_by not in (None, key.fingerprint):
            raise KeyChangedError(f"{route}: the callable gives another key by now")
        self.quota = self.context.quotas.of(key)
        return key

    def _admitted(self, quota: Quota) -> bool:
        """Take a slot and a place, if that needs no waiting: nearly always."""
        if not quota.try_acquire(self.priority, self._loop):
            return False
        if self.context.concurrency.try_acquire(self.priority):
            return True
        quota.release(sent=False)
        return False

    async def _admission(self, key: Secret) -> tuple[Secret, Quota]:
        """Wait for a slot of the quota and a place among the requests in flight, and hold both.

        Return the key to send with, and whose quota it is. One that a callable gives is asked for anew after the
        wait, in which it may have expired.
        """
        priority, concurrency, source = self.priority, self.context.concurrency, self.context.settings.api_key
        started = self._loop.time()
        while True:
            quota = self.quota
            if not quota.try_acquire(priority):
                # A scan waits for as long as it takes: that time is not the group's.
                await quota.acquire(priority, self._ambient if priority is Priority.BULK else self._deadline)
            if not concurrency.try_acquire(priority):
                await self._wait_for_place(quota)
            if priority is Priority.BULK:
                # A scan's waits do not count against a group's time.
                now = self._loop.time()
                self._deadline = min(self._deadline + now - started, self._ambient)
                started = now
            try:
                if not isinstance(source, Secret):
                    key = await self.ask(source)
            except BaseException:
                self._give_back(quota)
                raise
            if self.quota is not quota and self.quota.try_acquire(priority):
                quota.release(sent=False)  # in exchange: a callable may give several keys in turn
                quota = self.quota
            if self.quota is quota and quota.is_open():
                return key, quota
            # The gate closed after this call was let through, and before it was sent: back behind it.
            self._give_back(quota)

    def _give_back(self, quota: Quota) -> None:
        self.context.concurrency.release()
        quota.release(sent=False)

    async def _wait_for_place(self, quota: Quota) -> None:
        until = self._deadline if self.priority is Priority.INTERACTIVE else self._ambient
        try:
            async with asyncio.timeout_at(None if until == math.inf else until):
                await self.context.concurrency.acquire(self.priority)
        except BaseException as error:
            quota.release(sent=False)
            if isinstance(error, TimeoutError):
                raise self._out_of_time() from None
            raise

    def _out_of_time(self, error: PartooError | None = None) -> DeadlineExceededError:
        own = self._deadline < self._ambient
        bound = f"timeout={self.context.settings.timeout:g} s" if own else "the time that deadline() gives"
        text = f"{self._operation.request.route}: no answer within {bound}"
        return DeadlineExceededError(text, self._last_error or error)
