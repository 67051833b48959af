"""A read with a key that a callable gives to each caller: it is shared with those who were given the same."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._call.admission import KeyChangedError
from partoo_async._call.call import Call
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from partoo_async._call.context import CallContext
    from partoo_async._call.single_flight import SingleFlight
    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.operations import Operation
    from partoo_async.errors import Attempt

__all__ = ["read_as_told"]

T = TypeVar("T")


class _KeyCall(Call):
    """Asks for the key, with the patience that a call has for it."""

    async def send(self, operation: Operation[Any], *, fresh: bool = False) -> Any:
        source: Any = self.context.settings.api_key
        return await self.ask(source)


async def read_as_told(
    context: CallContext, reads: SingleFlight, operation: Operation[T], until: float, *, fresh: bool
) -> T:
    """Return the result of a read. ``until``: the event loop time at which this caller gives up.

    Raises what a call raises. See ``SingleFlight.get`` for ``fresh``.
    """
    loop = asyncio.get_running_loop()
    untyped: Operation[Any] = operation
    before: tuple[Attempt, ...] = ()
    while True:
        key: Secret = await _KeyCall(until=until).run(context, untyped, Priority.INTERACTIVE, loop)
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
    return Call(key=key, until=until, before=before).run(
        context, operation, Priority.INTERACTIVE, asyncio.get_running_loop()
    )
