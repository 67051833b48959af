"""What a call waits for before it sends: a slot of the quota, and a place in flight."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from partoo_async._internal.secret import Secret
from partoo_async.errors import DeadlineExceededError, PartooError
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from partoo_async._call.context import CallContext
    from partoo_async._protocol.operations import Operation
    from partoo_async.quota import Quota

__all__ = ["Admission"]


class Admission:
    """The admission of one call, each of whose attempts needs it anew."""

    context: CallContext
    operation: Operation[Any]
    priority: Priority
    quota: Quota
    queued: float = 0.0
    """Seconds that the present attempt waited."""
    queues_since: float | None = None
    """Event-loop time, while it waits."""
    _loop: asyncio.AbstractEventLoop
    _deadline: float
    _ambient: float
    _last_error: PartooError | None = None

    async def fetch_key(self, source: Callable[[], Awaitable[str]]) -> Secret:
        """Return the key that the caller's ``source`` gives, and use the quota of that key."""
        raise NotImplementedError

    def _try_admit(self, quota: Quota) -> bool:
        """Take a slot and a place in flight if both are free, as they mostly are."""
        if not quota.try_acquire(self.priority, self._loop):
            return False
        if self.context.concurrency.try_acquire(self.priority):
            return True
        quota.release(sent=False)
        return False

    async def _wait_for_admission(self, key: Secret) -> tuple[Secret, Quota]:
        """Wait for a slot and a place in flight. Return the key to send with, and its quota."""
        priority, source, bulk = self.priority, self.context.settings.api_key, self.priority is Priority.BULK
        self.queues_since = began = started = self._loop.time()
        # A scan waits for as long as its own deadline lets it: its waits do not count against a group's timeout.
        until = self._ambient if bulk else self._deadline
        while True:
            quota = self.quota
            if not quota.try_acquire(priority):
                await quota.acquire(priority, until)
            await self._acquire_place(quota, until)
            if bulk:
                now = self._loop.time()
                self._deadline = min(self._deadline + now - started, self._ambient)
                started = now
            try:
                if not isinstance(source, Secret):
                    key = await self.fetch_key(source)  # the last one may have expired in the wait
            except BaseException:
                self._release(quota)
                raise
            if self.quota is not quota and self.quota.try_acquire(priority):
                quota.release(sent=False)  # a callable may give several keys in turn: the slots are exchanged
                quota = self.quota
            if self.quota is quota and quota.is_open():
                # Added: a pause may begin while the request still connects, and it waits again.
                self.queued, self.queues_since = self.queued + self._loop.time() - began, None
                return key, quota
            # A pause began after the slot was taken, and before anything was sent: wait again.
            self._release(quota)

    async def _acquire_place(self, quota: Quota, until: float) -> None:
        concurrency = self.context.concurrency
        if concurrency.try_acquire(self.priority):
            return
        try:
            async with asyncio.timeout_at(None if until == math.inf else until):
                await concurrency.acquire(self.priority)
        except BaseException as error:
            quota.release(sent=False)
            if isinstance(error, TimeoutError):
                raise self._out_of_time() from None
            raise

    def _release(self, quota: Quota) -> None:
        self.context.concurrency.release()
        quota.release(sent=False)

    def _out_of_time(self, error: PartooError | None = None) -> DeadlineExceededError:
        own = self._deadline < self._ambient
        bound = f"timeout={self.context.settings.timeout:g} s" if own else "the time that deadline() gives"
        text = f"{self.operation.request.route}: no response within {bound}"
        return DeadlineExceededError(text, self._last_error or error)
