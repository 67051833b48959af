"""A server in front of the API that knows no bursts, and says 429 without Retry-After: its limit is learnt."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from itertools import pairwise
from typing import Any

import pytest

from partoo_async import PartooClient, PauseEvent, RateLimit
from partoo_async._protocol.http import Response
from partoo_async._transport import Exchange
from partoo_async.emulator.http.request_log import busiest_window
from partoo_async.policy import Priority
from partoo_async.quota import Quota
from partoo_async.quota import quota as limiter
from tests.support.common import TLS
from tests.support.raw_server import answer
from tests.support.simulated import Partoo, client_of
from tests.support.virtual import run_virtual


class LeakyBucket:
    """What nginx does with ``limit_req rate=... burst=... nodelay``: ``rate`` a second, and ``burst`` more at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self.excess = 0.0
        self.last = 0.0

    def admits(self, now: float) -> bool:
        excess = max(0.0, self.excess - (now - self.last) * self.rate + 1)
        if excess > self.burst:
            return False
        self.excess, self.last = excess, now
        return True


class Behind(Partoo):
    """A Partoo behind such a server."""

    def __init__(self, groups: int, bucket: LeakyBucket, retry_after: float | None = None) -> None:
        super().__init__({1: list(range(groups))}, late=0.05)
        self.bucket = bucket
        self.headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        self.refused: list[float] = []

    async def send(self, exchange: Exchange) -> Response:
        _request, _until = exchange.request, exchange.until
        now = asyncio.get_running_loop().time()
        if self.bucket.admits(now):
            return await super().send(exchange)
        self.arrived.append((now, (0, 0)))
        self.refused.append(now)
        await asyncio.sleep(0.01)
        return Response(429, self.headers, b"<html>429 Too Many Requests</html>")


def scan(partoo: Behind, groups: int, **options: Any) -> tuple[list[float], float, set[bool]]:
    """Scan all; return the seconds of each pause, those of the scan, and what the quota said of spacing."""
    pauses: list[float] = []

    async def main() -> tuple[float, set[bool]]:
        client = client_of(partoo, on_event=note, **options)
        said, started = set(), asyncio.get_running_loop().time()
        async with client, client.scan(1, group_ids=range(groups)) as running:
            async for item in running:
                assert item.error is None
                said.add(client.quota.spaced)
        return asyncio.get_running_loop().time() - started, said

    def note(event: object) -> None:
        if isinstance(event, PauseEvent):
            pauses.append(event.seconds)

    seconds, said = run_virtual(main())
    assert len(partoo.delivered) == len(set(partoo.delivered)) == groups
    assert busiest_window([when for when, _ in partoo.arrived], 60.0) <= 300
    return pauses, seconds, said


def test_a_scan_learns_that_there_are_no_bursts(caplog: pytest.LogCaptureFixture) -> None:
    """300 groups at the default limit: two pauses of a minute, then spaced, in five minutes; the log says so."""
    partoo = Behind(300, LeakyBucket(200.0, 5))
    pauses, seconds, said = scan(partoo, 300)
    assert len(pauses) <= 3
    assert seconds <= 300.0
    assert said == {False, True}
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == len(pauses)
    assert "spaced" not in warnings[0]
    assert "spaced" in warnings[1]


@pytest.mark.parametrize("default_pause", [0.5, 20.0, 60.0])
def test_a_short_pause_teaches_it_as_well(default_pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the pauses are: at most three for 300 groups."""
    monkeypatch.setattr(limiter, "DEFAULT_PAUSE", default_pause)
    pauses, _, _ = scan(Behind(300, LeakyBucket(200.0, 5)), 300)
    assert len(pauses) <= 3


@pytest.mark.parametrize(
    ("retry_after", "groups", "most"),
    [(None, 3000, 5), (40.0, 1500, 4), pytest.param(40.0, 3000, 5, marks=pytest.mark.soak)],
)
def test_a_long_scan_tries_bursts_ever_more_rarely(retry_after: float | None, groups: int, most: int) -> None:
    """3,000 groups, ten minutes at the pace of the quota: a try after one window, after two, after four."""
    pauses, seconds, _ = scan(Behind(groups, LeakyBucket(200.0, 5), retry_after), groups)
    assert len(pauses) <= most
    assert seconds <= groups / 290 * 60 + sum(pauses) + 60


def test_bursts_come_back_after_a_window_without_a_429() -> None:
    """Two pauses, a window at the pace of the quota, and then all that the window has room for."""

    async def main() -> None:
        loop, quota = asyncio.get_running_loop(), Quota(RateLimit(30, 30.0), chance=lambda: 0.0)
        quota.pause(None)
        await asyncio.sleep(60)
        assert not quota.snapshot().spaced
        quota.pause(None)
        await asyncio.sleep(60)
        sent = []
        while quota.snapshot().spaced:
            await quota.acquire(Priority.BULK)
            sent.append(loop.time())
            await asyncio.sleep(0.01)
            quota.release()
        assert min(after - before for before, after in pairwise(sent)) >= 30 / 29 - 1e-6
        await asyncio.sleep(31)
        assert sum(quota.try_acquire() for _ in range(31)) == 30

    run_virtual(main())


async def test_on_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on a real connection and in real time, scaled down: all groups, within the limit at any time."""
    monkeypatch.setattr(limiter, "DEFAULT_PAUSE", 0.1)
    bucket, arrived = LeakyBucket(300.0, 5), []
    refusal = answer(429, b"<html>", "Content-Type: text/html")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                number = re.search(rb"/groups/(\d+)", head)
                assert number is not None
                arrived.append(time.monotonic())
                body = b'{"id": %b, "name": "G", "has_puller": false, "business_ids": []}' % number[1]
                writer.write(answer(200, body) if bucket.admits(arrived[-1]) else refusal)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    limit = RateLimit(40, 0.4)
    async with PartooClient(
        "key",
        server=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        rate_limit=limit,
        ssl_context=TLS,
    ) as client:
        report = await client.scan(1, group_ids=range(60)).collect()
    assert len(report.succeeded) == 60
    assert busiest_window(arrived, limit.per) <= 40
    server.close()
    await server.wait_closed()
