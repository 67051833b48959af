"""Whatever happens to a scan with a journal, over all of its runs each key has exactly one outcome."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from partoo_async import PartooClient, RateLimit, RetryPolicy, ScanItem
from tests.support.simulated import Key, Partoo, assert_nothing_left, client_of, journals_in_virtual_time, recorded
from tests.support.virtual import run_virtual

GRACE = 2.0


@define
class Run:
    """One run of the scan. ``ends``: seconds until it is cancelled; ``again``: until that is done once more."""

    ends: float
    again: float
    workers: int
    retry_failed: bool
    faults: float
    pauses: list[float]


@define
class Story:
    """A scan from its first run to its end: what is there, what fails, and how the runs are interrupted."""

    sections: dict[int, list[int]]
    missing: set[Key]
    unreadable: set[Key]
    runs: list[Run]
    seed: int
    path: Path
    answered: set[Key] = field(factory=set)
    failed: set[Key] = field(factory=set)

    async def play(self) -> None:
        partoo = Partoo(self.sections, seed=self.seed, late=3.0)
        partoo.missing = self.missing | self.unreadable
        limit = RateLimit(15, 5.0)
        async with client_of(partoo, rate_limit=limit, retry=RetryPolicy(max_retries=2), max_concurrency=8) as client:
            for run in self.runs:
                await self.interrupted(client, partoo, run)
                assert_nothing_left(client, partoo)
            await self.to_the_end(client, partoo)
            assert_nothing_left(client, partoo)
            await asyncio.sleep(21)  # the window, and the time of an attempt for what was given up
            assert client.quota.used == 0

    async def interrupted(self, client: PartooClient, partoo: Partoo, run: Run) -> None:
        partoo.faults = run.faults
        before, delivered = len(partoo.arrived), len(partoo.delivered)
        loop = asyncio.get_running_loop()
        seen: list[ScanItem] = []
        kept = self.answered | (set() if run.retry_failed else self.failed)
        task = asyncio.create_task(self.scan(client, run, seen))
        stop = loop.time() + run.ends
        handles = [loop.call_at(stop, task.cancel), loop.call_at(stop + run.again, task.cancel)]
        await asyncio.wait([task])
        for handle in handles:
            handle.cancel()
        ended = loop.time()
        asked = partoo.arrived[before:]
        assert not kept & {key for _, key in asked}, "asked for again what had an outcome"
        assert all(moment <= stop for moment, _ in asked), "a request started after the end"
        assert ended <= stop + min(GRACE, run.again) + 0.001, "it hung past its grace"
        assert len(seen) == len({(item.section_id, item.group_id) for item in seen})
        now = await recorded(self.path)
        self.answered |= {key for key in partoo.delivered[delivered:] if key[1] is not None and key not in self.missing}
        self.failed = {key_of(item) for item in now if item.group is None and item.group_id is not None}
        assert {key_of(item) for item in now if item.group is not None} == self.answered, "an answer was not recorded"
        assert {key_of(item) for item in seen} <= {key_of(item) for item in now}, "handed out before it was recorded"

    async def scan(self, client: PartooClient, run: Run, seen: list[ScanItem]) -> None:
        options = {"max_concurrency": run.workers, "resume": True, "retry_failed": run.retry_failed}
        async with client.scan(self.sections, journal=self.path, **options) as scan:
            async for item in scan:
                seen.append(item)
                await asyncio.sleep(run.pauses[len(seen) % len(run.pauses)])

    async def to_the_end(self, client: PartooClient, partoo: Partoo) -> None:
        partoo.faults = 0.0
        before = len(partoo.arrived)
        report = await client.scan(self.sections, journal=self.path, resume=True).collect()
        outcomes = Counter(key_of(item) for item in report.items)
        groups = {(s, g) for s, groups in self.sections.items() for g in groups if (s, None) not in self.unreadable}
        assert outcomes == Counter(groups | self.unreadable)
        assert {key_of(item) for item in report.failed} == (self.missing & groups) | self.unreadable
        assert {key_of(item) for item in report.items if item.recorded} == self.answered
        assert not self.answered & {key for _, key in partoo.arrived[before:]}


def key_of(item: ScanItem) -> Key:
    return item.section_id, item.group_id


SECTIONS = st.dictionaries(st.integers(1, 9), st.sets(st.integers(0, 30), max_size=12), min_size=1, max_size=4)
RUNS = st.builds(
    Run,
    ends=st.floats(0.0, 25.0),
    again=st.sampled_from([0.01, 0.3, 100.0]),
    workers=st.integers(1, 7),
    retry_failed=st.booleans(),
    faults=st.sampled_from([0.0, 0.1, 0.6]),
    pauses=st.lists(st.sampled_from([0.0, 0.2, 6.0]), min_size=1, max_size=4),
)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """Pauses and retries are what this is about, and not news."""
    logger = logging.getLogger("partoo_async")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


STORIES = {"sections": SECTIONS, "runs": st.lists(RUNS, max_size=4), "data": st.data()}


def play(directory: Path, sections: dict[int, set[int]], runs: list[Run], data: st.DataObject) -> None:
    keys = [(section_id, group_id) for section_id, groups in sections.items() for group_id in groups]
    missing = data.draw(st.sets(st.sampled_from(keys), max_size=4)) if keys else set()
    unreadable = data.draw(st.sets(st.sampled_from([(section_id, None) for section_id in sections]), max_size=1))
    listed = {section_id: sorted(groups) for section_id, groups in sections.items()}
    seed = data.draw(st.integers(0, 2**32))
    with journals_in_virtual_time():
        run_virtual(Story(listed, missing, unreadable, runs, seed, directory / "scan.db").play())


@settings(max_examples=12)
@given(**STORIES)
def test_every_key_has_exactly_one_outcome_over_all_runs(
    tmp_path_factory: pytest.TempPathFactory, sections: dict[int, set[int]], runs: list[Run], data: st.DataObject
) -> None:
    """Failures, cancellations, slow consumers, resumes: what was answered is recorded, what is recorded is not asked
    for again, no request starts after a cancellation, and the last run gives every key once."""
    play(tmp_path_factory.mktemp("story"), sections, runs, data)


@pytest.mark.soak
@settings(max_examples=400)
@given(**STORIES)
def test_every_key_has_exactly_one_outcome_in_many_stories(
    tmp_path_factory: pytest.TempPathFactory, sections: dict[int, set[int]], runs: list[Run], data: st.DataObject
) -> None:
    """The same, for longer."""
    play(tmp_path_factory.mktemp("story"), sections, runs, data)
