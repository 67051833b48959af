"""Everything of an organization in one journal: whatever is in the way, it says how far that is true."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import frozen

from partoo_async import ConfigurationError, PartooClient, RetryPolicy, ScanError, ScanReport, diff_scans
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from partoo_async.nightly.reading import read_everything, recorded_report
from partoo_async.scan.journal.reader import open_reader
from partoo_async.testing import MockResponse
from tests.support.common import PATIENCE
from tests.support.each import each
from tests.support.fake_partoo import (
    GROUP,
    SEARCH,
    SECTION,
    FakeBusiness,
    FakeGroup,
    FakePartoo,
    Organization,
    comes,
    leaves,
    moves,
)
from tests.support.simulated import journals_in_virtual_time
from tests.support.virtual import run_virtual

GROUPS, BUSINESSES, PAGE = 30, 60, 10
STRATEGIES = ("groups", "businesses", "auto")


def organization() -> Organization:
    """Two sections with 15 groups each, of up to six businesses, and many that are in no group."""
    chance = Random(1)
    ids = [f"b{number:02}" for number in range(BUSINESSES)]
    made = Organization([7, 9], {}, {one: FakeBusiness(one) for one in ids})
    for number in range(GROUPS):
        made.groups[100 + number] = FakeGroup(100 + number, (7, 9)[number % 2], chance.sample(ids[:40], number % 7))
    return made


def slow(**options: Any) -> FakePartoo:
    return FakePartoo(organization(), late=1.0, **{"most_per_page": PAGE, **options})


@frozen
class Known:
    """What a journal has."""

    facts: dict[str, Any]
    groups: dict[tuple[int, int], frozenset[str]]
    failed: set[tuple[int, int | None]]
    names: dict[str, str | None]  # of businesses


async def known(path: Path) -> Known:
    async with open_reader(path) as reader:
        facts = (
            "complete",
            "sections_listed",
            "businesses_listed",
            "businesses_problem",
            "everything_read",
            "requests",
        )
        items = [item async for item in reader.items()]
        return Known(
            {name: getattr(reader, name) for name in (*facts, "seconds", "strategy", "verified")},
            {(one.section_id, one.group.id): frozenset(one.group.business_ids) for one in items if one.group},
            {(one.section_id, one.group_id) for one in items if one.error},
            {one.id: one.name async for one in reader.businesses()},
        )


def assert_whole(found: Known, fake: FakePartoo) -> None:
    """The journal has everything that there is, and says so."""
    assert found.groups == fake.organization.truth()
    assert found.names == fake.organization.names()
    said = [found.facts[name] for name in ("complete", "sections_listed", "businesses_listed", "everything_read")]
    assert said == [True, True, "all", True]
    assert (found.failed, found.facts["businesses_problem"]) == (set(), "")


def read(fake: FakePartoo, path: Path, **options: Any) -> tuple[ScanReport, Known]:
    """Read everything of a server, in virtual time."""

    async def run() -> tuple[ScanReport, Known]:
        async with fake.client() as client:
            report = await read_everything(client, path, **{"resume": True, "verify": 6, **options})
        return report, await known(path)

    with journals_in_virtual_time():
        return run_virtual(run())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_journal_has_everything(tmp_path: Path, strategy: str) -> None:
    """All groups, and all businesses, those in no group as well; the list is read once, whatever it is used for."""
    fake = slow()
    report, found = read(fake, tmp_path / "journal", strategy=strategy, resume=False)
    assert_whole(found, fake)
    report.raise_for_failures()
    assert fake.asked[SEARCH] == BUSINESSES // PAGE
    assert fake.requests == report.requests == found.facts["requests"]
    assert report.seconds == pytest.approx(found.facts["seconds"])
    assert report.seconds > 1
    assert report.sections == {7: "S7", 9: "S9"}
    assert (report.strategy, found.facts["strategy"]) == (
        ("groups",) * 2 if strategy == "groups" else ("businesses",) * 2
    )
    assert found.facts["verified"] == report.verified == (0 if strategy == "groups" else 6)
    assert {one.id for one in fake.organization.businesses.values()} > set().union(*found.groups.values())


def test_auto_knows_that_the_list_is_read_anyway(tmp_path: Path) -> None:
    """A list of twice as many pages as there are groups costs a scan more than the groups; here it costs nothing."""
    fake = slow(most_per_page=1)
    report, found = read(fake, tmp_path / "journal", strategy="auto")
    assert_whole(found, fake)
    assert (report.strategy, fake.asked[SEARCH]) == ("businesses", BUSINESSES)
    fake = slow(most_per_page=1)
    report, found = read(fake, tmp_path / "some", strategy="auto", businesses_since=datetime.now(UTC))
    assert (report.strategy, found.facts["businesses_listed"] == "all") == ("groups", False)


def test_no_more_groups_than_are_verified(tmp_path: Path) -> None:
    """Each group is read by itself, and the list once."""
    fake = slow()
    report, found = read(fake, tmp_path / "journal", strategy="auto", verify=GROUPS)
    assert_whole(found, fake)
    assert (report.strategy, fake.requests) == ("groups", 1 + 2 + GROUPS + BUSINESSES // PAGE)


def test_an_organization_without_anything(tmp_path: Path) -> None:
    """It has no businesses either, which is known after one request."""
    fake = FakePartoo(Organization())
    _, found = read(fake, tmp_path / "journal", strategy="auto")
    assert_whole(found, fake)


# The list


# Not a swap, which nothing in the pages tells of: see test_businesses.py.
@each("shifts", [[leaves], [comes], [moves], [leaves, comes, leaves]])
@each("strategy", STRATEGIES)
def test_a_list_that_shifts_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, strategy: str, shifts: list[Callable[[Organization], None]]
) -> None:
    """Until it holds still: all businesses are there, and none that is gone."""
    fake = slow(shifts=shifts)
    _, found = read(fake, tmp_path_factory.mktemp("shifts") / "journal", strategy=strategy)
    assert found.names.keys() == fake.organization.names().keys()
    assert found.facts["businesses_listed"] == "all"
    assert found.groups.keys() == fake.organization.truth().keys()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_list_that_never_holds_still(tmp_path: Path, strategy: str, caplog: pytest.LogCaptureFixture) -> None:
    """The businesses that were found are there, and the journal does not say that they are all."""
    fake = slow(shifts=[leaves, comes] * 100)
    report, found = read(fake, tmp_path / "journal", strategy=strategy)
    assert report.complete
    assert found.facts["businesses_listed"] is None
    assert found.facts["businesses_problem"].startswith("the list of businesses kept changing")
    assert found.facts["everything_read"]
    assert len(found.names) > BUSINESSES / 2
    assert "the list of businesses kept changing" in caplog.text


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_key_that_may_not_list_businesses(tmp_path: Path, strategy: str, caplog: pytest.LogCaptureFixture) -> None:
    """The groups are read all the same, and the journal says what it lacks; the next run tries again."""
    fake = slow(may_search=False)
    report, found = read(fake, tmp_path / "journal", strategy=strategy)
    report.raise_for_failures()
    assert (found.groups, found.names) == (fake.organization.truth(), {})
    assert (found.facts["businesses_listed"], found.facts["everything_read"]) == (None, True)
    assert "could not be read: 403" in found.facts["businesses_problem"]
    assert caplog.text.count("the list of businesses could not be read") <= 2
    fake.may_search = True
    _, found = read(fake, tmp_path / "journal", strategy=strategy)
    assert_whole(found, fake)


def test_a_group_that_differs_from_the_list(tmp_path: Path) -> None:
    """Each group is read by itself then, and the list is not read for the businesses once more."""
    fake = slow()
    fake.organization.groups[105].members.append("b59")
    fake.organization.businesses["b59"].told = (100,)
    report, found = read(fake, tmp_path / "journal", strategy="businesses", verify="all")
    assert report.fallback
    assert_whole(found, fake)
    assert fake.asked[SEARCH] == BUSINESSES // PAGE


def test_what_is_gone_since_an_earlier_run_is_not_there(tmp_path: Path) -> None:
    """A journal that is gone on with has the businesses of one list, not of two."""
    fake, path = slow(), tmp_path / "journal"
    fake.meanwhile = lambda route: MockResponse(404) if route == SEARCH and len(fake.queries) == 5 else None
    _, found = read(fake, path, strategy="groups")
    assert (len(found.names), found.facts["businesses_listed"]) == (50, None)
    fake.meanwhile = lambda _: None
    del fake.organization.businesses["b45"]
    _, found = read(fake, path, strategy="groups")
    assert_whole(found, fake)


def test_a_list_that_is_there_is_not_read_again(tmp_path: Path) -> None:
    """A run that tries failures again leaves the businesses as they are."""
    fake, path = slow(broken={"/sections/7/groups/100": 404}), tmp_path / "journal"
    report, found = read(fake, path, strategy="groups")
    assert found.failed == {(7, 100)} == {(one.section_id, one.group_id) for one in report.failed}
    fake.broken.clear()
    before = fake.asked.copy()
    report, again = read(fake, path, strategy="groups")
    assert fake.asked - before == Counter(
        {"/sections": 1, "/sections/{section_id}": 2, "/sections/{section_id}/groups/{group_id}": 1}
    )
    assert_whole(again, fake)
    assert report.requests == 4
    assert again.facts["requests"] == fake.requests == found.facts["requests"] + 4


# Ended early, and gone on with

# The sections are read after 1.6 seconds, the list and the groups until some 18.
MOMENTS = [0.9 * number for number in range(1, 22)]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_is_resumed_from_any_moment(tmp_path: Path, strategy: str) -> None:
    """Cancelled in the scan, in the list or between: the next run has everything, reads no group twice, and counts the
    requests and seconds of both."""
    halves = Counter[str]()

    async def story(moment: float) -> None:
        path, fake = tmp_path / f"{moment:.1f}", slow()
        async with fake.client(max_concurrency=3) as client:
            options: dict[str, Any] = {"resume": True, "strategy": strategy, "verify": 6}
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(moment):
                    await read_everything(client, path, **options)
            before = await known(path)
            halves["list" if before.facts["complete"] else "scan"] += not before.facts["everything_read"]
            paths: list[str] = []
            fake.meanwhile = paths.append
            report = await read_everything(client, path, **options)
            found = await known(path)
        assert_whole(found, fake)
        assert not {f"/sections/{section}/groups/{group}" for section, group in before.groups} & {*paths}
        assert found.facts["requests"] == before.facts["requests"] + report.requests
        assert found.facts["seconds"] == pytest.approx(before.facts["seconds"] + report.seconds)
        assert len(report.items) == GROUPS

    with journals_in_virtual_time():
        for moment in MOMENTS[:: 3 if strategy == "groups" else 7]:
            run_virtual(story(moment))
    assert halves["scan"] > 0
    assert halves["list"] > 0 or strategy != "groups"


# What has been read when it begins: sections, groups, pages of the list.
@each(
    ("strategy", "after"),
    [
        ("groups", (2, 0, 0)),
        ("groups", (2, 17, 0)),
        ("groups", (2, 30, 0)),
        ("groups", (2, 30, 3)),
        ("businesses", (2, 0, 3)),
    ],
)
def test_an_outage_that_lasts(
    tmp_path_factory: pytest.TempPathFactory, strategy: str, after: tuple[int, int, int]
) -> None:
    """It is a ``ScanError``, also while the businesses are read; what is there stays, and the next run goes on."""

    async def story() -> None:
        path, fake = tmp_path_factory.mktemp("outage") / "journal", slow()
        clock = asyncio.get_running_loop().time
        began: list[float] = []

        def storm(_: str) -> MockResponse | None:
            if not began and tuple(fake.asked[route] for route in (SECTION, GROUP, SEARCH)) >= after:
                began.append(clock())
            return MockResponse(503) if began and clock() < began[0] + 900 else None

        fake.meanwhile = storm
        async with fake.client(retry=RetryPolicy(), max_concurrency=3) as client:
            options: dict[str, Any] = {"resume": True, "strategy": strategy, "verify": 6}
            with pytest.raises(ScanError, match="the scan ended early: ") as caught:
                await read_everything(client, path, **options)
            assert caught.value.transient
            before = await known(path)
            assert before.facts["complete"] == (after[1] == GROUPS)
            assert (before.facts["everything_read"], before.facts["businesses_problem"]) == (False, "")
            report = await recorded_report(path)
            assert len(report.succeeded) == len(before.groups) == fake.asked[GROUP]
            assert len(before.names) == PAGE * fake.asked[SEARCH]
            assert asyncio.all_tasks() == {asyncio.current_task()}
            await asyncio.sleep(900)
            await read_everything(client, path, **options)
            assert_whole(await known(path), fake)

    with journals_in_virtual_time():
        run_virtual(story())


def test_a_client_that_is_closed_meanwhile(tmp_path: Path) -> None:
    """It is a ``ScanError`` with the report of the groups, as for a scan."""

    async def story() -> None:
        fake = slow()
        async with fake.client() as client:
            closing: list[asyncio.Task[None]] = []

            def close(_: str) -> None:
                if fake.asked[SEARCH] == 2 and not closing:
                    closing.append(asyncio.ensure_future(client.aclose()))

            fake.meanwhile = close
            with pytest.raises(ScanError) as caught:
                await read_everything(client, tmp_path / "journal", resume=False, strategy="groups")
        assert len(caught.value.report.succeeded) == GROUPS
        assert not caught.value.transient

    with journals_in_virtual_time():
        run_virtual(story())


# Killed, for real

KILLED = """
import asyncio, os, sys
from aiosqlite import Connection
from partoo_async import PartooClient
from partoo_async.nightly.reading import read_everything

def die_at(step, execute=Connection._execute):
    async def counted(*arguments, **options):
        nonlocal step
        step -= 1
        if step < 0:
            os.kill(os.getpid(), 9)
        return await execute(*arguments, **options)

    Connection._execute = counted

async def read(path, strategy):
    async with PartooClient("emulator-key", server=sys.argv[1], rate_limit=None) as client:
        await read_everything(client, path, resume=True, strategy=strategy, verify=3)

for line in sys.stdin:
    path, strategy, step = line.split()
    process = os.fork()
    if process == 0:
        die_at(int(step))
        asyncio.run(read(path, strategy))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


def emulated() -> Emulator:
    """Two sections of four groups, and businesses of which the last three are in none."""
    businesses = [EmulatedBusiness(f"b{number}", f"Shop {number}") for number in range(230)]
    sections = [
        EmulatedSection(
            section_id,
            f"S{section_id}",
            {
                10 * section_id + one: EmulatedGroup(10 * section_id + one, f"G{one}", business_ids=[f"b{one}", "b200"])
                for one in range(4)
            },
        )
        for section_id in (7, 9)
    ]
    return Emulator(sections=sections, businesses=businesses, rate_limit=None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() there")
@pytest.mark.parametrize("strategy", ["groups", "businesses"])
async def test_a_reading_that_is_killed(tmp_path: Path, quick_python: tuple[str, ...], strategy: str) -> None:
    """At whatever step of its journal it dies, the next one has everything in the end."""
    async with emulated() as emulator:
        process = await asyncio.create_subprocess_exec(
            *quick_python, "-c", KILLED, emulator.url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        codes = []
        for step in (2, 20, 45, 70, 90, 105, 10_000):
            path = tmp_path / f"{step}"
            process.stdin.write(f"{path} {strategy} {step}\n".encode())
            async with asyncio.timeout(PATIENCE):
                codes.append(int(await process.stdout.readline()))
            async with PartooClient(emulator.api_key, server=emulator.server, rate_limit=None) as client:
                await read_everything(client, path, resume=True, strategy=strategy, verify=3)  # type: ignore[arg-type]
            found = await known(path)
            assert {key: {*ids} for key, ids in found.groups.items()} == {
                (section, 10 * section + one): {f"b{one}", "b200"} for section in (7, 9) for one in range(4)
            }
            assert found.names == {f"b{number}": f"Shop {number}" for number in range(230)}
            assert (found.facts["businesses_listed"], found.facts["everything_read"]) == ("all", True)
        process.stdin.close()
        await process.wait()
    assert codes[0] == codes[1] == -9
    assert codes[-1] == 0


# Businesses since


async def test_only_what_changed_since(tmp_path: Path) -> None:
    """The journal has those businesses, and since when; all of them, if the scan had the list anyway."""
    since = datetime(2026, 3, 1, tzinfo=UTC)
    async with (
        emulated() as emulator,
        PartooClient(emulator.api_key, server=emulator.server, rate_limit=None) as client,
    ):
        for one in ("b3", "b229"):
            emulator.businesses[one].modified = since.timestamp() + 5
        options: dict[str, Any] = {"resume": True, "businesses_since": since}
        await read_everything(client, tmp_path / "some", strategy="groups", **options)
        some = await known(tmp_path / "some")
        assert some.names == {"b3": "Shop 3", "b229": "Shop 229"}
        assert (some.facts["businesses_listed"], some.facts["complete"]) == ("2026-03-01T00:00:00+00:00", True)
        await read_everything(client, tmp_path / "all", strategy="businesses", verify=3, **options)
        assert (await known(tmp_path / "all")).facts["businesses_listed"] == "all"
        before = len(emulator.requests)
        for later, listed, asked in (
            (1, since.isoformat(), 0),
            (0, since.isoformat(), 0),
            (-1, (since - timedelta(days=1)).isoformat(), 1),
            (None, "all", 3),
        ):
            moment = None if later is None else since + timedelta(days=later)
            await read_everything(client, tmp_path / "some", resume=True, strategy="groups", businesses_since=moment)
            sent = [seen.route for seen in emulator.requests[before:]]
            before = len(emulator.requests)
            assert ((await known(tmp_path / "some")).facts["businesses_listed"], sent.count("/business/search")) == (
                listed,
                asked,
            )


async def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    """Before anything is sent or written."""
    fake = FakePartoo(organization())
    async with fake.client() as client:
        with pytest.raises(ConfigurationError, match="expected a time with a time zone"):
            await read_everything(client, tmp_path / "journal", resume=False, businesses_since=datetime(2026, 3, 1))
    assert (fake.requests, [*tmp_path.iterdir()]) == (0, [])


# What a journal says of itself


async def test_the_report_of_a_journal(tmp_path: Path) -> None:
    """Is that of the run, without a request; and what was deleted between two runs is not in it."""
    fake, path = FakePartoo(organization(), broken={"/sections/9": 403}), tmp_path / "journal"
    async with fake.client() as client:
        report = await read_everything(client, path, resume=False, verify=6)
        made = await recorded_report(path)
        assert {(one.section_id, one.group_id, one.group) for one in made.items} == {
            (one.section_id, one.group_id, one.group) for one in report.items
        }
        same = ("requests", "complete", "strategy", "verified", "sections")
        assert [getattr(made, name) for name in same] == [getattr(report, name) for name in same]
        assert [one.recorded for one in made.items] == [True] * 16
        del fake.organization.groups[100]
        await read_everything(client, path, resume=True)
        assert (7, 100) not in {(one.section_id, one.group_id) for one in (await recorded_report(path)).items}


async def test_details_of_sections(tmp_path: Path) -> None:
    """Whether they can be edited, and have pullers; a section that is gone in a later run is gone."""
    fake, path = FakePartoo(organization()), tmp_path / "journal"
    async with fake.client() as client:
        await read_everything(client, path, resume=False)
        async with open_reader(path) as reader:
            assert {one.section_id: (one.name, one.can_edit, one.has_puller) for one in reader.sections.values()} == {
                7: ("S7", True, False),
                9: ("S9", True, False),
            }
        fake.organization.sections.remove(9)
        await read_everything(client, path, resume=True)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT section_id FROM details").fetchall() == [(7,)]


async def test_a_journal_of_an_earlier_version(tmp_path: Path) -> None:
    """Lacks details of sections, the list of businesses and what was spent; it can be read, and gone on with."""
    fake, path = FakePartoo(organization()), tmp_path / "journal"
    async with fake.client() as client:
        await client.scan_all(journal=path).collect()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE details")
            connection.execute("DELETE FROM header WHERE name IN ('sections_listed', 'requests', 'seconds')")
            connection.commit()
        async with open_reader(path) as reader:
            assert {(one.can_edit, one.has_puller) for one in reader.sections.values()} == {(None, None)}
            assert (reader.sections_listed, reader.businesses_listed, reader.everything_read) == (True, None, False)
            assert (reader.requests, reader.seconds) == (0, 0.0)
        report = await read_everything(client, path, resume=True)
    found = await known(path)
    assert_whole(found, fake)
    assert found.facts["requests"] == report.requests


async def test_a_run_that_is_killed_while_it_reads_sections_makes_none_of_them_gone(tmp_path: Path) -> None:
    """A section that could not be read, in a journal that was complete: the next run forgets that failure before it
    knows better. To a comparison the section is not reached, and not removed."""
    fake, path, before = (
        FakePartoo(organization(), broken={"/sections/9": 403}),
        tmp_path / "journal",
        tmp_path / "before",
    )
    async with fake.client() as client:
        await client.scan_all(journal=path).collect()
        fake.meanwhile = lambda route: MockResponse(404) if route == "/sections" else None
        with pytest.raises(Exception, match="404"):
            await client.scan_all(journal=path, resume=True).collect()
        fake.meanwhile = lambda _: None
        fake.broken.clear()
        await client.scan_all(journal=before).collect()
    async with open_reader(path) as reader:
        assert (reader.complete, reader.sections_listed) == (False, False)
    diff = await diff_scans(before, path)
    assert (diff.sections_removed, diff.groups_removed) == ((), ())
    assert [(one.section_id, one.group_id) for one in diff.not_compared] == [(9, None)]


async def test_a_scan_that_ended_early_may_know_all_sections(tmp_path: Path) -> None:
    """A section that is not in their list is removed then, though some groups were not reached."""
    fake = FakePartoo(organization())
    async with fake.client(max_concurrency=1) as client:
        await client.scan_all(journal=tmp_path / "before").collect()
        fake.organization.sections.remove(9)
        async with client.scan_all(journal=tmp_path / "after") as scan:
            await anext(scan)
    diff = await diff_scans(tmp_path / "before", tmp_path / "after")
    assert [one.section_id for one in diff.sections_removed] == [9]
    assert diff.incomplete == ("after",)
    assert {one.section_id for one in diff.not_compared} == {7}
