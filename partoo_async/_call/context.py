"""What the calls of one client share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partoo_async._call.decode_budget import DecodeBudget
from partoo_async._call.facts import QuotaStates
from partoo_async._call.resend import Resender
from partoo_async.policy import Priority

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from partoo_async._call.lifecycle import Lifecycle
    from partoo_async._call.quotas import SessionQuotas
    from partoo_async._call.retrying import RetryThrottle
    from partoo_async._call.settings import Settings
    from partoo_async._call.silence import Silence
    from partoo_async._protocol.decoding import Decoder
    from partoo_async._protocol.operations import Operation
    from partoo_async._transport import Transport
    from partoo_async.observers import Emitter
    from partoo_async.quota import Concurrency
    from partoo_async.servers import Server

__all__ = ["CallContext", "start_read"]


class CallContext:
    """All that a call needs. A copy of a session shares what it does not change."""

    __slots__ = (
        "concurrency",
        "decode_budget",
        "decoder",
        "emit",
        "lifecycle",
        "new_call",
        "quota_states",
        "quotas",
        "resender",
        "settings",
        "status_form",
        "throttle",
        "transport",
    )

    def __init__(
        self,
        *,
        settings: Settings,
        transport: Transport,
        quotas: SessionQuotas,
        lifecycle: Lifecycle,
        concurrency: Concurrency,
        throttle: RetryThrottle,
        decoder: Decoder,
        emit: Emitter | Silence,
        new_call: Callable[..., Any],
    ) -> None:
        self.settings: Settings = settings
        self.transport: Transport = transport
        self.quotas: SessionQuotas = quotas
        self.lifecycle: Lifecycle = lifecycle
        self.concurrency: Concurrency = concurrency
        self.throttle: RetryThrottle = throttle
        self.decoder: Decoder = decoder
        self.emit: Emitter | Silence = emit
        self.new_call: Callable[..., Any] = new_call
        self.quota_states: QuotaStates = QuotaStates()  # for errors
        # Which of the documented spellings of a status a server takes: an index of ``business_query.status_forms``.
        self.status_form: dict[Server, int] = {}
        # These belong to an event loop, and are made anew for another one.
        self.decode_budget: DecodeBudget = DecodeBudget()
        self.resender: Resender = Resender()

    def changed(self, **others: Any) -> CallContext:
        """Return a copy that shares all but these."""
        copy = CallContext.__new__(CallContext)
        for name in CallContext.__slots__:
            setattr(copy, name, others[name] if name in others else getattr(self, name))
        return copy


def start_read(
    context: CallContext, operation: Operation[Any], loop: asyncio.AbstractEventLoop, until: float
) -> Coroutine[Any, Any, Any]:
    """Return the call of a read that others may share, which ends at the event-loop time ``until``."""
    call: Coroutine[Any, Any, Any] = context.new_call(until=until).run(context, operation, Priority.INTERACTIVE, loop)
    return call
