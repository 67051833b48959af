"""A read that met a connection which had been closed meanwhile, sent once more (RFC 9110, 9.2.2)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from partoo_async._transport import HeldBackError
from partoo_async.errors import APIConnectionError, ClientClosedError, PartooError, QuotaExceededError
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from partoo_async._call.admission import Admission
    from partoo_async._call.context import Resends
    from partoo_async._protocol.operations import Operation

__all__ = ["again", "attempt"]

T = TypeVar("T")


async def attempt(call: Admission, operation: Operation[T]) -> T:
    """Send, and at once a second time if the first went out on a connection that was closed already."""
    try:
        return await call.send(operation)
    except (APIConnectionError, HeldBackError) as error:
        first = error
    return await again(call, operation, first)


async def again(call: Admission, operation: Operation[T], first: PartooError | HeldBackError) -> T:
    """Go on after a send that failed; raises its error if the request does not go out again at once.

    Servers and proxies close idle connections as they like: that is no outage, and so neither a retry nor a token of
    their budget. It is a request, though, and takes a slot of the quota like any other.
    """
    resends = call.context.resends
    failure: BaseException = first
    if isinstance(first, HeldBackError):
        try:
            return await _send_behind_the_gate(call, operation)
        except APIConnectionError as error:
            failure = error
    if not (isinstance(failure, APIConnectionError) and failure.stale and operation.idempotent) or call.last_try:
        raise failure
    seen = resends.failed
    # If no slot is free in time, the first failure is the one to tell of.
    with suppress(QuotaExceededError):
        if call.priority is Priority.INTERACTIVE:
            return await _send_again(call, operation, resends)
        async with resends.turn:
            if resends.failed == seen and not call.last_try:
                return await _send_again(call, operation, resends)
    raise failure


async def _send_again(call: Admission, operation: Operation[T], resends: Resends) -> T:
    try:
        try:
            return await call.send(operation, fresh=True)
        except HeldBackError:
            pass
        return await _send_behind_the_gate(call, operation, fresh=True)
    except APIConnectionError:
        resends.failed += 1
        raise


async def _send_behind_the_gate(call: Admission, operation: Operation[T], *, fresh: bool = False) -> T:
    """Send what the gate has held back, since it closed while there was no connection yet."""
    while not call.last_try:
        with suppress(HeldBackError):
            return await call.send(operation, fresh=fresh)
    # Stopped meanwhile: it does not queue up again.
    if call.context.lifecycle.closed:
        raise ClientClosedError(f"{operation.request.route}: the client was closed while the call waited")
    raise asyncio.CancelledError
