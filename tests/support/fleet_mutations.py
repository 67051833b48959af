"""The rules of a shared quota, each taken out, and where that shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from partoo_async.policy import Priority, RateLimit
from partoo_async.quota.shared import member, rules
from partoo_async.quota.shared.member import Member
from partoo_async.quota.shared.sent import Sent
from tests.support.fleet import MemoryStore, Process, Server, World
from tests.support.fleet_story import Story

Mutation = Callable[[pytest.MonkeyPatch], None]


def _before_exchange(change: Callable[[Any, Any, Any], Any]) -> Mutation:
    """Let the store work on other data: state, report and terms."""
    original = rules.exchange

    def exchange(state: Any, report: Any, terms: Any, now: int) -> Any:
        return original(*change(state, report, terms), now)

    return lambda patch: patch.setattr(rules, "exchange", exchange)


def _no_settling() -> Mutation:
    return _before_exchange(lambda state, report, terms: (state, report, terms._replace(settle=0, again=0)))


def _no_versions() -> Mutation:
    return _before_exchange(lambda state, report, terms: (state, report._replace(seen=0), terms))


def _no_numbers(state: Any, report: Any, terms: Any) -> Any:
    if state is not None and report.owner in state["owners"]:
        state["owners"][report.owner]["n"] = 0
    return state, report, terms


def _not_alone(state: Any, report: Any, terms: Any) -> Any:
    return state, report._replace(alone=False), terms


def _no_burial(state: Any, report: Any, terms: Any) -> Any:
    if state is not None:
        for name, owner in list(state["owners"].items()):
            if owner["expires"] <= state["last"] and name != report.owner:
                del state["owners"][name]
    return state, report, terms


def _no_cooling(state: Any, report: Any, terms: Any) -> Any:
    return state, report._replace(cooling=()), terms


def _endless_leases(patch: pytest.MonkeyPatch) -> None:
    about_to_ask = Member._about_to_ask

    def longer(self: Member, report: Any, now: float, awake: float) -> Any:
        return about_to_ask(self, report, now, awake + 1000.0)

    patch.setattr(Member, "_about_to_ask", longer)


def _unsent_at_once(patch: pytest.MonkeyPatch) -> None:
    release = Sent.release

    def early(self: Sent, now: float, *, sent: bool, answered: bool, late: float) -> None:
        release(self, now - self.hold if sent else now, sent=sent, answered=answered, late=0.0)

    patch.setattr(Sent, "release", early)


def _no_silence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "_SILENT", 10**9)


def _careless(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Member, "_most_alone", lambda self, _: self.terms.fallback)


def _hasty(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(member, "_LOST_AFTER", 1)


def _early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Member, "_has_run_out", lambda *_: True)


def in_mode(mode: str) -> Iterator[bool]:
    """Whether a promise is broken, in one random case after the other."""
    for seed in range(100):
        yield Story(mode, seed).run().is_bad


def after_a_long_stop() -> Iterator[bool]:
    """A process stands still with ten unused slots, which the others use long before it goes on."""
    world = World()
    store, server, limit = MemoryStore(world), Server(world), RateLimit(10, 10.0)
    sleeper, other = (Process(world, store, limit, timeout=0.5) for _ in range(2))

    async def use(process: Process) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                await process.acquire(Priority.BULK)
                group.create_task(server.request(process, Priority.BULK))

    async def sleep() -> None:
        await sleeper.quota.start()
        for _ in range(10):
            await sleeper.acquire(Priority.BULK)
        for _ in range(10):
            sleeper.quota.release(sent=False)
        sleeper.freeze(25.0)
        await asyncio.sleep(0.001)
        await use(sleeper)

    async def come_later() -> None:
        await asyncio.sleep(22.0)  # so that it has its slots before the sleeper goes on
        await other.quota.start()
        await use(other)

    sleeper.do(sleep())
    other.do(come_later())
    world.run(1100.0)
    world.close()
    assert len(server.arrivals) == 20
    yield server.busiest(10.0) > 10


# What is taken out, and where it shows; None: too seldom for random cases, so that only the explorer finds it.
MUTATIONS: dict[str, tuple[Mutation, Callable[[], Iterator[bool]] | None]] = {
    "nothing cools": (_before_exchange(_no_cooling), partial(in_mode, "none")),
    "slots are free at the response": (_unsent_at_once, partial(in_mode, "none")),
    "the dead take their slots along": (_before_exchange(_no_burial), partial(in_mode, "crash")),
    "leases do not end": (_endless_leases, after_a_long_stop),
    "no settling": (_no_settling(), partial(in_mode, "flush")),
    "versions are not compared": (_no_versions(), partial(in_mode, "flush")),
    "silence means nothing": (_no_silence, partial(in_mode, "step")),
    "those that went on alone are forgotten": (_before_exchange(_not_alone), None),
    "growth is not careful": (_careless, partial(in_mode, "outage")),
    "late exchanges count": (_before_exchange(_no_numbers), partial(in_mode, "loss")),
    "cut off after one failure": (_hasty, partial(in_mode, "freeze")),
    "cut off before the lease ends": (_early, None),
}


@contextmanager
def taken_out(name: str) -> Iterator[None]:
    """Run without a rule."""
    with pytest.MonkeyPatch.context() as patch:
        MUTATIONS[name][0](patch)
        yield
