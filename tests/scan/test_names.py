"""The names of a scan's businesses: many in one request, and never a group the less for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import Business, BusinessSummary, ScanError, ScanItem, ScanReport, deadline
from partoo_async.testing import MockResponse
from tests.support.each import each
from tests.support.fake_partoo import GROUP, SEARCH, FakeBusiness, FakeGroup, FakePartoo, Organization
from tests.support.virtual import run_virtual


def organization(groups: list[list[str]]) -> Organization:
    """One section with these groups, and all of their businesses."""
    made = Organization([7], {number: FakeGroup(number, 7, ids, False) for number, ids in enumerate(groups, start=1)})
    made.businesses = {one: FakeBusiness(one) for ids in groups for one in ids}
    return made


def numbered(count: int, start: int = 0) -> list[str]:
    return [f"b{number}" for number in range(start, start + count)]


async def scanned(partoo: FakePartoo, **options: Any) -> ScanReport:
    async with partoo.client() as client:
        return await client.scan(7, businesses=True, **options).collect()


@given(st.lists(st.lists(st.integers(0, 400).map("b{}".format), max_size=130, unique=True), max_size=25))
def test_every_item_has_its_names(groups: list[list[str]]) -> None:
    """In the order of its ids, whichever groups share businesses; for a request for each hundred of them."""
    made = organization(groups)
    partoo = FakePartoo(made)
    report = run_virtual(scanned(partoo))
    for item in report.succeeded:
        assert item.businesses == tuple(
            BusinessSummary(one, made.businesses[one].name, None, "open", None) for one in item.group.business_ids
        )
    assert {item.group_id for item in report.succeeded} == made.groups.keys()
    assert report.businesses.keys() == made.businesses.keys()
    # Chunks are full, but for the last, and where a hundred groups wait already.
    assert partoo.asked[SEARCH] <= -(-len(made.businesses) // 100) + len(groups) // 100


def test_what_needs_no_names_does_not_wait() -> None:
    """A group without businesses, or with such as are known, is handed out at once."""
    partoo = FakePartoo(organization([numbered(100), numbered(30), [], numbered(50, 1000), numbered(5)]))

    async def main() -> list[int | None]:
        async with partoo.client() as client, client.scan(7, businesses=True, max_concurrency=1) as scan:
            return [item.group_id async for item in scan]

    assert run_virtual(main()) == [1, 2, 3, 5, 4]
    assert [len(query["business__in"].split(",")) for query in partoo.queries] == [100, 50]


def test_no_more_than_a_hundred_items_wait() -> None:
    """Groups of few businesses are handed out before a hundred ids are wanted: memory does not grow with the scan."""
    partoo = FakePartoo(organization([["b0"], *([f"b{number // 50}"] for number in range(1000))]))

    async def main() -> int:
        async with partoo.client() as client, client.scan(7, businesses=True) as scan:
            await anext(scan)
            return scan.plan.groups - scan.progress.total + len(partoo.queries)

    assert run_virtual(main()) == 1


def test_a_business_that_cannot_be_read_has_no_name() -> None:
    """It is among those of the group by its id alone, and not among those of the report; it is looked up once."""
    made = organization([["a", "b"], ["b"]])
    made.businesses["b"].hidden = True
    partoo = FakePartoo(made)
    report = run_virtual(scanned(partoo))
    assert [item.businesses[-1] for item in report.items] == [BusinessSummary("b")] * 2
    assert report.businesses.keys() == {"a"}
    assert partoo.asked[SEARCH] == 1


def test_pages_may_be_smaller_than_asked_for() -> None:
    """A server that caps pages at fewer is asked for the next ones."""
    partoo = FakePartoo(organization([numbered(95)]), most_per_page=30)
    assert len(run_virtual(scanned(partoo)).businesses) == 95
    assert partoo.asked[SEARCH] == 4


def test_a_key_that_may_not_search_gets_its_groups(caplog: pytest.LogCaptureFixture) -> None:
    """No group fails for its names. A refusal is logged once, and not asked for again."""
    partoo = FakePartoo(organization([numbered(150, 200 * number) for number in range(20)]), may_search=False)
    with caplog.at_level(logging.WARNING, "partoo_async.scan"):
        report = run_virtual(scanned(partoo))
    assert (len(report.succeeded), len(report.businesses), report.complete) == (20, 0, True)
    assert report.items[0].businesses[0] == BusinessSummary(report.succeeded[0].group.business_ids[0])
    assert partoo.asked[SEARCH] <= 28  # those in flight
    assert caplog.text.count("businesses have no names") <= partoo.asked[SEARCH]


class Down(dict[str, int]):
    """Every path is broken, once ``partoo`` has responded to so many requests for groups."""

    def __init__(self, partoo: FakePartoo, groups: int) -> None:
        self.partoo, self.groups = partoo, groups

    def __contains__(self, path: object) -> bool:
        return self.partoo.asked[GROUP] > self.groups

    def __getitem__(self, path: str) -> int:
        return 503


def test_what_waits_is_handed_out_before_an_early_end() -> None:
    """A group that was read is not lost to an outage that ends the scan: only its names are."""
    partoo = FakePartoo(organization([["a"], ["b"], ["c"], ["d"]]))
    partoo.broken = Down(partoo, 2)

    async def main() -> list[ScanItem]:
        items: list[ScanItem] = []
        async with partoo.client() as client, client.scan(7, businesses=True, max_outage=9, max_concurrency=1) as scan:
            for _ in range(2):  # and again, whoever asks
                with pytest.raises(ScanError, match="did not respond for 9 s"):
                    async for item in scan:
                        items.append(item)  # noqa: PERF401 - what came before the error
        return items

    assert [(item.group_id, item.businesses) for item in run_virtual(main())] == [
        (1, (BusinessSummary("a"),)),
        (2, (BusinessSummary("b"),)),
    ]


def test_a_wait_that_is_given_up_loses_nothing() -> None:
    """``anext`` may be cancelled, also while names are looked up."""
    partoo = FakePartoo(organization([numbered(60, 60 * number) for number in range(30)]))

    async def main() -> list[int]:
        found: list[int] = []
        async with partoo.client() as client, client.scan(7, businesses=True) as scan:
            for steps in range(10_000):
                task = asyncio.ensure_future(anext(scan, None))
                for _ in range(steps % 40):
                    await asyncio.sleep(0)
                if not task.done():
                    task.cancel()
                [item] = await asyncio.gather(task, return_exceptions=True)
                if item is None:
                    return found
                if not isinstance(item, BaseException):
                    assert all(one.name for one in item.businesses)
                    found.append(item.group_id or 0)
        raise AssertionError("the scan did not end")

    assert sorted(run_virtual(main())) == list(range(1, 31))


def test_a_scan_that_is_closed_stops_looking_up() -> None:
    """``async for`` ends, nothing more is sent, and no task is left."""
    partoo = FakePartoo(organization([numbered(500, 500 * number) for number in range(30)]))

    async def main() -> int:
        async with partoo.client() as client:
            scan = client.scan(7, businesses=True, max_concurrency=2)
            async with scan:
                async for _ in scan:
                    await scan.aclose()
            sent = partoo.requests
            await asyncio.sleep(60)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return partoo.requests - sent

    assert run_virtual(main()) == 0


async def test_a_resumed_scan_knows_its_businesses(tmp_path: Path) -> None:
    """They are in the journal, whole: the next run looks up none of them, and its report has them all."""
    partoo = FakePartoo(organization([numbered(120), numbered(30, 60)]))
    journal = tmp_path / "journal"
    first = await scanned(partoo, journal=journal)
    assert partoo.asked[SEARCH] == 2
    partoo.organization.groups[3] = FakeGroup(3, 7, ["b7", "new"])
    partoo.organization.businesses["new"] = FakeBusiness("new")
    second = await scanned(partoo, journal=journal, resume=True)
    assert [query["business__in"] for query in partoo.queries[2:]] == ["new"]
    assert second.businesses.keys() - first.businesses.keys() == {"new"}
    assert all(isinstance(one, Business) for one in second.businesses.values())
    names = {item.group_id: [one.name for one in item.businesses] for item in second.items}
    assert names.pop(3) == ["Shop b7", "Shop new"]
    assert names == {item.group_id: [one.name for one in item.businesses] for item in first.items}


async def test_a_journal_without_names_gets_them(tmp_path: Path) -> None:
    """A scan that was begun without names and is resumed with them looks up what is recorded already."""
    partoo = FakePartoo(organization([numbered(120)]))
    async with partoo.client() as client:
        await client.scan(7, journal=tmp_path / "journal").collect()
        report = await client.scan(7, journal=tmp_path / "journal", resume=True, businesses=True).collect()
    assert [item.recorded for item in report.items] == [True]
    assert all(one.name for one in report.items[0].businesses)


def test_without_names_nothing_is_looked_up() -> None:
    """A scan that is not asked for them has none, and sends nothing for them."""
    partoo = FakePartoo(organization([numbered(3)]))

    async def main() -> ScanReport:
        async with partoo.client() as client:
            return await client.scan(7).collect()

    report = run_virtual(main())
    assert (report.items[0].businesses, report.businesses, partoo.asked[SEARCH]) == ((), {}, 0)


@each("began", [0.3 + number / 4 for number in range(16)])
def test_an_outage_that_lasts_ends_the_scan_as_one(began: float) -> None:
    """Whether it is groups, names or both that wait for the server, at whatever moment the outage begins."""
    partoo = FakePartoo(organization([numbered(30, 25 * number) for number in range(60)]), late=0.3)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        down = loop.time() + began
        partoo.meanwhile = lambda _: MockResponse(503, {}) if loop.time() >= down else None
        items: list[ScanItem] = []
        end = "did not respond for 9 s"
        async with partoo.client() as client, client.scan(7, businesses=True, max_outage=9, max_concurrency=3) as scan:
            try:
                async for item in scan:
                    items.append(item)  # noqa: PERF401 - what came before an error
            except ScanError as error:
                end = str(error)
        assert "did not respond for 9 s" in end
        assert asyncio.all_tasks() == {asyncio.current_task()}
        # Each group that was read comes, with names or without, and none twice.
        assert len(items) == len({item.group_id for item in items})
        assert len(items) >= partoo.asked[GROUP] - 3

    run_virtual(main())


def test_a_wait_that_is_given_up_costs_no_request() -> None:
    """Names are looked up on meanwhile, so that a consumer with less patience than the server gets them, too."""
    partoo = FakePartoo(organization([numbered(250)]))

    async def main() -> int:
        async with partoo.client() as client, client.scan(7, businesses=True) as scan:
            partoo.late = 5.0
            for _ in range(60):
                try:
                    item = await asyncio.wait_for(anext(scan), 0.5)
                except TimeoutError:
                    continue
                assert all(one.name for one in item.businesses)
                return partoo.asked[SEARCH]
        raise AssertionError("nothing came within 30 s")

    assert run_virtual(main()) == 3


@pytest.mark.parametrize("odd", ["a,b", "", ",", "\0", " ", "../..", "a b&c=d#?%2C", "\u65e5", "x" * 5000])
async def test_whatever_an_id_looks_like(odd: str, tmp_path: Path) -> None:
    """The API calls ids opaque. One that cannot be asked for among others has no name, and the others have theirs."""
    partoo = FakePartoo(organization([["a", odd, "c"], [odd], ["d"]]))
    journal = tmp_path / "journal"
    first = await scanned(partoo, journal=journal)
    second = await scanned(partoo, journal=journal, resume=True)
    for report in (first, second):
        for item in report.succeeded:
            for one in item.businesses:
                asked = one.id != "" and "," not in one.id
                assert one.name == (f"Shop {one.id}" if asked else None)
    assert {item.group for item in second.succeeded} == {item.group for item in first.succeeded}


async def test_long_ids_fit_into_urls() -> None:
    """Where a hundred of them would be more than the line of 8 kB that servers take, fewer are asked for at once."""
    ids = [f"{number:03}" + "x" * 200 for number in range(120)]
    async with FakePartoo(organization([ids[:60], ids[60:], ids[:3]])) as partoo:
        report = await scanned(partoo)
        assert all(one.name for item in report.items for one in item.businesses)
        assert partoo.asked[SEARCH] == 7


def test_a_deadline_around_one_item_does_not_end_the_scan() -> None:
    """As for groups, it is the one around the whole scan that counts: look-ups are for the items to come, too."""
    partoo = FakePartoo(organization([numbered(100), numbered(100, 100)]))

    async def main() -> list[ScanItem]:
        async with partoo.client() as client, client.scan(7, businesses=True) as scan:
            partoo.late = 5.0
            with deadline(0.5):
                return [await anext(scan), await anext(scan)]

    assert all(one.name for item in run_virtual(main()) for one in item.businesses)


def ignores_pages(query: dict[str, str]) -> dict[str, str]:
    return query | {"page": "1"}


def ignores_ids(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "business__in"}


def ignores_nothing(query: dict[str, str]) -> dict[str, str]:
    return query


@each(
    ("reads", "lies", "requests"),
    [
        (ignores_nothing, {"max_page": 10**9}, 3),
        (ignores_nothing, {"max_page": 10**9, "count": 10**9}, 3),
        (ignores_nothing, {"max_page": 0, "count": 0}, 3),
        (ignores_nothing, {"max_page": None, "count": 10**9}, 3),
        (ignores_pages, {"max_page": None, "count": 10**9}, 3),
        (ignores_ids, {}, 3),
    ],
)
def test_a_server_that_never_comes_to_an_end(
    reads: Callable[[dict[str, str]], dict[str, str]], lies: dict[str, Any], requests: int
) -> None:
    """Whatever it says of its pages, the next one is read only if this one had some of what was asked for."""
    made = organization([numbered(250)])
    for one in numbered(20_000, 1000):
        made.businesses[one] = FakeBusiness(one, told=())
    partoo = FakePartoo(made)
    respond = partoo.respond

    def lying(path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        assert partoo.requests < 100
        status, body = respond(path, reads(dict(query)))
        return status, body | lies if path == SEARCH else body

    partoo.respond = lying  # type: ignore[method-assign]
    report = run_virtual(scanned(partoo))
    named = sum(one.name is not None for one in report.items[0].businesses)
    assert named == (100 if reads is ignores_ids else 250)
    assert partoo.asked[SEARCH] == requests


def test_one_id_that_is_not_there_costs_no_other_page() -> None:
    """A chunk that lacks one is not asked for again and again, whether or not the server counts."""
    cases: list[dict[str, Any]] = [{}, {"max_page": False}, {"max_page": False, "count": False}]
    for told in cases:
        made = organization([numbered(90)])
        made.businesses["b7"].hidden = True
        partoo = FakePartoo(made, **told)
        assert len(run_virtual(scanned(partoo)).businesses) == 89
        assert partoo.asked[SEARCH] == (2 if "count" in told else 1)


def wrong_name(business: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"businesses": [business | {"name": 5}], "page": 1, "max_page": 1, "count": 1}


def bad_id(_: dict[str, Any]) -> tuple[int, Any]:
    return 400, {"error": {"json": {"business__in": ["Not a valid id."]}}}


@each("answer", [wrong_name, bad_id])
@each("odd", [{0}, {63}, {0, 1, 120}, {199}])
def test_one_business_that_cannot_be_had_costs_no_other_its_name(
    odd: set[int], answer: Callable[[dict[str, Any]], tuple[int, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """A request that is refused, or has an unusable response, for one of its hundred ids is sent for fewer of them."""
    caplog.clear()
    ids = numbered(200)
    partoo = FakePartoo(organization([ids]), spellings=("closed_temporarily",))
    respond = partoo.respond

    def answers(path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        for number in odd:
            if ids[number] in query.get("business__in", "").split(","):
                partoo.asked[SEARCH] += 1
                return answer({"id": ids[number]})
        return respond(path, query)

    partoo.respond = answers  # type: ignore[method-assign]
    report = run_virtual(scanned(partoo, max_concurrency=1))
    assert [one.id for one in report.items[0].businesses if one.name is None] == [ids[number] for number in sorted(odd)]
    assert partoo.asked[SEARCH] <= 2 + len(odd) * 40
    assert len([one for one in caplog.messages if "no name" in one]) == len(odd)


@each("answer", [wrong_name, bad_id])
def test_a_server_that_refuses_every_look_up_is_left_alone(answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> None:
    """After a few, not after as many as there are businesses."""
    partoo = FakePartoo(organization([numbered(100, 100 * number) for number in range(30)]))
    respond = partoo.respond

    def answers(path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        partoo.asked[SEARCH] += path == SEARCH
        return answer({"id": "b"}) if path == SEARCH else respond(path, query)

    partoo.respond = answers  # type: ignore[method-assign]
    report = run_virtual(scanned(partoo, max_concurrency=1))
    assert (len(report.succeeded), len(report.businesses), report.complete) == (30, 0, True)
    assert partoo.asked[SEARCH] <= 40
