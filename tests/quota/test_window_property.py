"""The promise of the quota, in virtual time: no schedule of calls breaks the server's window."""

from __future__ import annotations

import asyncio
import random
from collections import deque

import pytest

from partoo_async import QuotaExceededError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota import Quota
from tests.support.virtual import run_virtual

REQUESTS = 280


class Story:
    """One random case: callers of two lanes and two clients, a network that dawdles, a server that counts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.limit = RateLimit(
            requests=self.random.choice([1, 3, 10, 30, 100]),
            per=self.random.choice([2.0, 10.0, 60.0]),
            reserve=self.random.choice([0.0, 0.1, 0.5]),
        )
        self.slowest = self.random.choice([0.01, 1.0, 10.0, 90.0])
        self.quota = Quota(self.limit, chance=self.random.random)
        self.received: list[float] = []
        self.order: dict[Priority, deque[int]] = {Priority.INTERACTIVE: deque(), Priority.BULK: deque()}
        self.overtaken: list[int] = []
        self.done = {Priority.INTERACTIVE: 0, Priority.BULK: 0}
        self.refused = 0

    async def call(self, number: int, priority: Priority) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.random.uniform(0, 200) if self.random.random() < 0.1 else float("inf")
        self.order[priority].append(number)
        try:
            await self.quota.acquire(priority, deadline)
        except QuotaExceededError:
            self.refused += 1
            self.order[priority].remove(number)
            return
        except asyncio.CancelledError:
            self.order[priority].remove(number)
            raise
        if self.order[priority].index(number) != 0:
            self.overtaken.append(number)
        self.order[priority].remove(number)
        if self.random.random() < 0.05:
            self.quota.release(sent=False)
            return
        await self.exchange(priority)

    async def exchange(self, priority: Priority) -> None:
        loop = asyncio.get_running_loop()
        arrived = answered = False
        try:
            await asyncio.sleep(self.random.uniform(0, self.slowest))
            self.received.append(loop.time())
            arrived = True
            await asyncio.sleep(self.random.uniform(0, self.slowest))
            answered = True
            self.done[priority] += 1
        except asyncio.CancelledError:
            if not arrived:
                # The caller has gone, but what it sent is on its way and still arrives.
                self.received.append(loop.time() + self.limit.per / 60)
            raise
        finally:
            self.quota.release(sent=True, answered=answered)
        if self.random.random() < 0.01:
            self.quota.pause(self.random.choice([None, 0.0, 1.0, 30.0]))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(REQUESTS):
                priority = self.random.choice([Priority.INTERACTIVE, Priority.BULK])
                task = group.create_task(self.call(number, priority))
                if self.random.random() < 0.1:
                    asyncio.get_running_loop().call_later(self.random.uniform(0, 120), task.cancel)
                if self.random.random() < 0.2:
                    await asyncio.sleep(self.random.expovariate(1.0) * self.limit.per / 5)
        # Whatever is still counted cools down; after a window nothing may be.
        await asyncio.sleep(self.limit.per * 1.1 + 1)

    def busiest(self) -> int:
        """The most requests that the server saw in any window, closed at both ends."""
        window: deque[float] = deque()
        most = 0
        for moment in sorted(self.received):
            window.append(moment)
            while moment - window[0] > self.limit.per:
                window.popleft()
            most = max(most, len(window))
        return most


@pytest.mark.parametrize("cases", [12, pytest.param(220, marks=pytest.mark.soak)])
def test_no_schedule_breaks_the_window(cases: int) -> None:
    """Latencies up to 90 s, cancellations at any point, 429s, two lanes: the server never sees more than the limit in
    any window, no slot leaks, nobody overtakes within a lane, and bulk work always makes progress."""
    requests = 0
    for seed in range(cases):
        story = Story(seed)
        try:
            run_virtual(story.run(), tick=seed % 2 * 1e-5)
        except BaseExceptionGroup as group:  # pragma: no cover - only when the test fails
            pytest.fail(f"seed {seed}: {group.exceptions}")
        state = story.quota.snapshot()
        assert story.busiest() <= story.limit.requests, f"seed {seed}"
        assert story.overtaken == [], f"seed {seed}"
        assert (state.used, state.waiting) == (0, 0), f"seed {seed}: {state}"
        assert story.done[Priority.BULK] > 0, f"seed {seed}"
        requests += len(story.received)
    assert requests >= 220 * cases
