"""Questions that become batches: how full, how many at once, and what becomes of those who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from partoo_async.distributed.batches import Batches
from tests.support.virtual import run_virtual


class Far:
    """Answers each batch a second later, and keeps when it came."""

    def __init__(self) -> None:
        self.came: list[tuple[float, list[int]]] = []
        self.under_way = self.most = 0

    async def send(self, questions: Sequence[int]) -> list[Any]:
        self.came.append((asyncio.get_running_loop().time(), [*questions]))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(1)
        finally:
            self.under_way -= 1
        if 6666 in questions:
            raise ZeroDivisionError
        return [LookupError(str(question)) if question < 0 else question * 10 for question in questions]

    @property
    def sizes(self) -> list[int]:
        return [len(questions) for _, questions in self.came]


def test_a_full_batch_leaves_at_once_and_a_part_soon_after() -> None:
    """Ten questions at once, three to a batch: three batches now, and the tenth after the linger."""

    async def main() -> None:
        far = Far()
        batches: Batches[int, int] = Batches(far.send, size=3, most=9, linger=0.5)
        began = asyncio.get_running_loop().time()
        assert await asyncio.gather(*map(batches.ask, range(10))) == [10 * n for n in range(10)]
        assert [(at - began, questions) for at, questions in far.came] == [
            (0, [0, 1, 2]),
            (0, [3, 4, 5]),
            (0, [6, 7, 8]),
            (0.5, [9]),
        ]

    run_virtual(main())


def test_no_more_than_so_many_are_under_way() -> None:
    """A hundred questions, four to a batch and two batches at once, are answered in 13 seconds; those that come later
    fill batches while the others are under way."""

    async def main() -> None:
        far, loop = Far(), asyncio.get_running_loop()
        batches: Batches[int, int] = Batches(far.send, size=4, most=2)
        began = loop.time()
        await asyncio.gather(*map(batches.ask, range(100)))
        assert (far.most, far.sizes) == (2, [4] * 25)
        assert loop.time() - began == pytest.approx(13)

        far.came.clear()
        async with asyncio.TaskGroup() as tasks:
            for number in range(40):  # one every tenth of a second: the linger is over long before a batch is full
                tasks.create_task(batches.ask(number))
                await asyncio.sleep(0.1)
        assert far.sizes[:2] == [1, 1]
        assert 4 in far.sizes
        assert sum(far.sizes) == 40

    run_virtual(main())


def test_workers_that_ask_again_fill_the_batches() -> None:
    """As many workers as there is room for questions, each of which asks anew when it has its answer."""

    async def main() -> None:
        far = Far()
        batches: Batches[int, int] = Batches(far.send, size=8, most=6)
        numbers = iter(range(48 * 20))

        async def worker() -> None:
            for number in numbers:
                assert await batches.ask(number) == number * 10

        await asyncio.gather(*(worker() for _ in range(48)))
        assert far.sizes == [8] * 120

    run_virtual(main())


def test_an_error_reaches_who_asked() -> None:
    """One question's own, or that of a whole batch; the others do not notice."""

    async def main() -> None:
        batches: Batches[int, int] = Batches(Far().send, size=2, most=9)
        answers = await asyncio.gather(*map(batches.ask, (1, -2, 3, 6666, 5)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [int, LookupError, ZeroDivisionError, ZeroDivisionError, int]

    run_virtual(main())


def test_who_is_cancelled_is_not_asked_for() -> None:
    """Before the batch is sent; after that the answer is dropped."""

    async def main() -> None:
        far = Far()
        batches: Batches[int, int] = Batches(far.send, size=3, most=9, linger=0.5)
        asking = [asyncio.ensure_future(batches.ask(number)) for number in range(3)]
        late = asyncio.ensure_future(batches.ask(9))
        await asyncio.sleep(0.1)
        asking[1].cancel()
        late.cancel()
        await asyncio.sleep(2)
        assert far.came[0][1] == [0, 1, 2]
        assert len(far.came) == 1
        assert (asking[0].result(), asking[2].result()) == (0, 20)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


@pytest.mark.parametrize("close", [False, True])
def test_stopping(close: bool) -> None:
    """``stop`` sends nothing more and lets arrive what is under way; ``aclose`` drops that too. Nobody waits on."""

    async def main() -> None:
        far = Far()
        batches: Batches[int, int] = Batches(far.send, size=2, most=2)
        asking = [asyncio.ensure_future(batches.ask(number)) for number in range(9)]
        await asyncio.sleep(0.1)
        if close:
            await batches.aclose()
        else:
            batches.stop()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        got = [answer for answer in answers if not isinstance(answer, asyncio.CancelledError)]
        assert got == ([] if close else [0, 10, 20, 30])
        assert len(far.came) == 2
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
