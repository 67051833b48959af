"""Send a read once more when its connection was closed already (RFC 9110, section 9.2.2)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from partoo_async._transport import HeldBackError
from partoo_async.errors import APIConnectionError, PartooError, QuotaExceededError
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from partoo_async._protocol.operations import Operation

__all__ = ["Resender"]

T = TypeVar("T")


class Sender(Protocol):
    """What is needed of a call."""

    priority: Priority
    last_try: bool

    async def send(self, operation: Operation[T], *, fresh: bool = False) -> T:
        """Send once. ``fresh``: on a new connection."""

    def stopped_error(self) -> BaseException:
        """Return the error of a call that was stopped."""


class Resender:
    """The second sends of a client's calls."""

    # Servers and proxies close idle connections as they like. That is no outage, so a resend is no retry: it costs a
    # slot of the quota, but no token of the retry throttle.

    def __init__(self) -> None:
        # Resends that met no open connection either: then the server is gone.
        self._failed = 0
        # Scans resend one request at a time, or an outage would cost all that are in flight a second one.
        self._bulk_lock = asyncio.Lock()

    async def send(self, call: Sender, operation: Operation[T]) -> T:
        """Send, and resend if need be."""
        try:
            return await call.send(operation)
        except (APIConnectionError, HeldBackError) as error:
            first = error
        return await self.resend(call, operation, first)

    async def resend(self, call: Sender, operation: Operation[T], first: PartooError | HeldBackError) -> T:
        """Send again after the ``first`` send failed, or raise its error."""
        failure: BaseException = first
        if isinstance(first, HeldBackError):
            try:
                return await _send_after_pause(call, operation)
            except APIConnectionError as error:
                failure = error
        if not (isinstance(failure, APIConnectionError) and failure.stale and operation.idempotent) or call.last_try:
            raise failure
        failed_before = self._failed
        # If no slot is free in time, the first failure says more.
        with suppress(QuotaExceededError):
            if call.priority is Priority.INTERACTIVE:
                return await self._send_fresh(call, operation)
            async with self._bulk_lock:
                if self._failed == failed_before and not call.last_try:
                    return await self._send_fresh(call, operation)
        raise failure

    async def _send_fresh(self, call: Sender, operation: Operation[T]) -> T:
        try:
            with suppress(HeldBackError):
                return await call.send(operation, fresh=True)
            return await _send_after_pause(call, operation, fresh=True)
        except APIConnectionError:
            self._failed += 1
            raise


async def _send_after_pause(call: Sender, operation: Operation[T], *, fresh: bool = False) -> T:
    """Send what was held back because a pause began while it connected."""
    while not call.last_try:
        with suppress(HeldBackError):
            return await call.send(operation, fresh=fresh)
    raise call.stopped_error()
