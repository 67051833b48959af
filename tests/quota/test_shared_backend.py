"""A quota whose slots many processes share: a fake store, in virtual time, with one quota for each process.

An exchange with the store takes 0.05 s. Slots are leased for good, so that each of them is granted once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable

import pytest

from partoo_async import ClientClosedError, ConfigurationError, PartooClient, QuotaExceededError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota import Backend, Demand, Quota
from partoo_async.testing import MockResponse, MockTransport
from tests.support.virtual import run_virtual

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK
MINUTE = RateLimit(10, 60.0)
TRIP = 0.05


class Store:
    """What the processes share: some free slots, and the news of pauses."""

    def __init__(self, free: int = 0) -> None:
        self.free = free
        self.members: list[Remote] = []

    def come(self, slots: int) -> None:
        """Let slots become free."""
        self.free += slots
        for member in self.members:
            member.news.set()


class Remote(Backend):
    """The part of one process: a pool of leased slots, and a task that talks to the store."""

    limit, per = 10, 60.0
    is_shared = waits_for_change = True

    def __init__(self, store: Store, broken: Exception | None = None) -> None:
        self.store = store
        self.broken = broken
        self.pool = self.held = self.starts = self.closes = 0
        self.news = asyncio.Event()
        self.lates: list[float] = []
        self.task: asyncio.Task[None] | None = None

    async def start(self, demand: Callable[[], Demand], changed: Callable[[float], None]) -> None:
        await asyncio.sleep(TRIP)
        if self.broken is not None:
            raise self.broken
        self.starts += 1
        self.demand, self.changed = demand, changed
        self.store.members.append(self)
        self.task = asyncio.create_task(self.talk())

    async def talk(self) -> None:
        while await self.news.wait():
            self.news.clear()
            await asyncio.sleep(TRIP)
            need = self.demand()
            grant = min(self.store.free, max(0, need.interactive + need.bulk - self.pool))
            self.store.free -= grant
            self.pool += grant
            if grant:
                self.changed(0.0)

    async def aclose(self) -> None:
        self.closes += 1
        self.store.members.remove(self)
        assert self.task is not None
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        self.store.free, self.pool = self.store.free + self.pool, 0

    def demand_changed(self) -> None:
        self.news.set()

    def acquire(self, now: float, reserved: int = 0) -> bool:
        if not self.pool:
            return False
        self.pool, self.held = self.pool - 1, self.held + 1
        return True

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        self.held -= 1
        self.pool += not sent
        self.lates.append(late)

    def pause(self, now: float, until: float) -> None:
        def tell(member: Remote) -> None:
            member.changed(until - loop.time())

        loop = asyncio.get_running_loop()
        for member in self.store.members:
            if member is not self:
                loop.call_later(TRIP, tell, member)

    def used(self, now: float) -> int:
        return self.held

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        return max(now, opens)

    def forgotten_at(self) -> float:
        return math.inf if self.held else -math.inf


def make(store: Store) -> Quota:
    return Quota(MINUTE, backend=Remote(store), chance=lambda: 0.0)


async def since(start: float, waiting: asyncio.Task[None]) -> float:
    """When the wait was over, in seconds from the start."""
    await asyncio.wait([waiting])
    return round(asyncio.get_running_loop().time() - start, 6)


def test_slots_that_come_later_wake_waiters() -> None:
    """No timer of the quota brings them: the store does, 5 s and a trip later, to the interactive call first."""

    async def main() -> None:
        store, loop = Store(), asyncio.get_running_loop()
        quota = make(store)
        await quota.start()
        start = loop.time()
        bulk, interactive = (asyncio.create_task(quota.acquire(priority)) for priority in (BULK, INTERACTIVE))
        loop.call_later(5.0, store.come, 1)
        assert await since(start, interactive) == 5.05
        assert not bulk.done()
        loop.call_later(5.0, store.come, 1)
        assert await since(start, bulk) == 10.1
        await quota.aclose()

    run_virtual(main())


def test_slots_that_come_in_another_thread_wake_waiters() -> None:
    """A store may be watched in a thread."""

    async def main() -> None:
        backend = Remote(Store())
        quota = Quota(MINUTE, backend=backend)
        waiting = asyncio.create_task(quota.acquire())
        while not quota.snapshot().waiting:
            await asyncio.sleep(0.01)

        def come() -> None:
            backend.pool = 1
            backend.changed(0.0)

        await asyncio.to_thread(come)
        await waiting
        await quota.aclose()

    asyncio.run(main())


def test_the_first_call_connects() -> None:
    """Whoever did not call ``start`` gets a slot all the same, and 20 calls at once make one connection."""

    async def main() -> None:
        quota = make(Store(free=20))
        backend = quota._backend
        await asyncio.gather(*(quota.acquire() for _ in range(20)))
        assert isinstance(backend, Remote)
        assert (backend.starts, quota.snapshot().used) == (1, 20)
        await quota.aclose()

    run_virtual(main())


def test_the_pause_of_another_process_refuses_whoever_cannot_outwait_it(caplog: pytest.LogCaptureFixture) -> None:
    """A trip after the 429, not at their deadlines; the others are delayed until it ends, and the log says why once."""

    async def main() -> None:
        store, loop = Store(), asyncio.get_running_loop()
        mine, other = make(store), make(store)
        await mine.start()
        await other.start()
        start = loop.time()
        short, long, endless = (
            asyncio.create_task(mine.acquire(INTERACTIVE, deadline)) for deadline in (start + 30, start + 50, math.inf)
        )
        await asyncio.sleep(1.0)
        other.pause(40.0)
        assert await since(start, short) == 1.05
        error = short.exception()
        assert isinstance(error, QuotaExceededError)
        assert error.retry_after == pytest.approx(39.95)
        assert round(mine.snapshot().paused_for, 6) == 39.95
        store.come(2)  # leased at once, but nobody may go before 41 s
        assert not mine.try_acquire()
        assert await since(start, long) == 41.0
        mine.release()  # the first after a pause goes alone, here as well
        assert await since(start, endless) == 41.0
        await mine.aclose()
        await other.aclose()

    caplog.set_level(logging.WARNING, "partoo_async.quota")
    run_virtual(main())
    assert [message.partition(":")[0] for message in caplog.messages] == ["429", "another process met a 429"]


def test_a_pause_of_another_process_for_hours_refuses_everybody() -> None:
    """As one of one's own does: nobody waits more than five minutes in silence."""

    async def main() -> None:
        store = Store()
        mine, other = make(store), make(store)
        await mine.start()
        await other.start()
        waiting = asyncio.create_task(mine.acquire())
        await asyncio.sleep(1.0)
        other.pause(1800.0)
        with pytest.raises(QuotaExceededError):
            await waiting
        await mine.aclose()
        await other.aclose()

    run_virtual(main())


def test_news_of_a_pause_that_is_known_changes_nothing() -> None:
    """A store tells the time that is left with each exchange: that is no second 429, which would pause for longer."""

    async def main() -> None:
        backend = Remote(Store())
        quota = Quota(MINUTE, backend=backend, chance=lambda: 0.0)
        await quota.start()
        backend.changed(2.0)
        for _ in range(4):
            await asyncio.sleep(0.5)
            backend.changed(quota.paused_for())
        assert quota.snapshot().paused_for == 0.0
        assert not quota.snapshot().spaced
        await quota.aclose()

    run_virtual(main())


def test_a_backend_is_asked_with_all_that_it_needs() -> None:
    """Who waits in which lane, for how long the reserve counts, and how long a request that was given up may be out."""

    async def main() -> None:
        backend = Remote(Store(free=1))
        quota = Quota(MINUTE, backend=backend)
        await quota.acquire()
        quota.release(answered=False, late=15.0)
        assert backend.lates == [15.0]
        waiting = [asyncio.create_task(quota.acquire(priority)) for priority in (BULK, BULK, INTERACTIVE)]
        await asyncio.sleep(10.0)
        demand = backend.demand()
        assert (demand[:2], round(demand.reserve_for, 6)) == ((1, 2), 50.0)
        waiting[0].cancel()
        await asyncio.sleep(0.0)
        assert backend.demand()[:2] == (1, 1)
        quota.hold_reserve()
        assert backend.demand().reserve_for == math.inf
        await quota.aclose()
        await asyncio.gather(*waiting, return_exceptions=True)

    run_virtual(main())


def test_closing_ends_waiters_with_an_error_that_says_so() -> None:
    """They would wait for ever: nobody brings slots any more. New calls hear the same, until somebody starts it."""

    async def main() -> None:
        store = Store()
        quota = make(store)
        await quota.start()
        waiting = [asyncio.create_task(quota.acquire(priority)) for priority in (BULK, INTERACTIVE)]
        await asyncio.sleep(1.0)
        await quota.aclose()
        await quota.aclose()
        for call in (*waiting, quota.acquire()):
            with pytest.raises(ClientClosedError, match="this quota was closed"):
                await call
        assert quota.snapshot().waiting == 0
        store.free = 1
        await quota.start()
        await quota.acquire()
        await quota.aclose()

    run_virtual(main())


def test_the_last_user_closes() -> None:
    """Two clients share a quota: the first one that leaves takes nothing from the other."""

    async def main() -> None:
        backend = Remote(Store())
        quota = Quota(MINUTE, backend=backend)
        await asyncio.gather(quota.start(), quota.start())
        waiting = asyncio.create_task(quota.acquire())
        await asyncio.sleep(1.0)
        await quota.aclose()
        backend.store.come(1)
        await waiting
        await quota.aclose()
        assert (backend.starts, backend.closes) == (1, 1)

    run_virtual(main())


def test_clients_connect_and_disconnect() -> None:
    """``async with`` starts a shared quota, and the last client that is closed closes it; a copy is no user."""

    async def main() -> None:
        backend = Remote(Store(free=3))
        quota = Quota(MINUTE, backend=backend)
        transport = MockTransport(lambda _: MockResponse(json={"id": 1, "name": "", "has_puller": False}))
        async with PartooClient("key", quota=quota, transport=transport) as one:
            async with PartooClient("key", quota=quota, transport=MockTransport(lambda _: MockResponse())) as other:
                assert backend.starts == 1
                await one.with_options(timeout=5.0).groups.get(7, 1)
                await other.with_options(timeout=5.0).aclose()
            assert backend.closes == 0
            await one.groups.get(7, 1)
        assert (backend.starts, backend.closes) == (1, 1)
        await one.aclose()
        assert backend.closes == 1

    run_virtual(main())


def test_a_start_that_fails_says_why() -> None:
    """To whoever starts it and to whoever calls first; when the cause is gone, it starts."""

    async def main() -> None:
        backend = Remote(Store(free=1), OSError("there is no directory /var/lib/quota"))
        quota = Quota(MINUTE, backend=backend)
        for attempt in (quota.start, quota.acquire):
            with pytest.raises(ConfigurationError, match=r"^quota: .*there is no directory /var/lib/quota") as caught:
                await attempt()
            assert caught.value.__cause__ is backend.broken
        backend.broken = None
        await quota.acquire()
        await quota.aclose()
        assert (backend.starts, backend.closes) == (1, 1)

    run_virtual(main())


@pytest.mark.parametrize("rate_limit", [None, MINUTE])
def test_a_quota_of_this_process_has_nothing_to_start_or_close(rate_limit: RateLimit | None) -> None:
    """Whoever waits goes on waiting, and whoever calls goes on calling."""

    async def main() -> None:
        quota = Quota(rate_limit, chance=lambda: 0.0)
        await quota.start()
        quota.pause(30.0)
        waiting = asyncio.create_task(quota.acquire())
        await asyncio.sleep(1.0)
        await quota.aclose()
        await waiting
        quota.release()
        assert quota.try_acquire()

    run_virtual(main())
