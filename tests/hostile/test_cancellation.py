"""Cancelled at whatever point, a call leaves everything as if it had never been made."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from partoo_async import APIConnectionError, Group, PartooClient, PartooError, RateLimit
from partoo_async._call import single_flight as _reads
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.hostile.check import FRANCE, KEY, POLICY, ask
from tests.hostile.server import HostileServer, Line
from tests.hostile.stepping import Stepping
from tests.hostile.watcher import Watcher
from tests.support.common import PATIENCE
from tests.support.raw_server import GROUP, answer

MOST_STEPS = 500


def cancel_at(step: int, task: asyncio.Task[Any] | None = None) -> Any:
    def at_wait(number: int) -> None:
        victim = task or asyncio.current_task()
        if number == step and victim is not None:
            victim.cancel()

    return at_wait


def assert_unused(client: PartooClient, *, sent: int) -> None:
    """Nothing is in flight or waiting; of the quota no more is used than may have been sent."""
    session = client.session
    assert "0 of 32 in flight, 0 waiting" in repr(session.context.concurrency)
    assert "0 in flight" in repr(session._reads)
    assert not session.context.lifecycle.calls
    assert client.quota.waiting == 0
    assert client.quota.used <= sent


async def in_steps(step: int, *, scripts: tuple[Any, ...], limit: RateLimit) -> bool:
    """Make a call that is cancelled when it waits for the ``step``-th time; return whether it got that far."""
    server = HostileServer(scripts)
    async with Watcher() as watcher, server.serve():
        async with PartooClient(KEY, server=server.url, retry=POLICY, rate_limit=limit) as client:
            stepping = Stepping(client.request("GET", "/sections/7/groups/42"), cancel_at(step))
            task = asyncio.create_task(stepping.run())
            await asyncio.wait([task])
            assert_unused(client, sent=max(server.seen(), watcher.established))
            await server.heal()
            if not client.quota.paused_for:
                assert (await ask(client)).result == FRANCE
            reached = stepping.waits >= step
            # A cancellation is never swallowed, nor turned into an error of ours.
            assert task.cancelled() == reached
    await watcher.assert_nothing_left()
    return reached


async def stall_in_body(line: Line) -> None:
    await line.send(answer(200, GROUP)[:-5])
    await line.pause(0.02)
    await line.send(GROUP[-5:])
    await line.pause()


async def close(_: Line) -> None:
    """Close without an answer."""


@pytest.mark.parametrize(
    ("scripts", "least"),
    [
        pytest.param((answer(200, GROUP),), 3, id="success"),
        pytest.param((stall_in_body,), 4, id="slow body"),
        pytest.param((close, answer(503), answer(200, GROUP)), 6, id="retries"),
        pytest.param((answer(429, b"", "Retry-After: 0.02"), answer(200, GROUP)), 4, id="a pause"),
        pytest.param((answer(200, GROUP.replace(b"}", b"")), answer(200, GROUP)), 5, id="unreadable"),
    ],
)
@pytest.mark.usefixtures("hurried")
async def test_at_every_point(scripts: tuple[Any, ...], least: int) -> None:
    """A call is cancelled at the first point where it waits, at the second, and so on to its end."""
    steps = 1
    while await in_steps(steps, scripts=scripts, limit=RateLimit()):
        steps += 1
        assert steps < MOST_STEPS
    assert steps > least


async def test_a_shared_read_at_every_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only caller of a shared read is cancelled whenever the request beneath waits: that ends, too."""
    step, reached = 1, True
    while reached:
        server = HostileServer((stall_in_body,))
        async with server.serve(), PartooClient(KEY, server=server.url, retry=POLICY) as client:
            caller = asyncio.create_task(client.groups.get(7, 42))
            flights: list[Stepping] = []

            def start(
                flight: Any,
                loop: asyncio.AbstractEventLoop,
                flights: list[Stepping] = flights,
                victim: asyncio.Task[Any] = caller,
                step: int = step,
            ) -> asyncio.Task[Any]:
                flights.append(Stepping(flight, cancel_at(step, victim)))
                return loop.create_task(flights[-1].run())

            monkeypatch.setattr(_reads, "_start", start)
            await asyncio.wait([caller])
            monkeypatch.undo()
            assert len(flights) == 1
            reached = flights[0].waits >= step
            assert caller.cancelled() == reached
            assert_unused(client, sent=1)
            await server.heal()
            assert (await ask(client)).result == FRANCE
        step += 1
        assert step < MOST_STEPS
    assert step > 4


async def test_a_scan_with_a_journal_at_every_point(tmp_path: Path) -> None:
    """Whenever a scan is cancelled, what it recorded is whole: another run goes on with it and has every group once."""
    step, reached = 1, True
    async with Emulator(sections=[groups(4)], api_key=KEY, rate_limit=None) as emulator:
        while reached:
            path = tmp_path / f"{step}.db"
            async with PartooClient(KEY, server=emulator.server, retry=POLICY, rate_limit=None) as client:
                seen: list[int | None] = []

                async def scan(client: PartooClient = client, path: Path = path, seen: list[int | None] = seen) -> None:
                    async with client.scan(7, journal=path, max_concurrency=2) as items:
                        async for item in items:
                            seen.append(item.group_id)  # noqa: PERF401 - what was seen before the end counts

                stepping = Stepping(scan(), cancel_at(step))
                task = asyncio.create_task(stepping.run())
                await asyncio.wait([task])
                reached = stepping.waits >= step
                assert task.cancelled() == reached
                assert_unused(client, sent=0)
                before = len(emulator.requests)
                report = await client.scan(7, journal=path, resume=True).collect()
                assert sorted(item.group_id for item in report.items if item.group_id is not None) == list(range(4))
                assert all(item.error is None for item in report.items)
                # What was handed out had been recorded, and is not asked for again.
                recorded = {item.group_id for item in report.items if item.recorded}
                assert set(seen) <= recorded
                assert len(emulator.requests) - before <= 1 + 4 - len(recorded)
            step += 1
            assert step < MOST_STEPS
    assert step > 12


def groups(count: int) -> EmulatedSection:
    return EmulatedSection(7, "Seven", {number: EmulatedGroup(number, f"G{number}") for number in range(count)})


async def test_a_thousand_cancellations_under_load() -> None:
    """1,000 calls, most of them cancelled at random moments, among faults and pauses: no place, slot, task or socket is
    lost."""
    chance = random.Random(7)
    async with Watcher() as watcher:
        async with Emulator(
            sections=[groups(50)], api_key=KEY, rate_limit=None, latency=(0.0, 0.02), chaos=0.2, seed=3
        ) as emulator:
            limit = RateLimit(100_000, 60.0)
            async with PartooClient(KEY, server=emulator.server, retry=POLICY, rate_limit=limit) as client:
                await client.sections.list()

                async def call(number: int) -> str:
                    task = asyncio.create_task(client.groups.get(7, number % 50))
                    if number % 10:
                        await asyncio.sleep(chance.random() * 0.2)
                        task.cancel()
                    await asyncio.wait([task])
                    if task.cancelled():
                        return "cancelled"
                    error = task.exception()
                    assert error is None or isinstance(error, PartooError)
                    return "failed" if error else "done"

                outcomes = []
                for start in range(0, 1000, 250):
                    outcomes += await asyncio.gather(*(call(number) for number in range(start, start + 250)))
                assert outcomes.count("cancelled") > 100
                assert outcomes.count("done") > 50
                assert_unused(client, sent=100_000)
                emulator.faults.clear()
                assert isinstance(await client.groups.get(7, 3), Group)
    await watcher.assert_nothing_left()


async def test_closing_under_load() -> None:
    """A client that is closed while calls are out ends each of them with an error of ours."""

    async def silent(line: Line) -> None:
        await line.pause()

    async with Watcher() as watcher:
        async with HostileServer((silent,)).serve() as server:
            async with PartooClient(KEY, server=server.url, retry=POLICY, max_concurrency=8) as client:
                calls = [asyncio.create_task(client.groups.get(7, number)) for number in range(50)]
                async with asyncio.timeout(PATIENCE):
                    while server.seen() < 8:
                        await asyncio.sleep(0.001)
            errors = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(error, (PartooError, APIConnectionError)) for error in errors)
            assert server.seen() == 8
    await watcher.assert_nothing_left()
