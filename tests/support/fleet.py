"""Many processes that share a store, in virtual time: each with an event loop, which can stand still or die.

All loops have one clock, and take turns in one thread. Messages between them are events of the world, so that what is
under way arrives although its sender was killed.
"""

from __future__ import annotations

import asyncio
import copy
import heapq
import itertools
import math
import random
import selectors
from bisect import bisect_left
from collections.abc import Callable, Coroutine
from typing import Any

from partoo_async.policy import Priority, RateLimit
from partoo_async.quota import Quota
from partoo_async.quota.shared import rules
from partoo_async.quota.shared.lease import Lease
from partoo_async.quota.shared.messages import Reply, Report, State, Terms
from partoo_async.quota.shared.store import StoreError


class World:
    """The clock, the messages under way, and the processes."""

    def __init__(self, seed: int | str = 0) -> None:
        self.now = 1000.0
        self.chance = random.Random(seed)
        self.processes: list[Process] = []
        self._events: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._order = itertools.count()

    def at(self, when: float, function: Callable[..., object], *arguments: object) -> None:
        heapq.heappush(self._events, (when, next(self._order), function, arguments))

    def after(self, seconds: float, function: Callable[..., object], *arguments: object) -> None:
        self.at(self.now + seconds, function, *arguments)

    def run(self, until: float = math.inf, *, done: Callable[[], bool] = lambda: False) -> None:
        """Go on until a time, until something holds, or until nothing will ever happen."""
        events, processes = self._events, self.processes
        while not done():
            for process in processes:
                if process.is_alive and process.frozen_until <= self.now and process.loop.due <= self.now:
                    process.loop.turn()
            due = events[0][0] if events else math.inf
            for process in processes:
                if process.is_alive:
                    due = min(due, max(process.loop.due, process.frozen_until))
            if due > until or due == math.inf:
                self.now = max(self.now, until) if until < math.inf else self.now
                return
            self.now = max(self.now, due)
            while events and events[0][0] <= self.now:
                _, _, function, arguments = heapq.heappop(events)
                function(*arguments)

    def close(self) -> None:
        """Clean up: what is left of all processes ends, and says nothing that arrives."""
        for process in self.processes:
            process.quota.forked()
            for task in asyncio.all_tasks(process.loop):
                task.cancel()
            process.loop.turn()
            process.loop.close()


class _Stop(selectors.SelectSelector):
    """Waits for nothing: it notes when the loop wants to go on, and lets it return."""

    loop: Loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.loop.due = math.inf if timeout is None else self.loop.world.now + timeout
            self.loop.stop()
        return []


class Loop(asyncio.SelectorEventLoop):
    """The event loop of one process. ``due``: when it has to run again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.due = -math.inf
        selector = _Stop()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.world.now

    def turn(self) -> None:
        """Run all that is ready."""
        self.run_forever()

    def wake(self, function: Callable[..., object], *arguments: object) -> None:
        """Have a function called, now or as soon as the process goes on."""
        self.call_soon(function, *arguments)
        self.due = -math.inf


class Process:
    """A process with a quota. ``reach``: whether its messages to the store and back arrive."""

    def __init__(self, world: World, store: MemoryStore, rate_limit: RateLimit, **options: Any) -> None:
        self.world, self.store = world, store
        self.loop = Loop(world)
        self.is_alive = True
        self.frozen_until = -math.inf
        self.reach = True
        self.link = Link(self)
        self.lease = Lease(rate_limit, self.link, **options)
        self.quota = Quota(rate_limit, backend=self.lease, chance=lambda: 0.0)
        self.tasks: list[asyncio.Task[Any]] = []
        self.waiting: dict[int, float] = {}
        self._numbers = itertools.count()
        world.processes.append(self)

    def do(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Begin a task in the process."""
        task = self.loop.create_task(work)
        self.loop.due = -math.inf
        self.tasks.append(task)
        return task

    def freeze(self, seconds: float) -> None:
        self.frozen_until = self.world.now + seconds

    def kill(self) -> None:
        self.is_alive = False

    @property
    def is_done(self) -> bool:
        return not self.is_alive or all(task.done() for task in self.tasks)

    async def acquire(self, priority: Priority) -> None:
        """Wait for a slot; ``waiting`` has since when."""
        number = next(self._numbers)
        self.waiting[number] = self.world.now
        try:
            await self.quota.acquire(priority)
        finally:
            del self.waiting[number]


class MemoryStore:
    """The store, at its own place: with a clock, faults, and a state that can be lost.

    ``trip``: seconds of one way, between two values. ``loss``: the part of messages that get lost or come late, at most
    ``latest`` seconds, when the exchange was given up.
    """

    def __init__(self, world: World, *, loss: float = 0.0, latest: float = 1.0) -> None:
        self.world, self.loss, self.latest = world, loss, latest
        self.trip = (0.001, 0.005)
        self.state: State | None = None
        self.is_up = True
        self.offset = 0.0
        self.exchanges = 0
        self.blind = 0  # how often somebody without a history found it empty, and the others had one
        self.replies: list[Reply] = []
        self.snapshots: list[tuple[float, State | None]] = []

    def clock(self) -> int:
        return math.floor((self.world.now + self.offset) * 1000)

    def flush(self) -> None:
        self.state = None

    def snapshot(self) -> State | None:
        return copy.deepcopy(self.state)

    def restore(self, state: State | None) -> None:
        self.state = state

    def step(self, seconds: float) -> None:
        self.offset += seconds

    def handle(self, report: Report, terms: Terms) -> Reply:
        self.exchanges += 1
        self.blind += self.state is None and report.seen == 0 and self.exchanges > 1
        self.state, reply = rules.exchange(self.state, report, terms, self.clock())
        return reply

    def delay(self) -> float:
        """Seconds of one way; infinity if the message gets lost."""
        chance = self.world.chance
        if self.loss and chance.random() < self.loss:
            return math.inf if chance.random() < 0.5 else chance.uniform(0.0, self.latest)
        return chance.uniform(*self.trip)


class Link:
    """A process's way to the store: what ``Store`` describes."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.opens = self.closes = 0
        self.is_open = False

    async def open(self) -> None:
        await asyncio.sleep(self.process.world.chance.uniform(*self.process.store.trip))
        self.opens += 1
        self.is_open = True

    async def exchange(self, report: Report, terms: Terms) -> Reply:
        assert self.is_open
        store, world = self.process.store, self.process.world
        answer: asyncio.Future[Reply] = self.process.loop.create_future()
        if (there := store.delay()) < math.inf:
            world.after(there, self._arrive, report, terms, answer)
        return await answer

    def _arrive(self, report: Report, terms: Terms, answer: asyncio.Future[Reply]) -> None:
        store, world = self.process.store, self.process.world
        if not (store.is_up and self.process.reach):
            return
        reply = store.handle(report, terms)
        if (back := store.delay()) < math.inf:
            world.after(back, self._return, reply, answer)

    def _return(self, reply: Reply, answer: asyncio.Future[Reply]) -> None:
        if self.process.reach and self.process.is_alive:
            self.process.loop.wake(_settle, answer, reply)

    async def look(self) -> tuple[State, int] | None:
        store = self.process.store
        return None if store.state is None else (copy.deepcopy(store.state), store.clock())

    async def aclose(self) -> None:
        self.closes += 1
        self.is_open = False

    def abandon(self) -> None:
        self.is_open = False


def _settle(answer: asyncio.Future[Reply], reply: Reply) -> None:
    if not answer.done():
        answer.set_result(reply)


class Server:
    """Counts what arrives. ``trip``: seconds of one way. ``silence``: the part of requests without an answer."""

    def __init__(self, world: World, *, trip: tuple[float, float] = (0.005, 0.05), silence: float = 0.0) -> None:
        self.world, self.trip, self.silence = world, trip, silence
        self.arrivals: list[float] = []
        self.whose: list[tuple[Process, Priority]] = []

    async def request(self, process: Process, priority: Priority, *, patience: float = 2.0) -> bool:
        """Send a request of a process that has a slot, and return the slot. Whether there was an answer."""
        chance, world = self.world.chance, self.world
        answer: asyncio.Future[None] = process.loop.create_future()
        there = chance.uniform(*self.trip)
        world.after(there, self._arrive, process, priority)
        if chance.random() >= self.silence:
            world.after(there + chance.uniform(*self.trip), process.loop.wake, _finish, answer)
        try:
            async with asyncio.timeout(patience):
                await answer
        except TimeoutError:
            process.quota.release(answered=False, late=patience)
            return False
        process.quota.release()
        return True

    def _arrive(self, process: Process, priority: Priority) -> None:
        self.arrivals.append(self.world.now)
        self.whose.append((process, priority))

    def busiest(self, per: float) -> int:
        """The most arrivals in any window, closed at both ends."""
        times = sorted(self.arrivals)
        return max((number + 1 - bisect_left(times, when - per) for number, when in enumerate(times)), default=0)


def _finish(answer: asyncio.Future[None]) -> None:
    if not answer.done():
        answer.set_result(None)


__all__ = ["MemoryStore", "Process", "Server", "StoreError", "World"]
