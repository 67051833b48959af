"""Between two items of a scan the event loop gets its turn, however slow the loop body is and however many wait."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from partoo_async import ScanItem
from partoo_async.scan.source import OutcomeSource
from partoo_async.scan.worker_pool import LoopYield
from tests.support.simulated import Partoo, client_of, journals_in_virtual_time
from tests.support.virtual import VirtualLoop, run_virtual


@pytest.mark.parametrize("body", [0.5, 4.0, 14.0])
def test_a_slow_loop_body_throws_no_answer_away(body: float) -> None:
    """A body that holds the event loop for seconds: each group is asked for once. Four of them, one after the other
    without a turn of the loop between, take longer than an attempt may."""
    partoo = Partoo({7: list(range(60))}, late=0.5)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        async with client_of(partoo, rate_limit=None) as client, client.scan(7) as scan:
            async for item in scan:
                loop.clock += body
                assert (item.attempts, item.error) == (1, None)
        assert (scan.report().complete, scan.report().requests) == (True, 61)

    run_virtual(main())


@pytest.mark.parametrize(("body", "items", "turns"), [(0.0, 1000, 0), (0.002, 1000, 1328), (0.02, 10, 72), (5.0, 2, 8)])
def test_the_loop_gets_its_turn_after_ten_milliseconds(body: float, items: int, turns: int) -> None:
    """Not after each item, and several turns at once: those that a new connection takes."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        seen = 0

        def turn() -> None:
            nonlocal seen
            seen += 1
            handles.append(loop.call_soon(turn))

        handles = [loop.call_soon(turn)]
        handover = LoopYield()
        for _ in range(items):
            if handover.is_due(0.0):
                await handover.suspend()
            loop.clock += body
        handles[-1].cancel()
        # The last body has nothing after it.
        assert seen == pytest.approx(turns, rel=0.1)

    run_virtual(main())


_CHANCE = random.Random(1)


@pytest.mark.parametrize(
    ("bodies", "most"),
    [
        ([1e-6] * 2_000, 80),  # a quick one
        ([0.001] * 2_000, 700),  # a slow one
        ([1e-6] * 1_000 + [0.001] * 1_000, 400),  # one that becomes slow
        ([*([1e-6] * 499), 0.5] * 4, 100),  # one that keeps the loop now and then
        (_CHANCE.choices([1e-6, 1e-6, 1e-6, 0.01], k=2_000), 2_000),  # one that is either
    ],
)
def test_what_is_replayed_needs_few_looks_at_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bodies: list[float], most: int
) -> None:
    """While the loop bodies keep the event loop for ten milliseconds at most, most outcomes are handed out by one step
    of an iterator. Longer they keep it for one body alone. ``done`` counts what was handed out, at each outcome."""
    partoo, looks, take = Partoo({7: list(range(2_000))}, late=0.0), 0, OutcomeSource.take
    partoo.ids = ["5f0c2a9e8d7b6c5a4f3e2d1c"]

    async def looking(self: OutcomeSource) -> ScanItem:
        nonlocal looks
        looks += 1
        return await take(self)

    async def main(*, resume: bool) -> None:
        nonlocal looks
        loop, held, holds = asyncio.get_running_loop(), 0.0, list[tuple[float, float]]()
        seen = looks = 0
        assert isinstance(loop, VirtualLoop)
        partoo.closed = False

        def turn() -> None:
            nonlocal held, handle
            held, handle = 0.0, loop.call_soon(turn)

        handle = loop.call_soon(turn)
        async with client_of(partoo, rate_limit=None) as client:
            async with client.scan(7, journal=tmp_path / "scan.db", resume=resume) as scan:
                async for item in scan:
                    body = bodies[seen]
                    seen += 1
                    assert (item.recorded, scan.progress.done) == (resume, seen)
                    holds.append((held, body))
                    held += body
                    loop.clock += body
            assert (scan.complete, scan.progress.done, scan.report().requests) == (True, 2_000, 1 if resume else 2_001)
        handle.cancel()
        assert max(before for before, _ in holds) <= 0.01 + max(bodies)

    monkeypatch.setattr(OutcomeSource, "take", looking)
    with journals_in_virtual_time():
        run_virtual(main(resume=False))
        run_virtual(main(resume=True))
    assert looks <= most
