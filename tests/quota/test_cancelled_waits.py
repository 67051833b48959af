"""Waits that are cancelled, thousands at once."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from partoo_async import (
    PartooClient,
    Quota,
    QuotaExceededError,
    RateLimit,
)
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.virtual import VirtualLoop, run_virtual

COUNT = 500


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each time that a quota looks whom it can let go."""
    seen: list[None] = []
    dispatch = Quota._dispatch

    def counted(quota: Quota) -> None:
        seen.append(None)
        dispatch(quota)

    monkeypatch.setattr(Quota, "_dispatch", counted)
    return seen


async def waiting(quota: Quota, count: int = COUNT) -> list[asyncio.Task[None]]:
    """Tasks that wait for a quota whose slots are taken."""
    while quota.try_acquire():
        pass
    until = asyncio.get_running_loop().time() + 1e6
    tasks = [asyncio.create_task(quota.acquire(deadline=until)) for _ in range(count)]
    await asyncio.sleep(0)
    assert quota.snapshot().waiting == count
    return tasks


@pytest.mark.parametrize("order", [1, -1])
def test_who_leaves_wakes_nobody_in_vain(order: int, looks: list[None]) -> None:
    """Of five hundred callers that are cancelled at once, the first looks who is next, and the others need not."""

    async def main() -> None:
        quota = Quota(RateLimit(10))
        tasks = await waiting(quota)
        looks.clear()
        for task in tasks[::order]:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        assert quota.snapshot().waiting == 0
        assert len(looks) <= 2

    run_virtual(main())


def test_who_joins_a_queue_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One timer serves all who wait, but for that of each one's deadline, and none holds a context of its own."""
    timers: list[Any] = []
    call_at = VirtualLoop.call_at

    def counted(loop: VirtualLoop, when: float, *arguments: Any, context: Any = None) -> asyncio.TimerHandle:
        timers.append(context)
        return call_at(loop, when, *arguments, context=context)

    monkeypatch.setattr(VirtualLoop, "call_at", counted)

    async def main() -> None:
        quota = Quota(RateLimit(10))
        tasks = await waiting(quota)
        assert len(timers) == 1 + COUNT
        assert len(set(map(id, timers))) == 1
        assert timers[0] is not None
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run_virtual(main())


def test_those_behind_go_as_early_as_before() -> None:
    """Whoever waits behind cancelled callers, or before them, gets the first slot that is free."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        quota = Quota(RateLimit(10, per=60.0))
        tasks = await waiting(quota, 21)
        began = loop.time()
        for number, task in enumerate(tasks):
            if number % 10:
                task.cancel()
        for _ in range(10):
            quota.release()
        await asyncio.gather(*tasks[::10])
        assert loop.time() - began == pytest.approx(60.05)
        assert quota.snapshot().waiting == 0

    run_virtual(main())


def test_a_wait_ends_at_its_deadline() -> None:
    """Not earlier, with the error of the quota, and without a timer that stays behind."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        quota = Quota(RateLimit(1, per=60.0))
        assert quota.try_acquire()
        began = loop.time()
        patient = asyncio.create_task(quota.acquire(deadline=math.inf))
        with pytest.raises(QuotaExceededError):
            # In flight, the slot may come back at any moment: only the deadline says that it did not.
            await quota.acquire(deadline=began + 130.0)
        assert loop.time() - began == pytest.approx(130.0)
        quota.release()
        await patient
        assert quota.snapshot().waiting == 0

    run_virtual(main())


def test_a_cancelled_call_keeps_no_frames() -> None:
    """The error of each of thousands would hold the frames of its call until the task is collected."""

    async def respond(request: MockRequest) -> MockResponse:
        raise AssertionError(request)

    async def main() -> None:
        quota = Quota(RateLimit(10))
        while quota.try_acquire():
            pass
        async with PartooClient("key", quota=quota, transport=MockTransport(respond)) as client:
            call = asyncio.create_task(client.request("GET", "/sections/7/groups/42"))
            await asyncio.sleep(0)
            assert quota.snapshot().waiting == 1
            call.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert "acquire" not in [entry.name for entry in caught.traceback]

    run_virtual(main())
