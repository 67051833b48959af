"""Scans by the client as it is, with a simulated network in place of its connections, on a faked clock."""

from __future__ import annotations

import asyncio
import math
import random
from typing import TYPE_CHECKING, Any

from attrs import frozen

from benchmarks.quota_servers import KINDS
from partoo_async import PartooClient, RateLimit
from partoo_async._protocol.http import Request, Response
from partoo_async.emulator.http.request_log import busiest_window
from partoo_async.testing import MockTransport
from tests.support.virtual import run_virtual

if TYPE_CHECKING:
    from partoo_async._transport import Exchange
    from partoo_async.emulator.rate_limiters import RateLimiter

__all__ = ["Outcome", "SimulatedTransport", "worst"]


class SimulatedTransport(MockTransport):
    """A network and a server in place of the client's connections: 20 to 200 ms each way, whole-second Retry-After."""

    def __init__(self, window: RateLimiter, seed: int) -> None:
        self.window = window
        self.random = random.Random(seed)
        self.received: list[float] = []
        self.refused: list[float] = []
        self.closed = False

    async def send(self, exchange: Exchange) -> Response:
        request, _until = exchange.request, exchange.until
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.random.uniform(0.02, 0.2))
        self.received.append(loop.time())
        wait = self.window.admit()
        await asyncio.sleep(self.random.uniform(0.02, 0.2))
        if wait:
            self.refused.append(loop.time())
            return Response(429, {"Retry-After": str(math.ceil(wait))}, b"{}")
        return await self.answer(request)

    async def answer(self, request: Request) -> Response:
        """Respond to a request that the quota admits. Here every group there may be exists, and is empty."""
        group = request.path.rpartition("/")[2].encode()
        return Response(200, {}, b'{"id": %b, "name": "G", "has_puller": false, "business_ids": []}' % group)


@frozen
class Outcome:
    """What one scan took. ``most_refused``: 429s in the worst minute."""

    seconds: float
    refused: int
    most_refused: int
    failed: int


async def simulate(
    kind: str, requests: int, limit: RateLimit, *, spent: bool = False, other: float = 0.0, phase: float = 0.0
) -> Outcome:
    """Run one scan. ``other``: requests a second of another consumer; ``phase``: how far the server's clock is off."""
    loop = asyncio.get_running_loop()
    window = KINDS[kind][1](RateLimit(limit.requests, limit.per), lambda: loop.time() + phase)
    if spent:
        while not window.admit():
            pass
    transport = SimulatedTransport(window, requests)

    async def consume() -> None:
        while True:
            window.admit()
            await asyncio.sleep(1 / other)

    consumer = asyncio.create_task(consume()) if other else None
    client = PartooClient("key", server="http://127.0.0.1:9/v2", rate_limit=limit, transport=transport)
    async with client:
        report = await client.scan(7, group_ids=range(requests)).collect()
    if consumer is not None:
        consumer.cancel()
    assert len({item.group_id for item in report.items}) == requests
    assert busiest_window(transport.received, limit.per) <= limit.requests
    refused = transport.refused
    return Outcome(report.seconds, len(refused), busiest_window(refused, limit.per), len(report.failed))


def worst(kind: str, requests: int, limit: RateLimit, **options: Any) -> Outcome:
    """The slowest run. Only the counter that is tied to the server's clock depends on when a scan begins."""
    phases = range(0, 60, 10) if kind == "weighted" else (0,)
    runs = [run_virtual(simulate(kind, requests, limit, phase=phase, **options)) for phase in phases]
    return max(runs, key=lambda run: run.seconds)
