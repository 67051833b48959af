"""The two reading operations on businesses, over HTTP."""

from __future__ import annotations

from copy import copy
from typing import Any
from urllib.parse import quote

import pytest

from partoo_async import PartooClient
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedKey, EmulatedSection, generated_sections
from partoo_async.emulator.data import business_index
from partoo_async.emulator.data.lazy import peek

PARIS = EmulatedBusiness(
    "p1", "Le Café", code="75/1", city="Paris", zipcode="75001", country="FR", modified=100.0, address="1 rue d'Été"
)
PERPIGNAN = EmulatedBusiness("p2", "Bar", code="66", city="Perpignan", zipcode="66000", country="FR", modified=200.5)
MADRID = EmulatedBusiness("m1", "Café Sol", city="Madrid", country="ES", modified=300.0, status="temporarily_closed")
CLOSED = EmulatedBusiness("x1", "Old", country="ES", status="closed", modified=50.0)
EVERYTHING = [PARIS, PERPIGNAN, MADRID, CLOSED]
ALL = "open,closed,temporarily_closed,opening_soon"


@pytest.fixture
async def small(serve):
    """Four businesses; groups 1 and 2 are in section 1, group 3 in section 2."""
    first = {1: EmulatedGroup(1, "A", business_ids=["p1", "m1"]), 2: EmulatedGroup(2, "B", business_ids=["p2"])}
    second = {3: EmulatedGroup(3, "C", business_ids=["p1", "p2"])}
    sections = [EmulatedSection(1, "One", first), EmulatedSection(2, "Two", second)]
    # Copies: they are live, and a test changes them.
    return await serve(sections=sections, businesses=[copy(one) for one in EVERYTHING], rate_limit=None)


async def search(api, **query) -> list[str]:
    answer = await api.get("/business/search", params=query)
    assert answer.status == 200, answer.body
    assert answer.body["count"] == len(answer.body["businesses"])
    return [business["id"] for business in answer.body["businesses"]]


async def test_a_business_has_the_documented_fields(small) -> None:
    """Among them its groups; what the emulator does not know is null or empty."""
    body = (await small.get("/business/p1")).body
    expected = {
        "id": "p1", "code": "75/1", "status": "open", "org_id": 1, "groups": [1, 3], "name": "Le Café",
        "address": "1 rue d'Été", "address_full": "1 rue d'Été, 75001 Paris, FR", "city": "Paris", "zipcode": "75001",
        "country": "FR", "modified": 100.0, "region": None, "logo_url": None, "categories": [], "open_hours": {},
    }  # fmt: skip
    assert {name: body[name] for name in expected} == expected
    others = "created address2 default_lang lat long opening_date description_short description_long website_url"
    others += " time_slot_reference facebook_url twitter_url google_location_id facebook_page_id photos videos features"
    others += (
        " national_identification_number siret completion_rate specific_hours contacts subscriptions custom_fields"
    )
    assert set(body) == {*expected, *others.split()}


async def test_a_search_gives_the_same_objects_in_pages(serve) -> None:
    """30 a page unless asked, at most 100; page, max_page and count; a page past the end is empty."""
    ids = [f"b{number:03}" for number in range(65)]
    sections = [EmulatedSection(1, "One", {1: EmulatedGroup(1, "A", business_ids=ids)})]
    api = await serve(sections=sections, businesses=[EmulatedBusiness(one) for one in ids])
    third = (await api.get("/business/search?page=3")).body
    assert [business["id"] for business in third["businesses"]] == ids[60:]
    assert (third["page"], third["max_page"], third["count"]) == (3, 3, 65)
    assert third["businesses"][0] == (await api.get("/business/b060")).body
    assert len((await api.get("/business/search?per_page=100&page=0")).body["businesses"]) == 65
    assert (await api.get("/business/search?page=9")).body["businesses"] == []
    assert (await api.get("/business/search?query=nothing")).body["max_page"] == 0


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, ["p1", "p2"]),
        ("open", ["p1", "p2"]),
        ("closed", ["x1"]),
        ("temporarily_closed", ["m1"]),
        ("closed_temporarily", ["m1"]),
        ("closed,temporarily_closed", ["m1", "x1"]),
        ("opening_soon", []),
        (ALL, ["p1", "p2", "m1", "x1"]),
    ],
)
async def test_only_open_businesses_come_unless_asked(small, status, expected) -> None:
    """The default hides members of a group; both documented spellings of one state are taken."""
    assert await search(small, **({} if status is None else {"status": status})) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"business__in": "p2,x1,nobody"}, ["p2", "x1"]),
        ({"business__in": ""}, []),
        ({"query": "CAFÉ"}, ["p1", "m1"]),
        ({"query": "75001"}, ["p1"]),
        ({"query": "été"}, ["p1"]),
        ({"query": "75/1"}, ["p1"]),
        ({"name": "café"}, ["p1", "m1"]),
        ({"name": "paris"}, []),
        ({"city": "per"}, ["p2"]),
        ({"country": "fr"}, ["p1", "p2"]),
        ({"country": "f"}, []),
        ({"zipcode": "66000"}, ["p2"]),
        ({"zipcode": "66"}, []),
        ({"code": "66"}, ["p2"]),
        ({"code": "66,75/1,none"}, ["p1", "p2"]),
        ({"code": ""}, []),
        ({"modified__gte": "200.5"}, ["p2", "m1"]),
        ({"modified__gte": "2e2"}, ["p2", "m1"]),
        ({"modified__gte": "-1"}, ["p1", "p2", "m1", "x1"]),
        ({"query": "café", "country": "ES"}, ["m1"]),
    ],
)
async def test_filters(small, query, expected) -> None:
    """Texts match in part and in any case, codes whole; several filters must all fit."""
    assert await search(small, status=ALL, **query) == expected


@pytest.mark.parametrize(
    ("groups", "expected"),
    [("1", ["p1", "m1"]), ("1,2", ["p1", "p2", "m1"]), ("1,3", ["p1"]), ("1,2,3", ["p1", "p2"]), ("2,2", ["p2"])],
)
async def test_groups_are_alternatives_in_a_section_and_conditions_across(small, groups, expected) -> None:
    """The documented logic; the numbers may also come one by one."""
    assert await search(small, status=ALL, groups=groups) == expected
    pairs = [("status", ALL), *(("groups", group) for group in groups.split(","))]
    answer = await small.get("/business/search", params=pairs)
    assert [business["id"] for business in answer.body["businesses"]] == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("id", ["m1", "p1", "p2", "x1"]),
        ("-modified", ["m1", "p2", "p1", "x1"]),
        ("modified", ["x1", "p1", "p2", "m1"]),
        ("city", ["m1", "p1", "p2", "x1"]),  # one has none, which comes last
        ("name", ["p2", "m1", "p1", "x1"]),
    ],
)
async def test_a_search_is_ordered_as_asked(small, order, expected) -> None:
    """By a field, with a minus in front for descending order."""
    assert await search(small, status=ALL, order_by=order) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=x", "page"),
        ("per_page=101", "per_page"),
        ("per_page=0", "per_page"),
        ("groups=1,x", "groups"),
        ("groups=", "groups"),
        ("groups=1,99", "groups"),
        ("status=", "status"),
        ("status=open,shut", "status"),
        ("modified__gte=yesterday", "modified__gte"),
        ("modified__gte=nan", "modified__gte"),
        ("modified__gte=1e999", "modified__gte"),
        ("modified__gte=1_0", "modified__gte"),
        ("order_by=", "order_by"),
        ("order_by=--id", "order_by"),
        ("order_by=groups", "order_by"),
        ("org_id=x", "org_id"),
    ],
)
async def test_a_bad_search_is_400(small, query, field) -> None:
    """The error names the parameter; a group that is gone is not passed over, which would find more."""
    answer = await small.get(f"/business/search?{query}")
    assert (answer.status, list(answer.body["errors"]["json"])) == (400, [field])


@pytest.mark.parametrize("role", ["org_admin", "group_manager", "business_manager"])
async def test_a_business_can_be_asked_for_by_its_store_code(small, serve, role) -> None:
    """``c-`` and the code, escaped where it needs to be."""
    api = await serve(businesses=[PARIS], api_keys={"emulator-key": role})
    assert (await api.get(f"/business/c-{quote('75/1', safe='')}")).body["id"] == "p1"
    assert (await api.get("/business/c-nothing")).status == 404
    assert (await api.get("/business/c-")).status == 404


@pytest.mark.parametrize("role", ["provider", "org_manager", "publisher"])
async def test_store_codes_are_not_for_every_role(serve, role) -> None:
    """Documented for three roles; a code is unique in one organization only."""
    api = await serve(businesses=[PARIS], api_keys={"emulator-key": EmulatedKey(role)})
    answer = await api.get("/business/c-66")
    assert (answer.status, answer.body) == (403, {"errors": {"authorization": "Operation not allowed"}})
    assert (await api.get("/business/p1")).status == 200


@pytest.mark.parametrize("wanted", ["nobody", "P1", "p1%2F", "%00", "%FF"])
async def test_an_unknown_business_is_404(small, wanted) -> None:
    """Ids are opaque, so that none is malformed."""
    answer = await small.get(f"/business/{wanted}")
    assert (answer.status, answer.body) == (404, {"errors": {"json": "Resource not found"}})


async def test_businesses_of_the_groups_are_made_up(serve) -> None:
    """Every id of the demo data stands for a business; the same seed makes the same ones, whatever is asked first."""
    first, second, other = await serve(rate_limit=None), await serve(rate_limit=None), await serve(seed=1)
    ids = first.emulator.sections[7].groups[42].business_ids
    shops = [(await first.get(f"/business/{business_id}")).body for business_id in ids[:5]]
    assert all(42 in shop["groups"] for shop in shops)
    again = [(await second.get(f"/business/{business_id}")).body for business_id in ids[4::-1]]
    assert again == shops[::-1]
    assert all(shop["name"] and shop["city"] and shop["country"] and shop["code"] for shop in shops)
    assert all(shop["created"] < shop["modified"] for shop in shops)
    assert len({shop["code"] for shop in shops}) == 5
    assert first.emulator.businesses == second.emulator.businesses != other.emulator.businesses


async def test_a_search_finds_the_members_of_a_group(serve) -> None:
    """The open ones by default, and exactly its list of ids with every status."""
    api = await serve(rate_limit=None)
    ids = set(api.emulator.sections[7].groups[42].business_ids)
    found = set()
    for page in (1, 2):
        answer = await api.get(f"/business/search?groups=42&status={ALL}&per_page=100&page={page}")
        found |= {business["id"] for business in answer.body["businesses"]}
    assert found == ids
    default = (await api.get("/business/search?groups=42")).body["count"]
    assert 0.75 * len(ids) < default < len(ids)


async def test_a_search_is_looked_up(serve, monkeypatch) -> None:
    """With 5,000 groups and 10,000 businesses a page makes no group and, but for the first one, no business: it costs
    what it shows. What a client or a test has changed is seen."""
    api = await serve(sections=generated_sections("extreme", groups=5_000), rate_limit=None)
    source = type(api.emulator.sections[1].groups.source)
    made: list[Any] = []
    monkeypatch.setattr(source, "group", lambda self, group_id: made.append((self, group_id)))
    query = f"/business/search?status={ALL}&per_page=100"
    assert (await api.get(query)).body["count"] == 10_000
    monkeypatch.setattr(business_index, "generate_business", made.append)
    page = (await api.get(f"{query}&page=7")).body["businesses"]
    assert made == []
    monkeypatch.undo()
    for business in page[:3]:
        expected = [
            group_id
            for section in api.emulator.sections.values()
            for group_id in section.groups
            if business["id"] in peek(section.groups, group_id).business_ids
        ]
        assert business["groups"] == expected
    first, second = page[0]["groups"][:2]
    section = next(one for one in api.emulator.sections.values() if first in one.groups)
    section.groups[first].business_ids.remove(page[0]["id"])
    del section.groups[second]
    section.groups[9_999] = EmulatedGroup(9_999, "New", business_ids=[page[0]["id"]])
    again = (await api.get(f"/business/{page[0]['id']}")).body["groups"]
    assert sorted(again) == sorted({*page[0]["groups"], 9_999} - {first, second})


async def test_businesses_can_be_edited_while_it_runs(small) -> None:
    """They are the very objects that were given or made up; one put in by hand can go into a group."""
    small.emulator.businesses["p1"].status = "closed"
    assert await search(small) == ["p2"]
    small.emulator.businesses["new"] = EmulatedBusiness("new", "New", more={"open_hours": {"mon": "9-18"}})
    assert (await small.get("/business/new")).body["open_hours"] == {"mon": "9-18"}
    assert (await small.post("/sections/1/groups/2", {"name": "B", "business__in": ["new"]})).status == 200
    assert (await small.get("/business/new")).body["groups"] == [2]
    small.emulator.sections[1].groups[1].business_ids.append("later")
    assert (await small.get("/business/later")).body["groups"] == [1]


async def test_the_client_reads_businesses_by_its_general_call(small) -> None:
    """``client.request`` serves what has no method of its own."""
    async with PartooClient(small.emulator.api_key, server=small.emulator.server) as partoo:
        page = await partoo.request("GET", "/business/search", params={"groups": "1,2", "order_by": "-name"})
        assert [business["id"] for business in page["businesses"]] == ["p1", "p2"]
        assert (await partoo.request("GET", "/business/p2"))["city"] == "Perpignan"
