"""The cap on requests in flight, in virtual time."""

from __future__ import annotations

import asyncio

from partoo_async.policy import Priority
from partoo_async.quota import Concurrency
from tests.support.each import each
from tests.support.virtual import run_virtual

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


async def turn() -> None:
    """Let every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def hold(cap: Concurrency, priority: Priority, seconds: float) -> None:
    """Wait for a place, if need be, and keep it for a while."""
    if not cap.try_acquire(priority):
        await cap.acquire(priority)
    await asyncio.sleep(seconds)
    cap.release()


@each(("limit", "bulk"), [(1, 1), (2, 1), (7, 6), (8, 7), (16, 14), (32, 28), (100, 88)])
def test_bulk_leaves_an_eighth(limit: int, bulk: int) -> None:
    """At least one place is left to interactive calls, an eighth of many; a single place is everybody's."""

    async def main() -> None:
        cap = Concurrency(limit)
        assert cap.bulk_limit == bulk
        assert [cap.try_acquire(BULK) for _ in range(bulk + 1)] == [True] * bulk + [False]
        assert [cap.try_acquire(INTERACTIVE) for _ in range(limit - bulk + 1)] == [True] * (limit - bulk) + [False]

    run_virtual(main())


def test_the_cap_holds_and_nobody_is_forgotten() -> None:
    """Two hundred holders of both lanes through eight places: never nine at once, and all are served."""

    async def main() -> None:
        cap = Concurrency(8)
        now = most = served = 0

        async def one(number: int) -> None:
            nonlocal now, most, served
            priority = INTERACTIVE if number % 3 else BULK
            if not cap.try_acquire(priority):
                await cap.acquire(priority)
            now += 1
            most = max(most, now)
            await asyncio.sleep(number % 7 / 10)
            now -= 1
            served += 1
            cap.release()

        await asyncio.gather(*(one(number) for number in range(200)))
        assert (most, served) == (8, 200)
        assert repr(cap) == "<Concurrency 0 of 8 in flight, 0 waiting>"

    run_virtual(main())


def test_first_in_first_out_and_interactive_first() -> None:
    """A place that comes free goes to the oldest interactive call, and to bulk when none waits."""

    async def main() -> None:
        cap = Concurrency(1)
        order: list[str] = []

        async def one(name: str, priority: Priority) -> None:
            await cap.acquire(priority)
            order.append(name)
            await asyncio.sleep(1)
            cap.release()

        assert cap.try_acquire(BULK)
        names = [("b1", BULK), ("i1", INTERACTIVE), ("b2", BULK), ("i2", INTERACTIVE)]
        tasks = [asyncio.create_task(one(*name)) for name in names]
        await turn()
        assert repr(cap) == "<Concurrency 1 of 1 in flight, 4 waiting>"
        cap.release()
        await asyncio.gather(*tasks)
        assert order == ["i1", "i2", "b1", "b2"]

    run_virtual(main())


def test_interactive_passes_bulk_that_waits_for_its_own_places() -> None:
    """Bulk work that fills its part and queues does not keep an interactive call from the part left to it."""

    async def main() -> None:
        cap = Concurrency(8)
        tasks = [asyncio.create_task(hold(cap, BULK, 10)) for _ in range(20)]
        await turn()
        assert cap.try_acquire(INTERACTIVE)
        assert not cap.try_acquire(INTERACTIVE)
        cap.release()
        await asyncio.gather(*tasks)

    run_virtual(main())


def test_steady_interactive_load_does_not_starve_bulk() -> None:
    """All places are taken by interactive calls and more of them wait at any time: bulk gets one place in twenty."""

    async def main() -> None:
        cap = Concurrency(8)
        over = asyncio.Event()
        served = {INTERACTIVE: 0, BULK: 0}

        async def again_and_again(priority: Priority) -> None:
            while not over.is_set():
                await hold(cap, priority, 1)
                served[priority] += 1

        tasks = [asyncio.create_task(again_and_again(INTERACTIVE)) for _ in range(16)]
        tasks += [asyncio.create_task(again_and_again(BULK)) for _ in range(4)]
        await asyncio.sleep(100.5)
        total = sum(served.values())
        assert total == 800  # eight places, a second each
        assert 35 <= served[BULK] <= 45
        over.set()
        await asyncio.gather(*tasks)

    run_virtual(main())


def test_cancelling_gives_the_place_back() -> None:
    """Cancelled while it waits, or in the same turn of the loop in which it was granted: the next one gets it."""

    async def main() -> None:
        cap = Concurrency(1)
        assert cap.try_acquire(INTERACTIVE)
        first, second, third = (asyncio.create_task(cap.acquire(INTERACTIVE)) for _ in range(3))
        await turn()
        first.cancel()
        await turn()
        assert repr(cap) == "<Concurrency 1 of 1 in flight, 2 waiting>"
        cap.release()  # grants it to the second
        second.cancel()
        await third
        assert second.cancelled()
        assert repr(cap) == "<Concurrency 1 of 1 in flight, 0 waiting>"
        cap.release()
        assert cap.try_acquire(INTERACTIVE)

    run_virtual(main())


def test_cancelled_first_and_granted_in_the_same_turn() -> None:
    """The cancelled one is passed over: its place is not lost with it."""

    async def main() -> None:
        cap = Concurrency(1)
        assert cap.try_acquire(INTERACTIVE)
        first, second = (asyncio.create_task(cap.acquire(INTERACTIVE)) for _ in range(2))
        await turn()
        first.cancel()
        cap.release()
        await second
        assert first.cancelled()
        cap.release()
        assert repr(cap) == "<Concurrency 0 of 1 in flight, 0 waiting>"

    run_virtual(main())
