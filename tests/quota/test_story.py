"""Whole clients in virtual time: random networks, cancellations, 429s, scans beside calls, one shared quota."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from typing import Any

import pytest

from partoo_async import APIConnectionError, APITimeoutError, PartooClient, PartooError, RateLimit, Server
from partoo_async._protocol.http import Response
from partoo_async._transport import Exchange
from partoo_async.quota import Quota
from partoo_async.testing import MockTransport
from tests.support.virtual import run_virtual

SERVER = Server("fake", "http://127.0.0.1:9/v2")


class Network(MockTransport):
    """Stands in for the transport: dawdles, drops, refuses, and keeps the server's log of arrivals."""

    def __init__(self, chance: random.Random, slowest: float) -> None:
        self.chance = chance
        self.slowest = slowest
        self.arrivals: list[float] = []
        self.in_flight = self.most_in_flight = 0
        self.closed = False

    async def send(self, exchange: Exchange) -> Response:
        request, until = exchange.request, exchange.until
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            async with asyncio.timeout_at(until):
                return await self._serve(int(request.path.rpartition("/")[2]), exchange)
        except TimeoutError:
            raise APITimeoutError("slow") from None
        finally:
            self.in_flight -= 1

    async def _serve(self, group_id: int, exchange: Exchange) -> Response:
        if self.chance.random() < 0.02:
            exchange.sent = False
            raise APIConnectionError("refused", False)
        there, arrived = self.chance.uniform(0, self.slowest), False
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(there)
            self.arrivals.append(loop.time())
            arrived = True
            await asyncio.sleep(self.chance.uniform(0, self.slowest))
        finally:
            if not arrived:
                # Given up on, but on its way: a loaded server reads what a closed connection has brought, too.
                self.arrivals.append(loop.time() + self.chance.uniform(0, 15.0))
        kind = self.chance.random()
        if kind < 0.01:
            return Response(429, {"Retry-After": str(self.chance.choice([0, 1, 20]))}, b"")
        if kind < 0.03:
            return Response(503, {}, b"")
        if kind < 0.05:
            raise APIConnectionError("cut", True)
        body = b'{"id":%d,"name":"G","has_puller":false,"business_ids":[]}' % group_id
        return Response(200, {}, body)


def client_on(network: Network, **options: Any) -> PartooClient:
    return PartooClient("key", server=SERVER, transport=network, **options)


async def story(seed: int) -> int:
    chance = random.Random(seed)
    limit = RateLimit(chance.choice([5, 30, 100]), chance.choice([2.0, 60.0]), reserve=chance.choice([0.0, 0.1, 0.5]))
    network = Network(chance, chance.choice([0.01, 1.0, 40.0]))
    clients = [client_on(network, rate_limit=limit, max_concurrency=8, timeout=300.0) for _ in range(3)]
    cancelled = outcomes = 0

    async def call(client: PartooClient, number: int) -> None:
        nonlocal cancelled
        try:
            await client.groups.get(7, number)
        except PartooError:
            pass
        except asyncio.CancelledError:
            cancelled += 1
            raise

    async def scan(client: PartooClient, keys: int) -> None:
        nonlocal outcomes
        # On the slowest network one try in twenty is answered in 15 s: an outage, to a scan that is less patient.
        patient = client.with_options(timeout=1e6, attempt_timeout=60.0)
        async with patient.scan(7, group_ids=range(keys), max_outage=1e6) as running:
            seen = [item.group_id async for item in running]
        assert sorted(seen) == list(range(keys)), f"seed {seed}"
        outcomes += keys

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        group.create_task(scan(clients[0], 120))
        group.create_task(scan(clients[1], 60))
        for number in range(120):
            task = group.create_task(call(chance.choice(clients), number % 40))
            if chance.random() < 0.15:
                loop.call_later(chance.uniform(0, limit.per), task.cancel)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.expovariate(1.0) * limit.per / 4)
    quota = clients[0].session.quota
    assert outcomes == 180
    assert all(client.session.quota is quota for client in clients)
    assert all("0 of 8 in flight, 0 waiting" in repr(client.session.context.concurrency) for client in clients), (
        f"seed {seed}"
    )
    await asyncio.sleep(limit.per * 1.1 + 16)
    assert (quota.snapshot().used, quota.snapshot().waiting) == (0, 0), f"seed {seed}: {quota!r}"
    assert network.most_in_flight <= 24
    assert busiest(network.arrivals, limit.per) <= limit.requests, f"seed {seed}"
    return len(network.arrivals)


def busiest(arrivals: list[float], per: float) -> int:
    window: deque[float] = deque()
    most = 0
    for moment in sorted(arrivals):
        window.append(moment)
        while moment - window[0] > per:
            window.popleft()
        most = max(most, len(window))
    return most


@pytest.mark.parametrize("stories", [6, pytest.param(40, marks=pytest.mark.soak)])
def test_whole_clients_keep_the_window(stories: int, caplog: pytest.LogCaptureFixture) -> None:
    """Three clients of one organization, scans and calls, drops, 429s and cancellations: the server's window holds,
    every key of a scan has one outcome, and no slot of the quota or of the cap leaks."""
    caplog.set_level(logging.CRITICAL)
    assert sum(run_virtual(story(seed), tick=seed % 2 * 1e-5) for seed in range(stories)) > 250 * stories


async def test_the_shared_quota_is_per_loop() -> None:
    """Clients find the same quota again in the same loop, and an explicit one wherever it is passed."""
    one, two = client_on(Network(random.Random(0), 1)), client_on(Network(random.Random(0), 1))
    assert one.session.quota is two.session.quota
    mine = Quota(RateLimit(3, 1.0))
    assert client_on(Network(random.Random(0), 1), quota=mine).session.quota is mine
