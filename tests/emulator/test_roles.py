"""Keys of several roles and organizations: what each may see and change."""

from __future__ import annotations

import re
from typing import Any

import pytest

from partoo_async import ConfigurationError, PartooClient, PermissionDeniedError, RateLimit
from partoo_async.emulator import Behaviour, EmulatedBusiness, EmulatedGroup, EmulatedKey, EmulatedSection
from partoo_async.emulator.data.keys import Caller
from tests.support.each import each

FORBIDDEN = {"errors": {"authorization": "Operation not allowed"}}
UNKNOWN = {"errors": {"json": "Resource not found"}}

WRITES = [
    ("POST", "/sections", {"name": "New"}),
    ("POST", "/sections/1", {"name": "Renamed"}),
    ("POST", "/sections/1/groups", {"name": "New", "business__in": []}),
    ("POST", "/sections/1/groups/10", {"name": "Changed", "business__in": []}),
    ("DELETE", "/sections/1/groups/10", None),
    ("DELETE", "/sections/1", None),
]
READS = ["/sections", "/sections/1", "/sections/1/groups/10", "/business/search", "/business/a"]


def two_organizations() -> list[EmulatedSection]:
    """Organization 1 has section 1 with group 10, organization 2 section 2 with group 20."""
    mine = {10: EmulatedGroup(10, "France", business_ids=["a", "b"])}
    theirs = {20: EmulatedGroup(20, "France", business_ids=["x"])}
    return [EmulatedSection(1, "Country", mine), EmulatedSection(2, "Country", theirs, org_id=2)]


@pytest.fixture
async def api_of(serve):
    """A function that starts an emulator and returns an ``Api`` whose key is the given one."""

    async def start(key: Any, **arguments: Any) -> Any:
        data = {"sections": two_organizations(), "rate_limit": None} | arguments
        return await serve(api_keys={"emulator-key": key}, **data)

    return start


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("role", ["provider", "org_admin", "org_manager", "group_manager"])
async def test_group_managers_and_above_may_write(api_of, role, method, path, body) -> None:
    """Documented for renaming a section and deleting a group, assumed for the other writes."""
    api = await api_of(role)
    answer = await api.send(method, path, **({} if body is None else {"json": body}))
    assert (answer.status, answer.body["status"]) == (200, "success")
    assert (await api.get("/sections")).status == 200


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("key", ["business_manager", "publisher", EmulatedKey(read_only=True)], ids=str)
async def test_others_may_only_read(api_of, key, method, path, body) -> None:
    """Every write is refused with the documented body, even one of an unknown section, and changes nothing."""
    api = await api_of(key)
    before = str(api.emulator.sections)
    for target in (path, path.replace("/1", "/99")):
        answer = await api.send(method, target, **({} if body is None else {"json": body}))
        assert (answer.status, answer.body) == (403, FORBIDDEN)
    assert str(api.emulator.sections) == before


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("role", ["business_manager", "publisher", "group_manager", "provider"])
async def test_every_role_may_read(api_of, role, path) -> None:
    """Sections, groups and businesses of its own organization."""
    assert (await (await api_of(role)).get(path)).status == 200


@pytest.mark.parametrize(
    ("key", "expected"), [("group_manager", True), ("business_manager", False), (EmulatedKey(read_only=True), False)]
)
async def test_can_edit_speaks_of_the_caller(api_of, key, expected) -> None:
    """A section says whether this very key may change it, in a list and by its id."""
    api = await api_of(key)
    assert (await api.get("/sections/1")).body["can_edit"] is expected
    assert (await api.get("/sections")).body["sections"][0]["can_edit"] is expected


@pytest.mark.parametrize(("org_id", "sections"), [(None, [1]), (1, [1]), (2, [2]), (3, [])])
async def test_a_provider_chooses_the_organization(api_of, org_id, sections) -> None:
    """Its own without ``org_id``; businesses are chosen like sections."""
    api = await api_of("provider")
    query = {} if org_id is None else {"params": {"org_id": org_id}}
    assert [section["id"] for section in (await api.get("/sections", **query)).body["sections"]] == sections
    found = (await api.get("/business/search", **query | {})).body["businesses"]
    assert {business["org_id"] for business in found} <= set(sections)


@pytest.mark.parametrize("role", ["org_admin", "org_manager", "group_manager", "business_manager", "publisher"])
async def test_org_id_of_others_is_their_own(api_of, role) -> None:
    """Documented: who is no provider falls back to the organization of the key, whatever is asked for."""
    api = await api_of(EmulatedKey(role, org_id=2))
    answer = await api.get("/sections", params={"org_id": 1})
    assert [section["id"] for section in answer.body["sections"]] == [2]


@pytest.mark.parametrize(("key", "owner"), [("provider", 2), ("org_admin", 1)])
@pytest.mark.parametrize("org_id", [2, "2"])
async def test_a_section_is_created_in_the_organization_asked_for(api_of, key, owner, org_id) -> None:
    """By a provider; for others it is their own. Some clients send the number as a string."""
    api = await api_of(key)
    answer = await api.post("/sections", {"name": "New", "org_id": org_id})
    assert api.emulator.sections[answer.body["id"]].org_id == owner


@pytest.mark.parametrize("org_id", ["x", "", True, 1.5, [2], -1, 2**63])
async def test_a_bad_org_id_is_400(api_of, org_id) -> None:
    """In the body of a new section, and in the query of a list."""
    api = await api_of("provider")
    answer = await api.post("/sections", {"name": "New", "org_id": org_id})
    assert (answer.status, list(answer.body["errors"]["json"])) == (400, ["org_id"])
    assert (await api.get("/sections?org_id=x")).status == 400


@pytest.mark.parametrize(
    ("method", "path", "body"), [("GET", path, None) for path in ("/sections/2", "/business/x")] + WRITES[1:]
)
async def test_another_organization_s_things_are_unknown(api_of, method, path, body) -> None:
    """As unknown as those that are not there, and safe from every write."""
    api = await api_of("org_admin")
    before = str(api.emulator.sections[2])
    answer = await api.send(method, path.replace("/1", "/2"), **({} if body is None else {"json": body}))
    assert (answer.status, answer.body) == (404, UNKNOWN)
    assert str(api.emulator.sections[2]) == before


async def test_a_provider_reaches_every_organization(api_of) -> None:
    """By the ids of sections, groups and businesses; names and businesses of one are not in the other's way."""
    api = await api_of("provider")
    assert (await api.get("/sections/2/groups/20")).body["business_ids"] == ["x"]
    assert (await api.get("/business/x")).body["org_id"] == 2
    everything = await api.post("/sections/2/groups", {"name": "Everything"})
    assert api.emulator.sections[2].groups[everything.body["id"]].business_ids == ["x"]
    foreign = await api.post("/sections/2/groups", {"name": "Foreign", "business__in": ["a"]})
    assert foreign.body["errors"]["json"] == {"business__in": ["Unknown business id: a (1 in all)."]}


async def test_each_organization_has_its_own_quota(serve) -> None:
    """The keys of one share it; a provider's requests to others are on its own account."""
    keys = {"colleague": "publisher", "other": EmulatedKey(org_id=2), "provider": EmulatedKey("provider", org_id=3)}
    api = await serve(sections=two_organizations(), api_keys=keys, rate_limit=RateLimit(1, 60.0))

    async def status(key: str, path: str) -> int:
        return (await api.get(path, headers={"x-APIKey": key})).status

    assert [await status("emulator-key", "/sections/1"), await status("colleague", "/sections/1")] == [200, 429]
    assert [await status("other", "/sections/2"), await status("other", "/sections/2")] == [200, 429]
    assert [await status("provider", "/sections/1"), await status("provider", "/sections/2")] == [200, 429]


async def test_a_key_is_used_from_its_whitelist_only(serve) -> None:
    """Addresses and networks, of either version; none means no limit."""
    keys = {
        "here": EmulatedKey(ip_whitelist=["203.0.113.7", "127.0.0.0/8", "::1"]),
        "elsewhere": EmulatedKey(ip_whitelist=["203.0.113.7", "2001:db8::/32"]),
    }
    api = await serve(api_keys=keys)
    statuses = [(await api.get("/sections", headers={"x-APIKey": key})).status for key in keys]
    assert statuses == [200, 403]


@each(
    ("address", "expected"),
    [("203.0.113.7", True), ("::ffff:203.0.113.7", True), ("203.0.114.1", False), (None, False), ("nowhere", False)],
)
def test_addresses_are_compared_as_addresses(address, expected) -> None:
    """A socket for both versions reports an IPv4 address inside an IPv6 one."""
    assert Caller("key-1", EmulatedKey(ip_whitelist=["203.0.113.0/24"])).comes_from(address) is expected


@pytest.mark.parametrize(
    ("accesses", "expected"),
    [
        (None, {"a", "b", "c", "d"}),
        ([[1]], {"a", "b"}),
        ([[1, 2]], {"a", "b", "c"}),
        ([[1, 3]], {"b"}),
        ([[1, 2, 3]], {"b", "c"}),
        ([[1, 3], [2]], {"b", "c"}),
        ([[1, 9]], {"a", "b"}),  # group 9 was deleted
        ([[9]], set()),
        ([], set()),
    ],
)
async def test_a_group_manager_sees_the_businesses_of_its_accesses(api_of, accesses, expected) -> None:
    """OR inside a section, AND across; several accesses are alternatives. The rest is not found, nor by id or code."""
    first = {1: EmulatedGroup(1, "A", business_ids=["a", "b"]), 2: EmulatedGroup(2, "B", business_ids=["c"])}
    second = {3: EmulatedGroup(3, "C", business_ids=["b", "c", "d"])}
    api = await api_of(
        EmulatedKey("group_manager", accesses=accesses),
        sections=[EmulatedSection(1, "One", first), EmulatedSection(2, "Two", second)],
        businesses=[EmulatedBusiness(name, code=name.upper()) for name in "abcd"],
    )
    found = {business["id"] for business in (await api.get("/business/search")).body["businesses"]}
    assert found == expected
    for name in "abcd":
        assert (await api.get(f"/business/{name}")).status == (200 if name in expected else 404)
        assert (await api.get(f"/business/c-{name.upper()}")).status == (200 if name in expected else 404)


async def test_the_client_meets_the_same_refusals(api_of) -> None:
    """A business manager's client reads, and a write is a PermissionDeniedError that names the server."""
    api = await api_of("business_manager", behaviour=Behaviour())
    async with PartooClient(api.emulator.api_key, server=api.emulator.server) as partoo:
        section = await partoo.sections.get(1)
        assert not section.can_edit
        with pytest.raises(PermissionDeniedError, match="emulator"):
            await partoo.groups.delete(1, 10)


@each(
    ("arguments", "message"),
    [
        ({"role": "boss"}, "role: expected 'provider' or 'org_admin' or "),
        ({"role": ["provider"]}, "role: expected 'provider'"),
        ({"org_id": "1"}, "org_id: expected an int of at least 0, not str"),
        ({"read_only": 1}, "read_only: expected True or False, not 1"),
        ({"expired": None}, "expired: expected True or False, not NoneType"),
        ({"ip_whitelist": "127.0.0.1"}, "ip_whitelist: expected several addresses or networks, not str"),
        (
            {"ip_whitelist": ["here"]},
            "ip_whitelist: expected addresses or networks such as '203.0.113.0/24', not 'here'",
        ),
        ({"accesses": [[1]]}, "accesses: expected with role='group_manager' only, not with 'org_admin'"),
        ({"role": "group_manager", "accesses": [1]}, "accesses: expected lists of group ids such as [[1, 2], [1, 3]]"),
        ({"role": "group_manager", "accesses": 1}, "accesses: expected lists of group ids"),
        ({"role": "group_manager", "accesses": [[]]}, "accesses: expected at least one group id in each"),
        ({"role": "group_manager", "accesses": [["1"]]}, "accesses: expected an int of at least 0, not str"),
    ],
)
def test_a_bad_key_is_one_clear_error(arguments, message) -> None:
    """The error names the field, and what it takes."""
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        EmulatedKey(**arguments)
