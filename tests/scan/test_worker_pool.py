"""The worker pool of a scan: one result per key, in bounded memory, and no task left behind."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async.scan.worker_pool import WorkerPool
from tests.support.virtual import run_virtual


async def seconds(key: float) -> float:
    """Work that takes as many seconds as its key says."""
    await asyncio.sleep(key)
    return key


async def rest_of(pool: WorkerPool[float, float]) -> list[float]:
    """The results until the end."""
    results: list[float] = []
    try:
        while True:
            results.append(await pool.next())
    except StopAsyncIteration:
        return results


async def test_a_slow_consumer_slows_the_workers() -> None:
    """Whatever the number of keys, results that nobody took are at most twice the workers."""
    started = 0

    async def work(key: int) -> int:
        nonlocal started
        started += 1
        await asyncio.sleep(0)
        return key

    pool = WorkerPool(iter(range(100_000)), work, 4)
    pool.start()
    for taken in range(50):
        for _ in range(20):
            await asyncio.sleep(0)
        assert started <= taken + 8
        await pool.next()
    await pool.aclose()


class Result:
    """What can be looked for when nobody has it any more."""


@pytest.mark.parametrize("kept", [False, True])
async def test_nobody_holds_a_result_that_was_taken(kept: bool) -> None:
    """Least of all the worker that made it, while it waits for the next one: a result may be a megabyte."""
    made: list[weakref.ref[Result]] = []

    async def work(key: int) -> Result:
        if key >= 3:
            await asyncio.Event().wait()
        result = Result()
        made.append(weakref.ref(result))
        return result

    pool = WorkerPool(range(6), work, 3, keep=(lambda result, told: told(result, None)) if kept else None)
    pool.start()
    for _ in range(3):
        await pool.next()
    await asyncio.sleep(0)
    assert pool.taken == 6
    assert [one() for one in made] == [None] * 3
    await pool.aclose()


async def test_an_error_of_the_work_reaches_the_consumer() -> None:
    """What work raises ends the run after the results that came before it."""

    async def work(key: int) -> int:
        if key == 3:
            raise ValueError("mine")
        return key

    pool = WorkerPool(range(10), work, 1)
    pool.start()
    assert [await pool.next() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="mine"):
        await pool.next()
    await pool.aclose()


def test_an_error_of_the_work_waits_for_what_is_under_way() -> None:
    """Nothing more is begun after it, and the others' results come out first, however slowly they are taken."""
    begun: list[int] = []
    told: list[str] = []

    async def work(key: int) -> int:
        begun.append(key)
        await asyncio.sleep(key)
        if key in (2, 4):
            raise ValueError(f"number {key}")
        return key

    async def main() -> None:
        pool = WorkerPool(range(1, 100), work, 5, lambda: told.append("once"))
        pool.start()
        await asyncio.sleep(60)
        results = []
        with pytest.raises(ValueError, match="number 2"):
            while True:
                results.append(await pool.next())
                await asyncio.sleep(60)
        # Key 6 was begun by the one who was ready first.
        assert (results, begun, told) == ([1, 3, 5, 6], [1, 2, 3, 4, 5, 6], ["once"])
        with pytest.raises(ValueError, match="number 2"):
            await pool.next()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


@given(
    keys=st.integers(0, 60),
    workers=st.integers(1, 12),
    delays=st.lists(st.sampled_from([0.0, 0.1, 1.0, 7.0]), min_size=1, max_size=9),
    pauses=st.lists(st.sampled_from([0.0, 0.5, 20.0]), min_size=1, max_size=5),
)
def test_each_key_has_exactly_one_outcome(keys: int, workers: int, delays: list[float], pauses: list[float]) -> None:
    """Random latencies and slow consumers: every key comes out exactly once."""

    async def work(key: int) -> int:
        await asyncio.sleep(delays[key % len(delays)])
        return key

    async def main() -> list[int]:
        pool = WorkerPool(range(keys), work, workers)
        pool.start()
        results = []
        try:
            while True:
                results.append(await pool.next())
                await asyncio.sleep(pauses[len(results) % len(pauses)])
        except StopAsyncIteration:
            return results

    assert sorted(run_virtual(main())) == list(range(keys))


@pytest.mark.parametrize(("keys", "workers"), [(0, 3), (1, 5), (7, 3)])
def test_results_come_in_completion_order(keys: int, workers: int) -> None:
    """Also with fewer keys than workers, or none; ``taken`` and ``done`` count them."""

    async def main() -> None:
        pool = WorkerPool([float(keys - number) for number in range(keys)], seconds, workers)
        pool.start()
        results = await rest_of(pool)
        assert len(results) == keys == pool.taken == pool.done
        assert results[:workers] == sorted(results[:workers])

    run_virtual(main())


@pytest.mark.parametrize(("grace", "done"), [(0.0, 0), (1.5, 1), (10.0, 3)])
def test_closing_waits_for_keys_in_flight_as_long_as_told(grace: float, done: int) -> None:
    """Then they are cancelled. No further key is begun, no result is handed out, no task is left."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = WorkerPool([1.0, 2.0, 3.0, 4.0], seconds, 3)
        pool.start()
        await asyncio.sleep(0)
        started = loop.time()
        await pool.aclose(grace)
        assert (pool.taken, pool.done, loop.time() - started) == (3, done, min(grace, 3.0))
        assert await rest_of(pool) == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


def test_cancelling_the_close_cuts_its_grace_short() -> None:
    """And leaves no task behind."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        pool = WorkerPool([50.0], seconds, 1)
        pool.start()
        await asyncio.sleep(0)
        started = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2.0):
                await pool.aclose(100.0)
        assert loop.time() - started == 2.0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


@pytest.mark.parametrize(
    ("stopped", "outcome"), [(True, StopAsyncIteration), (False, RuntimeError)], ids=["stopped", "not stopped"]
)
def test_a_cancelled_worker_is_an_error_unless_the_pool_was_stopped(stopped: bool, outcome: type[Exception]) -> None:
    """Its key would be lost without a word."""
    told: list[str] = []

    async def main() -> None:
        pool = WorkerPool([1.0, 2.0, 3.0], seconds, 1, lambda: told.append("error"))
        pool.start()
        await asyncio.sleep(0.5)
        if stopped:
            pool.stop()
        (worker,) = asyncio.all_tasks() - {asyncio.current_task()}
        worker.cancel()
        with pytest.raises(outcome):
            await pool.next()
        assert told == ([] if stopped else ["error"])

    run_virtual(main())


def test_a_single_worker_does_not_wait_for_its_consumer() -> None:
    """It is one result ahead, so that its next request is out while the consumer works."""
    begun: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def ready(key: int) -> asyncio.Future[int]:
            begun.append(key)
            future = loop.create_future()
            future.set_result(key)
            return future

        pool = WorkerPool(range(100), ready, 1)
        pool.start()
        for _ in range(5):
            await asyncio.sleep(0)
        assert begun == [0, 1]
        assert [await pool.next() for _ in range(3)] == [0, 1, 2]
        await pool.aclose()

    run_virtual(main())


def test_workers_go_on_while_results_are_kept() -> None:
    """A result is handed out once it is kept, and not before; meanwhile no worker waits, until as many results wait as
    there are workers. After the last key the consumer waits for what is about to be kept."""
    begun: list[float] = []
    waiting: list[tuple[float, Callable[[float, BaseException | None], None]]] = []

    async def work(key: float) -> float:
        begun.append(key)
        await asyncio.sleep(1)
        return key

    async def main() -> None:
        pool = WorkerPool([1.0, 2.0, 3.0, 4.0, 5.0], work, 2, keep=lambda result, kept: waiting.append((result, kept)))
        pool.start()
        first = asyncio.ensure_future(pool.next())
        await asyncio.sleep(10)
        assert not first.done()
        assert begun == [1.0, 2.0, 3.0]  # the second worker waits; the first one had begun again
        while waiting:
            result, kept = waiting.pop(0)
            kept(result, None)
        results = [await first]
        rest = asyncio.ensure_future(rest_of(pool))
        while not rest.done():
            await asyncio.sleep(1)
            while waiting:
                result, kept = waiting.pop(0)
                kept(result, None)
        assert sorted(results + rest.result()) == [1.0, 2.0, 3.0, 4.0, 5.0]
        await pool.aclose()

    run_virtual(main())


async def test_what_cannot_be_kept_ends_the_run() -> None:
    """As an error of the work does: nothing more is begun, and the consumer gets it."""
    told: list[str] = []

    async def work(key: float) -> float:
        return key

    def keep(result: float, kept: Callable[[float, BaseException | None], None]) -> None:
        kept(result, OSError("full") if result == 2 else None)

    pool = WorkerPool([1.0, 2.0, 3.0, 4.0], work, 1, lambda: told.append("once"), keep)
    pool.start()
    assert await pool.next() == 1.0
    with pytest.raises(OSError, match="full"):
        await rest_of(pool)
    assert told == ["once"]
    await pool.aclose()
