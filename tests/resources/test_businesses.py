"""``client.businesses``, against the emulator and against pages that shift."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import (
    BadRequestError,
    Business,
    BusinessPage,
    ConfigurationError,
    Event,
    NotFoundError,
    PartooClient,
    PermissionDeniedError,
    RequestEvent,
)
from partoo_async.emulator import Behaviour, EmulatedBusiness, EmulatedGroup, EmulatedKey, EmulatedSection, Emulator
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.common import TLS

if TYPE_CHECKING:
    from collections.abc import Callable

STATUSES = ("open", "closed", "opening_soon", "temporarily_closed")


def organization(**options: Any) -> Emulator:
    """Two groups in a section; one business of each status, b0 to b3, and b4, which is in no group."""
    businesses = [
        EmulatedBusiness(f"b{number}", f"Shop {number}", code=f"75/{number}", status=(*STATUSES, "open")[number])  # type: ignore[arg-type]
        for number in range(5)
    ]
    groups = {1: EmulatedGroup(1, "A", business_ids=["b0", "b1"]), 2: EmulatedGroup(2, "B", business_ids=["b2", "b3"])}
    data: dict[str, Any] = {"sections": [EmulatedSection(7, "Country", groups)], "businesses": businesses}
    return Emulator(**{**data, "rate_limit": None, **options})


def client_of(emulator: Emulator, **options: Any) -> PartooClient:
    return PartooClient(emulator.api_key, server=emulator.server, rate_limit=None, ssl_context=TLS, **options)


def ids(found: Any) -> list[str]:
    return [business.id for business in found]


async def test_a_business_is_read_by_its_id_or_its_code() -> None:
    """Both are the same business; a code with a slash in it is escaped. Strict: nothing of it is drift."""
    async with organization() as emulator, client_of(emulator, strict=True) as client:
        business = await client.businesses.get("b1")
        assert business == await client.businesses.get(code="75/1")
        assert (business.name, business.code, business.status, business.groups) == ("Shop 1", "75/1", "closed", (1,))
        assert business.extra["open_hours"] == {}
        assert client.session.drift == {}
        for missing in ({"business_id": "none"}, {"code": "none"}):
            with pytest.raises(NotFoundError):
                await client.businesses.get(**missing)


async def test_what_a_key_may_not_read() -> None:
    """A provider cannot ask by code; a group manager finds the businesses of its groups only."""
    keys = {
        "emulator-key": EmulatedKey("provider"),
        "manager": EmulatedKey("group_manager", accesses=[[1]]),
    }
    async with organization(api_keys=keys) as emulator, client_of(emulator) as provider:
        with pytest.raises(PermissionDeniedError):
            await provider.businesses.get(code="75/1")
        async with provider.with_options(api_key="manager") as manager:
            assert ids([one async for one in manager.businesses.iterate(ids=["b0", "b2"])]) == ["b0"]
            with pytest.raises(NotFoundError):
                await manager.businesses.get("b2")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["b0", "b1", "b2", "b3", "b4"]),
        ({"status": "open"}, ["b0", "b4"]),
        ({"status": ["temporarily_closed", "closed"]}, ["b1", "b3"]),
        ({"status": "closed_temporarily"}, ["b3"]),
        ({"groups": 1}, ["b0", "b1"]),
        ({"groups": [2, "1"]}, ["b0", "b1", "b2", "b3"]),
        ({"ids": ("b4", "b1", "nobody"), "order_by": "id"}, ["b1", "b4"]),
        ({"codes": ["75/3", "75/0"]}, ["b0", "b3"]),
        ({"name": "shop 2"}, ["b2"]),
        ({"query": "75/4"}, ["b4"]),
        ({"modified_since": 9e12}, []),
        ({"order_by": "-id"}, ["b4", "b3", "b2", "b1", "b0"]),
        ({"ids": []}, []),
        ({"groups": ()}, []),
        ({"codes": iter(())}, []),
        ({"status": set()}, []),
    ],
)
async def test_a_search_finds_every_status_unless_told(query: dict[str, Any], expected: list[str]) -> None:
    """``search`` and ``iterate`` find the same: businesses of every status, of which the server's default hides most.
    An empty list of anything finds nothing, and sends nothing."""
    empty = any(value in ([], (), set()) or hasattr(value, "__next__") for value in query.values())
    async with organization() as emulator, client_of(emulator, strict=True) as client:
        page = await client.businesses.search(**query)
        assert (ids(page.businesses), page.count) == (expected, len(expected))
        assert ids([one async for one in client.businesses.iterate(**query)]) == expected
        assert len(emulator.requests) == (0 if empty else 2)


async def test_pages_are_walked() -> None:
    """``per_page`` and ``page`` go to the server; ``iterate`` walks all pages."""
    async with organization() as emulator, client_of(emulator) as client:
        page = await client.businesses.search(page=2, per_page=2)
        assert (ids(page.businesses), page.page, page.max_page, page.count) == (["b2", "b3"], 2, 3, 5)
        assert len([one async for one in client.businesses.iterate(per_page=2)]) == 5
        assert len(emulator.requests) == 1 + 3


async def test_any_number_of_ids_and_codes() -> None:
    """They go in hundreds, each once, one request for each; those that the server does not know are passed over."""
    businesses = [EmulatedBusiness(f"b{number:03}", code=str(number)) for number in range(250)]
    async with organization(businesses=businesses, sections=[]) as emulator, client_of(emulator) as client:
        wanted = [business.id for business in reversed(businesses)]
        found = [one.id async for one in client.businesses.iterate(ids=[*wanted, "nobody", *wanted])]
        assert sorted(found) == sorted(wanted)
        assert len(emulator.requests) == 3
        found = [one.id async for one in client.businesses.iterate(codes=map(str, range(101)))]
        assert sorted(found) == sorted(wanted)[:101]
        assert len(emulator.requests) == 3 + 2


async def test_long_ids_and_codes_fit_into_urls() -> None:
    """Where a hundred of them would be more than the line of 8 kB that servers take, fewer are asked for at once."""
    businesses = [EmulatedBusiness(f"{number:03}" + "x" * 60, code="é" * 30 + str(number)) for number in range(150)]
    async with organization(businesses=businesses, sections=[]) as emulator, client_of(emulator) as client:
        wanted, codes = [one.id for one in businesses], [one.code for one in businesses if one.code]
        assert ids([one async for one in client.businesses.iterate(ids=wanted)]) == wanted
        assert len(emulator.requests) == 3
        assert ids([one async for one in client.businesses.iterate(codes=codes)]) == wanted
        found = [one async for one in client.businesses.iterate(ids=wanted[:50], codes=codes[:20])]
        assert ids(found) == wanted[:20]


@pytest.mark.parametrize(
    ("spelling", "requests"),
    [("both", 1), ("closed_temporarily", 2), ("temporarily_closed", 3)],
)
async def test_the_spelling_of_a_status_is_learnt_once(spelling: Any, requests: int) -> None:
    """A server that knows one of the two documented spellings is found out by a 400, once for a client and its
    copies; after that each page is one request. Either spelling of the caller finds the business."""
    async with organization(behaviour=Behaviour(status_spelling=spelling)) as emulator, client_of(emulator) as client:
        assert len((await client.businesses.search()).businesses) == 5
        assert len(emulator.requests) == requests
        for status in ("temporarily_closed", "closed_temporarily"):
            assert ids((await client.businesses.search(status=status)).businesses) == ["b3"]
        assert len([one async for one in client.with_options(timeout=9).businesses.iterate(per_page=2)]) == 5
        assert len(emulator.requests) == requests + 2 + 3


@pytest.mark.parametrize("spelling", ["both", "closed_temporarily", "temporarily_closed"])
async def test_a_search_that_is_refused_for_another_reason(spelling: Any) -> None:
    """The error is about that reason, whichever spellings were tried, and nothing is learnt from it."""
    async with organization(behaviour=Behaviour(status_spelling=spelling)) as emulator, client_of(emulator) as client:
        for _ in range(2):
            with pytest.raises(BadRequestError, match="groups: Unknown group id: 99"):
                await client.businesses.search(groups=99)
        assert len(emulator.requests) == 6
        with pytest.raises(BadRequestError, match="status"):
            await client.businesses.search(status="shut")
        assert len(emulator.requests) == 7
        assert len((await client.businesses.search()).businesses) == 5


@pytest.mark.parametrize(
    "bad", [{"ids": "b1"}, {"per_page": 0}, {"status": ["a,b"]}, {"groups": [], "page": 0}, {"groups": "x"}]
)
async def test_bad_arguments_are_refused_unsent(bad: dict[str, Any]) -> None:
    """Before anything is sent, also where an empty list would send nothing."""
    async with organization() as emulator, client_of(emulator) as client:
        with pytest.raises(ConfigurationError):
            await client.businesses.search(**bad)
        assert emulator.requests == ()


async def test_businesses_are_cached_until_a_write() -> None:
    """Reads share results like all others. A write to a section or group drops them, as a business lists its groups."""
    async with organization() as emulator, client_of(emulator, cache_ttl=60) as client:

        async def read() -> None:
            assert await client.businesses.get("b4") is await client.businesses.get("b4")
            assert await client.businesses.search() is await client.businesses.search()

        await read()
        await read()
        assert len(emulator.requests) == 2
        await client.groups.update(7, 1, name="A", business_ids=["b4"])
        await read()
        assert len(emulator.requests) == 2 + 1 + 2
        assert (await client.businesses.get("b4")).groups == (1,)
        emulator.businesses["b4"].name = "Anew"
        assert (await client.businesses.get("b4")).name != "Anew"
        assert (await client.businesses.get("b4", fresh=True)).name == "Anew"


async def test_events_carry_templates_and_no_query() -> None:
    """The route has no query, which may hold names, and the template no id."""
    events: list[Event] = []
    async with organization() as emulator, client_of(emulator, on_event=events.append) as client:
        await client.businesses.search(query="Shop")
        await client.businesses.get("b1")
        await client.businesses.get(code="75/1")
    assert all(isinstance(event, RequestEvent) for event in events)
    assert [(event.route, event.template) for event in events] == [
        ("GET /business/search", "GET /business/search"),
        ("GET /business/b1", "GET /business/{business_id}"),
        ("GET /business/c-75%2F1", "GET /business/{business_id}"),
    ]


async def test_a_server_may_leave_groups_out() -> None:
    """Then a business has none, which is no drift."""
    async with organization(behaviour=Behaviour(business_groups=False)) as emulator:
        async with client_of(emulator, strict=True) as client:
            assert [one.groups async for one in client.businesses.iterate()] == [()] * 5


def pages(answer: Callable[[int], list[str]], *, count: bool = True) -> tuple[PartooClient, list[int]]:
    """A client whose server has pages of two of the list that is there at each request, and the pages asked for."""
    asked: list[int] = []

    def handle(request: MockRequest) -> MockResponse:
        number = int(request.params["page"])
        there = answer(len(asked))
        asked.append(number)
        shown = [{"id": one} for one in there[(number - 1) * 2 : number * 2]]
        told = {"page": number, "max_page": -(-len(there) // 2), "count": len(there)} if count else {}
        return MockResponse(json={"businesses": shown, **told})

    return PartooClient("key", transport=MockTransport(handle), rate_limit=None, cache_ttl=60), asked


async def test_pages_that_shift_are_read_again() -> None:
    """A business that moved to a page already read is found by the second walk, and no other is yielded twice. The
    second walk takes nothing from the cache."""
    client, asked = pages(lambda requests: ["a", "b", "c", "d"] if requests == 0 else ["b", "c", "d"])
    async with client:
        found = [one.id async for one in client.businesses.iterate()]
    assert found == ["a", "b", "d", "c"]
    assert asked == [1, 2, 1, 2]


async def test_a_list_that_never_holds_still_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """After four walks the iteration ends with what was on any page, and a warning that some may be missing."""
    client, asked = pages(lambda requests: [f"{requests}{letter}" for letter in "abcd"][: 4 - requests % 2])
    async with client:
        with caplog.at_level(logging.WARNING, logger="partoo_async"):
            found = [one.id async for one in client.businesses.iterate()]
    assert len(found) == len(set(found))
    assert asked == [1, 2] * 4
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "the list of businesses kept changing while its pages were read 4 times: some may be missing"


@pytest.mark.parametrize("count", [True, False])
async def test_a_list_that_stands_is_read_once(count: bool) -> None:
    """Whether or not pages say how many there are."""
    client, asked = pages(lambda _: ["a", "b", "c"], count=count)
    async with client:
        assert [one.id async for one in client.businesses.iterate()] == ["a", "b", "c"]
    assert asked == ([1, 2] if count else [1, 2, 3])


@given(st.lists(st.lists(st.sampled_from("abcdefg"), unique=True, max_size=7), min_size=1, max_size=12))
async def test_no_business_is_lost_or_doubled(states: list[list[str]]) -> None:
    """Whatever comes and goes: each business at most once, nothing that never was, and no more than four walks. Once
    the list stands for a walk, all of it was found."""
    client, asked = pages(lambda requests: states[min(requests, len(states) - 1)])
    async with client:
        found = [one.id async for one in client.businesses.iterate()]
    assert len(found) == len(set(found))
    assert set(found) <= set().union(*states)
    assert asked.count(1) <= 4
    last_walk = len(asked) - 1 - asked[::-1].index(1)
    if last_walk >= len(states) - 1:
        assert set(found) >= set(states[-1])


async def test_a_page_of_nothing_is_a_page() -> None:
    """What is not asked for has the form of a page: with its number, and nothing on it."""
    async with organization() as emulator, client_of(emulator) as client:
        assert await client.businesses.search(ids=[], page=3) == BusinessPage((), 3, 0, 0)


async def test_each_business_is_a_value() -> None:
    """What two searches find is equal and can be put into a set."""
    async with organization() as emulator, client_of(emulator) as client:
        first = [one async for one in client.businesses.iterate()]
        second = {one async for one in client.businesses.iterate(order_by="-id")}
        assert set(first) == second
        assert all(type(one) is Business for one in first)
