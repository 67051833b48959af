"""The quota belongs to the process: whatever clients, event loops and threads come and go, it is one."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from partoo_async import PartooClient, Priority, Quota, RateLimit
from partoo_async.quota import shared_quota
from partoo_async.quota.event_loops import LOCK
from partoo_async.quota.registry import Registry, forget
from partoo_async.testing import make_emulator
from tests.support.common import PATIENCE, TLS
from tests.support.virtual import run_virtual

SERVER = "http://127.0.0.1:9/v2"
MINUTE = RateLimit(10, 60.0)
INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Threads for loops of their own."""
    with ThreadPoolExecutor() as threads:
        yield threads


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.001)


# --- clients, loops and threads that come and go


def test_four_threads_with_a_loop_and_a_client_for_each_call() -> None:
    """Forty calls, each in an ``asyncio.run`` of its own: no window at the server has more than ten."""
    limit = RateLimit(10, 0.2)
    with make_emulator() as emulator:

        async def call(number: int) -> None:
            async with PartooClient(emulator.api_key, server=emulator.url, rate_limit=limit, ssl_context=TLS) as client:
                await client.groups.get(7, number)

        def calls(first: int) -> None:
            for number in range(first, first + 10):
                asyncio.run(call(40 + number % 3))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(calls, range(4)))
        assert len(emulator.requests) == 40
        assert emulator.busiest_window(limit.per) <= 10


def test_a_client_for_each_call_in_one_loop() -> None:
    """What a client has sent counts for the next one, though the first was closed and collected."""
    limit = RateLimit(5, 0.2)
    with make_emulator() as emulator:

        async def calls() -> None:
            for _ in range(15):
                async with PartooClient(
                    emulator.api_key, server=emulator.url, rate_limit=limit, ssl_context=TLS
                ) as client:
                    await client.groups.get(7, 42)

        asyncio.run(calls())
        assert emulator.busiest_window(limit.per) <= 5


def test_a_pause_outlives_its_client_and_its_loop() -> None:
    """A 429 holds for the key, not for the object that met it."""

    async def pause() -> None:
        async with PartooClient("key", server=SERVER) as client:
            client.session.quota.pause(60.0)

    async def look(**options: Any) -> float:
        async with PartooClient("key", server=SERVER, **options) as client:
            return client.quota.paused_for

    asyncio.run(pause())
    gc.collect()
    assert 50 < asyncio.run(look()) <= 60.25
    assert 50 < asyncio.run(look(rate_limit=None)) <= 60.25
    assert 50 < PartooClient("key", server=SERVER).quota.paused_for <= 60.25
    assert PartooClient("other", server=SERVER).quota.paused_for == 0


def test_two_spellings_of_a_server_are_one_quota() -> None:
    """The URL is compared by meaning."""

    async def use(server: str) -> int:
        async with PartooClient("key", server=server) as client:
            assert client.session.quota.try_acquire()
            return client.quota.used

    assert [asyncio.run(use(url)) for url in ("https://x.example/v2", "https://X.example:443/v2/")] == [1, 2]


def test_what_was_in_flight_in_a_closed_loop_cools() -> None:
    """The loop was closed on a request: it is given up, its slot is neither free at once nor lost."""
    loop, quota = asyncio.new_event_loop(), Quota(RateLimit(3, 60.0))

    async def take() -> bool:
        return quota.try_acquire()

    assert loop.run_until_complete(take())
    loop.close()
    assert not quota.is_cool()

    async def rest() -> list[float]:
        assert quota.try_acquire()
        assert quota.try_acquire()
        assert not quota.try_acquire()
        quota.release(sent=False)
        quota.release(sent=False)
        quota.release(sent=False)  # that of a call of the other loop, collected here
        return [quota.snapshot().used, quota.forecast(calls=3)]

    used, wait = asyncio.run(rest())
    assert used == 1
    assert 74 < wait <= 75.05  # a window, its margin, and the 15 s that it may take to arrive


def test_a_call_that_is_collected_without_a_loop_returns_its_slot() -> None:
    """Its ``finally`` runs where no loop does."""
    loop, quota = asyncio.new_event_loop(), Quota(RateLimit(3, 60.0))

    async def take() -> bool:
        return quota.try_acquire()

    assert loop.run_until_complete(take())
    quota.release(sent=False)
    assert quota.snapshot().used == 0
    loop.close()


# --- waiting in several loops


def test_a_slot_that_is_freed_in_one_thread_wakes_a_waiter_in_another(elsewhere: ThreadPoolExecutor) -> None:
    """At once, and not when its timer would: that is a minute away."""

    async def main() -> None:
        quota = Quota(RateLimit(1, 60.0))
        await quota.acquire()
        waiting = elsewhere.submit(asyncio.run, quota.acquire())
        await until(lambda: quota.snapshot().waiting)
        quota.release(sent=False)
        await asyncio.wrap_future(waiting)
        assert quota.snapshot().used == 1

    asyncio.run(main())


def test_interactive_calls_go_first_whichever_loop_they_wait_in(elsewhere: ThreadPoolExecutor) -> None:
    """Bulk work of one loop lets the visitors of another go ahead."""
    order: list[str] = []

    async def main() -> None:
        quota = Quota(RateLimit(1, 60.0, reserve=0.0))
        await quota.acquire()

        async def call(name: str, priority: Priority) -> None:
            await quota.acquire(priority)
            order.append(name)
            quota.release(sent=False)

        calls = []
        for name, priority in (("bulk", BULK), ("one", INTERACTIVE), ("two", INTERACTIVE)):
            calls.append(asyncio.wrap_future(elsewhere.submit(asyncio.run, call(name, priority))))
            await until(lambda: quota.snapshot().waiting == len(calls))
        quota.release(sent=False)
        await asyncio.gather(*calls)

    asyncio.run(main())
    assert order == ["one", "two", "bulk"]


def test_each_loop_has_a_timer_of_its_own(elsewhere: ThreadPoolExecutor) -> None:
    """A waiter does not depend on a loop that is busy, or gone, to wake it when a slot has cooled."""

    async def take(quota: Quota) -> None:
        for _ in range(4):
            await quota.acquire()
            quota.release()

    quota = Quota(RateLimit(2, 0.05))
    list(elsewhere.map(lambda _: asyncio.run(take(quota)), range(5)))
    assert quota.snapshot().waiting == 0


def test_a_429_tells_the_waiters_of_every_loop(elsewhere: ThreadPoolExecutor) -> None:
    """A pause that outlasts their deadline is said at once, in the thread where they wait."""

    async def wait(quota: Quota) -> str:
        try:
            await quota.acquire(deadline=asyncio.get_running_loop().time() + 100)
        except Exception as error:
            return type(error).__name__
        return "served"

    async def main() -> None:
        quota = Quota(RateLimit(1, 60.0))
        await quota.acquire()
        waiting = asyncio.wrap_future(elsewhere.submit(asyncio.run, wait(quota)))
        await until(lambda: quota.snapshot().waiting)
        quota.pause(200.0)
        assert await waiting == "QuotaExceededError"

    asyncio.run(main())


def test_the_first_after_a_pause_may_be_lost_with_its_loop(
    elsewhere: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer was to let the others go: when its loop is closed, the next one asks."""
    monkeypatch.setattr("partoo_async.quota.wait_queue._CHECK_EVERY", 0.01)
    quota = Quota(RateLimit(1000, 60.0), chance=lambda: 0.0)

    async def main() -> None:
        quota.pause(0.0)
        lost = asyncio.new_event_loop()

        async def take() -> None:
            assert quota.try_acquire()

        elsewhere.submit(lost.run_until_complete, take()).result()
        waiting = asyncio.create_task(quota.acquire())
        await until(lambda: quota.snapshot().waiting)
        assert not waiting.done()
        lost.close()
        await waiting

    asyncio.run(main())


def test_a_waiter_whose_loop_was_closed_gets_no_slot() -> None:
    """Nobody would use it."""
    quota, closed = Quota(RateLimit(1, 60.0)), asyncio.new_event_loop()

    async def leave_one_waiting() -> asyncio.Task[None]:
        await quota.acquire()
        task = asyncio.ensure_future(quota.acquire())
        await until(lambda: quota.snapshot().waiting)
        quota.release(sent=False)
        await task
        task = asyncio.ensure_future(quota.acquire())
        await until(lambda: quota.snapshot().waiting)
        return task

    task = closed.run_until_complete(leave_one_waiting())
    closed.close()

    async def go_on() -> int:
        quota.try_acquire()
        return quota.snapshot().waiting

    assert asyncio.run(go_on()) == 0
    task._log_destroy_pending = False  # type: ignore[attr-defined]


# --- one key, several limits


def test_limits_of_one_key_are_apart_but_for_pauses() -> None:
    """Each counts its own sends, or a small one would starve beside a large one; a 429 is said of the key."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ten, none = (shared_quota(loop, "identity", limit) for limit in (RateLimit(10, 60.0), None))
        assert sum(ten.try_acquire() for _ in range(11)) == 10
        ten.pause(30.0)
        three = shared_quota(loop, "identity", RateLimit(3, 60.0))
        assert ten.paused_for() == none.paused_for() == three.paused_for() > 29
        assert not three.try_acquire()
        waiting = asyncio.create_task(three.acquire())
        await asyncio.sleep(31)
        await waiting
        assert (ten.snapshot().used, three.snapshot().used, none.snapshot().used) == (10, 1, 0)

    run_virtual(main())


# --- what is kept, and what is not


def test_a_history_is_kept_without_a_client_until_it_has_cooled() -> None:
    """The same quota is found again for a window and a little; then nothing is left of it."""

    async def main() -> None:
        registry = Registry(asyncio.get_running_loop())
        quota = registry.find("identity", MINUTE)
        assert quota.try_acquire()
        quota.release()
        gone = weakref.ref(quota)
        del quota
        gc.collect()
        await asyncio.sleep(60)
        assert registry.find("identity", MINUTE).snapshot().used == 1
        await asyncio.sleep(61)
        registry.sweep()
        gc.collect()
        assert gone() is None
        assert not registry.kept

    run_virtual(main())


def test_thousands_of_keys_that_come_and_go_leave_nothing() -> None:
    """A tenant a second for an hour and a half: about those of the last window are kept."""

    async def main() -> None:
        registry = Registry(asyncio.get_running_loop())
        for tenant in range(5000):
            quota = registry.find(tenant, MINUTE)
            await quota.acquire()
            quota.release()
            await asyncio.sleep(1)
        assert len(registry.kept) < 100

    run_virtual(main())


def test_a_quota_that_was_never_used_is_not_kept() -> None:
    """A client that is made and thrown away leaves nothing, not for a window."""
    loop = asyncio.new_event_loop()
    gone = weakref.ref(shared_quota(loop, "identity", MINUTE))
    gc.collect()
    assert gone() is None
    loop.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_knows_what_was_sent_and_waits_for_nobody() -> None:
    """What the parent has in flight cools in the child, and its waiters are not the child's."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    async def look() -> None:
        quota = PartooClient("key", server=SERVER, rate_limit=RateLimit(1, 60.0)).session.quota
        sender.send((quota.try_acquire(), quota.snapshot().used, quota.snapshot().waiting))

    async def main() -> None:
        quota = PartooClient("key", server=SERVER, rate_limit=RateLimit(1, 60.0)).session.quota
        await quota.acquire()
        waiting = asyncio.create_task(quota.acquire())
        await until(lambda: quota.snapshot().waiting)
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            with LOCK:
                held.set()
                release.wait(PATIENCE)

        # A thread that has the lock must not have it in the child, too, where it does not exist.
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(PATIENCE)
        child = context.Process(target=lambda: asyncio.run(look()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks in a process with threads
            forking = asyncio.create_task(asyncio.to_thread(child.start))
            await asyncio.sleep(0.05)  # by now it waits for the lock
            release.set()
            await forking
        assert await asyncio.to_thread(receiver.poll, PATIENCE)
        child.join()
        holder.join()
        assert (quota.snapshot().used, quota.snapshot().waiting) == (1, 1)
        waiting.cancel()

    asyncio.run(main())
    assert receiver.recv() == (False, 1, 0)
    forget()
