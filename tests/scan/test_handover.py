"""Between two items of a scan the event loop gets its turn, however slow the loop body is and however many wait."""

from __future__ import annotations

import asyncio
import random

import pytest

from partoo_async.scan.worker_pool import LoopYield
from tests.support.simulated import Partoo, client_of
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


@pytest.mark.parametrize(
    ("bodies", "looks", "longest"),
    [
        ([1e-6] * 10_000, 700, 0.01),  # a quick one
        ([0.001] * 1000, 1000, 0.012),  # a slow one
        ([1e-6] * 1000 + [0.001] * 1000, 1200, 0.026),  # one that becomes slow
        ([*([1e-6] * 1000), 0.5] * 4, 600, 0.502),  # one that keeps the loop now and then
        (random.Random(1).choices([1e-6, 0.01], k=1000), 1000, 0.021),  # one that is either
        (random.Random(2).choices([1e-6, 1e-6, 1e-6, 0.01], k=1000), 1000, 0.021),
    ],
)
def test_a_quick_consumer_need_not_ask_for_the_time(bodies: list[float], looks: int, longest: float) -> None:
    """It gets several results for each look at the clock, and keeps the loop hardly longer: one that becomes slow does
    it for as long as those results take, once; one that is slow now and then, never."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        handover, asked, free, held, holds = LoopYield(), 0, 0, 0.0, list[float]()
        for body in bodies:
            if free:
                free -= 1
            else:
                asked += 1
                if handover.is_due(0.0):
                    holds.append(held)
                    held = 0.0
                    await handover.suspend()
                free = handover.free
            loop.clock += body
            held += body
        assert asked <= looks
        assert max([*holds, held]) <= longest

    run_virtual(main())
