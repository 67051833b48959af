"""Scans with a journal: what a run after an interruption asks for, hands out and reports."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import partoo_async
from partoo_async import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    Group,
    NotFoundError,
    PartooClient,
    Scan,
    ScanError,
    ScanFailure,
    ScanItem,
    ScanPlan,
    ScanProgress,
)
from partoo_async._protocol.http import Response
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.worker_pool import LoopYield
from tests.support.common import FAST, PATIENCE
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.simulated import Partoo, client_of, journals_in_virtual_time, recorded
from tests.support.virtual import run_virtual

KEY = "a-key-that-must-not-be-found"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scan.db"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    sections = [section(7, 12), section(9, 8)]
    async with Emulator(sections=sections, api_key=KEY, rate_limit=None) as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[PartooClient]:
    async with PartooClient(KEY, server=emulator.server, retry=FAST, rate_limit=None) as client:
        yield client


def section(number: int, groups: int) -> EmulatedSection:
    """A section whose groups are numbered from a hundred times its own number."""
    first = number * 100
    members = {first + n: EmulatedGroup(first + n, f"G{n}", business_ids=[f"b{n}"]) for n in range(groups)}
    return EmulatedSection(number, f"S{number}", members)


def keys(items: Any) -> list[tuple[int, int | None]]:
    return sorted((item.section_id, item.group_id) for item in items)


def groups_asked(emulator: Emulator) -> Counter[str]:
    return Counter(seen.path for seen in emulator.requests if "/groups/" in seen.path)


async def take(scan: Scan, count: int) -> list[ScanItem]:
    """Run a scan until it has given so many outcomes, and leave it."""
    items = []
    async with scan:
        async for item in scan:
            items.append(item)
            if len(items) == count:
                break
    return items


async def test_a_scan_goes_on_where_it_stopped(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """What was recorded comes first, marked, in its order and without a request; then the rest. Each key once."""
    await take(client.scan([7, 9], journal=path, max_concurrency=2), 5)
    before = await recorded(path)
    asked = len(emulator.requests)
    async with client.scan([7, 9], journal=path, resume=True) as scan:
        plan = scan.plan
        items = [item async for item in scan]
    assert 5 <= len(before) < 20
    assert [(item.group, item.recorded) for item in items[: len(before)]] == [(item.group, True) for item in before]
    assert not any(item.recorded for item in items[len(before) :])
    assert keys(items) == [(7, n) for n in range(700, 712)] + [(9, n) for n in range(900, 908)]
    left = 20 - len(before)
    assert plan == ScanPlan(2, 20, left + 2, plan.seconds, len(before))
    assert str(plan).startswith(f"20 groups ({len(before)} recorded already), {left + 2} requests")
    assert len(emulator.requests) - asked == left + 2


async def test_every_group_is_asked_for_once_over_many_runs(
    emulator: Emulator, client: PartooClient, path: Path
) -> None:
    """Interrupted again and again, by leaving or by an error, a scan asks for nothing twice that was answered."""
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            async with client.scan([9, 7], journal=path, resume=True, max_concurrency=1) as scan:
                async for item in scan:
                    if not item.recorded:
                        _ = 1 / 0
    items = (await client.scan([7, 9], journal=path, resume=True).collect()).items
    assert len(keys(items)) == len(set(keys(items))) == 20
    assert 5 <= sum(item.recorded for item in items) <= 15
    assert set(groups_asked(emulator).values()) == {1}


async def test_a_complete_scan_is_only_replayed(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """Resuming a scan that came to its end reads its sections, to see what is new, and gives everything again."""
    first = await client.scan([7, 9], journal=path).collect()
    again = await client.scan([7, 9], journal=path, resume=True).collect()
    assert [item.group for item in again.items] == [item.group for item in first.items]
    assert (again.requests, again.added, again.deleted) == (2, (), ())
    assert all(item.recorded for item in again.items)


async def test_what_comes_in_meanwhile_is_not_replayed(client: PartooClient, path: Path) -> None:
    """A consumer that begins late gets what was recorded before its run as recorded, and the rest once."""
    await take(client.scan(7, journal=path, max_concurrency=1), 2)
    before = len(await recorded(path))
    async with client.scan([7], journal=path, resume=True, max_concurrency=4) as scan:
        async with asyncio.timeout(PATIENCE):
            while scan.report().requests < 5:
                await asyncio.sleep(0.01)
        items = [item async for item in scan]
    assert keys(items) == [(7, n) for n in range(700, 712)]
    assert sum(item.recorded for item in items) == before


async def test_many_sections_are_recorded_side_by_side(path: Path) -> None:
    """Sections that are read at the same moment, readable or not, all come into the journal."""
    sections = [section(number, 3) for number in range(1, 31)]
    async with (
        Emulator(sections=sections, rate_limit=None) as emulator,
        PartooClient(emulator.api_key, server=emulator.server, rate_limit=None) as client,
    ):
        report = await client.scan(range(1, 41), journal=path).collect()
    assert (len(report.succeeded), len(report.failed)) == (90, 10)
    assert keys(await recorded(path)) == sorted(keys(report.succeeded) + [(n, None) for n in range(31, 41)])


async def test_failures_are_tried_again(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """A recorded failure is asked for again, and its new outcome takes the place of the old one."""
    first = await client.scan(7, group_ids=[700, 799], journal=path).collect()
    assert isinstance(first.failed[0].error, NotFoundError)
    emulator.sections[7].groups[799] = EmulatedGroup(799, "late")
    async with client.scan(7, group_ids=[799, 700], journal=path, resume=True) as scan:
        assert (scan.plan.recorded, scan.plan.requests) == (1, 1)
        items = [item async for item in scan]
    assert [(item.group_id, item.error, item.recorded) for item in items] == [(700, None, True), (799, None, False)]
    assert all(item.group is not None for item in await recorded(path))


async def test_failures_can_be_kept(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """With retry_failed=False a recorded failure is given as it was, without a request, and counts as failed."""
    await client.scan(7, group_ids=[700, 799], journal=path).collect()
    emulator.sections[7].groups[799] = EmulatedGroup(799, "late")
    asked = len(emulator.requests)
    progress: list[ScanProgress] = []
    options: dict[str, Any] = {"journal": path, "resume": True, "retry_failed": False, "on_progress": progress.append}
    report = await client.scan(7, group_ids=[700, 799], **options).collect()
    assert len(emulator.requests) == asked
    (failed,) = report.failed
    assert (failed.group_id, failed.attempts, failed.recorded) == (799, 1, True)
    assert str(failed.error) == "404 Not Found for GET /sections/7/groups/799: Resource not found"
    assert (report.requests, progress[-1].failed) == (0, 1)


async def test_replayed_failures_count_one_by_one(path: Path) -> None:
    """The outcome that is one too many is the last one, though those after it are at hand."""
    there = [*range(100, 230)]
    wanted = [*there[:90], 798, 799, *there[90:]]
    options: dict[str, Any] = {"group_ids": wanted, "journal": path}
    async with Emulator(sections=[section(1, 130)], api_key=KEY, rate_limit=None) as emulator:
        async with PartooClient(KEY, server=emulator.server, retry=FAST, rate_limit=None) as client:
            await client.scan(1, max_concurrency=1, **options).collect()
            with pytest.raises(ScanError, match="2 failed, and max_failures=1") as caught:
                await client.scan(1, resume=True, retry_failed=False, max_failures=1, **options).collect()
    assert keys(caught.value.report.items) == [(1, group_id) for group_id in wanted[:92]]


@pytest.mark.parametrize("number", [1, 2, 70, 110, 200])
async def test_a_damaged_outcome_ends_the_scan(tmp_path: Path, number: int) -> None:
    """With an error that says so and has all before it, whether or not the outcome had to be waited for. The next call
    says it again; the command in it makes the group one that is to be read."""
    path = tmp_path / "scan.db"
    async with Emulator(sections=[section(1, 200)], api_key=KEY, rate_limit=None) as emulator:
        async with PartooClient(KEY, server=emulator.server, rate_limit=None) as client:
            await client.scan(1, journal=path).collect()
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
                database.execute("UPDATE outcomes SET crc32 = crc32 + 1 WHERE number = ?", (number,))
            with pytest.raises(ScanError, match="is damaged") as caught:
                await client.scan(1, journal=path, resume=True).collect()
            assert len(caught.value.report.items) == number - 1
            async with client.scan(1, journal=path, resume=True) as scan:
                for _ in range(2):
                    with pytest.raises(ScanError, match="is damaged") as told:
                        async for _ in scan:
                            pass
            command = re.search(r"""'sqlite3 (.*) "(DELETE .*)"'""", str(told.value))
            assert command is not None
            with contextlib.closing(sqlite3.connect(command[1], isolation_level=None)) as database:
                database.execute(command[2])
            report = await client.scan(1, journal=path, resume=True).collect()
            assert (report.complete, len(report.succeeded), report.requests) == (True, 200, 2)


async def test_a_second_task_takes_the_end_of_a_scan_not_back(
    client: PartooClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for an outcome while the first one ends the scan, and hears of the end later: the scan is complete."""
    turns, finishing, ended = 0, asyncio.Event(), asyncio.Event()
    finish = Journal.finish

    async def late_finish(self: Journal) -> None:
        await finishing.wait()
        await finish(self)

    async def suspend(_: LoopYield) -> None:
        nonlocal turns
        turns += 1
        if turns == 2:
            await ended.wait()

    async with client.scan(7, journal=path) as scan:
        items = [await anext(scan) for _ in range(12)]
        monkeypatch.setattr(Journal, "finish", late_finish)
        monkeypatch.setattr(LoopYield, "is_due", lambda *_: True)
        monkeypatch.setattr(LoopYield, "suspend", suspend)
        first, second = (asyncio.create_task(anext(scan, None)) for _ in range(2))  # type: ignore[arg-type]
        while turns < 2:
            await asyncio.sleep(0)
        finishing.set()
        assert await first is None
        ended.set()
        assert await second is None
        assert (len(items), scan.complete) == (12, True)
        assert [item async for item in scan] == []


@pytest.mark.parametrize("taken", [1, 2, 70, 110, 199])
async def test_a_scan_that_is_closed_replays_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, taken: int
) -> None:
    """By the loop body or another task, between two outcomes that need not be waited for. Those before are counted."""
    caplog.set_level("INFO", "partoo_async.scan")
    async with Emulator(sections=[section(1, 200)], api_key=KEY, rate_limit=None) as emulator:
        async with PartooClient(KEY, server=emulator.server, rate_limit=None) as client:
            await client.scan(1, journal=tmp_path / "scan.db").collect()
            seen = 0
            async with client.scan(1, journal=tmp_path / "scan.db", resume=True) as scan:
                async for item in scan:
                    assert item.recorded
                    seen += 1
                    if seen == taken:
                        await scan.aclose()
                assert (seen, scan.complete, scan.progress.done) == (taken, False, taken)
            assert f"{taken} of 200 outcomes ({taken} replayed" in caplog.messages[-1]


async def test_groups_that_come_and_go(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """Groups added since are read, groups deleted since are not asked for, and both are in the report."""
    await take(client.scan([7], journal=path, max_concurrency=1), 4)
    done = {item.group_id for item in await recorded(path)}
    assert 700 in done
    assert 711 not in done
    del emulator.sections[7].groups[700], emulator.sections[7].groups[711]
    emulator.sections[7].groups[750] = EmulatedGroup(750, "new")
    report = await client.scan([7], journal=path, resume=True).collect()
    assert (report.added, report.deleted) == (((7, 750),), ((7, 700), (7, 711)))
    # What was read of 700 is handed out: it was there when the scan came by.
    assert keys(report.items) == [(7, n) for n in [*range(700, 711), 750]]
    assert report.failed == ()
    assert "/v2/sections/7/groups/711" not in groups_asked(emulator)
    again = await client.scan([7], journal=path, resume=True).collect()
    assert (again.added, again.deleted, len(again.items)) == ((), (), 12)


async def test_a_group_made_anew_is_read_anew(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """Deleted in one run and there again in the next: what was read under its id was of another group."""
    groups = emulator.sections[7].groups
    await client.scan(7, journal=path).collect()
    del groups[705]
    await client.scan(7, journal=path, resume=True).collect()
    groups[705] = EmulatedGroup(705, "G5", business_ids=["new"])
    report = await client.scan(7, journal=path, resume=True).collect()
    assert keys(report.items) == [(7, n) for n in range(700, 712)]
    assert [item.group for item in report.items if not item.recorded] == [Group(705, "G5", False, ("new",))]
    assert report.added == ((7, 705),)
    assert {item.group_id: item.group for item in await recorded(path)}[705] == Group(705, "G5", False, ("new",))
    again = await client.scan(7, journal=path, resume=True).collect()
    assert (again.requests, len(again.items)) == (1, 12)


@pytest.mark.parametrize("change", [{"name": "Other"}, {"has_puller": True}], ids=["name", "puller"])
async def test_a_group_that_its_section_describes_otherwise_is_read_anew(
    emulator: Emulator, client: PartooClient, path: Path, change: dict[str, Any]
) -> None:
    """Between two runs a group was renamed, or deleted and made anew: the section tells, and what it said then."""
    groups = emulator.sections[7].groups
    await client.scan(7, journal=path).collect()
    new = groups[705] = EmulatedGroup(**{"id": 705, "name": "G5", "business_ids": ["new"]} | change)
    report = await client.scan(7, journal=path, resume=True).collect()
    assert [item.group for item in report.items if not item.recorded] == [
        Group(705, new.name, new.has_puller, ("new",))
    ]
    assert (report.added, report.deleted, len(report.items)) == ((), (), 12)
    again = await client.scan(7, journal=path, resume=True).collect()
    assert (again.requests, len(again.items)) == (1, 12)


async def test_a_section_may_call_its_groups_otherwise_than_they_do(path: Path) -> None:
    """Compared is what a section said then and now, not what a group said: else each run would read all of them."""
    partoo = Partoo({7: [1, 2, 3]})
    for group_id in (1, 2, 3):
        partoo.answers[7, group_id] = Response(200, {}, GROUP.replace(b"42", str(group_id).encode()))

    async def runs() -> list[int]:
        async with client_of(partoo, rate_limit=None) as client:
            reports = [await client.scan(7, journal=path, resume=True).collect() for _ in range(3)]
        return [report.requests for report in reports]

    with journals_in_virtual_time():
        assert await asyncio.to_thread(run_virtual, runs()) == [4, 1, 1]


async def test_a_section_made_anew_is_read_anew(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """An organization's section that was gone in one run and is back in the next has other groups under its ids."""
    await client.scan_all(journal=path).collect()
    kept = emulator.sections.pop(7)
    await client.scan_all(journal=path, resume=True).collect()
    emulator.sections[7] = kept
    report = await client.scan_all(journal=path, resume=True).collect()
    assert keys(item for item in report.items if not item.recorded) == [(7, n) for n in range(700, 712)]


async def test_a_journal_that_knows_no_summaries(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """One of an earlier version is gone on with: nothing is read twice, and from then on it knows them."""
    await take(client.scan(7, journal=path, max_concurrency=1), 4)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE summaries")
        database.execute("DROP TABLE details")
        database.commit()
    await client.scan(7, journal=path, resume=True).collect()
    assert {*groups_asked(emulator).values()} == {1}
    emulator.sections[7].groups[700].name = "Other"
    report = await client.scan(7, journal=path, resume=True).collect()
    assert [item.group_id for item in report.items if not item.recorded] == [700]


async def test_a_failure_of_a_group_that_is_gone_is_dropped(
    emulator: Emulator, client: PartooClient, path: Path
) -> None:
    """A group that could not be read, and that its section no longer lists, is no failure for ever."""
    async with client.scan(7, journal=path) as scan:
        del emulator.sections[7].groups[711]
        assert [item.group_id async for item in scan if item.error] == [711]
    report = await client.scan(7, journal=path, resume=True).collect()
    assert (report.failed, report.deleted, len(report.items)) == ((), ((7, 711),), 11)
    again = await client.scan(7, journal=path, resume=True, retry_failed=False).collect()
    assert (again.failed, len(again.items)) == ((), 11)


async def test_a_section_that_becomes_readable(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """A section that could not be read is read again by the next run, whatever it does with failed groups."""
    first = await client.scan([7, 5], journal=path).collect()
    assert keys(first.failed) == [(5, None)]
    emulator.sections[5] = section(5, 3)
    report = await client.scan([7, 5], journal=path, resume=True, retry_failed=False).collect()
    assert (report.failed, report.added) == ((), ())
    assert keys(item for item in report.items if not item.recorded) == [(5, 500), (5, 501), (5, 502)]
    assert keys(await recorded(path)) == keys(report.items)


async def test_a_section_that_becomes_unreadable(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """What was read of a section that is gone is handed out, and one outcome says that the section is gone."""
    await take(client.scan([9], journal=path, max_concurrency=1), 3)
    before = keys(await recorded(path))
    del emulator.sections[9]
    report = await client.scan([9], journal=path, resume=True).collect()
    assert keys(report.succeeded) == before
    assert keys(report.failed) == [(9, None)]


async def test_max_failures_with_a_journal(client: PartooClient, path: Path) -> None:
    """One failure too many ends a scan; with a higher bound the next run goes on, and recorded failures count."""
    wanted = [*range(700, 706), *range(1000, 1006)]
    with pytest.raises(ScanError, match="3 failed, and max_failures=2 tolerates no more") as caught:
        await client.scan(7, group_ids=wanted, journal=path, max_failures=2, max_concurrency=1).collect()
    assert len(caught.value.report.failed) == 3
    assert len(caught.value.report.succeeded) == 6
    with pytest.raises(ScanError, match="max_failures=2"):
        options: dict[str, Any] = {"resume": True, "retry_failed": False, "max_failures": 2, "max_concurrency": 1}
        await client.scan(7, group_ids=wanted, journal=path, **options).collect()
    report = await client.scan(7, group_ids=wanted, journal=path, resume=True, max_failures=0.5).collect()
    assert (len(report.succeeded), len(report.failed)) == (6, 6)
    with pytest.raises(ScanError, match=r"6 failed, and max_failures=0.49 tolerates no more than 5"):
        await client.scan(7, group_ids=wanted, journal=path, resume=True, max_failures=0.49).collect()


@pytest.mark.parametrize("bound", [-0.1, 1.1, float("nan"), float("inf"), "2", True])
async def test_bad_max_failures(client: PartooClient, bound: Any) -> None:
    """A bound is a count, or a fraction from 0 to 1."""
    with pytest.raises(ConfigurationError, match="^max_failures: expected"):
        client.scan(7, max_failures=bound)


async def test_progress_of_a_resumed_scan(client: PartooClient, path: Path) -> None:
    """``done`` counts what was recorded, so that it comes to ``total``; ``rate`` is only that of this run."""
    await take(client.scan([7, 9], journal=path, max_concurrency=1), 6)
    before = len(await recorded(path))
    seen: list[ScanProgress] = []
    report = await client.scan([7, 9], journal=path, resume=True, on_progress=seen.append).collect()
    assert [progress.done for progress in seen] == list(range(1, 21))
    assert {progress.total for progress in seen} == {20}
    assert {progress.rate for progress in seen[:before]} == {0.0}
    assert 0 < seen[-1].rate <= (20 - before) / report.seconds * 2
    assert seen[-1].eta == 0.0


async def test_a_journal_that_fails_ends_the_scan(client: PartooClient, path: Path) -> None:
    """A full disk is one ScanError with the report, not a failure of each group; afterwards the scan goes on."""
    with pytest.raises(ScanError, match=r"ended early: journal: cannot write to .*free some space, then res") as full:
        scan = client.scan([7, 9], journal=path, max_concurrency=1)
        # Outcomes until the pages that there are already are full.
        scan._fetcher.group = big(scan._fetcher.group)  # type: ignore[method-assign]
        async with scan:
            assert isinstance(scan._journal, Journal)
            await scan._journal._database.fetch("PRAGMA max_page_count = 1")
            async for _ in scan:
                pass
    assert full.value.report.requests >= 3
    report = await client.scan([7, 9], journal=path, resume=True).collect()
    assert (len(report.items), report.failed) == (20, ())


def big(read: Any) -> Any:
    """A reader of groups whose outcomes take many pages of a file."""

    async def group(key: tuple[int, int]) -> ScanItem:
        item = await read(key)
        error = BadRequestError(400, "x" * 20_000, "GET /")
        return ScanFailure(*key, None, error, item.attempts, item.elapsed)

    return group


async def test_two_scans_do_not_share_a_journal(client: PartooClient, path: Path) -> None:
    """While a scan runs, another one on its journal is refused before it sends anything; the first goes on."""
    async with client.scan([7], journal=path) as scan:
        with pytest.raises(ConfigurationError, match="is in use by another scan; wait until that one has ended"):
            await client.scan([7], journal=path, resume=True).collect()
        assert len([item async for item in scan]) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True}, "^resume: goes with journal="),
        ({"journal": 5}, "^journal: expected the path of a file, not int"),
        ({"journal": ""}, "^journal: expected the path of a file, not an empty one"),
        ({"journal": "a\0b"}, "^journal: expected a name that a file can have"),
    ],
)
async def test_bad_arguments(client: PartooClient, options: dict[str, Any], message: str) -> None:
    """A bad argument is a ConfigurationError at once, before anything is sent or made."""
    with pytest.raises(ConfigurationError, match=message):
        client.scan(7, **options)


async def test_a_journal_that_cannot_be_used(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """A journal that exists, is of another scan, or cannot be made: refused at the start, before a request is sent."""
    await client.scan([7], journal=path).collect()
    asked = len(emulator.requests)
    with pytest.raises(ConfigurationError, match="exists already; resume=True .--resume. goes on with it"):
        await client.scan([7], journal=path).collect()
    with pytest.raises(ConfigurationError, match=r"is of a scan of section 7, not of sections 7, 9; use another file"):
        await client.scan([7, 9], journal=path, resume=True).collect()
    with pytest.raises(ConfigurationError, match="use a file in a directory that exists"):
        await client.scan([7], journal=path / "no" / "scan.db").collect()
    async with PartooClient("key", server="http://127.0.0.1:9/v2") as other:
        with pytest.raises(ConfigurationError, match=r"is of a scan of http://127.0.0.1:\d+/v2, not of http://127"):
            await other.scan([7], journal=path, resume=True).collect()
    assert len(emulator.requests) == asked
    assert len(await recorded(path)) == 12


async def test_the_journal_says_what_it_is(client: PartooClient, path: Path) -> None:
    """Server, sections, start, version and plan are in it for everybody who can read SQLite; the plan is the last."""
    started = datetime.now(UTC)
    await take(client.scan([9, 7], journal=path, max_concurrency=1), 1)
    await client.scan([7, 9], journal=path, resume=True).collect()
    connection = sqlite3.connect(path)
    header = {name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM header")}
    connection.close()
    assert header["server"] == client.server.base_url
    assert header["scope"] == {"sections": [7, 9], "groups": None, "org_id": None}
    assert timedelta(0) <= datetime.fromisoformat(header["started"]) - started < timedelta(minutes=1)
    assert header["version"] == partoo_async.__version__
    assert header["finished"] is True
    assert header["plan"]["groups"] == 20
    assert 2 < header["plan"]["requests"] < 22


async def test_resume_without_a_journal_begins_one(client: PartooClient, path: Path) -> None:
    """The same command line does for the first run and for every other."""
    for recorded_before in (0, 12):
        async with client.scan(7, journal=path, resume=True) as scan:
            assert scan.plan.recorded == recorded_before
            assert len([item async for item in scan]) == 12


async def test_the_key_is_not_in_the_journal(emulator: Emulator, client: PartooClient, path: Path) -> None:
    """Neither a success nor any failure writes the key to the disk, nor does what lies beside the file."""
    async with client.scan([7, 404], journal=path, max_concurrency=2) as scan:
        del emulator.sections[7].groups[711]
        async for _ in scan:
            assert_key_is_nowhere(path)
    async with PartooClient(KEY, server="http://127.0.0.1:9/v2", retry=FAST) as unheard:
        await unheard.scan(7, group_ids=[1, 2], journal=path.with_name("refused.db")).collect()
    async with Emulator(api_key="another", rate_limit=None) as other, PartooClient(KEY, server=other.server) as unknown:
        report = await unknown.scan(7, group_ids=[42], journal=path.with_name("401.db")).collect()
        assert isinstance(report.failed[0].error, AuthenticationError)
    assert_key_is_nowhere(path)


def assert_key_is_nowhere(path: Path) -> None:
    files = [*path.parent.iterdir()]
    assert files
    for file in files:
        assert KEY.encode() not in file.read_bytes()


async def test_an_answer_nested_a_thousand_deep_is_one_failure(path: Path) -> None:
    """The body of an error that JSON cannot be made of again costs that body, and not the scan."""
    deep = b'{"errors": {"json": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}}"
    async with raw_server(answer(400, deep), answer(200, GROUP)) as server:
        async with PartooClient("key", server=server.url) as client:
            report = await client.scan(7, group_ids=[41, 42], journal=path, max_concurrency=1).collect()
    assert [type(item.error) for item in report.items] == [BadRequestError, type(None)]
    bad, good = await recorded(path)
    assert (str(bad.error), good.group_id) == (str(report.failed[0].error), 42)
