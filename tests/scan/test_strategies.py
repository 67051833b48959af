"""Scans by the list of businesses: fewer requests, and never a wrong membership that is not told.

Against two servers of different makes, with the requests counted there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from partoo_async import PartooClient, ScanReport
from partoo_async._protocol import business_query
from partoo_async.emulator import Behaviour, EmulatedGroup, EmulatedKey, EmulatedSection, Emulator
from partoo_async.emulator.data.lazy import peek
from partoo_async.scan import inference, names
from partoo_async.testing import MockResponse
from tests.support import fake_partoo
from tests.support.common import FAST, TLS
from tests.support.fake_partoo import AWAY, SHIFTS, FakeBusiness, FakeGroup, FakePartoo, Organization, organizations
from tests.support.virtual import run_virtual

STRATEGIES = pytest.mark.parametrize("strategy", ["groups", "businesses", "auto"])
Truth = dict[tuple[int, int], frozenset[str]]


def scanned(fake: FakePartoo, **options: Any) -> ScanReport:
    """The report of a scan, in virtual time."""

    async def scan() -> ScanReport:
        async with fake.client() as client:
            return await client.scan_all(**options).collect()

    return run_virtual(scan())


def judge(report: ScanReport, truth: Truth, *, verify: int | str) -> None:
    """Each group has one outcome. One that is wrong is marked as inferred, and the report says how sure it is."""
    report.raise_for_failures()
    assert report.complete
    found = {(item.section_id, item.group_id or 0): item for item in report.succeeded}
    assert found.keys() == truth.keys()
    assert len(found) == len(report.items)
    assert (report.error_bound > 0) == any(item.inferred for item in found.values())
    for key, item in found.items():
        if {*item.group.business_ids} != truth[key]:
            event("wrong, and told")
            assert item.inferred
            assert (report.strategy, report.fallback) == ("businesses", "")
            assert verify != "all"
    if verify == "all":
        assert report.error_bound == 0.0
    assert bool(report.fallback) <= (report.strategy == "groups")


def judge_names(report: ScanReport, organization: Organization) -> None:
    """Each id of each item stands for a business, with its name if the key may read it."""
    names = organization.names()
    for item in report.succeeded:
        assert tuple(one.id for one in item.businesses) == item.group.business_ids
        assert [one.name for one in item.businesses] == [names.get(one) for one in item.group.business_ids]
    assert {one: business.name for one, business in report.businesses.items()}.items() <= names.items()


WAYS: dict[str, Any] = {
    "tells_groups": st.sampled_from((True, True, True, False)),
    "spellings": st.sampled_from((AWAY, AWAY[:1], AWAY[1:])),
    "most_per_page": st.sampled_from((4, 11, 50)),
    "max_page": st.booleans(),
    "count": st.sampled_from((True, True, False)),
    "late": st.sampled_from((0.0, 2.0)),
}
SERVERS = st.builds(
    FakePartoo,
    organizations(),
    shifts=st.lists(st.sampled_from(SHIFTS), max_size=3),
    may_search=st.sampled_from((True, True, True, False)),
    **WAYS,
)
STILL = st.builds(FakePartoo, organizations(), **WAYS)
PLAIN = st.builds(FakePartoo, organizations(flaws=("none",)), most_per_page=st.sampled_from((4, 11, 100)))
VERIFY = st.sampled_from((1, 3, 20, "all"))


def never_wrong(fake: FakePartoo, strategy: str, verify: int | str) -> None:
    report = scanned(fake, strategy=strategy, verify=verify)
    event(f"{report.strategy} {report.fallback.partition(' by itself')[0].rstrip('0123456789')}")
    judge(report, fake.organization.truth(), verify=verify)
    assert report.requests == fake.requests
    assert fake.asked[fake_partoo.GROUP] >= len(report.items) - sum(item.inferred for item in report.items)
    if report.strategy == "businesses" and not fake.shifts:
        # No group that was verified differs from the list.
        listed = fake.organization.listed()
        for item in report.succeeded:
            assert {*item.group.business_ids} == listed[item.section_id, item.group_id]
    if strategy == "groups":
        assert (report.strategy, report.error_bound, fake.asked[fake_partoo.SEARCH]) == ("groups", 0.0, 0)


def always_right(fake: FakePartoo, verify: int | str) -> None:
    """With nothing in the way, no group is wrong, and none is read that need not be."""
    groups = len(fake.organization.groups)
    report = scanned(fake, strategy="businesses", verify=verify, businesses=True)
    judge(report, fake.organization.truth(), verify=verify)
    judge_names(report, fake.organization)
    assert {(item.section_id, item.group_id): frozenset(item.group.business_ids) for item in report.succeeded} == (
        fake.organization.truth()
    )
    assert (report.fallback, report.strategy) == ("", "businesses" if groups else report.strategy)
    least = groups if verify == "all" else min(groups, max(int(verify), len(fake.organization.sections) + 3))
    assert report.verified == fake.asked[fake_partoo.GROUP] == least
    assert sum(item.inferred for item in report.items) == groups - least
    assert report.requests == fake.requests


def always_named(fake: FakePartoo, strategy: str) -> None:
    report = scanned(fake, strategy=strategy, businesses=True)
    judge(report, fake.organization.truth(), verify=20)
    judge_names(report, fake.organization)
    assert report.requests == fake.requests


@STRATEGIES
@given(fake=SERVERS, verify=VERIFY)
def test_no_membership_is_wrong_without_its_being_told(strategy: str, fake: FakePartoo, verify: Any) -> None:
    """Whatever the server is like: hidden businesses, some that say nothing of their groups or the wrong ones, pages
    that shift, a search that is refused. With ``verify="all"`` no membership is wrong at all."""
    never_wrong(fake, strategy, verify)


@pytest.mark.soak
@STRATEGIES
@settings(max_examples=2000)
@given(fake=SERVERS, verify=VERIFY)
def test_no_membership_is_wrong_in_many_organizations(strategy: str, fake: FakePartoo, verify: Any) -> None:
    """The same, for longer."""
    never_wrong(fake, strategy, verify)


@given(PLAIN, VERIFY)
def test_a_plain_organization_is_inferred(fake: FakePartoo, verify: Any) -> None:
    """With nothing in the way every membership is right, no request is too many, and each business has a name."""
    always_right(fake, verify)


@STRATEGIES
@given(fake=STILL)
def test_every_business_has_its_name(strategy: str, fake: FakePartoo) -> None:
    """With ``businesses=True`` whatever the strategy: each id has a name, unless the key may not read it."""
    always_named(fake, strategy)


@STRATEGIES
@settings(max_examples=8)
@given(organization=organizations(), verify=VERIFY)
async def test_the_same_over_http(strategy: str, organization: Organization, verify: Any) -> None:
    """On sockets: what the server counts, the report counts."""
    async with FakePartoo(organization, most_per_page=9) as fake, fake.client() as client:
        report = await client.scan_all(strategy=strategy, verify=verify, businesses=True).collect()
    judge(report, organization.truth(), verify=verify)
    judge_names(report, organization)
    assert report.requests == fake.requests


# The emulator


def client_of(emulator: Emulator, **options: Any) -> PartooClient:
    return PartooClient(emulator.api_key, server=emulator.server, rate_limit=None, ssl_context=TLS, **options)


def truth_of(emulator: Emulator) -> Truth:
    return {
        (section.id, group_id): frozenset(peek(section.groups, group_id).business_ids)
        for section in emulator.sections.values()
        for group_id in section.groups
    }


def asked(emulator: Emulator, route: str) -> int:
    return [seen.route for seen in emulator.requests].count(route)


@pytest.mark.parametrize(("profile", "groups", "pages"), [("small", 30, 1), ("typical", 60, 3)])
@STRATEGIES
async def test_requests_are_counted_at_the_server(strategy: Any, profile: Any, groups: int, pages: int) -> None:
    """As many as the plan says: without inference a request for each group, with it one for each hundred businesses
    and for each group that is verified. "auto" takes what costs less."""
    async with (
        Emulator.with_profile(profile, groups=groups, rate_limit=None) as emulator,
        client_of(emulator) as client,
    ):
        sections = len(emulator.sections)
        async with client.scan_all(strategy=strategy) as scan:
            plan = scan.plan
            items = [item async for item in scan]
        report = scan.report(items)
    judge(report, truth_of(emulator), verify=20)
    inferred = strategy != "groups"
    assert plan.strategy == report.strategy == ("businesses" if inferred else "groups")
    assert plan.requests == report.requests == len(emulator.requests)
    assert asked(emulator, "/sections") == 1
    assert asked(emulator, "/sections/{section_id}") == sections
    assert asked(emulator, "/business/search") == (pages if inferred else 0)
    assert asked(emulator, fake_partoo.GROUP) == report.verified + (0 if inferred else groups)
    assert report.verified == (20 if inferred else 0)
    assert report.error_bound == (3 / 20 if inferred else 0.0)


@STRATEGIES
async def test_names_cost_a_request_for_each_hundred(strategy: Any) -> None:
    """300 businesses in 60 groups: three requests, which are those for the list, if it is read."""
    async with (
        Emulator.with_profile("typical", groups=60, rate_limit=None) as emulator,
        client_of(emulator) as client,
    ):
        report = await client.scan_all(strategy=strategy, businesses=True).collect()
        assert asked(emulator, "/business/search") == 3
        assert len(emulator.requests) == report.requests
        assert {one: business.name for one, business in report.businesses.items()} == {
            one: business.name for one, business in emulator.businesses.items()
        }
        names = {one: business.name for one, business in emulator.businesses.items()}
    judge(report, truth_of(emulator), verify=20)
    for item in report.succeeded:
        assert [one.name for one in item.businesses] == [names[one] for one in item.group.business_ids]


@pytest.mark.parametrize("group_ids", [None, [1, 2, 3]])
async def test_names_of_some_groups(group_ids: list[int] | None) -> None:
    """Of one section, or of some groups of it: no other business is asked for."""
    async with (
        Emulator.with_profile("typical", groups=60, rate_limit=None) as emulator,
        client_of(emulator) as client,
    ):
        report = await client.scan(1, group_ids=group_ids, businesses=True).collect()
    wanted = {one for item in report.succeeded for one in item.group.business_ids}
    assert report.businesses.keys() == wanted
    assert len(report.items) == len(group_ids or emulator.sections[1].groups)
    assert asked(emulator, "/business/search") == -(-len(wanted) // 100)
    assert all(one.name for item in report.items for one in item.businesses)


async def test_another_organization() -> None:
    """A provider names it for the list of businesses as well."""
    key = {"emulator-key": EmulatedKey("provider", org_id=1)}
    sections = [
        EmulatedSection(
            number, f"S{number}", {number * 10: EmulatedGroup(number * 10, "G", business_ids=[f"b{number}"])}
        )
        for number in (1, 2)
    ]
    sections[1].org_id = 2
    async with Emulator(sections=sections, api_keys=key, rate_limit=None) as emulator, client_of(emulator) as client:
        for org_id, section_id in ((None, 1), (2, 2)):
            report = await client.scan_all(org_id, strategy="businesses", businesses=True).collect()
            assert (report.strategy, [item.section_id for item in report.items]) == ("businesses", [section_id])
            assert [*report.businesses] == [f"b{section_id}"]


MANAGER = {"emulator-key": EmulatedKey("group_manager", accesses=[[1], [2]])}
REFUSED = "the list of businesses could not be read"
CHANGED = "the list of businesses changed while it was read"
SILENT = "the list of businesses does not say which groups each is in"
DIFFERS = "is not what the list of businesses says"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, ""),
        ({"behaviour": Behaviour(business_order="shuffled", repeated_ids=True)}, ""),
        ({"behaviour": Behaviour(status_spelling="temporarily_closed")}, ""),
        ({"behaviour": Behaviour(search_closed=True)}, ""),
        ({"behaviour": Behaviour(scoped_groups=True), "api_keys": MANAGER}, ""),
        ({"api_keys": MANAGER}, DIFFERS),
        ({"behaviour": Behaviour(closed_in_groups=False)}, DIFFERS),
        ({"behaviour": Behaviour(business_groups=False)}, SILENT),
        ({"behaviour": Behaviour(business_groups="open")}, SILENT),
        ({"behaviour": Behaviour(search_shifts=True), "seed": 3}, CHANGED),
        ({"behaviour": Behaviour(search_order="shuffled")}, CHANGED),
        ({"fault": {"kind": "status", "status": 403}}, REFUSED),
        ({"fault": {"kind": "wrong_type", "field": "businesses"}}, REFUSED),
    ],
)
async def test_what_stands_in_the_way_is_said(
    options: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the key may not read, the server leaves out, or does to its pages: what comes is what "Get group" says
    to this key, group by group, and the report, the plan and the log give the reason."""
    fault = options.pop("fault", None)
    async with Emulator.with_profile("typical", groups=40, rate_limit=None, **options) as emulator:
        async with client_of(emulator, retry=FAST) as client:
            by_groups = await client.scan_all().collect()
            before = len(emulator.requests)
            if fault:
                emulator.faults.add(match="GET /business/search", **fault)
            async with client.scan_all(strategy="businesses", verify=20) as scan:
                items = [item async for item in scan]
                report, plan = scan.report(items), scan.plan
    truth = {(item.section_id, item.group_id): frozenset(item.group.business_ids) for item in by_groups.succeeded}
    judge(report, truth, verify=20)
    assert reason in report.fallback
    assert (reason == "") == (report.fallback == "") == (report.strategy == plan.strategy == "businesses")
    assert report.requests == len(emulator.requests) - before
    # Of a list that changed, not all pages need have been read.
    assert 0 <= plan.requests - report.requests <= (2 if reason == CHANGED else 0)
    assert asked(emulator, fake_partoo.GROUP) == 40 + (report.verified or 40)
    told = [one.getMessage() for one in caplog.records if "each group is read by itself, because" in one.getMessage()]
    assert told == ([f"scan: each group is read by itself, because {report.fallback}"] if reason else [])


# Lists that do not fit, each in one way only


def lacks_one(pages: list[Any]) -> None:
    pages[1]["businesses"].pop()


def counts_anew(pages: list[Any]) -> None:
    pages[1]["count"] = 19


def has_one_twice(pages: list[Any]) -> None:
    pages[1]["businesses"].append(pages[0]["businesses"][0])


def does_not_say(pages: list[Any]) -> None:
    del pages[1]["businesses"][3]["groups"]


def says_null(pages: list[Any]) -> None:
    pages[1]["businesses"][3]["groups"] = None


def names_one_twice(pages: list[Any]) -> None:
    pages[1]["businesses"][3]["groups"] *= 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lacks_one, CHANGED),
        (counts_anew, CHANGED),
        (has_one_twice, CHANGED),
        (does_not_say, SILENT),
        (says_null, SILENT),
        (names_one_twice, ""),
    ],
)
async def test_a_list_that_does_not_fit(change: Callable[[list[Any]], None], reason: str) -> None:
    """No group was verified yet that shows it: the list itself does. A business may name a group twice."""
    ids = [f"b{number:02}" for number in range(20)]
    groups = {number: FakeGroup(number, 7, ids[:3]) for number in range(100, 110)}
    fake = FakePartoo(Organization([7], groups, {one: FakeBusiness(one) for one in ids}), most_per_page=10)
    pages = [fake.respond("/business/search", {"page": f"{page}", "status": "open"})[1] for page in (1, 2)]
    assert [len(page["businesses"]) for page in pages] == [10, 10]
    pages[1]["businesses"][3]["groups"] = []
    if change is names_one_twice:
        pages[1]["businesses"][3]["groups"] = [100]
        groups[100].members.append("b13")
    change(pages)
    left = iter(pages)
    fake.meanwhile = lambda path: MockResponse(json=next(left)) if path == "/business/search" else None
    async with fake.client() as client:
        report = await client.scan_all(strategy="businesses", verify="all").collect()
    judge(report, fake.organization.truth(), verify="all")
    assert report.fallback == reason


async def test_sections_that_share_a_group_id() -> None:
    """Then a business's groups do not say which is meant: each group is read by itself."""
    fake = FakePartoo(Organization([7, 9], {100: FakeGroup(100, 7, ["a"])}, {"a": FakeBusiness("a")}))
    group = {"id": 100, "name": "Group 100", "has_puller": False}
    shared = {"id": 9, "name": "S9", "groups": [group]}
    answers = {"/sections/9": shared, "/sections/9/groups/100": {**group, "business_ids": []}}
    fake.meanwhile = lambda path: MockResponse(json=answers[path]) if path in answers else None
    async with fake.client() as client:
        report = await client.scan_all(strategy="businesses", verify=1).collect()
    judge(report, {(7, 100): frozenset("a"), (9, 100): frozenset()}, verify=1)
    assert report.fallback == "several sections have a group of the same id"


@pytest.mark.parametrize("field", ["name", "has_puller", "business_ids"])
async def test_a_verified_group_that_differs(field: str) -> None:
    """In its businesses, or from what its section says of it: nothing is inferred."""
    fake = FakePartoo(Organization([7], {100: FakeGroup(100, 7, ["a"])}, {"a": FakeBusiness("a")}))
    group = {"id": 100, "name": "Group 100", "has_puller": False, "business_ids": ["a"]}
    group |= {field: {"name": "Other", "has_puller": True, "business_ids": []}[field]}
    fake.meanwhile = lambda path: MockResponse(json=group) if path == "/sections/7/groups/100" else None
    async with fake.client() as client:
        report = await client.scan_all(strategy="businesses").collect()
    (item,) = report.succeeded
    assert item.group.to_dict() == group
    assert report.fallback == "section 7, group 100 is not what the list of businesses says"
    assert (report.strategy, report.verified, item.inferred) == ("groups", 0, False)


# Planted mistakes


def no_status(patch: pytest.MonkeyPatch) -> None:
    query = business_query.search_query
    patch.setattr(business_query, "search_query", lambda **given: query(**{**given, "status": ()}))


def no_verification(patch: pytest.MonkeyPatch) -> None:
    async def believe(self: Any, _: object) -> None:
        self.verified += 1

    patch.setattr(inference.Inference, "_verify_group", believe)


def no_comparison(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inference, "_content", lambda _: ())


def one_page_too_few(patch: pytest.MonkeyPatch) -> None:
    add = inference.BusinessList.add

    def added(self: Any, page: Any, number: int) -> str:
        reason = add(self, page, number)
        self.pages = max(1, self.pages - 1)
        return reason

    patch.setattr(inference.BusinessList, "add", added)


def chunks_without_their_last_id(patch: pytest.MonkeyPatch) -> None:
    search = names.BusinessSearch
    patch.setattr(names, "BusinessSearch", lambda *given, ids, **more: search(*given, ids=ids[:-1] or ["no"], **more))


@pytest.mark.parametrize(
    ("mistake", "arguments", "check"),
    [
        (no_status, [PLAIN, VERIFY], always_right),
        (no_verification, [SERVERS, st.just("businesses"), st.just("all")], never_wrong),
        (no_comparison, [STILL, st.just("businesses"), VERIFY], never_wrong),
        (one_page_too_few, [PLAIN, VERIFY], always_right),
        (chunks_without_their_last_id, [STILL, st.just("groups")], always_named),
    ],
)
def test_a_planted_mistake_is_found(
    mistake: Callable[[pytest.MonkeyPatch], None], arguments: list[Any], check: Callable[..., None]
) -> None:
    """No status is sent, no group is read by itself or compared, a page or an id of each chunk is left out: the
    properties above fail, with a mistake that they hold without."""

    @settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    @given(st.tuples(*arguments))
    def rule(given: Any) -> None:
        check(*given)

    with pytest.MonkeyPatch.context() as patch:
        mistake(patch)
        with pytest.raises(AssertionError):
            rule()
