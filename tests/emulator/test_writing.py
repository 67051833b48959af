"""The six writing operations, over HTTP."""

from __future__ import annotations

import aiohttp
import pytest

from partoo_async.emulator import EmulatedGroup, EmulatedSection

NAME_RULES = [
    ("a,b", "Must not contain any of these characters: , ; /"),
    ("a;b", "Must not contain any of these characters: , ; /"),
    ("a/b", "Must not contain any of these characters: , ; /"),
    ("", "Shorter than minimum length 1."),
    ("  ", "Shorter than minimum length 1."),
    ("Taken", "This name is already used, it must be unique."),
    (7, "Not a valid string."),
    (None, "Not a valid string."),
]


@pytest.fixture
async def small(serve):
    """Section 1 with group 10, "Mine", and 11, "Taken"; section 2, "Taken"."""
    groups = {10: EmulatedGroup(10, "Mine", business_ids=["b1", "b2"]), 11: EmulatedGroup(11, "Taken")}
    other = {12: EmulatedGroup(12, "Elsewhere", business_ids=["b3"])}
    return await serve(sections=[EmulatedSection(1, "One", groups), EmulatedSection(2, "Taken", other)])


async def test_create_section_gives_an_empty_editable_one(small) -> None:
    """The answer is success and the new id; the section has no groups."""
    answer = await small.post("/sections", {"name": "Région"})
    assert (answer.status, answer.body) == (200, {"status": "success", "id": 3})
    expected = {"id": 3, "name": "Région", "groups": [], "can_edit": True, "has_puller": False}
    assert (await small.get("/sections/3")).body == expected


async def test_update_section_renames_it(small) -> None:
    """Also to the name that it has."""
    for name in ("Renamed", "Renamed"):
        answer = await small.post("/sections/1", {"name": name})
        assert (answer.status, answer.body) == (200, {"status": "success", "id": 1})
    assert small.emulator.sections[1].name == "Renamed"


async def test_delete_section_takes_its_groups_along(small) -> None:
    """The section and its groups are unknown afterwards."""
    answer = await small.delete("/sections/1")
    assert (answer.status, answer.body) == (200, {"status": "success", "id": 1})
    assert (await small.get("/sections/1")).status == 404
    assert (await small.get("/sections/1/groups/10")).status == 404


async def test_create_group_keeps_the_businesses_in_order_without_repetitions(small) -> None:
    """A group is a set of businesses."""
    answer = await small.post("/sections/1/groups", {"name": "New", "business__in": ["b3", "b1", "b3"]})
    assert (answer.status, answer.body) == (200, {"status": "success", "id": 13})
    group = (await small.get("/sections/1/groups/13")).body
    assert group == {"id": 13, "name": "New", "has_puller": False, "business_ids": ["b3", "b1"]}


async def test_create_group_without_businesses_is_the_documented_trap(small) -> None:
    """Left out, the new group gets every business of the organization; an empty array gives none."""
    everything = await small.post("/sections/1/groups", {"name": "Trap"})
    nothing = await small.post("/sections/1/groups", {"name": "Empty", "business__in": []})
    groups = small.emulator.sections[1].groups
    assert groups[everything.body["id"]].business_ids == ["b1", "b2", "b3"]
    assert groups[nothing.body["id"]].business_ids == []


async def test_update_group_replaces_the_whole_list(small) -> None:
    """Name and businesses are what was sent, whatever they were."""
    answer = await small.post("/sections/1/groups/10", {"name": "Mine", "business__in": ["b3"]})
    assert (answer.status, answer.body) == (200, {"status": "success", "id": 10})
    assert small.emulator.sections[1].groups[10] == EmulatedGroup(10, "Mine", business_ids=["b3"])


async def test_delete_group_leaves_its_businesses(small) -> None:
    """A business that was only in the deleted group can still be put into another one."""
    answer = await small.delete("/sections/2/groups/12")
    assert (answer.status, answer.body) == (200, {"status": "success", "id": 12})
    assert (await small.get("/sections/2/groups/12")).status == 404
    assert (await small.post("/sections/1/groups", {"name": "Heir", "business__in": ["b3"]})).status == 200


@pytest.mark.parametrize("path", ["/sections", "/sections/1", "/sections/1/groups", "/sections/1/groups/10"])
@pytest.mark.parametrize(("name", "message"), NAME_RULES)
async def test_names_are_checked_in_every_write(small, path, name, message) -> None:
    """No comma, semicolon, slash or empty name; unique among the sections, or within the section; a string."""
    answer = await small.post(path, {"name": name, "business__in": []})
    assert (answer.status, answer.body) == (400, {"errors": {"json": {"name": [message]}}})


@pytest.mark.parametrize("path", ["/sections", "/sections/1", "/sections/1/groups", "/sections/1/groups/10"])
async def test_a_name_is_required(small, path) -> None:
    """Also where the real API might keep the old one: no client may come to rely on that."""
    answer = await small.post(path, {"business__in": []})
    assert answer.status == 400
    assert answer.body["errors"]["json"] == {"name": ["Missing data for required field."]}


async def test_group_names_are_unique_within_their_section_only(small) -> None:
    """The scope is not documented; this is the reading that lets "France" be in two sections."""
    assert (await small.post("/sections/2/groups", {"name": "Mine", "business__in": []})).status == 200
    assert (await small.post("/sections/1/groups", {"name": "Mine", "business__in": []})).status == 400


@pytest.mark.parametrize(
    ("businesses", "message"),
    [
        ("b1", "Not a valid list of strings."),
        (None, "Not a valid list of strings."),
        ([1], "Not a valid list of strings."),
        ([["b1"]], "Not a valid list of strings."),
        (["b1", "zz", "no"], "Unknown business id: no (2 in all)."),
    ],
)
@pytest.mark.parametrize("path", ["/sections/1/groups", "/sections/1/groups/10"])
async def test_bad_businesses_are_400(small, path, businesses, message) -> None:
    """Only an array of known ids will do, and a refused write changes nothing."""
    answer = await small.post(path, {"name": "New", "business__in": businesses})
    assert (answer.status, answer.body) == (400, {"errors": {"json": {"business__in": [message]}}})
    assert small.emulator.sections[1].groups[10] == EmulatedGroup(10, "Mine", business_ids=["b1", "b2"])
    assert len(small.emulator.sections[1].groups) == 2


async def test_update_group_requires_the_businesses(small) -> None:
    """What the real API does without them is unknown, so the emulator refuses to guess."""
    answer = await small.post("/sections/1/groups/10", {"name": "Mine"})
    assert answer.body["errors"]["json"] == {"business__in": ["Missing data for required field."]}


WRITES = [
    ("POST", "/sections/{section}"),
    ("DELETE", "/sections/{section}"),
    ("POST", "/sections/{section}/groups"),
    ("POST", "/sections/{section}/groups/{group}"),
    ("DELETE", "/sections/{section}/groups/{group}"),
]


async def _write(api, method: str, path: str):
    options = {"json": {"name": "Changed", "business__in": []}} if method == "POST" else {}
    return await api.send(method, path, **options)


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_read_only_section_refuses_every_write(api, method, path) -> None:
    """can_edit says whether the caller may change the section or one of its groups."""
    before = str(api.emulator.sections[3])
    answer = await _write(api, method, path.format(section=3, group=3))
    assert (answer.status, answer.body) == (403, {"errors": {"authorization": "Operation not allowed"}})
    assert str(api.emulator.sections[3]) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sections/7/groups/41"),
        ("DELETE", "/sections/7/groups/41"),
        ("POST", "/sections/12"),
        ("DELETE", "/sections/12"),
        ("DELETE", "/sections/7"),  # would delete group 41 with it
    ],
)
async def test_what_a_puller_feeds_cannot_be_changed_or_deleted(api, method, path) -> None:
    """has_puller locks a group, and a section; reading stays possible."""
    answer = await _write(api, method, path)
    assert (answer.status, answer.body) == (403, {"errors": {"authorization": "Operation not allowed"}})
    assert (await api.get("/sections/7/groups/41")).status == 200


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_writes_to_the_unknown_and_to_bad_ids(api, method, path) -> None:
    """404 for an id that is not there, 400 for one that is no number."""
    assert (await _write(api, method, path.format(section=999, group=42))).status == 404
    assert (await _write(api, method, path.format(section="x", group=42))).status == 400
    if "{group}" in path:
        # Group 42 exists, but in section 7: a write must not reach it through another one.
        assert (await _write(api, method, path.format(section=5, group=42))).status == 404
        assert (await _write(api, method, path.format(section=5, group="x"))).status == 400


async def test_ids_are_never_given_twice(small) -> None:
    """A stale id stays unknown after a delete, and ids that a test put in by hand are respected."""
    await small.delete("/sections/2/groups/12")
    assert (await small.post("/sections/1/groups", {"name": "A", "business__in": []})).body["id"] == 13
    await small.delete("/sections/2")
    assert (await small.post("/sections", {"name": "B"})).body["id"] == 3
    small.emulator.sections[3].groups[500] = EmulatedGroup(500, "By hand", business_ids=["b9"])
    answer = await small.post("/sections/1/groups", {"name": "C", "business__in": ["b9"]})
    assert answer.body["id"] == 501


@pytest.mark.parametrize("path", ["/sections", "/sections/1", "/sections/1/groups", "/sections/1/groups/10"])
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""])
async def test_a_post_that_is_not_json_is_415(small, path, content_type) -> None:
    """With the documented text."""
    answer = await small.send("POST", path, data=b'{"name": "x"}', headers={"Content-Type": content_type})
    assert answer.status == 415
    assert answer.body == {"errors": {"json": "Unsupported media type. Please use application/json"}}


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_come_with_a_charset_and_in_any_case(small, content_type) -> None:
    """Media types are case-insensitive and have parameters."""
    answer = await small.send("POST", "/sections", data=b'{"name": "x"}', headers={"Content-Type": content_type})
    assert answer.status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nonsense", b"\xff", b"[]", b'"name"', b"null", b"[" * 100_000, b'{"name":' + b"9" * 5000]
)
async def test_a_malformed_body_is_400(small, body) -> None:
    """Anything but a JSON object; the emulator lives on."""
    answer = await small.send("POST", "/sections", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, list(answer.body["errors"]["json"])) == (400, ["_schema"])


@pytest.mark.parametrize(
    ("org_id", "status"), [(1, 200), (1.0, 200), ("1", 200), (1.5, 400), (True, 400), (1e300, 400)]
)
async def test_org_id_is_an_integer_as_json_schema_has_it(small, org_id: object, status: int) -> None:
    """7.0 is one, true and 7.5 are not; digits in a string are, as some clients send them."""
    answer = await small.post("/sections", {"name": "New", "org_id": org_id})
    assert answer.status == status


@pytest.mark.parametrize(
    "body",
    [
        rb'{"name": "\ud800"}',
        rb'{"name": "a\udfff b"}',
        rb'{"name": "a", "other": ["\ud83d"]}',
        b'{"name": "\xed\xa0\x80"}',
        rb'{"\ud800": 1, "name": "a"}',
    ],
)
async def test_half_a_character_is_400(api, body) -> None:
    """No answer in UTF-8 could bring it back, so that the list it is in could never be read again."""
    headers = {"x-APIKey": api.emulator.api_key, "Content-Type": "application/json"}
    for path in ("/sections", "/sections/5", "/sections/5/groups", "/sections/5/groups/1"):
        async with (
            aiohttp.ClientSession() as session,
            session.post(api.emulator.url + path, data=body, headers=headers) as response,
        ):
            assert (response.status, await response.json()) == (
                400,
                {"errors": {"json": {"_schema": ["Invalid JSON body."]}}},
            )
    assert (await api.get("/sections")).status == 200


async def test_a_whole_character_from_two_halves_is_one(api) -> None:
    """A pair of escapes is how JSON writes an emoji."""
    headers = {"x-APIKey": api.emulator.api_key, "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(api.emulator.url + "/sections", data=rb'{"name": "\ud83d\ude00"}', headers=headers) as response,
    ):
        assert response.status == 200
    assert any(section.name == "\U0001f600" for section in api.emulator.sections.values())
