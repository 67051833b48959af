"""Open questions of the API: the emulator plays both sides of each, and the client lives with either."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import attrs
import pytest

from partoo_async import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PartooClient,
    PermissionDeniedError,
    RateLimit,
    RateLimitError,
)
from partoo_async.emulator import (
    Behaviour,
    EmulatedBusiness,
    EmulatedGroup,
    EmulatedKey,
    EmulatedSection,
    Emulator,
)
from tests.support.common import TLS
from tests.support.each import each

Play = Callable[..., Awaitable[PartooClient]]


@pytest.fixture
async def play() -> AsyncIterator[Play]:
    """A function that starts an emulator with a ``Behaviour`` and returns a client of it."""
    async with AsyncExitStack() as stack:

        async def start(behaviour: dict[str, Any], **arguments: Any) -> PartooClient:
            data = {"sections": two_sections(), "rate_limit": None} | arguments
            emulator = await stack.enter_async_context(Emulator(behaviour=Behaviour(**behaviour), **data))
            return await stack.enter_async_context(
                PartooClient(emulator.api_key, server=emulator.server, rate_limit=None, timeout=20, ssl_context=TLS)
            )

        yield start


def two_sections() -> list[EmulatedSection]:
    """Section 1 has groups 10 and 11, of which the first has businesses, section 2 group 12, section 3 none."""
    groups = {10: EmulatedGroup(10, "France", business_ids=["c", "a", "b"]), 11: EmulatedGroup(11, "Spain")}
    other = {12: EmulatedGroup(12, "Lyon", business_ids=["a"])}
    return [EmulatedSection(1, "Country", groups), EmulatedSection(2, "Town", other), EmulatedSection(3, "New")]


def many_sections() -> list[EmulatedSection]:
    return [EmulatedSection(number, f"S{number}") for number in range(1, 61)]


@pytest.mark.parametrize("list_groups", [True, False])
async def test_sections_of_a_list_may_come_without_their_groups(play: Play, list_groups: bool) -> None:
    """The client has the sections either way; one read by its id always has its groups."""
    partoo = await play({"list_groups": list_groups})
    found = [section async for section in partoo.sections.iterate()]
    assert [(section.id, section.name) for section in found] == [(1, "Country"), (2, "Town"), (3, "New")]
    assert [len(section.groups) for section in found] == ([2, 1, 0] if list_groups else [0, 0, 0])
    assert [group.id for group in (await partoo.sections.get(1)).groups] == [10, 11]


@pytest.mark.parametrize(
    "behaviour",
    [
        {},
        {"list_max_page": False},
        {"page_past_end": "last"},
        {"page_past_end": "last", "list_max_page": False},
        {"page_past_end": "refused"},
        {"list_per_page": False},
    ],
    ids=repr,
)
async def test_every_section_is_iterated_once_however_pages_end(play: Play, behaviour: dict[str, Any]) -> None:
    """60 sections on two pages, whether or not answers count them, and whatever comes after the last page."""
    partoo = await play(behaviour, sections=many_sections())
    assert [section.id async for section in partoo.sections.iterate()] == list(range(1, 61))


async def test_a_page_past_the_end(play: Play) -> None:
    """Empty, the last one again, or refused like an unknown id; the first page is there even of nothing."""
    empty = await play({}, sections=many_sections())
    last = await play({"page_past_end": "last"}, sections=many_sections())
    refused = await play({"page_past_end": "refused"}, sections=[])
    assert [len((await partoo.sections.list(page=9)).sections) for partoo in (empty, last)] == [0, 30]
    assert (await last.sections.list(page=9)).page == 2
    assert (await refused.sections.list()).sections == ()
    with pytest.raises(NotFoundError):
        await refused.sections.list(page=2)


@pytest.mark.parametrize(("listed", "found"), [(True, (2, 2, 60)), (False, (None, None, None))])
async def test_a_page_may_not_say_where_it_is(play: Play, listed: bool, found: tuple[Any, ...]) -> None:
    """page, max_page and count are a convention of other lists, not seen on this one."""
    page = await (await play({"list_max_page": listed}, sections=many_sections())).sections.list(page=2)
    assert len(page.sections) == 30
    assert (page.page, page.max_page, page.count) == found


@pytest.mark.parametrize(("taken", "count"), [(True, 5), (False, 30)])
async def test_the_list_of_sections_may_ignore_per_page(play: Play, taken: bool, count: int) -> None:
    """The parameter is not documented for this list, though it is for others."""
    partoo = await play({"list_per_page": taken}, sections=many_sections())
    answer = await partoo.request("GET", "/sections", params={"per_page": 5})
    assert len(answer["sections"]) == count


@pytest.mark.parametrize("order", ["as_given", "sorted", "shuffled"])
async def test_business_ids_come_in_any_order(play: Play, order: str) -> None:
    """The same ids, as they were given, sorted, or in another order each time."""
    sections = two_sections()
    sections[0].groups[10].business_ids = ids = [str(number) for number in range(100, 0, -1)]
    partoo = await play({"business_order": order}, sections=sections)
    first, second = [(await partoo.groups.get(1, 10)).business_ids for _ in range(2)]
    assert sorted(first) == sorted(second) == sorted(ids)
    assert (first == second) is (order != "shuffled")
    assert (list(first) == ids) is (order == "as_given")
    assert (list(first) == sorted(ids)) is (order == "sorted")


@pytest.mark.parametrize(("repeated", "ids"), [(False, ("a", "b")), (True, ("a", "b", "a"))])
async def test_an_id_sent_twice_may_be_kept_twice(play: Play, repeated: bool, ids: tuple[str, ...]) -> None:
    """Whether a group is a set is not documented."""
    partoo = await play({"repeated_ids": repeated})
    created = await partoo.groups.create(1, name="New", business_ids=["a", "b", "a"])
    await partoo.groups.update(1, 11, name="Spain", business_ids=["a", "b", "a"])
    assert (await partoo.groups.get(1, created)).business_ids == ids
    assert (await partoo.groups.get(1, 11)).business_ids == ids


@pytest.mark.parametrize(("listed", "ids"), [(True, ("c", "a", "b")), (False, ("c", "b"))])
async def test_a_group_may_leave_closed_businesses_out(play: Play, listed: bool, ids: tuple[str, ...]) -> None:
    """Only those that are closed for good."""
    given = [EmulatedBusiness("a", status="closed"), EmulatedBusiness("b", status="temporarily_closed")]
    given.append(EmulatedBusiness("c"))
    partoo = await play({"closed_in_groups": listed}, businesses=given)
    assert (await partoo.groups.get(1, 10)).business_ids == ids


@pytest.mark.parametrize(("scoped", "ids"), [(False, ("c", "a", "b")), (True, ("a",))])
async def test_a_group_may_leave_out_what_its_reader_may_not_see(
    play: Play, scoped: bool, ids: tuple[str, ...]
) -> None:
    """For a group manager whose access is group 12, in which is business a."""
    key = EmulatedKey("group_manager", accesses=[[12]])
    partoo = await play({"scoped_groups": scoped}, api_keys={"emulator-key": key})
    assert (await partoo.groups.get(1, 10)).business_ids == ids


async def test_deleting_a_section_takes_its_groups_or_is_refused(play: Play) -> None:
    """Refused only while there are groups in it."""
    cascade, refused = await play({"delete_section": "cascade"}), await play({"delete_section": "refused"})
    await cascade.sections.delete(1)
    with pytest.raises(NotFoundError):
        await cascade.groups.get(1, 10)
    with pytest.raises(PermissionDeniedError):
        await refused.sections.delete(1)
    assert (await refused.groups.get(1, 10)).name == "France"
    await refused.sections.delete(3)


PARTIAL = [
    ("refused", {"name": "New"}, None),
    ("refused", {"business__in": ["b"]}, None),
    ("kept", {"name": "New"}, ("New", ("c", "a", "b"))),
    ("kept", {"business__in": ["b"]}, ("France", ("b",))),
    ("kept", {}, ("France", ("c", "a", "b"))),
    ("filled", {"name": "New"}, ("New", ("c", "a", "b", "z"))),
    ("filled", {"business__in": []}, ("France", ())),
]


@pytest.mark.parametrize(("partial", "body", "expected"), PARTIAL)
async def test_an_update_may_leave_a_field_out(play: Play, partial: str, body: Any, expected: Any) -> None:
    """Refused, kept as it was, or filled with every business; the client's own call always sends both."""
    sections = two_sections()
    sections[2].groups[13] = EmulatedGroup(13, "More", business_ids=["z"])
    partoo = await play({"partial_update": partial}, sections=sections)
    if expected is None:
        with pytest.raises(BadRequestError):
            await partoo.request("POST", "/sections/1/groups/10", json=body)
        expected = ("France", ("c", "a", "b"))
    else:
        assert await partoo.request("POST", "/sections/1/groups/10", json=body) == {"status": "success", "id": 10}
    group = await partoo.groups.get(1, 10)
    assert (group.name, group.business_ids) == expected
    assert await partoo.groups.update(1, 10, name="Both", business_ids=["a"]) == 10
    assert (await partoo.groups.get(1, 10)).business_ids == ("a",)


@pytest.mark.parametrize(
    ("scope", "same_section", "other_section", "section"),
    [("section", 400, 200, 400), ("organization", 400, 400, 400), ("none", 200, 200, 200)],
)
async def test_names_are_unique_in_a_scope(
    play: Play, scope: str, same_section: int, other_section: int, section: int
) -> None:
    """Among the groups of a section, of the organization, or not; its own name is never in a group's way."""
    partoo = await play({"unique_names": scope})

    async def status(path: str, name: str) -> int:
        try:
            await partoo.request("POST", path, json={"name": name, "business__in": []})
        except BadRequestError as error:
            return error.status
        return 200

    assert await status("/sections/1/groups", "France") == same_section
    assert await status("/sections/2/groups", "France") == other_section
    assert await status("/sections", "Town") == section
    assert await status("/sections/2/groups/12", "Lyon") == 200


async def test_a_taken_name_is_a_400_or_a_409(play: Play) -> None:
    """Both are errors of the client, never tried again."""
    for status, kind in ((400, BadRequestError), (409, APIStatusError)):
        partoo = await play({"duplicate_status": status})
        with pytest.raises(kind) as caught:
            await partoo.groups.create(1, name="France", business_ids=[])
        assert (caught.value.status, len(caught.value.attempts)) == (status, 1)


@pytest.mark.parametrize(("most", "accepted"), [(None, True), (5, True), (4, False)])
async def test_names_may_have_a_greatest_length(play: Play, most: int | None, accepted: bool) -> None:
    """None is documented; characters are counted, not bytes."""
    partoo = await play({"max_name_length": most})
    if accepted:
        assert await partoo.sections.create(name="Été é") == 4
    else:
        with pytest.raises(BadRequestError, match="maximum length 4"):
            await partoo.sections.create(name="Été é")


KEYS = [
    ("expired_key", EmulatedKey(expired=True), 401),
    ("refused_ip", EmulatedKey(ip_whitelist=["203.0.113.0/24"]), 403),
]


@pytest.mark.parametrize(("switch", "key", "default"), KEYS)
@pytest.mark.parametrize("status", [None, 401, 403])
async def test_a_key_that_is_not_valid_now_or_here(
    play: Play, switch: str, key: EmulatedKey, default: int, status: int | None
) -> None:
    """401 or 403, and the class of the client's error is that of the status."""
    partoo = await play({} if status is None else {switch: status}, api_keys={"emulator-key": key})
    with pytest.raises(AuthenticationError if (status or default) == 401 else PermissionDeniedError):
        await partoo.groups.get(1, 10)


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_a_key_without_the_permission_to_write(play: Play, status: int, kind: type[Exception]) -> None:
    """It reads all the same."""
    partoo = await play({"restricted_key": status}, api_keys={"emulator-key": EmulatedKey(read_only=True)})
    assert (await partoo.groups.get(1, 10)).name == "France"
    with pytest.raises(kind):
        await partoo.groups.delete(1, 10)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (403, PermissionDeniedError), (400, BadRequestError)]
)
async def test_what_is_unknown_is_a_404_a_403_or_a_400(play: Play, status: int, kind: type[Exception]) -> None:
    """A group of another section, a section, a business; a scan reports each as a failure, and goes on."""
    partoo = await play({}, unknown_status=status)
    for call in (partoo.groups.get(2, 10), partoo.sections.get(99), partoo.request("GET", "/business/nobody")):
        with pytest.raises(kind):
            await call
    report = await partoo.scan([1, 99, 2]).collect()
    assert [item.group_id for item in report.failed] == [None]
    assert sorted(item.group_id or 0 for item in report.succeeded) == [10, 11, 12]


@pytest.mark.parametrize("details", [True, False])
async def test_a_400_may_not_say_what_is_wrong(play: Play, details: bool) -> None:
    """The object in it is documented as an object, and no more."""
    partoo = await play({"problem_details": details}, unknown_status=400)
    with pytest.raises(BadRequestError) as caught:
        await partoo.sections.get(99)
    assert caught.value.body.errors.json == ({"section_id": ["Resource not found."]} if details else {})


@pytest.mark.parametrize("body", ["json", "html", "empty"])
async def test_a_429_may_have_any_body(play: Play, body: str) -> None:
    """What counts is its status and Retry-After."""
    partoo = await play({"quota_body": body}, rate_limit=RateLimit(1, 60.0))
    assert (await partoo.groups.get(1, 10)).id == 10
    with pytest.raises(RateLimitError) as caught:
        await partoo.groups.get(1, 11)
    assert 50 < (caught.value.retry_after or 0) <= 60


@pytest.mark.parametrize(("everything", "count"), [(False, 1), (True, 3)])
async def test_a_search_may_find_what_is_closed(play: Play, everything: bool, count: int) -> None:
    """Open businesses only unless asked: the default is documented on a sister page."""
    given = [EmulatedBusiness("a", status="closed"), EmulatedBusiness("b", status="opening_soon")]
    partoo = await play({"search_closed": everything}, businesses=[*given, EmulatedBusiness("c")])
    assert (await partoo.request("GET", "/business/search"))["count"] == count


async def test_a_search_may_be_in_another_order_each_time(play: Play) -> None:
    """Then its pages shift while they are read: some businesses are on two of them, others on none."""
    given = [EmulatedBusiness(f"b{number:02}") for number in range(60)]
    orders = {}
    for order in ("stable", "shuffled"):
        partoo = await play({"search_order": order}, businesses=given, sections=[])
        pages = [(await partoo.businesses.search(page=page, per_page=30)).businesses for page in (1, 2)]
        orders[order] = [business.id for page in pages for business in page]
        # An order that is asked for stays.
        named = (await partoo.businesses.search(order_by="id")).businesses
        assert [business.id for business in named] == [business.id for business in given]
    assert orders["stable"] == [business.id for business in given]
    assert len(set(orders["shuffled"])) < 60


@pytest.mark.parametrize("shifting", [False, True])
async def test_a_business_may_go_between_two_pages(play: Play, shifting: bool) -> None:
    """And come back: pages lack the first one, or not, and those behind it move up; the count says so. What fits on one
    page stays."""
    given = [EmulatedBusiness(f"b{number:02}") for number in range(60)]
    partoo = await play({"search_shifts": shifting}, businesses=given, sections=[])
    for order in (None, "id", "-id"):
        seen = set()
        for number in [1, 2] * 10:
            page = await partoo.businesses.search(page=number, per_page=30, order_by=order)
            seen.add((number, page.count, page.businesses[0].id))
        assert {count for _, count, _ in seen} == ({60, 59} if shifting else {60})
        assert len(seen) == (4 if shifting else 2)
    assert (await partoo.businesses.search(per_page=60)).count == 60
    assert (await partoo.businesses.search(per_page=30, ids=[one.id for one in given[:30]])).count == 30


@pytest.mark.parametrize(
    ("spelling", "taken", "shown"),
    [
        ("both", {"temporarily_closed", "closed_temporarily"}, "temporarily_closed"),
        ("temporarily_closed", {"temporarily_closed"}, "temporarily_closed"),
        ("closed_temporarily", {"closed_temporarily"}, "closed_temporarily"),
    ],
)
async def test_a_temporary_closure_has_two_names(play: Play, spelling: str, taken: set[str], shown: str) -> None:
    """Of the two documented spellings either or both may be taken; a business shows one."""
    given = [EmulatedBusiness("a", status="temporarily_closed"), EmulatedBusiness("b")]
    partoo = await play({"status_spelling": spelling}, businesses=given)
    for status in ("temporarily_closed", "closed_temporarily"):
        ask = partoo.request("GET", "/business/search", params={"status": status})
        if status in taken:
            assert [business["status"] for business in (await ask)["businesses"]] == [shown]
        else:
            with pytest.raises(BadRequestError, match="status"):
                await ask


@pytest.mark.parametrize(
    ("listed", "opened", "closed"), [(True, [10, 12], [10]), (False, None, None), ("open", [10, 12], None)]
)
async def test_a_business_may_not_say_what_groups_it_is_in(play: Play, listed: Any, opened: Any, closed: Any) -> None:
    """Then the field is not there, in a search and by itself; perhaps only those that are not open leave it out."""
    given = [EmulatedBusiness("a"), EmulatedBusiness("b", status="closed")]
    partoo = await play({"business_groups": listed}, businesses=given)
    query = {"business__in": "a,b", "status": "open,closed"}
    found = (await partoo.request("GET", "/business/search", params=query))["businesses"]
    assert [business.get("groups") for business in found] == [opened, closed]
    assert [await partoo.request("GET", f"/business/{one}") for one in ("a", "b")] == found


def test_every_switch_is_described_and_tested() -> None:
    """Each field stands in the docstring, and a test above plays it."""
    fields, _, _ = (inspect.getdoc(Behaviour) or "").partition("Raises:")
    documented = re.findall(r"^    (\w+):", fields, re.MULTILINE)
    names = [field.name for field in attrs.fields(Behaviour)]
    assert sorted(documented) == sorted(names)
    source = inspect.getsource(inspect.getmodule(test_every_switch_is_described_and_tested))
    assert all(f'"{name}"' in source for name in names)


@each(
    ("switch", "value", "message"),
    [
        ("list_groups", 1, "list_groups: expected True or False, not 1"),
        ("page_past_end", "first", "page_past_end: expected 'empty' or 'last' or 'refused', not 'first'"),
        ("expired_key", 404, "expired_key: expected 401 or 403, not 404"),
        ("expired_key", 401.0, "expired_key: expected 401 or 403, not 401.0"),
        ("max_name_length", 0, "max_name_length: expected at least 1, not 0"),
        ("max_name_length", "5", "max_name_length: expected an int of at least 1, not str"),
        ("business_order", ["sorted"], "business_order: expected"),
    ],
)
def test_a_bad_switch_is_one_clear_error(switch: str, value: Any, message: str) -> None:
    """The error names the field and what it takes."""
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        Behaviour(**{switch: value})


def test_behaviours_are_values() -> None:
    """Equal by their fields, and not to be changed while an emulator runs."""
    assert Behaviour() == Behaviour(list_groups=True)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Behaviour().list_groups = False  # type: ignore[misc]
