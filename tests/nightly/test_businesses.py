"""A whole list of businesses has each of them that was known and is there, however its pages shifted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import frozen

from partoo_async import ConfigurationError, ScanError, ScanReport, diff_scans, sync
from partoo_async.nightly.reading import carry_forward, read_everything
from partoo_async.scan.journal.database import Database, open_database
from partoo_async.scan.journal.reader import open_reader
from partoo_async.testing import MockResponse
from tests.support.each import each
from tests.support.fake_partoo import GROUP, SEARCH, FakeBusiness, FakeGroup, FakePartoo, Organization, Refused, leaves
from tests.support.simulated import journals_in_virtual_time
from tests.support.virtual import run_virtual

BUSINESSES, PAGE = 60, 10
STRATEGIES = ("groups", "businesses", "auto")
_numbers = count()


def swaps(organization: Organization) -> None:
    """The first one goes, another one comes at the end, and the first of the next page is on none."""
    leaves(organization)
    business = FakeBusiness(f"late{next(_numbers)}")
    organization.businesses[business.id] = business


def stays(_: Organization) -> None:
    """Nothing happens."""


def organization(seed: int = 1) -> Organization:
    """12 groups in two sections, of up to six of 60 businesses. The first five, and many others, are in none."""
    chance = Random(seed)
    ids = [f"b{number:02}" for number in range(BUSINESSES)]
    made = Organization([7, 9], {}, {one: FakeBusiness(one) for one in ids})
    for number in range(12):
        made.groups[100 + number] = FakeGroup(100 + number, (7, 9)[number % 2], chance.sample(ids[5:45], number % 7))
    made.groups[100].members.append("b10")  # the first one of the second page
    return made


class Fake(FakePartoo):
    """Has pages of ten. ``looked_up``: the ids of each look-up, all of which may be ``refused``. ``unlisted``: ids that
    are on no page of the list. ``unwanted``: ids for which a look-up of many is refused, with this ``status``."""

    refused = False
    unwanted: Set[str] = frozenset()
    status = 400
    unlisted: Iterable[str] = ()
    looked_up: list[set[str]]

    @classmethod
    def of(cls, there: Organization, **options: Any) -> Fake:
        made = cls(there, late=1.0, **{"most_per_page": PAGE, **options})
        made.looked_up = []
        return made

    def _search(self, query: Mapping[str, str]) -> Any:
        for one in self.unlisted:
            self.organization.businesses[one].hidden = "business__in" not in query
        if "business__in" in query:
            if self.refused:
                raise Refused(403, "Operation not allowed")
            self.looked_up.append({*query["business__in"].split(",")})
            if not self.unwanted.isdisjoint(self.looked_up[-1]):
                raise Refused(self.status, "Not a valid id.")
        return super()._search(query)


@frozen
class Known:
    """What a journal has."""

    names: set[str]  # ids of businesses
    groups: dict[tuple[int, int], set[str]]
    listed: str | None
    problem: str
    whole: bool  # every group, to its end

    @classmethod
    async def of(cls, path: Path) -> Known:
        async with open_reader(path) as reader:
            items = [item async for item in reader.items()]
            return cls(
                {one.id async for one in reader.businesses()},
                {(one.section_id, one.group.id): {*one.group.business_ids} for one in items if one.group},
                reader.businesses_listed,
                reader.businesses_problem,
                reader.complete and reader.everything_read,
            )


def read(fake: FakePartoo, path: Path, **options: Any) -> tuple[ScanReport, Known]:
    """Read everything of a server, in virtual time."""

    async def run() -> tuple[ScanReport, Known]:
        async with fake.client() as client:
            report = await read_everything(client, path, **{"resume": True, "verify": 6, **options})
        return report, await Known.of(path)

    with journals_in_virtual_time():
        return run_virtual(run())


def first_night(folder: Path, there: Organization) -> Path:
    """The journal of a night in which nothing shifted."""
    _, found = read(Fake.of(there), folder / "before", strategy="groups")
    assert found.names == {*there.businesses}
    return folder / "before"


# Nothing that is there is missing


@each(("strategy", "seed"), [(strategy, seed) for strategy in STRATEGIES for seed in range(2)])
def test_no_business_that_is_there_is_ever_missing(
    tmp_path_factory: pytest.TempPathFactory, strategy: str, seed: int
) -> None:
    """For several nights the pages shift while they are read, and their counts agree. Whatever was known and is there
    is in the journal and in its groups, and what was gone before is not."""
    folder, there, chance = tmp_path_factory.mktemp("nights"), organization(seed), Random(seed)
    baseline = folder / "baseline"
    looked_up = 0
    for night in range(4):
        shifts = [] if night == 0 else [chance.choice((swaps, stays)) for _ in range(30)]
        fake = Fake.of(there, shifts=shifts)
        before = {*there.businesses}
        _, found = read(fake, folder / f"{night}", strategy=strategy, before=baseline)
        assert (found.listed, found.whole) == ("all", True)
        assert found.names >= {*there.businesses}
        assert found.names <= before | {*there.businesses}
        assert all(found.groups[key] >= members for key, members in there.truth().items())
        asyncio.run(carry_forward(folder / f"{night}", baseline, baseline))
        looked_up += len(fake.looked_up)
    assert looked_up > 0


@each("strategy", STRATEGIES)
def test_a_swap_hides_one_from_a_list_alone(tmp_path_factory: pytest.TempPathFactory, strategy: str) -> None:
    """One that is on no page is missing from a journal without one before, and is looked up with one."""
    folder = tmp_path_factory.mktemp("swap")
    alone, there = organization(), organization()
    before = first_night(folder, there)
    _, found = read(Fake.of(alone, shifts=[swaps]), folder / "alone", strategy=strategy)
    assert {*alone.businesses} - found.names == {"b10"}
    assert found.listed == "all"
    fake = Fake.of(there, shifts=[swaps])
    _, found = read(fake, folder / "now", strategy=strategy, before=before)
    assert {*there.businesses} <= found.names
    assert (found.listed, found.problem) == ("all", "")
    assert fake.looked_up == [{"b10"}]


@pytest.mark.parametrize("strategy", ["businesses", "auto"])
def test_no_group_is_inferred_without_it(tmp_path: Path, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that lacks a business would infer its groups without it, which a sample may not see."""
    there = organization()
    before = first_night(tmp_path, there)
    monkeypatch.setattr("partoo_async.scan.inference.choose_sample", groups_without("b10", there))
    fake = Fake.of(there, shifts=[swaps])
    report, found = read(fake, tmp_path / "now", strategy=strategy, before=before)
    assert (report.strategy, report.verified, report.fallback) == ("businesses", 2, "")
    assert found.groups == {key: {*members} for key, members in there.truth().items()}
    assert fake.asked[GROUP] == 2
    assert report.requests == fake.requests
    diff = asyncio.run(diff_scans(before, tmp_path / "now"))
    assert diff.same


def groups_without(business_id: str, there: Organization) -> Any:
    """Chooses two groups for the sample that do not have a business."""
    return lambda sizes, *_: [key for key in sizes if business_id not in there.groups[key[1]].members][:2]


@pytest.mark.parametrize("refused", [True, False])
def test_no_group_is_inferred_when_it_cannot_be_looked_up(
    tmp_path: Path, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each group is read by itself then, and so it is where the look-up does not say the groups."""
    there = organization()
    before = first_night(tmp_path, there)
    monkeypatch.setattr("partoo_async.scan.inference.choose_sample", groups_without("b10", there))
    fake = Fake.of(there, shifts=[swaps])
    fake.refused = refused
    if not refused:
        there.businesses["b10"].told = ()
    report, found = read(fake, tmp_path / "now", strategy="businesses", before=before)
    reason = "could not be looked up: 403" if refused else "does not say which groups"
    assert reason in report.fallback
    assert found.groups == {key: {*members} for key, members in there.truth().items()}
    assert (found.listed, found.whole) == (None if refused else "all", True)


# What it costs


def gone(path: Path, number: int) -> None:
    """Add businesses to a journal that are not there."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = [(f"gone{one:04}", "{}", 0) for one in range(number)]
        connection.executemany("INSERT INTO businesses VALUES (?, ?, ?)", rows)
        connection.commit()


@each(("strategy", "lost", "requests"), [("groups", 0, 0), ("auto", 0, 0), ("groups", 1, 1), ("auto", 1234, 13)])
def test_a_look_up_costs_a_request_for_each_hundred(
    tmp_path_factory: pytest.TempPathFactory, strategy: str, lost: int, requests: int
) -> None:
    """None if the list has everything that was known; and what is gone is gone."""
    folder = tmp_path_factory.mktemp("costs")
    before = first_night(folder, organization())
    gone(before, lost)
    without, fake = Fake.of(organization()), Fake.of(organization())
    read(without, folder / "without", strategy=strategy)
    report, found = read(fake, folder / "now", strategy=strategy, before=before)
    assert len(fake.looked_up) == requests
    assert report.requests == fake.requests == without.requests + requests
    assert (found.names, found.listed) == ({*fake.organization.businesses}, "all")


@each("options", [{}, {"max_page": False}, {"max_page": False, "count": False}])
def test_a_server_with_small_pages(tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]) -> None:
    """Each request asks for those that are left: the pages of a look-up cannot shift."""
    there = organization()
    folder = tmp_path_factory.mktemp("pages")
    before = first_night(folder, there)
    fake = Fake.of(there, **options)
    fake.unlisted = [f"b{number}" for number in range(20, 45)]
    _, found = read(fake, folder / "now", strategy="groups", before=before)
    assert found.names == {*there.businesses}
    assert [len(ids) for ids in fake.looked_up] == [25, 15, 5]


def test_a_list_since_is_not_looked_up(tmp_path: Path) -> None:
    """A list of what was modified lacks what was not."""
    there = organization()
    before = first_night(tmp_path, there)
    fake = Fake.of(there)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    _, found = read(fake, tmp_path / "now", strategy="groups", before=before, businesses_since=moment)
    assert (fake.looked_up, found.listed) == ([], moment.isoformat())


# One id for which all are refused


UNLISTED = frozenset(f"b{number:02}" for number in range(20, 45))


@each(("status", "seed"), list(zip((400, 413, 414, 422, 431), range(5), strict=True)))
def test_an_id_for_which_all_are_refused(tmp_path_factory: pytest.TempPathFactory, status: int, seed: int) -> None:
    """It is looked for in halves. The others are found or gone; of it nothing is known, so it is kept as it was, and
    told. What is neither in the list nor kept is gone, as on any night."""
    folder, there, chance = tmp_path_factory.mktemp("unwanted"), organization(), Random(seed)
    before = first_night(folder, there)
    gone(before, 40)
    fake = Fake.of(there)
    fake.unlisted, fake.status = UNLISTED, status
    fake.unwanted = frozenset(chance.sample(sorted(UNLISTED), 1 + seed % 2))
    names = {*there.businesses}
    for one in fake.unwanted | {"b40"}:
        del there.businesses[one]  # or not; the server does not say
        fake.unlisted = [name for name in fake.unlisted if name != one]
    report, found = read(fake, folder / "now", strategy="groups", before=before)
    assert found.names == names - ({"b40"} - fake.unwanted)
    assert (found.listed, found.whole, report.requests) == ("all", True, fake.requests)
    assert all(one in found.problem for one in (*fake.unwanted, "kept as they were", str(status)))
    assert rows(folder / "now", fake.unwanted) == rows(before, fake.unwanted)
    assert len(fake.looked_up) < 15 * len(fake.unwanted) + 10


def rows(path: Path, ids: Iterable[str]) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = [connection.execute("SELECT * FROM businesses WHERE id = ?", (one,)).fetchall() for one in sorted(ids)]
    assert all(found)
    return found


@pytest.mark.parametrize("strategy", ["businesses", "auto"])
def test_no_group_is_inferred_without_what_is_refused(
    tmp_path: Path, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its groups are not known: each one is read by itself."""
    there = organization()
    before = first_night(tmp_path, there)
    monkeypatch.setattr("partoo_async.scan.inference.choose_sample", groups_without("b10", there))
    fake = Fake.of(there, shifts=[swaps])
    fake.unwanted = {"b10"}
    report, found = read(fake, tmp_path / "now", strategy=strategy, before=before)
    assert "could not be looked up: 400" in report.fallback
    assert found.groups == {key: {*members} for key, members in there.truth().items()}
    assert found.names >= {*there.businesses}
    assert (found.listed, found.whole) == ("all", True)


def test_a_server_that_refuses_every_id(tmp_path: Path) -> None:
    """It is left alone soon, and the list is not whole."""
    there = organization()
    before = first_night(tmp_path, there)
    gone(before, 1000)
    fake = Fake.of(there)
    fake.unwanted = {f"gone{one:04}" for one in range(1000)}
    _, found = read(fake, tmp_path / "now", strategy="groups", before=before)
    assert (found.listed, found.whole) == (None, True)
    assert len(fake.looked_up) < 20
    assert "could not be looked up: 400" in found.problem


def test_what_was_known_of_it_is_damaged(tmp_path: Path) -> None:
    """There is nothing to keep it by, so the list is not whole, and nothing is taken for gone."""
    there = organization()
    before = first_night(tmp_path, there)
    with contextlib.closing(sqlite3.connect(before)) as connection:
        connection.execute("UPDATE businesses SET crc32 = crc32 + 1 WHERE id = 'b30'")
        connection.commit()
    fake = Fake.of(there)
    fake.unlisted, fake.unwanted = UNLISTED, {"b29", "b30"}
    _, found = read(fake, tmp_path / "now", strategy="groups", before=before)
    assert (found.listed, found.whole) == (None, True)
    assert "could not be looked up: 400" in found.problem


async def test_it_is_kept_until_it_can_be_looked_up(tmp_path: Path) -> None:
    """Night after night it is told that a business could not be looked up, and not that it is gone. Others may go."""
    there = organization()
    fake = Fake.of(there)
    fake.late = 0.0

    async def night() -> tuple[bool, set[str]]:
        async with fake.client() as client:
            result = await sync(client, tmp_path / "state", strategy="groups")
        known = await Known.of(tmp_path / "state" / "baseline.journal")
        assert ("b30" in result.problem, result.diff is None or result.diff.complete) == (not result.complete, True)
        return result.complete, known.names

    assert await night() == (True, {*there.businesses})
    fake.unwanted = {"b30"}
    del there.businesses["b30"]
    for other in ("b50", "b51"):
        del there.businesses[other]
        assert await night() == (False, {*there.businesses, "b30"})
    fake.unwanted = frozenset()
    assert await night() == (True, {*there.businesses})


# What is in the way


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_look_up_that_is_refused(tmp_path: Path, strategy: str, caplog: pytest.LogCaptureFixture) -> None:
    """The journal does not say that it has all businesses, and why; the next run looks up, and reads nothing else."""
    there = organization()
    before = first_night(tmp_path, there)
    fake = Fake.of(there, shifts=[swaps])
    fake.refused = True
    report, found = read(fake, tmp_path / "now", strategy=strategy, before=before)
    assert (report.complete, found.whole, found.listed) == (True, True, None)
    assert "could not be looked up: 403" in found.problem
    assert found.problem in caplog.text
    fake.refused = False
    pages = fake.asked[SEARCH]
    _, found = read(fake, tmp_path / "now", strategy=strategy, before=before)
    assert (found.listed, found.problem) == ("all", "")
    assert found.names >= {*there.businesses}
    assert fake.asked[SEARCH] == pages + 1


def test_an_outage_that_passes(tmp_path: Path) -> None:
    """It is waited for; one that lasts ends the run, which goes on with the look-up."""
    there = organization()
    before = first_night(tmp_path, there)
    for minutes in (5, 30):
        fake = Fake.of(organization(), shifts=[swaps])
        began: list[float] = []

        def storm(_: str, fake: Fake = fake, began: list[float] = began, minutes: int = minutes) -> Any:
            now = asyncio.get_running_loop().time()
            if not began and len(fake.queries) == BUSINESSES // PAGE:
                began.append(now)
            return MockResponse(503) if began and now < began[0] + 60 * minutes else None

        fake.meanwhile = storm
        path = tmp_path / f"{minutes}"
        if minutes == 30:
            with pytest.raises(ScanError):
                read(fake, path, strategy="groups", before=before)
            assert asyncio.run(Known.of(path)).listed is None
            fake.meanwhile = lambda _: None
        _, found = read(fake, path, strategy="groups", before=before)
        assert found.names >= {*fake.organization.businesses}
        assert (found.listed, fake.looked_up) == ("all", [{"b10"}])
        assert [query["page"] for query in fake.queries].count("2") == 1


@pytest.mark.parametrize("strategy", ["groups", "auto"])
def test_it_is_resumed_from_any_step(tmp_path: Path, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From what is on disk before and after any write, since the list was read: the next run has everything. Until then
    the journal does not say that it has all businesses. No look-up that was recorded is made again, unless groups are
    to be inferred, from another list."""
    there, path = organization(), tmp_path / "now"
    before = first_night(tmp_path, there)
    gone(before, 234)
    monkeypatch.setattr("partoo_async.scan.inference.choose_sample", groups_without("b10", there))
    write, images, settled, begun = Database.write, dict[Path, int](), 0, False

    def take_image() -> None:
        image = tmp_path / f"image{len(images)}"
        images[image] = settled
        for kind in ("", "-wal"):
            if Path(f"{path}{kind}").exists():
                shutil.copy(f"{path}{kind}", f"{image}{kind}")

    async def watched(self: Database, *statements: Any) -> None:
        nonlocal settled, begun
        sql = " ".join(text for text, _ in statements)
        begun = begun or "businesses_found" in sql
        if begun:
            take_image()
        await write(self, *statements)
        settled += any("DELETE FROM doubtful WHERE id = ?" in text and rows for text, rows in statements)
        if begun:
            take_image()

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", watched)
        read(Fake.of(there, shifts=[swaps]), path, strategy=strategy, before=before)
    assert len({*images.values()}) == 4
    for image, done in images.items():
        half, fake = asyncio.run(Known.of(image)), Fake.of(there)
        assert half.listed is None or (done, half.names) == (3, {*there.businesses, "b00"})
        _, found = read(fake, image, strategy=strategy, before=before)
        assert found.names >= {*there.businesses}
        assert found.names <= {*there.businesses, "b00"}
        assert (found.listed, found.whole) == ("all", True)
        assert all(found.groups[key] >= members for key, members in there.truth().items())
        assert len(fake.looked_up) in ({3 - done} if strategy == "groups" else {3 - done, 3})


@each("damage", ["missing", "empty", "text", "torn", "version"])
def test_what_was_known_cannot_be_read(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """It counts as nothing known, with a warning if there is a file; a job that runs at night heals by itself."""
    folder = tmp_path_factory.mktemp("damage")
    before, caplog_before = first_night(folder, organization()), len(caplog.records)
    if damage == "missing":
        before.unlink()
    elif damage == "empty":
        before.write_bytes(b"")
    elif damage == "text":
        before.write_text("no journal")
    elif damage == "torn":
        before.write_bytes(before.read_bytes()[:9000])
    else:
        with contextlib.closing(sqlite3.connect(before)) as connection:
            connection.execute("DROP TABLE businesses")
    fake = Fake.of(organization())
    with caplog.at_level(logging.WARNING):
        _, found = read(fake, folder / "now", before=before)
    assert (found.names, found.listed) == ({*fake.organization.businesses}, "all")
    warnings = [record.message for record in caplog.records[caplog_before:] if "is damaged" in record.message]
    assert len(warnings) == (damage in ("empty", "text", "torn"))


def test_what_was_known_is_in_use(tmp_path: Path) -> None:
    """It is refused, as a file that cannot be opened is: what it knows may be there. The next run needs little more."""
    before = first_night(tmp_path, organization())
    fake = Fake.of(organization(), shifts=[swaps])
    fake.late = 0.0

    async def run() -> None:
        database = await open_database(before)
        try:
            async with fake.client() as client:
                await read_everything(client, tmp_path / "now", resume=True, before=before)
        finally:
            await database.aclose()

    with pytest.raises(ConfigurationError, match="is in use"):
        asyncio.run(run())
    with pytest.raises(ConfigurationError, match="cannot open"):
        read(fake, tmp_path / "now", before=tmp_path)
    _, found = read(fake, tmp_path / "now", before=before)
    assert found.names >= {*fake.organization.businesses}


async def test_the_nightly_job_looks_up_what_it_knew(tmp_path: Path) -> None:
    """A business that is on no page is not told to have left."""
    there = organization()
    for number, shifts in enumerate(([], [swaps])):
        fake = Fake.of(there, shifts=shifts)
        fake.late = 0.0
        async with fake.client() as client:
            result = await sync(client, tmp_path / "state", strategy="groups")
        assert result.complete
        known = await Known.of(tmp_path / "state" / "baseline.journal")
        assert known.names >= {*there.businesses}
        assert fake.looked_up == [{"b10"}] * number
