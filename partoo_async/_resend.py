"""A read that met a connection which had been closed meanwhile, sent once more (RFC 9110, 9.2.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from partoo_async._transport import HeldBackError
from partoo_async.errors import APIConnectionError, QuotaExceededError

if TYPE_CHECKING:
    from partoo_async._call import Call
    from partoo_async._operations import Operation

__all__ = ["attempt"]

T = TypeVar("T")


async def attempt(call: Call, operation: Operation[T]) -> T:
    """Send, and at once a second time if the first went out on a connection that was closed already.

    Servers and proxies close idle connections as they like: that is no outage, and so neither a retry nor a token of
    their budget. It is a request, though, and takes a slot of the quota like any other.
    """
    failure: APIConnectionError | None = None
    while True:
        try:
            return await call.send(operation, fresh=failure is not None)
        except HeldBackError:
            if call.last_try:
                raise failure or asyncio.CancelledError from None  # stopped meanwhile: it does not queue up again
            # the gate has closed since: back behind it
        except QuotaExceededError:
            if failure is None:
                raise
            break  # no slot is free in time: the first failure is the one to tell of
        except APIConnectionError as error:
            if failure is not None or not (error.stale and operation.idempotent) or call.last_try:
                raise
            failure = error
    raise failure
