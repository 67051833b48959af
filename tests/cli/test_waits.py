"""Waits and retries are told while a command runs, and not twice."""

from __future__ import annotations

import asyncio

import pytest

from partoo_async import HoldEvent, PartooClient, RateLimit, RetryEvent
from partoo_async.cli import waits
from partoo_async.cli.listeners import Holds
from partoo_async.cli.options import ClientOptions
from tests.support.each import each
from tests.support.simulated import Partoo, client_of
from tests.support.virtual import run_virtual


def test_the_length_of_a_hold_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """When it is over; of the scans of many organizations the first one that goes on speaks for all."""
    holds = Holds()
    for seconds in (0.0, 0.0, 12.2, 12.3, 0.0, 41.0):
        holds(HoldEvent("GET /sections/7", seconds, "APIConnectionError"))
        holds(RetryEvent("GET /sections/7", "APIConnectionError", 1, 0.5))
    assert capsys.readouterr().err.splitlines() == [
        "partoo: the server responds again, after 12 s on hold",
        "partoo: the server responds again, after 41 s on hold",
    ]


def test_a_wait_for_quota_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Once for each, with its length; a call that need not wait says nothing."""

    async def main() -> None:
        async with client_of(Partoo({7: [1]}), rate_limit=RateLimit(2, 60.0)) as client:
            watcher = asyncio.create_task(waits._watch(client))
            for _ in range(5):
                await client.sections.get(7)
            watcher.cancel()

    run_virtual(main())
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("partoo: waiting for quota: ")
    assert second.startswith("partoo: waiting for quota: ")


def test_a_silence_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Once for each request that stays without a response; one that is merely slow says nothing."""
    partoo = Partoo({7: [1]})
    delays = iter([4.5, 4.5, 20.0, 0.1, 7.5])
    partoo.delay = lambda _: next(delays)

    async def main() -> None:
        async with client_of(partoo) as client:
            watcher = asyncio.create_task(waits._watch(client))
            for _ in range(4):
                await client.sections.get(7)
            watcher.cancel()

    run_virtual(main())
    assert capsys.readouterr().err.splitlines() == ["partoo: nothing came for 5.0 s, still waiting"] * 2


@each("quiet", [False, True])
def test_quiet_is_told_nothing(quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait is no result, and nothing that failed."""
    watched: list[PartooClient] = []

    async def watch(client: PartooClient) -> None:
        watched.append(client)

    monkeypatch.setattr(waits, "_watch", watch)
    monkeypatch.setattr(ClientOptions, "connect", lambda _: client_of(Partoo({})))

    async def main() -> None:
        async with waits.connected(ClientOptions(quiet=quiet)):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert len(watched) == (not quiet)
