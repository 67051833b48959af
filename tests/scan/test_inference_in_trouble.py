"""Scans by the list of businesses hold, end early, are resumed, compared and written like all others."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partoo_async import (
    APIConnectionError,
    Event,
    HoldEvent,
    NotFoundError,
    PartooClient,
    RetryPolicy,
    ScanError,
    ScanReport,
    deadline,
    diff_scans,
)
from partoo_async.emulator import Emulator
from partoo_async.exports import write
from partoo_async.testing import MockResponse
from tests.support import fake_partoo
from tests.support.common import TLS
from tests.support.each import each
from tests.support.fake_partoo import FakeBusiness, FakeGroup, FakePartoo, Organization
from tests.support.simulated import journals_in_virtual_time, recorded
from tests.support.virtual import run_virtual

GROUPS, BUSINESSES, SECTIONS, PAGE = 30, 60, 2, 10


def organization() -> Organization:
    """Two sections with 15 groups each, of up to six businesses."""
    chance = Random(1)
    ids = [f"b{number:02}" for number in range(BUSINESSES)]
    made = Organization([7, 9], {}, {one: FakeBusiness(one) for one in ids})
    for number in range(GROUPS):
        made.groups[100 + number] = FakeGroup(100 + number, (7, 9)[number % 2], chance.sample(ids, number % 7))
    return made


def slow(**options: Any) -> FakePartoo:
    """Six pages of the list, and up to a second for each request."""
    return FakePartoo(organization(), late=1.0, most_per_page=PAGE, **options)


def options_of(**more: Any) -> dict[str, Any]:
    return {"strategy": "businesses", "verify": 6, "max_concurrency": 3} | more


def keys(items: Any) -> Counter[tuple[int, int | None]]:
    return Counter((item.section_id, item.group_id) for item in items)


def assert_right(report: ScanReport, fake: FakePartoo, *, inferred: bool = True) -> None:
    """Every group, once, with its businesses; inferred but for those that were verified."""
    report.raise_for_failures()
    assert report.complete
    truth = fake.organization.truth()
    assert keys(report.items) == Counter([*truth])
    assert all({*item.group.business_ids} == truth[item.section_id, item.group_id] for item in report.succeeded)
    assert (report.strategy, report.fallback) == (("businesses", "") if inferred else ("groups", report.fallback))


def assert_nothing_left(client: PartooClient) -> None:
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client.quota.waiting == 0
    assert " 0 of " in repr(client.session.context.concurrency)


def now() -> float:
    """Seconds since the event loop began."""
    return asyncio.get_running_loop().time() - 1000.0


def storm(begin: float, end: float, kind: str) -> Callable[[str], MockResponse | None]:
    """Nobody is answered for a while."""

    def meanwhile(_: str) -> MockResponse | None:
        if not begin <= now() < end:
            return None
        if kind == "refused":
            raise APIConnectionError("cannot connect: Connection refused", False)
        return MockResponse(503)

    return meanwhile


# The sections are read after 1.6 seconds, the list from then on to 2.9, and what is verified to 4.3. Slow hands take
# three seconds for the items.
MOMENTS = [0.35 * number for number in range(1, 22)]


NAMED: dict[str, Any] = {"strategy": "groups", "businesses": True}


@pytest.mark.parametrize("kind", ["refused", "503"])
@pytest.mark.parametrize("options", [{}, NAMED], ids=["inferred", "names"])
def test_an_outage_at_any_moment(kind: str, options: dict[str, Any]) -> None:
    """While the sections, the list, the groups or names are read: the scan holds, goes on, and no group is read by
    itself for it. In the middle of the list, too, no page is lost."""
    held = Counter[str]()

    async def scan(begin: float) -> None:
        fake = slow(meanwhile=storm(begin, begin + 60.0, kind))
        events: list[Event] = []
        async with fake.client(on_event=events.append, retry=RetryPolicy()) as client:
            report = await client.scan_all(**options_of(max_failures=0, **options)).collect()
            assert_nothing_left(client)
        assert_right(report, fake, inferred=not options)
        assert report.verified == (0 if options else 6)
        assert all(one.name == f"Shop {one.id}" for item in report.succeeded for one in item.businesses)
        holds = [event for event in events if isinstance(event, HoldEvent)]
        assert len(holds) in (0, 2)
        if holds:
            held[holds[0].route.split("/")[1]] += 1
            assert fake.requests <= 1 + SECTIONS + BUSINESSES // PAGE + (GROUPS if options else 6) + 3

    for number in range(3, 30 if options else 13):  # before anything was answered there is nothing to hold for
        run_virtual(scan(0.35 * number))
    assert held["sections"] > 3
    assert held["business"] > 3


@pytest.mark.usefixtures("hurried")
async def test_an_outage_in_the_middle_of_the_list_on_sockets() -> None:
    """All pages but the first are refused, and so is everything else, until the scan holds."""
    holds: list[HoldEvent] = []

    def heard(event: Event) -> None:
        if isinstance(event, HoldEvent):
            holds.append(event)
            emulator.faults.clear()

    async with Emulator.with_profile("typical", groups=60, rate_limit=None) as emulator:
        client = PartooClient(
            emulator.api_key, server=emulator.server, rate_limit=None, ssl_context=TLS, on_event=heard
        )
        async with client, client.scan_all(strategy="businesses") as scan:
            emulator.faults.add("status", status=503)
            items = [item async for item in scan]
            report = scan.report(items)
    assert [event.seconds > 0 for event in holds] == [False, True]
    assert (report.strategy, report.verified, report.fallback) == ("businesses", 20, "")
    assert len(keys(items)) == 60


def test_an_outage_that_lasts_ends_the_scan_which_can_be_resumed(tmp_path: Path) -> None:
    """After ``max_outage`` seconds it is a ``ScanError``, with a journal that goes on from there; each key once."""

    async def scan(begin: float) -> None:
        path = tmp_path / f"{begin:.1f}.db"
        fake = slow(meanwhile=storm(begin, begin + 900.0, "503"))
        async with fake.client(retry=RetryPolicy()) as client:
            with pytest.raises(ScanError) as caught:
                await client.scan_all(**options_of(max_outage=30.0, journal=path)).collect()
            assert caught.value.transient
            assert_nothing_left(client)
            await asyncio.sleep(900)
            report = await client.scan_all(**options_of(journal=path, resume=True)).collect()
        assert_right(report, fake)

    with journals_in_virtual_time():
        for begin in MOMENTS[3:12:4]:
            run_virtual(scan(begin))


async def closed(client: PartooClient, moment: float, seen: list[Any], **options: Any) -> None:
    """Scan with slow hands, and close the scan at a moment."""
    scan = client.scan_all(**options_of(**options))

    async def consume() -> None:
        async with scan:
            if scan._state == "open":
                async for item in scan:
                    seen.append(item)
                    await asyncio.sleep(0.1)

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(moment)
    await scan.aclose()
    await consumer


async def cancelled(client: PartooClient, moment: float, seen: list[Any], **options: Any) -> None:
    """The same, and cancel whoever reads it."""

    async def consume() -> None:
        async with client.scan_all(**options_of(**options)) as scan:
            async for item in scan:
                seen.append(item)
                await asyncio.sleep(0.1)

    consumer = asyncio.create_task(consume())
    await asyncio.sleep(moment)
    consumer.cancel()
    await asyncio.wait([consumer])
    assert consumer.cancelled() or consumer.exception() is None


async def out_of_time(client: PartooClient, moment: float, seen: list[Any], **options: Any) -> None:
    """The same, within a deadline."""
    with contextlib.suppress(ScanError), deadline(moment):
        async with client.scan_all(**options_of(**options)) as scan:
            async for item in scan:
                seen.append(item)
                await asyncio.sleep(0.1)


Ending = Callable[..., Awaitable[None]]
ENDINGS = [closed, cancelled, out_of_time]


@each("ending", ENDINGS)
@each("options", [{}, {"businesses": True}, NAMED])
def test_it_can_end_at_any_moment(ending: Ending, options: dict[str, Any]) -> None:
    """Closed, cancelled or out of time: it ends, and nothing is sent after it or left behind."""

    async def scan(moment: float) -> None:
        fake, seen = slow(), []
        async with fake.client() as client:
            await ending(client, moment, seen, **options)
            before = fake.requests
            assert_nothing_left(client)
            await asyncio.sleep(60)
            assert fake.requests == before
        truth = fake.organization.truth()
        assert all({*item.group.business_ids} == truth[item.section_id, item.group_id] for item in seen)

    for moment in MOMENTS[::2]:
        run_virtual(scan(moment))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("strategy", ["groups", "businesses"])
@pytest.mark.parametrize("moments", [MOMENTS[4::7], pytest.param(MOMENTS, marks=pytest.mark.soak)], ids=["few", "all"])
def test_it_is_resumed_from_any_moment(tmp_path: Path, ending: Ending, strategy: str, moments: list[float]) -> None:
    """With a journal: what was handed out is recorded, as inferred or not, with its businesses. The next run asks for
    none of it, reads the list again for the rest, and every key comes once."""

    async def scan(moment: float) -> None:
        path, fake, seen = tmp_path / f"{moment:.1f}.db", slow(), []
        async with fake.client() as client:
            await ending(client, moment, seen, businesses=True, strategy=strategy, journal=path)
            assert_nothing_left(client)
            there = {(item.section_id, item.group_id): item for item in await recorded(path)}
            assert all(there[key].inferred == item.inferred for key, item in zip(keys(seen), seen, strict=True))
            known = {key for key, item in there.items() if item.group is not None}
            fake.asked.clear()
            paths: list[str] = []
            fake.meanwhile = paths.append
            options = options_of(businesses=True, strategy=strategy, journal=path, resume=True)
            report = await client.scan_all(**options).collect()
        assert_right(report, fake, inferred=strategy == "businesses")
        assert not {f"/sections/{section}/groups/{group}" for section, group in known} & {*paths}
        assert {(item.section_id, item.group_id) for item in report.items if item.recorded} == known
        assert fake.requests == report.requests
        assert (0 < report.error_bound <= 3 / 6) == (strategy == "businesses")
        assert all(
            item.inferred == there[item.section_id, item.group_id].inferred for item in report.items if item.recorded
        )
        for item in report.succeeded:
            assert [one.name for one in item.businesses] == [f"Shop {one}" for one in item.group.business_ids]

    with journals_in_virtual_time():
        for moment in moments:
            run_virtual(scan(moment))


RUNS = st.lists(
    st.tuples(
        st.sampled_from(ENDINGS),
        st.sampled_from(MOMENTS),
        st.sampled_from(("groups", "businesses", "auto")),
        st.sampled_from((1, 20, "all")),
        st.booleans(),
    ),
    max_size=3,
)
FAKES = st.builds(
    FakePartoo,
    fake_partoo.organizations(),
    shifts=st.lists(st.sampled_from(fake_partoo.SHIFTS), max_size=2),
    most_per_page=st.sampled_from((7, 23)),
    late=st.just(1.0),
)


@settings(max_examples=8)
@given(FAKES, RUNS, RUNS.filter(bool))
def test_runs_of_any_strategy_are_one_scan(
    tmp_path_factory: pytest.TempPathFactory, fake: FakePartoo, runs: Any, last: Any
) -> None:
    """A journal is that of a scan, however its runs get at the groups: each key once, what is recorded is not asked for
    again, and no membership is wrong that is not marked as inferred, and counted by the report."""
    play(tmp_path_factory.mktemp("runs") / "scan.db", fake, runs, last)


@pytest.mark.soak
@settings(max_examples=400)
@given(FAKES, RUNS, RUNS.filter(bool))
def test_many_runs_of_any_strategy_are_one_scan(
    tmp_path_factory: pytest.TempPathFactory, fake: FakePartoo, runs: Any, last: Any
) -> None:
    """The same, for longer."""
    play(tmp_path_factory.mktemp("runs") / "scan.db", fake, runs, last)


def play(path: Path, fake: FakePartoo, runs: Any, last: Any) -> None:
    async def story() -> None:
        async with fake.client() as client:
            for ending, moment, strategy, verify, businesses in runs:
                options = {"strategy": strategy, "verify": verify, "businesses": businesses}
                await ending(client, moment, [], journal=path, resume=True, **options)
                assert_nothing_left(client)
            known = {(item.section_id, item.group_id): item.inferred for item in await recorded(path)}
            before = fake.requests
            _, _, strategy, verify, businesses = last[0]
            options = {"strategy": strategy, "verify": verify, "businesses": businesses}
            report = await client.scan_all(**options_of(journal=path, resume=True, **options)).collect()
        assert fake.requests - before == report.requests
        assert (report.complete, report.failed) == (True, ())
        truth = fake.organization.truth()
        assert keys(report.items) == Counter([*truth])
        found = {(item.section_id, item.group_id): item for item in report.succeeded}
        assert {key: item.inferred for key, item in found.items() if item.recorded} == known
        assert (report.error_bound > 0) == any(item.inferred for item in report.items)
        assert (report.strategy == "businesses") or not any(item.inferred for item in report.items)
        for key, item in found.items():
            if item.inferred:
                continue
            # What was recorded is of the time of its run, before this came or that went.
            since = {one for one in truth[key] if one.startswith(("new", "late"))} if item.recorded else set()
            since |= {*item.group.business_ids} - fake.organization.businesses.keys()
            assert {*item.group.business_ids} - since == truth[key] - since

    with journals_in_virtual_time():
        run_virtual(story())


# Failures


@pytest.mark.parametrize(("tolerated", "ends"), [(None, False), (1, False), (0, True)])
async def test_a_group_that_cannot_be_verified(tolerated: int | None, ends: bool) -> None:
    """It is a failed outcome, once, and nothing is inferred: each other group is read by itself. ``max_failures``
    counts it like any other failure."""
    fake = FakePartoo(organization(), broken={"/sections/7/groups/104": 404})
    async with fake.client() as client:
        scan = client.scan_all(strategy="businesses", verify="all", max_failures=tolerated)
        if ends:
            with pytest.raises(ScanError, match="1 failed, and max_failures=0") as caught:
                await scan.collect()
            report = caught.value.report
        else:
            report = await scan.collect()
            assert keys(report.items) == Counter([*fake.organization.truth()])
    assert [(item.group_id, type(item.error)) for item in report.failed] == [(104, NotFoundError)]
    assert report.fallback.startswith("section 7, group 104 could not be read by itself: ")
    assert (report.strategy, report.error_bound, report.complete) == ("groups", 0.0, not ends)
    assert fake.asked[fake_partoo.GROUP] <= GROUPS


async def test_a_section_that_cannot_be_read() -> None:
    """It is an outcome; the groups of the others are inferred."""
    fake = FakePartoo(organization(), broken={"/sections/9": 403})
    async with fake.client() as client:
        report = await client.scan_all(strategy="businesses", verify=1).collect()
    assert [(item.section_id, item.group_id) for item in report.failed] == [(9, None)]
    assert len(report.succeeded) == GROUPS // 2
    assert (report.strategy, report.fallback) == ("businesses", "")


async def test_a_later_page_that_fails() -> None:
    """Nothing is inferred from a part of the list."""
    fake = FakePartoo(organization(), most_per_page=PAGE)
    fake.meanwhile = lambda path: MockResponse(404) if path == fake_partoo.SEARCH and fake.queries else None
    async with fake.client() as client:
        report = await client.scan_all(strategy="businesses").collect()
    assert_right(report, fake, inferred=False)
    assert report.fallback.startswith("the list of businesses could not be read: ")


# What is made of it


async def test_a_comparison_and_an_export_see_no_difference(tmp_path: Path) -> None:
    """Between an inferred scan and one that read each group: the order of ids does not matter to a comparison, and
    files have the same rows."""
    fake = FakePartoo(organization(), most_per_page=PAGE)
    async with fake.client() as client:
        read = await client.scan_all(businesses=True, journal=tmp_path / "read.db").collect()
        inferred = await client.scan_all(**options_of(businesses=True, journal=tmp_path / "inferred.db")).collect()
        assert_right(inferred, fake)
        assert sum(item.inferred for item in inferred.items) == GROUPS - 6
        for before, after in ((read, inferred), (tmp_path / "read.db", tmp_path / "inferred.db")):
            assert (await diff_scans(before, after)).same
        rows = []
        for name, report in (("read", read), ("inferred", inferred)):
            await write(report, tmp_path / f"{name}.csv")
            rows.append(sorted((tmp_path / f"{name}.csv").read_text("utf-8-sig").splitlines()))
        assert rows[0] == rows[1]
        assert len(rows[0]) > GROUPS
        fake.organization.groups[104].members.append("b59")
        later = await client.scan_all(**options_of()).collect()
    (change,) = (await diff_scans(inferred, later)).groups_changed
    assert (change.after.id, change.joined, change.left) == (104, ("b59",), ())
