"""What processes that share a quota have from each other, and what it costs when nobody calls. In virtual time."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from partoo_async import ClientClosedError, QuotaExceededError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota import Quota
from partoo_async.quota.shared.lease import Lease
from partoo_async.quota.shared.messages import Reply, Report, State, Terms
from partoo_async.quota.shared.rules import exchange
from partoo_async.quota.shared.store import StoreError
from tests.support.fleet import MemoryStore, Process, Server, World
from tests.support.virtual import run_virtual

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK
MINUTE = RateLimit(30, 60.0, reserve=0.1)


class Fleet:
    """Some processes, a store and a server, after everybody has reported."""

    def __init__(self, limit: RateLimit = MINUTE, count: int = 2, *, trip: tuple[float, float] = (0.01, 0.01)) -> None:
        self.world = World()
        self.store = MemoryStore(self.world)
        self.server = Server(self.world, trip=trip)
        self.processes = [Process(self.world, self.store, limit) for _ in range(count)]
        for process in self.processes:
            process.do(self._begin(process))
        self.run(5.0)
        self.start = self.world.now

    async def _begin(self, process: Process) -> None:
        await process.quota.start()
        await process.acquire(BULK)
        process.quota.release(sent=False)

    def run(self, seconds: float = 600.0, *, done: bool = False) -> None:
        over = (lambda: all(process.is_done for process in self.processes)) if done else (lambda: False)
        self.world.run(self.world.now + seconds, done=over)

    async def send(self, process: Process, priority: Priority, count: int = 1) -> None:
        for _ in range(count):
            await process.acquire(priority)
            await self.server.request(process, priority)

    def work(self, process: Process, priority: Priority, workers: int, each: int = 1) -> None:
        for _ in range(workers):
            process.do(self.send(process, priority, each))

    def arrivals(self, process: Process | None = None, priority: Priority | None = None) -> list[float]:
        """When requests came, in seconds from the start."""
        return [
            when - self.start
            for when, (whose, lane) in zip(self.server.arrivals, self.server.whose, strict=True)
            if process in (None, whose) and priority in (None, lane)
        ]


@pytest.fixture
def make() -> Iterator[Callable[..., Fleet]]:
    made: list[Fleet] = []

    def make(*arguments: Any, **options: Any) -> Fleet:
        made.append(Fleet(*arguments, **options))
        return made[-1]

    yield make
    for fleet in made:
        fleet.world.close()


# Between processes


def test_processes_share_one_window(make: Callable[..., Fleet]) -> None:
    """Three that each want 60 of 30 a minute take six windows and their latencies together, and end about together."""
    fleet = make(count=3)
    for process in fleet.processes:
        fleet.work(process, BULK, workers=10, each=6)
    fleet.run(done=True)
    assert len(fleet.server.arrivals) == 180
    assert fleet.server.busiest(60.0) == 30
    assert 300.0 < fleet.arrivals()[-1] < 305.0
    ends = [fleet.arrivals(process)[-1] for process in fleet.processes]
    assert max(ends) - min(ends) < 61.0


def test_interactive_calls_of_one_process_find_the_reserve_that_another_process_left(
    make: Callable[..., Fleet],
) -> None:
    """A scan elsewhere takes all but three of 30; a visitor is served in a trip to the store, not in a minute."""
    fleet = make()
    web, batch = fleet.processes
    fleet.work(web, INTERACTIVE, workers=1)
    fleet.run(1.0)
    fleet.work(batch, BULK, workers=30, each=2)
    fleet.run(10.0)
    assert len(fleet.arrivals(batch)) == 26
    before = fleet.world.now
    fleet.work(web, INTERACTIVE, workers=3)
    fleet.run(1.0)
    assert len(fleet.arrivals(web)) == 4
    assert max(fleet.server.arrivals) - before < 0.05
    fleet.run(done=True)
    assert fleet.server.busiest(60.0) == 30


def test_a_web_server_without_visitors_keeps_its_reserve(make: Callable[..., Fleet]) -> None:
    """It says nothing for minutes, and the night's scan still leaves it three slots."""
    fleet = make()
    web, batch = fleet.processes
    web.quota.hold_reserve()
    fleet.work(web, INTERACTIVE, workers=1)
    fleet.run(300.0)
    assert web.loop.due == math.inf
    fleet.work(batch, BULK, workers=40)
    fleet.run(30.0)
    assert len(fleet.arrivals(batch)) == 27
    fleet.work(web, INTERACTIVE, workers=3)
    fleet.run(1.0)
    assert len(fleet.arrivals(web)) == 4


def test_interactive_calls_one_after_the_other_take_a_trip_to_the_store_each(make: Callable[..., Fleet]) -> None:
    """Beside a scan of another process that takes whatever it gets: ten calls of 20 ms in a quarter of a second."""
    fleet = make(RateLimit(300, 60.0))
    web, batch = fleet.processes
    fleet.work(web, INTERACTIVE, workers=1)
    fleet.work(batch, BULK, workers=30, each=20)
    fleet.run(10.0)
    before = fleet.world.now
    fleet.work(web, INTERACTIVE, workers=1, each=10)
    fleet.run(1.0)
    assert len(fleet.arrivals(web)) == 11
    assert fleet.server.arrivals[-1] - before < 0.3


def test_a_waiting_interactive_call_goes_before_bulk_work_of_all_processes(make: Callable[..., Fleet]) -> None:
    """When all slots are used up, the next that is free is for the visitor, whoever has asked for longer."""
    fleet = make(RateLimit(30, 60.0, reserve=0.0))
    web, batch = fleet.processes
    fleet.work(batch, BULK, workers=30, each=3)
    fleet.run(30.0)
    fleet.work(web, INTERACTIVE, workers=1)
    fleet.run(60.0)
    (served,) = (when for when in fleet.arrivals(web) if when > 45)
    second_window = [when for when in fleet.arrivals() if when > 45]
    assert len(second_window) == 30
    assert served - second_window[0] < 0.01


def test_bulk_work_is_not_starved_by_interactive_calls_of_another_process(make: Callable[..., Fleet]) -> None:
    """Endless visitors in one process leave one of twenty slots to the scan of another."""
    fleet = make(RateLimit(20, 10.0, reserve=0.1))
    web, batch = fleet.processes
    fleet.work(web, INTERACTIVE, workers=40, each=10)
    fleet.work(batch, BULK, workers=4, each=10)
    fleet.run(95.0)
    assert fleet.server.busiest(10.0) == 20
    interactive, bulk = len(fleet.arrivals(web)), len(fleet.arrivals(batch))
    assert interactive + bulk >= 180
    assert interactive / 25 <= bulk <= interactive / 15


def test_a_429_of_one_process_pauses_all_and_one_request_tries(make: Callable[..., Fleet]) -> None:
    """Nobody sends within the pause but who was about to; then one goes alone, and after its answer the rest."""
    fleet = make(count=3)
    for process in fleet.processes:
        fleet.work(process, BULK, workers=5)
    fleet.world.after(0.05, fleet.processes[0].quota.pause, 40.0)
    fleet.run(1.2)
    before = len(fleet.server.arrivals)
    for process in fleet.processes:
        fleet.work(process, BULK, workers=4)
    fleet.run(30.0)
    assert len(fleet.server.arrivals) == before
    assert all(38 - 30 < process.quota.paused_for() < 10 for process in fleet.processes)
    fleet.run(30.0)
    probe, second = fleet.arrivals()[before : before + 2]
    assert 40.0 < probe < 42.0
    assert second > probe + 0.01
    assert len(fleet.server.arrivals) == before + 12
    assert fleet.arrivals()[-1] < 43.0


def test_whoever_cannot_outwait_a_pause_of_another_process_is_refused(make: Callable[..., Fleet]) -> None:
    """At most a beat later, not at its deadline."""
    fleet = make()
    mine, other = fleet.processes
    fleet.work(other, BULK, workers=30)
    fleet.run(5.0)

    async def call() -> None:
        with pytest.raises(QuotaExceededError):
            await mine.quota.acquire(BULK, mine.loop.time() + 58.0)

    waits = mine.do(call())
    other.quota.pause(60.0)
    fleet.run(1.1)
    waits.result()


def test_spaced_sends_of_one_process_are_spaced_over_all(make: Callable[..., Fleet]) -> None:
    """After a short pause requests of three processes leave one by one, as those of one process would."""
    fleet = make(count=3)
    fleet.processes[0].quota.pause(5.0)
    for process in fleet.processes:
        fleet.work(process, BULK, workers=6)
    fleet.run(90.0)
    times = fleet.arrivals()
    assert len(times) == 18
    gaps = sorted(later - earlier for earlier, later in pairwise(times[1:]))
    # The pace is one in 2.07 s; who asks a quarter of a beat late may have the next one that much earlier.
    assert gaps[0] > 1.7
    assert gaps[-1] < 3.5


def test_smooth_pacing_of_one_member_paces_all(make: Callable[..., Fleet]) -> None:
    """As long as it is there."""
    fleet = make(RateLimit(30, 60.0, pacing="smooth"))
    for process in fleet.processes:
        fleet.work(process, BULK, workers=4)
    fleet.run(30.0)
    assert min(later - earlier for earlier, later in pairwise(fleet.arrivals())) > 1.7


def test_members_that_disagree_say_so_once(make: Callable[..., Fleet], caplog: pytest.LogCaptureFixture) -> None:
    """The least of their limits counts for both."""
    fleet = make(count=1)
    small = Process(fleet.world, fleet.store, RateLimit(10, 60.0))
    fleet.processes.append(small)
    small.do(small.quota.start())
    fleet.run(0.1)
    fleet.work(small, BULK, workers=4)
    fleet.work(fleet.processes[0], BULK, workers=20)
    fleet.run(20.0)
    assert len(fleet.server.arrivals) == 10
    assert [message for message in caplog.messages if "disagree" in message] == [
        "processes disagree on the shared quota: the least, 10 requests in 60.05 s, counts for all of them"
    ]


# Without the store


def test_a_store_that_is_away_is_told_once_and_comes_back_by_itself(
    make: Callable[..., Fleet], caplog: pytest.LogCaptureFixture
) -> None:
    """A tenth of the quota meanwhile, counted from what was sent before; nobody meets an error."""
    caplog.set_level("INFO", "partoo_async.quota")
    fleet = make(count=1)
    (process,) = fleet.processes
    fleet.store.is_up = False
    fleet.work(process, BULK, workers=10, each=5)
    fleet.run(100.0)
    assert process.lease.mode == "fallback"
    assert 3 <= len(fleet.server.arrivals) <= 6
    fleet.store.is_up = True
    fleet.run(500.0)
    assert process.lease.mode == "shared"
    assert len(fleet.server.arrivals) == 50
    assert fleet.server.busiest(60.0) <= 30
    assert caplog.messages == [
        "the store of the shared quota is away (no answer within 1 s): "
        "this process goes on with at most 3 of 30 requests in 60 s",
        "the store of the shared quota is back",
    ]


def test_one_slow_answer_changes_nothing(make: Callable[..., Fleet], caplog: pytest.LogCaptureFixture) -> None:
    """Two seconds without the store pass unnoticed by callers that have slots."""
    fleet = make(count=1)
    fleet.store.is_up = False
    fleet.world.after(2.0, setattr, fleet.store, "is_up", True)
    fleet.work(fleet.processes[0], BULK, workers=5)
    fleet.run(3.5)
    assert len(fleet.server.arrivals) == 5
    assert caplog.messages == []


# When nobody calls


def test_idle_costs_nothing(make: Callable[..., Fleet]) -> None:
    """A window after the last call there is no task, no timer, no message and no connection; then it works again."""
    fleet = make()
    fleet.work(fleet.processes[0], INTERACTIVE, workers=3)
    fleet.run(70.0)
    said = fleet.store.exchanges
    assert fleet.store.state is not None
    assert fleet.store.state["owners"] == {}
    for process in fleet.processes:
        assert process.loop.due == math.inf
        assert asyncio.all_tasks(process.loop) == set()
        assert not process.link.is_open
    fleet.run(7200.0)
    assert fleet.store.exchanges == said
    fleet.work(fleet.processes[1], INTERACTIVE, workers=1)
    fleet.run(0.1)
    assert len(fleet.server.arrivals) == 4


def test_an_idle_process_that_finds_an_emptied_store_does_not_wait_for_the_others(make: Callable[..., Fleet]) -> None:
    """A store forgets what nobody used for long; a visitor of the morning is served like the first one."""
    fleet = make(count=1)
    fleet.run(200.0)
    fleet.store.flush()
    fleet.work(fleet.processes[0], INTERACTIVE, workers=1)
    fleet.run(0.1)
    assert len(fleet.server.arrivals) == 1


def test_a_few_exchanges_serve_a_window(make: Callable[..., Fleet]) -> None:
    """Half an exchange for each request of a scan at 300 a minute, beats included."""
    fleet = make(RateLimit(300, 60.0), 3, trip=(0.005, 0.05))
    for process in fleet.processes:
        fleet.work(process, BULK, workers=10, each=30)
    before = fleet.store.exchanges
    fleet.run(done=True)
    assert len(fleet.server.arrivals) == 900
    assert (fleet.store.exchanges - before) / 900 < 0.7
    assert fleet.arrivals()[-1] < 120.0 * 1.05


# One process, real objects of a loop: closing, several loops, forks


class Here:
    """A store in this process, on the loop's clock or the machine's."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.state: State | None = None
        self.log: list[str] = []
        self.reports: list[Report] = []
        self.hangs = False
        self.error: Exception | None = None

    async def open(self) -> None:
        self.log.append("open")

    async def exchange(self, report: Report, terms: Terms) -> Reply:
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.error is not None:
            raise self.error
        self.reports.append(report)
        await asyncio.sleep(0)
        self.state, reply = exchange(self.state, report, terms, int(self.clock() * 1000))
        return reply

    async def look(self) -> tuple[State, int] | None:
        return None

    async def aclose(self) -> None:
        self.log.append("close")
        if self.hangs:
            await asyncio.get_running_loop().create_future()

    def abandon(self) -> None:
        self.log.append("abandon")


def here(clock: Callable[[], float]) -> tuple[Here, Quota]:
    store = Here(clock)
    return store, Quota(MINUTE, backend=Lease(MINUTE, store), chance=lambda: 0.0)


def test_closing_gives_the_lease_back() -> None:
    """Waiting calls end with an error that says so; what cools stays in the store; a second time nothing happens."""

    async def main() -> None:
        store, quota = here(asyncio.get_running_loop().time)
        for _ in range(3):
            await quota.acquire()
        quota.release()
        quota.release(sent=False)
        waiting = [asyncio.create_task(quota.acquire(BULK)) for _ in range(40)]
        await asyncio.sleep(5.0)
        await quota.aclose()
        await quota.aclose()
        assert sum(
            isinstance(error, ClientClosedError) for error in await asyncio.gather(*waiting, return_exceptions=True)
        )
        assert store.reports[-1].leave
        assert (store.log[0], store.log[-1], store.log.count("close")) == ("open", "close", 1)
        assert not quota.try_acquire()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


@pytest.mark.parametrize("how", ["hangs", "hangs and is cancelled", "is cancelled"])
def test_closing_ends_within_the_timeout(how: str) -> None:
    """Whatever the store does; who is cancelled gives the lease back first, if there is an answer in time."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        store, quota = here(loop.time)
        await quota.acquire()
        store.hangs = "hangs" in how
        await asyncio.sleep(0.5)
        start = loop.time()
        closing = asyncio.create_task(quota.aclose())
        await asyncio.sleep(0)
        if "cancelled" in how:
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
        else:
            await closing
        assert loop.time() - start <= 1.0
        assert store.log[-1] == ("abandon" if store.hangs else "close")
        assert store.hangs or store.reports[-1].leave
        assert asyncio.all_tasks() == {asyncio.current_task()}
        quota.release()

    run_virtual(main())


def test_what_a_driver_raises_reaches_no_caller_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Its text may have the password of a URL; the store's own errors are told."""

    async def main(error: Exception) -> None:
        store, quota = here(asyncio.get_running_loop().time)
        await quota.acquire()
        quota.release()
        store.error = error
        waiting = asyncio.create_task(quota.acquire())
        await asyncio.sleep(70.0)
        await waiting
        quota.release()
        await quota.aclose()

    run_virtual(main(OSError("redis://user:password@host")))
    run_virtual(main(StoreError("no server at host:6379")))
    assert [message.partition("(")[2].partition(")")[0] for message in caplog.messages] == [
        "OSError",
        "no server at host:6379",
    ]


def test_a_task_that_is_cancelled_at_the_end_of_a_loop_does_not_come_back() -> None:
    """``asyncio.run`` cancels all tasks: the exchange that is cut short begins no other. Later loops go on."""
    clock = iter(range(10**6))
    store, quota = here(lambda: next(clock) / 100)

    async def call() -> None:
        await quota.acquire()
        quota.release()

    asyncio.run(call())
    asyncio.run(call())
    assert store.log[:2] == ["open", "abandon"]
    assert len(store.reports) >= 1


def test_a_loop_that_is_closed_without_a_word_leaves_no_warning() -> None:
    """Nor does one that never runs again; the next loop opens the store anew."""
    clock = iter(range(10**6))
    store, quota = here(lambda: next(clock) / 100)
    for _ in range(2):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(quota.acquire())
        store.hangs = True
        quota.release()
        loop.close()
        store.hangs = False
    del quota
    gc.collect()
    assert store.log[-1] == "abandon"


def test_loops_of_two_threads_share_the_lease() -> None:
    """The one that came first talks to the store; the other's calls are served as well, and either may close."""
    clock = iter(range(10**6))
    store, quota = here(lambda: next(clock) * 3.0)  # so that all has settled at the second exchange
    served: list[int] = []
    first_is_up, second_is_done = threading.Event(), threading.Event()

    async def calls(count: int) -> None:
        for _ in range(count):
            await quota.acquire(BULK)
            quota.release()
            served.append(threading.get_ident())

    async def first() -> None:
        await calls(3)
        first_is_up.set()
        while not second_is_done.is_set():
            await asyncio.sleep(0.001)

    async def second() -> None:
        await calls(3)
        await quota.aclose()
        second_is_done.set()

    thread = threading.Thread(target=asyncio.run, args=(first(),))
    thread.start()
    first_is_up.wait()
    try:
        asyncio.run(second())
    finally:
        second_is_done.set()
        thread.join()
    assert len(served) == 6
    assert len(set(served)) == 2
    assert store.log == ["open", "close"]
    assert store.reports[-1].leave


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads, which the child does not need
def test_the_child_of_a_fork_is_another_member() -> None:
    """With its own name and nothing held: its slots are the parent's, and so is the connection."""
    store, quota = here(lambda: 1000.0)

    async def ask() -> None:
        waiting = [asyncio.create_task(quota.acquire()) for _ in range(4)]
        await asyncio.sleep(0.01)
        waiting[-1].cancel()

    asyncio.run(ask())
    owner, asked = store.reports[-1].owner, len(store.reports)
    child = os.fork()
    if not child:
        code = 1
        try:
            asyncio.run(ask())
            first = store.reports[asked]
            code = 0 if first.owner != owner and first.held == 0 and store.log[:3] == ["open", "abandon", "open"] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    asyncio.run(ask())
    assert {report.owner for report in store.reports} == {owner}
