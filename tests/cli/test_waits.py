"""Waits and retries are told while a command runs, and not twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from partoo_async import HoldEvent, PartooClient, RateLimit, RetryEvent
from partoo_async.cli import waits
from partoo_async.cli.options import ClientOptions
from partoo_async.cli.progress_words import Holds
from tests.support.each import each
from tests.support.simulated import Partoo, client_of
from tests.support.virtual import run_virtual


def test_the_length_of_a_hold_is_told_once() -> None:
    """When it is over; of the scans of many organizations the first one that goes on speaks for all."""
    said: list[str] = []
    holds = Holds(said.append)
    for seconds in (0.0, 0.0, 12.2, 12.3, 0.0, 41.0):
        holds(HoldEvent("GET /sections/7", seconds, "APIConnectionError"))
        holds(RetryEvent("GET /sections/7", "APIConnectionError", 1, 0.5))
    assert said == [
        "the server responds again, after 12 s on hold",
        "the server responds again, after 41 s on hold",
    ]


def test_longer_retries_of_a_command_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Not the first, short one, which nobody notices."""
    waits._tell(RetryEvent("GET /sections", "APIConnectionError", 1, 0.5))
    waits._tell(RetryEvent("GET /sections", "APIConnectionError", 1, 30.0))
    waits._tell(RetryEvent("GET /sections", "ServerError", 2, 0.9))
    assert capsys.readouterr().err.splitlines() == [
        "partoo: GET /sections failed (APIConnectionError), trying again in 30 s",
        "partoo: GET /sections failed (ServerError), trying again in 0.9 s",
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


@each(("options", "told"), [({}, True), ({"quiet": True}, False), ({"verbose": 1}, False)])
def test_who_asks_for_quiet_or_for_more_is_not_told_here(
    options: dict[str, Any], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quiet is quiet; with -v the records of the client say it."""
    heard: list[object] = []

    def connect(_: ClientOptions, **more: object) -> PartooClient:
        heard.append(more["on_event"])
        return client_of(Partoo({}))

    monkeypatch.setattr(ClientOptions, "connect", connect)

    async def main() -> None:
        async with waits.connected(ClientOptions(**options)):
            pass

    asyncio.run(main())
    assert (heard == [waits._tell]) == told
