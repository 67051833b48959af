"""What the calls of one client share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from partoo_async._call.decode_budget import DecodeBudget
from partoo_async._call.facts import QuotaStates
from partoo_async._call.lifecycle import Lifecycle
from partoo_async._call.quotas import SessionQuotas
from partoo_async._call.resend import Resender
from partoo_async._call.retrying import RetryThrottle
from partoo_async._call.settings import Settings
from partoo_async._protocol.decoding import Decoder
from partoo_async._transport import Transport
from partoo_async.observers import Emitter
from partoo_async.quota import Concurrency
from partoo_async.servers import Server

__all__ = ["CallContext"]


@define(eq=False, repr=False)
class CallContext:
    """All that a call needs. A copy of a session shares what it does not change."""

    settings: Settings
    transport: Transport
    quotas: SessionQuotas
    lifecycle: Lifecycle
    concurrency: Concurrency
    throttle: RetryThrottle
    decoder: Decoder
    emit: Emitter
    new_call: Callable[..., Any]
    quota_states: QuotaStates = field(factory=QuotaStates)  # for errors
    # Which of the documented spellings of a status a server takes: an index of ``business_query.status_forms``.
    status_form: dict[Server, int] = field(factory=dict)
    # These belong to an event loop, and are made anew for another one.
    decode_budget: DecodeBudget = field(factory=DecodeBudget)
    resender: Resender = field(factory=Resender)
