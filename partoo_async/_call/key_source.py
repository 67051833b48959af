"""Shared reads of a client whose ``api_key`` is a callable."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._call.call import Call, KeyChangedError
from partoo_async._call.observed import ObservedCall
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from partoo_async._call.context import CallContext
    from partoo_async._call.single_flight import SingleFlight
    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.operations import Operation
    from partoo_async.errors import Attempt

__all__ = ["read_with_fetched_key"]

T = TypeVar("T")


class _KeyFetch(Call):
    """Fetches the key with the deadline and the retries of a call."""

    async def send(self, operation: Operation[Any], *, fresh: bool = False) -> Any:
        source: Any = self.context.settings.api_key
        return await self.fetch_key(source)


class _ObservedKeyFetch(_KeyFetch, ObservedCall):
    tells_success = False  # the call goes on


async def read_with_fetched_key(
    context: CallContext, reads: SingleFlight, operation: Operation[T], until: float, *, fresh: bool
) -> T:
    """Fetch the key, then read, alone or with others who have the same key. See ``SingleFlight.get``."""
    loop = asyncio.get_running_loop()
    untyped: Operation[Any] = operation
    before: tuple[Attempt, ...] = ()
    while True:
        fetch = _ObservedKeyFetch(until=until) if context.emit.active() else _KeyFetch(until=until)
        key: Secret = await fetch.run(context, untyped, Priority.INTERACTIVE, loop)
        start = partial(_start, context, operation, key, before)
        try:
            result: T = await reads.get(operation.request.path, start, until=until, fresh=fresh, key=key.fingerprint)
        except KeyChangedError as error:
            before = error.attempts  # they count, or a callable that gives keys in turn would be tried without end
            continue
        return result


def _start(
    context: CallContext, operation: Operation[T], key: Secret, before: tuple[Attempt, ...], until: float
) -> Coroutine[Any, Any, T]:
    call: Call = context.new_call(key=key, until=until, before=before)
    return call.run(context, operation, Priority.INTERACTIVE, asyncio.get_running_loop())
