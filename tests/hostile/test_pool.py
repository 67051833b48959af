"""A borrowed session with a small pool: to wait for a place in it is not the time of an attempt."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from partoo_async import DeadlineExceededError, PartooClient, RetryPolicy
from tests.hostile.check import FRANCE, KEY, ask, row
from tests.hostile.server import HostileServer, Line
from tests.support.clock import Clock

ONCE = RetryPolicy(max_retries=0)


def client_of(server: HostileServer, session: aiohttp.ClientSession, **options: Any) -> PartooClient:
    return PartooClient(KEY, server=server.url, session=session, retry=ONCE, rate_limit=None, **options)


async def silent(line: Line) -> None:
    await line.pause()


class Slow(HostileServer):
    """Takes twenty seconds to answer, by the clock of the event loop."""

    clock: Clock

    async def _reply(self, line: Line) -> bool:
        goes_on = await super()._reply(line)
        self.clock.forward(20)
        return goes_on


@row(53)
@pytest.mark.parametrize("limits", [{"limit": 1}, {"limit_per_host": 1}], ids=["limit", "limit_per_host"])
async def test_a_scan_through_a_pool_of_one(limits: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty groups one after the other, each within its own time, however long all of them take together."""
    server = Slow()
    server.clock = Clock(monkeypatch)
    connector = aiohttp.TCPConnector(**limits)
    async with server.serve(), aiohttp.ClientSession(connector=connector) as session:
        async with client_of(server, session, attempt_timeout=60, timeout=70) as client:
            report = await client.scan(7, group_ids=range(30)).collect()
    assert (len(report.items), len(report.failed)) == (30, 0)


@row(53)
async def test_a_place_that_others_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """While others use the only connection of the session a call waits longer than an attempt may take: its attempt
    begins with the connection, and the time that it has is the same as ever."""
    clock = Clock(monkeypatch)
    async with HostileServer((silent,)).serve() as other, HostileServer().serve() as server:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            async with client_of(server, session, attempt_timeout=10, timeout=90) as client:
                first = asyncio.create_task(session.get(other.url))
                while not other.seen():
                    await asyncio.sleep(0.001)
                call = asyncio.create_task(ask(client))
                for _ in range(20):
                    await asyncio.sleep(0)
                clock.forward(60)
                for _ in range(20):
                    await asyncio.sleep(0)
                assert not call.done()
                first.cancel()
                assert (await call).result == FRANCE
                server.scripts = (silent,)
                call = asyncio.create_task(ask(client))
                while server.seen() < 2:
                    await asyncio.sleep(0.001)
                clock.forward(11)
                assert "no complete response in time" in str((await call).error)


@row(53)
async def test_a_place_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of the call holds in the queue as well, and nothing was sent."""
    clock = Clock(monkeypatch)
    async with HostileServer((silent,)).serve() as other, HostileServer().serve() as server:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            async with client_of(server, session, attempt_timeout=10, timeout=90) as client:
                first = asyncio.create_task(session.get(other.url))
                while not other.seen():
                    await asyncio.sleep(0.001)
                write = asyncio.create_task(client.groups.delete(7, 42))
                for _ in range(20):
                    await asyncio.sleep(0)
                clock.forward(91)
                with pytest.raises(DeadlineExceededError) as caught:
                    await write
                assert not any(attempt.request_sent for attempt in caught.value.attempts)
                first.cancel()
                await asyncio.wait([first])
    assert server.seen() == 0
