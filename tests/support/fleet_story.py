"""Random cases of a shared quota: what processes ask for, and what goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from partoo_async.policy import Priority, RateLimit
from tests.support.fleet import MemoryStore, Process, Server, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MODES = ("none", "loss", "crash", "outage", "freeze", "flush", "stale", "step", "partition")


@dataclass(frozen=True)
class Result:
    """What came of a case.

    ``over``: arrivals above the limit in the worst window. ``allowed``: how many may be: who is cut off alone,
    or is new and finds an emptied store, cannot know of the others. ``stuck``: calls that were never served.
    """

    requests: int
    exchanges: int
    over: int
    stuck: int
    errors: tuple[str, ...]
    allowed: int

    @property
    def is_bad(self) -> bool:
        return self.over > self.allowed or self.stuck > 0 or bool(self.errors)


class Story:
    """One case. The seed decides all of it."""

    def __init__(self, mode: str, seed: int) -> None:
        self.mode = mode
        self.world = World(f"{mode} {seed}")
        chance = self.chance = self.world.chance
        self.per = chance.choice([2.0, 2.0, 10.0, 60.0])
        self.limit = RateLimit(chance.choice([10, 30, 100, 300]), self.per, reserve=chance.choice([0.0, 0.1, 0.3]))
        self.pauses = chance.choice([0.0, 0.0, 2 / self.limit.requests])
        self.pending = 0
        self.started: list[Process] = []
        self.cut_off: set[Process] = set()
        self.beat = max(0.1, min(1.0, self.per / 60))
        self.timeout = min(1.0, max(0.2, self.per / 20))
        self.store = MemoryStore(
            self.world, loss=chance.uniform(0.02, 0.2) if mode == "loss" else 0.0, latest=3 * self.timeout
        )
        if mode == "freeze":
            self.store.trip = (0.01, 0.4 * self.timeout)  # so that many stand still while an answer is under way
        slowest = chance.choice([0.05, 0.05, 0.3]) * min(1.0, self.per / 10)
        self.server = Server(self.world, trip=(slowest / 10, slowest), silence=0.02)
        alone = mode in ("none", "loss", "crash") and chance.random() < 0.2
        for _ in range(1 if alone else chance.randint(2, 4)):
            self.add_process()

    def add_process(self) -> Process:
        process = Process(self.world, self.store, self.limit, timeout=self.timeout)
        process.do(self.live(process))
        return process

    async def live(self, process: Process) -> None:
        """Scan for some windows, with as many workers as the limit or fewer, and answer visitors meanwhile."""
        chance = self.chance
        await asyncio.sleep(chance.choice([0.0, chance.uniform(0, self.per)]))
        await process.quota.start()
        self.started.append(process)
        left = iter(range(int(self.limit.requests * chance.uniform(0.6, 2.0))))
        async with asyncio.TaskGroup() as group:
            for _ in range(chance.choice([2, 8, self.limit.requests])):
                group.create_task(self.scan(process, left))
            for _ in range(chance.choice([0, 5, self.limit.requests // 2])):
                group.create_task(self.visit(process, chance.uniform(0, 3 * self.per)))

    async def scan(self, process: Process, left: Iterable[int]) -> None:
        for _ in left:
            await self.send(process, Priority.BULK)

    async def visit(self, process: Process, after: float) -> None:
        await asyncio.sleep(after)
        await self.send(process, Priority.INTERACTIVE)

    async def send(self, process: Process, priority: Priority) -> None:
        await process.acquire(priority)
        if self.chance.random() < 0.02:
            process.quota.release(sent=False)
        else:
            await self.server.request(process, priority, patience=min(2.0, self.per / 4))
            if self.chance.random() < self.pauses:
                process.quota.pause(self.chance.uniform(0.05, 1.0) * self.per)

    # What goes wrong.

    def trouble(self) -> None:
        chance, per = self.chance, self.per
        for _ in range(chance.randint(1, 2)):
            self.later(chance.uniform(0.2, 3.0) * per, getattr(self, self.mode, lambda: None))

    def later(self, seconds: float, event: Callable[[], object]) -> None:
        def happen() -> None:
            self.pending -= 1
            event()

        self.pending += 1
        self.world.after(seconds, happen)

    def crash(self) -> None:
        alive = [process for process in self.world.processes if process.is_alive]
        if alive:
            self.chance.choice(alive).kill()
            if self.chance.random() < 0.5:
                self.later(self.chance.uniform(0.0, self.per), self.add_process)

    def outage(self) -> None:
        self.store.is_up = False
        self.world.after(self.chance.uniform(0.1, 2.5) * self.per, self.come_back, self.chance.random() < 0.5)

    def come_back(self, empty: bool) -> None:
        self.store.is_up = True
        if empty:
            self.store.flush()

    def freeze(self) -> None:
        seconds = self.chance.choice([self.chance.uniform(0.05, 1.5), self.chance.uniform(1.5, 3.0)]) * self.per
        if self.started:
            self.chance.choice(self.started).freeze(seconds)

    def flush(self) -> None:
        self.store.flush()

    def stale(self) -> None:
        snapshot = self.store.snapshot()
        # Older than a beat, so that whoever is alive has been heard since.
        age = self.chance.choice([self.chance.uniform(1.2, 3.0) * self.beat, self.chance.uniform(0.05, 1.0) * self.per])
        self.world.after(max(age, 1.2 * self.beat), self.store.restore, snapshot)

    def step(self) -> None:
        size = self.chance.uniform(4 * self.beat, 2 * self.per)
        self.store.step(size if self.chance.random() < 0.5 else self.chance.uniform(-size, 0.0))

    def partition(self) -> None:
        process = self.chance.choice(self.world.processes)
        process.reach = False
        self.cut_off.add(process)
        self.world.after(self.chance.uniform(0.1, 2.5) * self.per, setattr, process, "reach", True)

    def is_over(self) -> bool:
        return not self.pending and all(process.is_done for process in self.world.processes)

    def run(self) -> Result:
        world = self.world
        self.trouble()
        try:
            world.run(world.now + 40 * self.per, done=self.is_over)
            world.run(world.now + self.per)
            errors = [
                repr(task.exception())
                for process in world.processes
                for task in process.tasks
                if process.is_alive and task.done() and task.exception() is not None
            ]
            stuck = sum(len(process.waiting) for process in world.processes if process.is_alive)
        finally:
            world.close()
        arrivals, most = len(self.server.arrivals), self.server.busiest(self.per)
        allowed = (len(self.cut_off) + self.store.blind) * max(1, self.limit.requests // 10)
        return Result(arrivals, self.store.exchanges, most - self.limit.requests, stuck, tuple(errors), allowed)


def bad_cases(mode: str, seeds: Iterable[int]) -> dict[int, Result]:
    """Run cases, and return those that break a promise, by seed."""
    results = {seed: Story(mode, seed).run() for seed in seeds}
    return {seed: result for seed, result in results.items() if result.is_bad}
