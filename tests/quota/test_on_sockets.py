"""The quota against a server that counts: the emulator on a real socket, with time scaled down."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Any, Literal

import aiohttp
import pytest

from partoo_async import Event, PartooClient, PauseEvent, RateLimit, ScanReport
from partoo_async._protocol.http import Response
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.emulator.rate_limiters import LIMITERS
from tests.support.simulated import Key, Partoo, client_of
from tests.support.virtual import run_virtual

Window = Literal["sliding", "fixed", "token_bucket", "sliding_counts_rejects"]
WINDOWS: list[Window] = ["sliding", "fixed", "token_bucket", "sliding_counts_rejects"]


def groups(count: int) -> list[EmulatedSection]:
    return [EmulatedSection(7, "Seven", {number: EmulatedGroup(number, f"G{number}") for number in range(count)})]


async def scan(emulator: Emulator, count: int, limit: RateLimit, **options: Any) -> ScanReport:
    async with PartooClient(emulator.api_key, server=emulator.server, rate_limit=limit, **options) as client:
        report = await client.scan(7, group_ids=range(count)).collect()
    report.raise_for_failures()
    assert {item.group_id for item in report.items} == set(range(count))
    assert len(report.items) == count
    return report


def refusals(emulator: Emulator) -> list[float]:
    """When the server answered 429 to the first key, which is ours."""
    return sorted(seen.time for seen in emulator.requests if seen.status == 429 and seen.key_id == "key-1")


def most_within(times: list[float], per: float) -> int:
    window: deque[float] = deque()
    most = 0
    for moment in times:
        window.append(moment)
        while window[0] + per <= moment:
            window.popleft()
        most = max(most, len(window))
    return most


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.usefixtures("hurried")
async def test_a_scan_uses_the_quota_and_not_one_more(window: Window) -> None:
    """70 requests at 30 per 0.35 s need two waits of a window, 0.7 s: no 429, and never 31 in any window, whichever
    way the server counts and however unevenly it answers. That they take hardly longer, virtual time shows."""
    limit = RateLimit(30, 0.35)
    async with Emulator(sections=groups(70), rate_limit=limit, window=window, latency=(0.0, 0.03)) as emulator:
        report = await scan(emulator, 70, limit)
        assert refusals(emulator) == []
        assert emulator.busiest_window() <= 30
        assert len(emulator.requests) == report.requests == 70
        assert report.seconds >= 0.7


async def spend(emulator: Emulator, session: aiohttp.ClientSession) -> int:
    """Make one request as somebody else; return its status."""
    headers = {"x-APIKey": "somebody-else"}
    async with session.get(f"{emulator.url}/sections/7/groups/0", headers=headers) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize("window", [WINDOWS[0], *(pytest.param(one, marks=pytest.mark.soak) for one in WINDOWS[1:])])
@pytest.mark.usefixtures("hurried")
async def test_a_cold_start_into_a_spent_quota(window: Window) -> None:
    """Somebody else has just used up the whole quota: the scan completes, and no pause begins with more 429s than it
    had requests in flight."""
    limit = RateLimit(30, 0.6)
    async with (
        Emulator(
            sections=groups(60), rate_limit=limit, window=window, api_keys=["emulator-key", "somebody-else"]
        ) as emulator,
        aiohttp.ClientSession() as session,
    ):
        while await spend(emulator, session) == 200:
            pass
        events: list[Event] = []
        await scan(emulator, 60, limit, max_concurrency=8, on_event=events.append)
        assert len(refusals(emulator)) <= 8 * sum(isinstance(event, PauseEvent) for event in events)


class Windowed(Partoo):
    """A Partoo that counts as the emulator does, by the clock of the event loop."""

    def __init__(self, window: Window, limit: RateLimit) -> None:
        super().__init__({7: list(range(60))}, late=0.1)
        self.window = LIMITERS[window](limit, lambda: asyncio.get_running_loop().time())
        self.refused: list[float] = []

    def answer(self, key: Key) -> Response:
        wait = self.window.admit()
        if not wait:
            return super().answer(key)
        self.refused.append(asyncio.get_running_loop().time())
        return Response(429, {"Retry-After": str(math.ceil(wait))}, b"")


@pytest.mark.parametrize("window", WINDOWS)
def test_a_cold_start_costs_one_burst(window: Window) -> None:
    """The same in virtual time: in no window does the scan meet as many 429s as it may have requests in flight."""
    limit = RateLimit(30, 60.0)

    async def main() -> list[float]:
        partoo = Windowed(window, limit)
        assert [partoo.window.admit() for _ in range(30)] == [0.0] * 30
        async with client_of(partoo, rate_limit=limit, max_concurrency=8, timeout=1000.0) as client:
            report = await client.scan(7, group_ids=range(60)).collect()
        assert len(report.succeeded) == 60
        return partoo.refused

    assert 0 < most_within(run_virtual(main()), limit.per) < 8


@pytest.mark.parametrize("window", ["sliding", "fixed"])
async def test_somebody_else_takes_half(window: Window) -> None:
    """Another consumer makes 15 of the 30 requests of each window, evenly: the scan completes, and no pause begins with
    more 429s than it had requests in flight."""
    limit = RateLimit(30, 0.3)
    async with (
        Emulator(
            sections=groups(60), rate_limit=limit, window=window, api_keys=["emulator-key", "somebody-else"]
        ) as emulator,
        aiohttp.ClientSession() as session,
    ):

        async def other() -> None:
            while True:
                await spend(emulator, session)
                await asyncio.sleep(limit.per / 15)

        events: list[Event] = []
        consumer = asyncio.create_task(other())
        try:
            await scan(emulator, 60, limit, max_concurrency=8, on_event=events.append)
        finally:
            consumer.cancel()
            await asyncio.gather(consumer, return_exceptions=True)
        assert len(refusals(emulator)) <= 8 * sum(isinstance(event, PauseEvent) for event in events)
