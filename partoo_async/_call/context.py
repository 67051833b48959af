"""What the calls of one client share."""

from __future__ import annotations

import asyncio

from attrs import define, field

from partoo_async._call.decode_budget import DecodeBudget
from partoo_async._call.lifecycle import Lifecycle
from partoo_async._call.quotas import Quotas
from partoo_async._call.retrying import RetryThrottle
from partoo_async._call.settings import Settings
from partoo_async._protocol.decoding import Decoder
from partoo_async._transport import Transport
from partoo_async.events import Emitter
from partoo_async.quota import Concurrency

__all__ = ["CallContext", "Resends"]


@define(eq=False)
class Resends:
    """Second sends of reads that met a closed connection."""

    # How many met no connection either: then the server is gone.
    failed: int = 0
    # Bulk work sends one at a time, or an outage would cost all that is in flight a second request.
    turn: asyncio.Lock = field(factory=asyncio.Lock)


@define(eq=False)
class CallContext:
    """All that a call needs. ``PartooSession`` makes it; a copy with other options shares what it does not change."""

    settings: Settings
    transport: Transport
    quotas: Quotas
    lifecycle: Lifecycle
    concurrency: Concurrency
    throttle: RetryThrottle
    decoder: Decoder
    emit: Emitter
    # These are bound to the event loop, and made anew for another one.
    decode_budget: DecodeBudget = field(factory=DecodeBudget)
    resends: Resends = field(factory=Resends)
