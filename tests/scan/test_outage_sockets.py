"""Short outages on real sockets: whatever way the server has of not answering, a scan loses no group."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from partoo_async import Event, HoldEvent, PartooClient, RetryPolicy
from partoo_async.emulator import Emulator
from tests.support.common import TLS

WORKERS = 6


def client_of(emulator: Emulator, **options: Any) -> PartooClient:
    return PartooClient(emulator.api_key, server=emulator.server, rate_limit=None, ssl_context=TLS, **options)


@pytest.mark.parametrize("retries", [4, pytest.param(0, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("status", {"status": 503}),
        ("gateway_page", {}),
        ("reset", {}),
        ("close", {}),
        ("status_0", {}),
        ("stall", {"seconds": 30.0}),
    ],
)
@pytest.mark.usefixtures("hurried")
async def test_nobody_is_answered_until_the_scan_holds(fault: str, options: dict[str, Any], retries: int) -> None:
    """What is in flight fails, and so does what had been good: the scan holds. Each group is had, and once, at the
    cost of what was in flight and of who asked."""
    holds: list[HoldEvent] = []

    def heard(event: Event) -> None:
        if isinstance(event, HoldEvent):
            holds.append(event)
            emulator.faults.clear()

    async with Emulator.with_profile("small", groups=150, rate_limit=None) as emulator:
        ids = [*emulator.sections]
        client = client_of(emulator, attempt_timeout=0.5, retry=RetryPolicy(retries), on_event=heard)
        async with client, client.scan(ids, max_concurrency=WORKERS, max_failures=0) as scan:
            items = []
            async for item in scan:
                items.append(item)
                if len(items) == 40:
                    emulator.faults.add(fault, **options)
        assert len({(item.section_id, item.group_id) for item in items}) == len(items) == 150
        assert all(item.group for item in items)
        assert [event.seconds > 0 for event in holds] == [False, True]
        assert len(emulator.requests) <= 150 + len(ids) + 2 * (WORKERS + 2)


@pytest.mark.usefixtures("hurried")
async def test_the_server_is_stopped_and_started() -> None:
    """Its connections end and new ones are refused; when it is back, on the same port, the scan goes on."""
    async with Emulator.with_profile("small", groups=150, rate_limit=None) as emulator:
        async with client_of(emulator) as client, client.scan([*emulator.sections], max_concurrency=WORKERS) as scan:
            items = []
            async for item in scan:
                items.append(item)
                if len(items) == 40:
                    await emulator.stop()
                    restarting = asyncio.create_task(restart(emulator, scan))
        await restarting
        assert len({(item.section_id, item.group_id) for item in items}) == len(items) == 150
        assert all(item.group for item in items)


async def restart(emulator: Emulator, scan: Any) -> None:
    while scan.progress.held_by != "connection refused":
        await asyncio.sleep(0.01)
    await emulator.start()
