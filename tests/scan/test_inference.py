"""Groups that are inferred from the list of businesses: plan, progress, log, and what a resumed scan knows."""

from __future__ import annotations

import asyncio
import logging
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError, RateLimit, Scan, ScanPlan, ScanProgress, ScanReport
from tests.support.each import each
from tests.support.fake_partoo import (
    GROUP,
    SEARCH,
    SECTION,
    SECTIONS,
    FakeBusiness,
    FakeGroup,
    FakePartoo,
    Organization,
    comes,
)
from tests.support.virtual import run_virtual


def organization(sections: int = 3, groups: int = 100, businesses: int = 1000, ids_as: str = "b{}") -> Organization:
    """Sections of so many groups, which have all businesses between them."""
    made = Organization(list(range(1, sections + 1)))
    ids = [ids_as.format(number) for number in range(businesses)]
    for section_id in made.sections:
        for number in range(groups):
            key = section_id * 1000 + number
            made.groups[key] = FakeGroup(key, section_id, ids[number::groups], number % 7 == 0)
    for number, one in enumerate(ids):
        told = tuple(section_id * 1000 + number % groups for section_id in made.sections) if groups else None
        made.businesses[one] = FakeBusiness(one, told=told)  # or the server would look for them at each page
    return made


async def scanned(partoo: FakePartoo, **options: Any) -> ScanReport:
    async with partoo.client() as client:
        return await client.scan_all(**{"strategy": "businesses", **options}).collect()


def contents(report: ScanReport) -> dict[tuple[int, int], frozenset[str]]:
    return {(item.section_id, item.group_id): frozenset(item.group.business_ids) for item in report.succeeded}


def test_the_plan_says_what_is_sent() -> None:
    """Its requests are those that the server sees: sections, pages, and the groups that are verified."""
    partoo = FakePartoo(organization())

    async def main() -> tuple[Scan, ScanReport]:
        async with partoo.client() as client:
            scan = client.scan_all(strategy="businesses", verify=30)
            async with scan:
                plan = scan.plan
                assert (plan.strategy, plan.groups, plan.requests) == ("businesses", 300, 1 + 3 + 10 + 30)
                assert str(plan) == "300 groups, 44 requests, less than 1 s, by the list of businesses"
                report = scan.report([item async for item in scan])
            return scan, report

    scan, report = run_virtual(main())
    assert partoo.asked == {SECTIONS: 1, SECTION: 3, SEARCH: 10, GROUP: 30}
    assert (scan.plan.requests, report.requests, report.strategy, report.verified) == (44, 44, "businesses", 30)
    assert contents(report) == partoo.organization.truth()
    assert sum(not item.inferred for item in report.items) == 30
    assert {item.attempts for item in report.items if item.inferred} == {0}
    assert report.error_bound == pytest.approx(0.1)


def test_after_a_fallback_the_plan_is_another() -> None:
    """It says that each group is read, how many requests that takes in all, and how long from then on."""
    partoo = FakePartoo(organization(), shifts=[comes])

    async def main() -> ScanReport:
        async with partoo.client(rate_limit=RateLimit()) as client:
            async with client.scan_all(strategy="businesses") as scan:
                before = scan.plan
                items = [await anext(scan)]
                plan = scan.plan
                assert (before.strategy, plan.strategy, plan.groups) == ("businesses", "groups", 300)
                assert plan.requests == 1 + 3 + 10 + 300
                assert plan.seconds > 2 * before.seconds
                async for item in scan:
                    items.append(item)  # noqa: PERF401 - the first came before
                return scan.report(items)

    report = run_virtual(main())
    assert (report.strategy, report.verified, report.error_bound) == ("groups", 0, 0.0)
    assert report.fallback == "the list of businesses changed while it was read"
    assert contents(report) == partoo.organization.truth()


@each("strategy", ["auto", "businesses"])
def test_a_list_that_is_refused_costs_the_plan_one_request(strategy: str) -> None:
    """The first page tells that nothing can be inferred: the plan is that of each group, with its time."""

    async def plan(partoo: FakePartoo, strategy: str) -> ScanPlan:
        async with partoo.client(rate_limit=RateLimit()) as client, client.scan_all(strategy=strategy) as scan:
            return scan.plan

    refused = run_virtual(plan(FakePartoo(organization(), may_search=False), strategy))
    usual = run_virtual(plan(FakePartoo(organization()), "groups"))
    assert (refused.strategy, refused.requests) == ("groups", usual.requests + 1)
    assert refused.seconds == pytest.approx(usual.seconds, abs=1.0)
    assert usual.seconds > 2


@each(
    ("strategy", "counts", "expected"),
    [
        ("auto", (3, 100, 1000), {SECTION: 3, SEARCH: 10, GROUP: 20}),
        ("auto", (3, 100, 40_000), {SECTION: 3, SEARCH: 1, GROUP: 300}),  # 400 pages: one of them tells
        ("auto", (1, 20, 100), {SECTION: 1, SEARCH: 0, GROUP: 20}),  # as many would be verified
        ("auto", (1, 21, 300), {SECTION: 1, SEARCH: 0, GROUP: 21}),  # and a page would be read besides
        ("auto", (1, 22, 300), {SECTION: 1, SEARCH: 1, GROUP: 22}),  # of three pages, which would save nothing
        ("auto", (1, 23, 300), {SECTION: 1, SEARCH: 3, GROUP: 20}),
        ("auto", (3, 0, 1000), {SECTION: 3, SEARCH: 0, GROUP: 0}),
        ("businesses", (1, 20, 100), {SECTION: 1, SEARCH: 1, GROUP: 20}),
        ("businesses", (3, 0, 1000), {SECTION: 3, SEARCH: 0, GROUP: 0}),
        ("groups", (3, 100, 1000), {SECTION: 3, SEARCH: 0, GROUP: 300}),
    ],
)
def test_what_takes_fewer_requests(strategy: str, counts: tuple[int, int, int], expected: dict[str, int]) -> None:
    """ "auto" takes the list where it has fewer pages than there are groups to read, for one request at most."""
    partoo = FakePartoo(organization(*counts))
    report = run_virtual(scanned(partoo, strategy=strategy))
    assert {route: partoo.asked[route] for route in expected} == expected
    assert contents(report) == partoo.organization.truth()
    assert report.strategy == ("businesses" if 0 < expected[SEARCH] >= expected[GROUP] / 20 else "groups")


def test_with_names_the_list_is_worth_more() -> None:
    """Names take most of its pages in any case, so "auto" reads it for fewer groups; not if few businesses are."""
    made = organization(1, 40, 3000)
    assert run_virtual(scanned(FakePartoo(made), strategy="auto")).strategy == "groups"
    assert run_virtual(scanned(FakePartoo(made), strategy="auto", businesses=True)).strategy == "businesses"
    for group in made.groups.values():
        group.members = group.members[-1:]
    for business in made.businesses.values():
        business.told = None
    partoo = FakePartoo(made)
    report = run_virtual(scanned(partoo, strategy="auto", businesses=True))
    assert report.strategy == "groups"
    assert all(one.name for item in report.items for one in item.businesses)
    assert partoo.asked[SEARCH] <= 2


def test_progress_and_eta() -> None:
    """Nothing is done before it is verified; until then ``eta`` is the time of the requests to come, then nothing."""
    partoo = FakePartoo(organization(groups=50, businesses=1500))

    async def main() -> None:
        seen: list[ScanProgress] = []
        async with partoo.client(rate_limit=RateLimit(1, 1.0)) as client:
            async with client.scan_all(strategy="businesses", on_progress=seen.append) as scan:
                loop = asyncio.get_running_loop()
                started, seconds = loop.time(), scan.plan.seconds
                watched: list[tuple[float, float]] = []

                async def watch() -> None:
                    while not seen:
                        watched.append((loop.time(), scan.progress.eta))
                        assert (scan.progress.done, scan.progress.total) == (0, 150)
                        await asyncio.sleep(1)

                watching = asyncio.create_task(watch())
                async for _ in scan:
                    pass
                await watching
                ended = loop.time()
        assert seconds == pytest.approx(ended - started, abs=1.5)
        for moment, eta in watched:
            assert eta == pytest.approx(ended - moment, abs=1.5)
        assert len(watched) > 30
        assert [progress.done for progress in seen] == list(range(1, 151))
        assert {progress.eta for progress in seen} == {0.0}

    run_virtual(main())


def test_the_sections_have_an_eta() -> None:
    """While they are read it counts those that are left, and no groups, most of which are never asked for."""
    partoo = FakePartoo(organization(sections=20, groups=50))

    async def main() -> float:
        async with partoo.client(rate_limit=RateLimit(1, 1.0)) as client:
            scan = client.scan_all(strategy="businesses")
            running = asyncio.create_task(scan.collect())
            await asyncio.sleep(10)
            eta = scan.progress.eta
            running.cancel()
            await asyncio.wait([running])
            return eta

    assert run_virtual(main()) == pytest.approx(11, abs=2)  # a request a second, and 21 of them


async def test_a_resumed_scan_reads_what_is_left(tmp_path: Path) -> None:
    """Inferred outcomes are recorded; the next run infers the others, and its report knows of both samples."""
    partoo, journal = FakePartoo(organization()), tmp_path / "journal"
    async with partoo.client() as client:
        async with client.scan_all(strategy="businesses", journal=journal, verify=40) as scan:
            got = [await anext(scan) for _ in range(100)]
        partoo.asked.clear()
        async with client.scan_all(strategy="businesses", journal=journal, resume=True) as scan:
            recorded, plan = scan.plan.recorded, scan.plan
            report = scan.report([item async for item in scan])
        assert 100 <= recorded < 300
        assert plan.groups == 300
        assert partoo.asked[GROUP] == 20
        assert contents(report) == partoo.organization.truth()
        assert len(report.items) == 300
        assert sum(item.recorded for item in report.items) == recorded
        assert (report.strategy, report.verified) == ("businesses", 20)  # the smaller sample counts
        assert {item.group_id for item in got} <= {item.group_id for item in report.items if item.recorded}

        # All of it is recorded now: nothing is left to infer, and what the runs before verified is known.
        again = await client.scan_all(journal=journal, resume=True).collect()
        assert (again.strategy, again.verified, again.error_bound) == ("businesses", 20, 0.15)
        assert {item.group_id for item in again.items if item.inferred} == {
            item.group_id for item in report.items if item.inferred
        }


async def test_a_report_knows_what_was_handed_out(tmp_path: Path) -> None:
    """Of outcomes that are replayed, some of which were read and some inferred, it says ``businesses`` from the first
    one on that was inferred, and not before."""
    partoo, journal = FakePartoo(organization(ids_as="{:024x}")), tmp_path / "journal"
    async with partoo.client() as client:
        async with client.scan_all(journal=journal) as scan:
            for _ in range(100):
                await anext(scan)
        await client.scan_all(strategy="businesses", journal=journal, resume=True).collect()
        inferred, seen = False, list[bool]()
        async with client.scan_all(journal=journal, resume=True) as scan:
            async for item in scan:
                inferred = inferred or item.inferred
                seen.append(inferred)
                assert scan.report().strategy == ("businesses" if inferred else "groups")
    assert 100 <= seen.index(True) < 300


async def test_what_was_verified_survives_a_fallback(tmp_path: Path) -> None:
    """A run that falls back reads what is left; outcomes of the run before stay inferred, and the report says so."""
    partoo, journal = FakePartoo(organization()), tmp_path / "journal"
    async with partoo.client() as client:
        async with client.scan_all(strategy="businesses", journal=journal) as scan:
            for _ in range(100):
                await anext(scan)
        partoo.may_search = False
        report = await client.scan_all(strategy="businesses", journal=journal, resume=True).collect()
    assert report.fallback.startswith("the list of businesses could not be read: ")
    assert (report.strategy, report.verified) == ("businesses", 20)
    assert all(item.recorded for item in report.items if item.inferred)


def test_inferred_ids_are_sorted() -> None:
    """The order does not depend on which page came first, so that exports of two nights can be compared by line."""
    report = run_virtual(scanned(FakePartoo(organization(businesses=350))))
    inferred = [item.group for item in report.succeeded if item.inferred]
    assert len(inferred) == 280
    assert all([*group.business_ids] == sorted(group.business_ids) for group in inferred)


@each(
    ("verify", "text"),
    [
        (20, "20 of 300 groups verified: at most 15 % can differ (95 % confidence)"),
        (23, "23 of 300 groups verified: at most 13.1 % can differ (95 % confidence)"),  # 13.04
        ("all", "all of 300 groups verified"),
    ],
)
def test_the_log_says_how_sure_it_is(verify: Any, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """One line, in the words of the report: how many were verified and what that is worth, rounded up; and the seed."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "partoo_async.scan"):
        report = run_virtual(scanned(FakePartoo(organization()), verify=verify))
    lines = [record.getMessage() for record in caplog.records if "verified" in record.getMessage()]
    assert len(lines) == 1
    told, _, seed = lines[0].partition("; seed ")
    assert told.removeprefix("scan: ") in repr(report)
    assert told.endswith(text)
    assert seed.isdecimal()


@each(
    ("options", "problem"),
    [
        ({"strategy": "business"}, "strategy: expected 'groups' or 'businesses' or 'auto', not 'business'"),
        ({"strategy": None}, "strategy: expected 'groups' or 'businesses' or 'auto', not"),
        ({"verify": 0}, "verify: expected at least 1, not 0"),
        ({"verify": "none"}, "verify: expected a count of groups, or 'all', not 'none'"),
        ({"verify": 0.2}, "verify: "),
        ({"businesses": "yes"}, "businesses: expected True or False"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], problem: str) -> None:
    """At once, by their names, whatever the strategy is."""
    client = FakePartoo(Organization()).client()
    with pytest.raises(ConfigurationError, match=problem.replace("(", r"\(")):
        client.scan_all(**options)


@each(
    ("lies", "strategy", "pages"),
    [
        ({"max_page": 10**9}, "businesses", 6),
        ({"max_page": 0}, "businesses", 5),
        ({"max_page": None}, "businesses", 5),
        ({"max_page": 10**9, "count": 10**9}, "groups", 6),
        ({"max_page": None, "count": 10**9}, "groups", 6),
        ({"count": 3}, "groups", 1),
        ({"count": 0}, "groups", 1),
        ({"count": 10**9, "businesses": []}, "groups", 1),
        ({"max_page": -1}, "groups", 1),
    ],
)
def test_a_list_that_never_comes_to_an_end(lies: dict[str, Any], strategy: str, pages: int) -> None:
    """Whatever it says of its pages, none is read after one that has nothing, or more than it counts."""
    partoo = FakePartoo(organization(2, 50, 500))
    respond = partoo.respond

    def lying(path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        assert partoo.requests < 200
        status, body = respond(path, query)
        return status, body | lies if path == SEARCH else body

    partoo.respond = lying  # type: ignore[method-assign]
    report = run_virtual(scanned(partoo, max_concurrency=1))
    assert (report.strategy, partoo.asked[SEARCH]) == (strategy, pages)
    assert bool(report.fallback) == (strategy == "groups")
    assert contents(report) == partoo.organization.truth()


def test_a_business_may_name_groups_by_the_thousand() -> None:
    """Those that are not of the scan are not kept, and have no say."""
    partoo = FakePartoo(organization(1, 50, 500))
    one = partoo.organization.businesses["b0"]
    one.told = (*(one.told or ()), *range(10**6, 10**6 + 100_000))

    async def main() -> tuple[ScanReport, int]:
        async with partoo.client() as client:
            tracemalloc.start()
            try:
                async with client.scan_all(strategy="businesses") as scan:
                    await anext(scan)
                    kept, _ = tracemalloc.get_traced_memory()
                    return scan.report([item async for item in scan]), kept
            finally:
                tracemalloc.stop()

    report, kept = run_virtual(main())
    assert (report.strategy, report.verified) == ("businesses", 20)
    assert kept < 5_000_000
