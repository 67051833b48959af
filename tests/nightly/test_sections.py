"""A whole list of sections has each of them that was known and is there, however its pages shifted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest
from attrs import frozen

from partoo_async import ConfigurationError, ScanError, ScanReport, diff_scans, sync
from partoo_async.nightly.reading import carry_forward, read_everything
from partoo_async.scan.journal.reader import open_reader
from partoo_async.testing import MockResponse
from tests.support.each import each
from tests.support.fake_partoo import SECTION, FakeBusiness, FakeGroup, FakePartoo, Organization
from tests.support.simulated import journals_in_virtual_time
from tests.support.virtual import run_virtual

PAGE = 3
STRATEGIES = ("groups", "businesses", "auto")
HIDDEN = 14  # the first one of the second page

Shift = Callable[[Organization], None]


def add_section(there: Organization, section_id: int) -> None:
    there.sections.append(section_id)
    for group_id in (10 * section_id, 10 * section_id + 1):
        there.groups[group_id] = FakeGroup(group_id, section_id, ["b1", f"b{group_id % 7}"])


def swaps(there: Organization) -> None:
    """The first one goes, another one comes at the end, and the first of the next page is on none."""
    gone = there.sections.pop(0)
    there.groups = {key: group for key, group in there.groups.items() if group.section_id != gone}
    add_section(there, there.sections[-1] + 1)


def stays(_: Organization) -> None:
    """Nothing happens."""


def organization() -> Organization:
    """Eight sections of two groups, on three pages."""
    made = Organization(businesses={f"b{number}": FakeBusiness(f"b{number}") for number in range(9)})
    for section_id in range(11, 19):
        add_section(made, section_id)
    return made


class Fake(FakePartoo):
    """Has pages of three. ``to_come``: what happens after a page of sections that is not the last one. ``unlisted``:
    what is on no page."""

    to_come: Iterator[Shift]
    unlisted: tuple[int, ...] = ()
    listed: set[int]

    @classmethod
    def of(cls, there: Organization, shifts: Iterable[Shift] = (), **options: Any) -> Self:
        made = cls(there, **{"most_per_page": PAGE, "late": 1.0, **options})
        made.to_come, made.listed = iter(shifts), set()
        return made

    def _sections(self, query: Mapping[str, str]) -> Any:
        there = self.organization.sections
        self.organization.sections = [one for one in there if one not in self.unlisted]
        page = super()._sections(query)
        self.listed |= {section["id"] for section in page["sections"]}
        self.organization.sections = there
        if page["page"] < page["max_page"]:
            next(self.to_come, stays)(self.organization)
        return page


@frozen
class Known:
    """What a journal has."""

    sections: set[int]
    groups: dict[tuple[int, int], set[str]]
    failed: set[tuple[int, int | None]]
    whole: bool  # its list of sections; what is not there is gone

    @classmethod
    async def of(cls, path: Path) -> Known:
        async with open_reader(path) as reader:
            items = [item async for item in reader.items()]
            return cls(
                {*reader.sections},
                {(one.section_id, one.group.id): {*one.group.business_ids} for one in items if one.group},
                {(one.section_id, one.group_id) for one in items if one.error},
                reader.complete and reader.sections_listed and reader.everything_read,
            )


def read(fake: FakePartoo, path: Path, **options: Any) -> tuple[ScanReport, Known]:
    """Read everything of a server, in virtual time."""

    async def run() -> tuple[ScanReport, Known]:
        async with fake.client() as client:
            report = await read_everything(client, path, **{"resume": True, "verify": 3, **options})
        return report, await Known.of(path)

    with journals_in_virtual_time():
        return run_virtual(run())


def first_night(folder: Path) -> Path:
    """The journal of a night in which nothing shifted."""
    read(Fake.of(organization()), folder / "before")
    return folder / "before"


def truth(there: Organization) -> dict[tuple[int, int], set[str]]:
    return {key: {*members} for key, members in there.truth().items()}


@each(("strategy", "seed"), [(strategy, seed) for strategy in STRATEGIES for seed in range(2)])
def test_no_section_that_is_there_is_ever_missing(
    tmp_path_factory: pytest.TempPathFactory, strategy: str, seed: int
) -> None:
    """For several nights the pages shift while they are read, and their counts agree. Whatever was known and is there
    is in the journal with its groups, and what was gone before is not."""
    folder, there, chance = tmp_path_factory.mktemp("nights"), organization(), Random(seed)
    baseline, known, looked_up = folder / "baseline", set[int](), 0
    for night in range(5):
        shifts = [] if night == 0 else [chance.choice((swaps, stays)) for _ in range(9)]
        fake, before = Fake.of(there, shifts), {*there.sections}
        _, found = read(fake, folder / f"{night}", strategy=strategy, before=baseline)
        assert found.whole
        # Listed, and gone before it was read: it is in the list of the next night no more.
        assert found.failed <= {(section_id, None) for section_id in before - {*there.sections}}
        assert found.sections >= known & {*there.sections}
        assert found.sections <= {*there.sections}
        for key, members in truth(there).items():
            assert found.groups.get(key) == (members if key[0] in found.sections else None)
        asyncio.run(carry_forward(folder / f"{night}", baseline, baseline))
        looked_up += len(found.sections - fake.listed)
        known = found.sections
    assert looked_up > 0


@each("strategy", STRATEGIES)
def test_a_swap_hides_one_from_a_list_alone(tmp_path_factory: pytest.TempPathFactory, strategy: str) -> None:
    """One that is on no page is missing from a journal without one before. With one, it is there with its groups, and
    no change is told of it."""
    folder = tmp_path_factory.mktemp("swap")
    before, alone, fake = first_night(folder), Fake.of(organization(), [swaps]), Fake.of(organization(), [swaps])
    _, found = read(alone, folder / "alone", strategy=strategy)
    assert ({*alone.organization.sections} - found.sections, found.whole) == ({HIDDEN}, True)
    _, found = read(fake, folder / "now", strategy=strategy, before=before)
    assert (found.sections, found.groups) == ({*fake.organization.sections}, truth(fake.organization))
    diff = asyncio.run(diff_scans(before, folder / "now"))
    assert {change.section_id for change in diff.changes()} == {19}


@each(("gone", "requests"), [((), 0), ((12,), 1), ((12, 15, 16), 3)])
def test_each_one_that_was_known_costs_a_request(
    tmp_path_factory: pytest.TempPathFactory, gone: tuple[int, ...], requests: int
) -> None:
    """If the list lacks it. On most nights it has them all."""
    folder = tmp_path_factory.mktemp("costs")
    before, there = first_night(folder), organization()
    there.sections = [one for one in there.sections if one not in gone]
    there.groups = {key: group for key, group in there.groups.items() if group.section_id not in gone}
    fake, without = Fake.of(there), Fake.of(there)
    read(without, folder / "without")
    report, found = read(fake, folder / "now", before=before)
    assert (fake.asked - without.asked).total() == requests
    assert report.requests == fake.requests == without.requests + requests
    assert (found.sections, found.failed, found.whole) == ({*there.sections}, set(), True)
    assert report.sections.keys() == found.sections


@each("status", [200, 400, 401, 403, 404, 410, 422, 500])
def test_only_one_that_is_not_found_is_gone(tmp_path_factory: pytest.TempPathFactory, status: int) -> None:
    """Whatever else the server says, the section is one that could not be read: the night is not complete, says which
    section it is and why, and keeps what was known of it."""
    folder = tmp_path_factory.mktemp("status")

    async def night(fake: Fake) -> Any:
        async with fake.client() as client:
            return await sync(client, folder / "state", strategy="groups", verify=3)

    fake = Fake.of(organization(), late=0.0)
    asyncio.run(night(fake))
    fake.unlisted = (HIDDEN,)
    fake.broken = {} if status == 200 else {f"/sections/{HIDDEN}": status}
    result = asyncio.run(night(fake))
    failed, gone = status not in (200, 404), status == 404
    failures = [(item.section_id, item.group_id, getattr(item.error, "status", 0)) for item in result.report.failed]
    assert (result.complete, failures) == (not failed, [(HIDDEN, None, status)] if failed else [])
    assert {change.section_id for change in result.diff.changes()} == ({HIDDEN} if gone else set())
    found = asyncio.run(Known.of(folder / "state" / "baseline.journal"))
    assert (HIDDEN in found.sections, (HIDDEN, 140) in found.groups) == (not gone,) * 2


def test_an_outage_while_they_are_read(tmp_path: Path) -> None:
    """It ends the run, and the next one goes on: until it is known what became of each, nothing is taken for gone."""
    before, fake = first_night(tmp_path), Fake.of(organization(), [swaps])
    fake.meanwhile = lambda path: MockResponse(503) if path == f"/sections/{HIDDEN}" or fake.asked[SECTION] else None
    with pytest.raises(ScanError):
        read(fake, tmp_path / "now", before=before)
    assert not asyncio.run(Known.of(tmp_path / "now")).whole
    fake.meanwhile = lambda _: None
    _, found = read(fake, tmp_path / "now", before=before)
    assert (found.sections, found.groups) == ({*fake.organization.sections}, truth(fake.organization))
    assert (found.failed, found.whole) == (set(), True)


def test_one_of_the_run_before(tmp_path: Path) -> None:
    """What an earlier run of the same journal has found is looked up as well, and its groups are not read again."""
    there = organization()
    fake = Fake.of(there)
    read(fake, tmp_path / "now", strategy="groups")
    there.sections.remove(12)
    fake.unlisted = (HIDDEN,)
    report, found = read(fake, tmp_path / "now", strategy="groups")
    assert found.sections == {*there.sections}
    assert {item.recorded for item in report.items} == {True}
    assert {section_id for section_id, _ in report.deleted} == {12}


def test_another_organization(tmp_path: Path) -> None:
    """A list with none of the known sections is of another organization: those are not asked for, and it is refused."""

    async def night(fake: Fake) -> Any:
        async with fake.client() as client:
            return await sync(client, tmp_path / "state", strategy="groups", verify=3)

    asyncio.run(night(Fake.of(organization(), late=0.0)))
    other = Organization()
    add_section(other, 99)
    fake = Fake.of(other, late=0.0)
    with pytest.raises(ConfigurationError, match="none of the sections"):
        asyncio.run(night(fake))
    assert fake.asked[SECTION] == 1
