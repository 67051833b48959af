"""A Partoo of another make, for what scans read: aiohttp.web, written from the API's documentation alone.

It has nothing in common with the emulator, so that a mistake in one of them is no rule of the other.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Self

from aiohttp import web
from hypothesis import strategies as st

from partoo_async import PartooClient
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.common import FAST, TLS

KEY = "fake-key"
STATUSES = ("open", "closed", "opening_soon", "away")
AWAY = ("temporarily_closed", "closed_temporarily")  # the two documented spellings of the last one

SECTIONS = "/sections"
SECTION = "/sections/{section_id}"
GROUP = "/sections/{section_id}/groups/{group_id}"
SEARCH = "/business/search"
BUSINESS = "/business/{business_id}"


@dataclass
class FakeBusiness:
    """A business. ``hidden``: groups list it, and nothing else shows it. ``told``: the groups that it says, None for
    those that list it, () to leave the field out."""

    id: str
    status: str = "open"
    hidden: bool = False
    told: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        return f"Shop {self.id}"


@dataclass
class FakeGroup:
    id: int
    section_id: int
    members: list[str] = field(default_factory=list)
    has_puller: bool = False

    @property
    def name(self) -> str:
        return f"Group {self.id}"


@dataclass
class Organization:
    """Everything there is. The order of ``businesses`` is that of the pages."""

    sections: list[int] = field(default_factory=list)
    groups: dict[int, FakeGroup] = field(default_factory=dict)
    businesses: dict[str, FakeBusiness] = field(default_factory=dict)

    def truth(self) -> dict[tuple[int, int], frozenset[str]]:
        """The businesses of each group, by section id and group id."""
        return {(group.section_id, group.id): frozenset(group.members) for group in self.groups.values()}

    def listed(self) -> dict[tuple[int, int], frozenset[str]]:
        """The same, by what the businesses say that the key may read."""
        said: dict[int, set[str]] = {group_id: set() for group_id in self.groups}
        for one in self.businesses.values():
            for group_id in () if one.hidden else self.groups_of(one):
                said.get(group_id, set()).add(one.id)
        return {(group.section_id, group.id): frozenset(said[group.id]) for group in self.groups.values()}

    def groups_of(self, business: FakeBusiness) -> tuple[int, ...]:
        """The groups that a business says it is in."""
        if business.told is not None:
            return business.told
        return tuple(group.id for group in self.groups.values() if business.id in group.members)

    def names(self) -> dict[str, str]:
        """The name of each business that can be seen."""
        return {business.id: business.name for business in self.businesses.values() if not business.hidden}


# What may happen to the list between two of its pages


def leaves(organization: Organization) -> None:
    """The first business goes: those behind it move up, and one of them is on no page."""
    for one in list(organization.businesses)[:1]:
        del organization.businesses[one]
        for group in organization.groups.values():
            group.members = [member for member in group.members if member != one]


def comes(organization: Organization) -> None:
    """One comes, before all others and into the first group: the last of this page is on the next one again."""
    business = FakeBusiness(f"new{len(organization.businesses)}")
    organization.businesses = {business.id: business, **organization.businesses}
    for group in list(organization.groups.values())[:1]:
        group.members.append(business.id)


def moves(organization: Organization) -> None:
    """The first one becomes the last: there are as many as before, of which one is twice on pages, and one on none."""
    for one in list(organization.businesses)[:1]:
        organization.businesses[one] = organization.businesses.pop(one)


def swaps(organization: Organization) -> None:
    """The first one goes, and another one comes at the end: no count and no business that comes twice tells of it."""
    leaves(organization)
    business = FakeBusiness(f"late{len(organization.businesses)}")
    organization.businesses[business.id] = business


Shift = Callable[[Organization], None]
SHIFTS: tuple[Shift, ...] = (leaves, comes, moves, swaps)


class Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: int, detail: object) -> None:
        self.status, self.detail = status, detail


@dataclass
class FakePartoo:
    """The server. ``async with`` runs it; without that, clients of it need no sockets, and work in virtual time, too.

    ``asked`` counts the requests by route, ``queries`` has the parameters of each search. ``shifts``: what happens
    after a page that is not the last one, one after the other. ``broken``: paths with the status they answer. Without
    sockets only: ``late``, the most seconds until a request is answered, and ``meanwhile``, which is called then with
    the path, and may raise or return another answer.
    """

    organization: Organization
    shifts: Iterable[Shift] = ()
    tells_groups: bool = True
    may_search: bool = True
    spellings: tuple[str, ...] = AWAY
    most_per_page: int = 100
    max_page: bool = True
    count: bool = True
    broken: dict[str, int] = field(default_factory=dict)
    late: float = 0.0
    meanwhile: Callable[[str], MockResponse | None] = lambda _: None
    asked: Counter[str] = field(default_factory=Counter)
    queries: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    _ROUTES: ClassVar = (
        (re.compile(r"/sections"), SECTIONS, "_sections"),
        (re.compile(r"/sections/(\d+)"), SECTION, "_section"),
        (re.compile(r"/sections/(\d+)/groups/(\d+)"), GROUP, "_group"),
        (re.compile(r"/business/search"), SEARCH, "_search"),
        (re.compile(r"/business/([^/]+)"), BUSINESS, "_business"),
    )

    def __post_init__(self) -> None:
        self._to_come = iter(self.shifts)

    @property
    def requests(self) -> int:
        return sum(self.asked.values())

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/v2{path:/.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v2"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        if request.headers.get("X-APIKEY") != KEY:
            return web.json_response({"error": {"authentication": "User not authenticated"}}, status=401)
        status, body = self.respond(request.match_info["path"], request.query)
        return web.json_response(body, status=status)

    def client(self, **options: Any) -> PartooClient:
        """Return a client of it, over HTTP if it runs."""

        chance = Random(0)

        async def handle(request: MockRequest) -> MockResponse:
            if self.late:
                await asyncio.sleep(chance.uniform(0, self.late))
            return self.meanwhile(request.path) or MockResponse(*self.respond(request.path, request.params))

        options = {"rate_limit": None, "retry": FAST} | options
        if self.url:
            return PartooClient(KEY, server=self.url, ssl_context=TLS, **options)
        return PartooClient(KEY, server="http://127.0.0.1:9/v2", transport=MockTransport(handle), **options)

    def respond(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        for pattern, route, name in self._ROUTES:
            found = pattern.fullmatch(path)
            if found:
                self.asked[route] += 1
                try:
                    if path in self.broken:
                        raise Refused(self.broken[path], "broken")
                    return 200, getattr(self, name)(query, *found.groups())
                except Refused as refused:
                    place = "authorization" if refused.status == 403 else "json"
                    return refused.status, {"error": {place: refused.detail}}
        return 404, {"error": {"json": "Resource not found"}}

    # The operations

    def _sections(self, query: Mapping[str, str]) -> Any:
        shown = [self._section_object(section_id) for section_id in self.organization.sections]
        return self._page("sections", shown, query, 30)

    def _section(self, _: object, section_id: str) -> Any:
        return self._section_object(_known(int(section_id), self.organization.sections))

    def _section_object(self, section_id: int) -> dict[str, Any]:
        groups = [group for group in self.organization.groups.values() if group.section_id == section_id]
        summaries = [{"has_puller": one.has_puller, "name": one.name, "id": one.id} for one in groups]
        return {"groups": summaries, "has_puller": False, "can_edit": True, "name": f"S{section_id}", "id": section_id}

    def _group(self, _: object, section_id: str, group_id: str) -> Any:
        group = self.organization.groups[_known(int(group_id), self.organization.groups)]
        _known(int(section_id), [group.section_id])
        return {
            "business_ids": list(group.members),
            "has_puller": group.has_puller,
            "name": group.name,
            "id": group.id,
        }

    def _business(self, _: object, business_id: str) -> Any:
        business = self.organization.businesses[_known(business_id, self.organization.businesses)]
        if business.hidden:
            raise Refused(404, "Resource not found")
        return self._business_object(business)

    def _search(self, query: Mapping[str, str]) -> Any:
        self.queries.append(dict(query))
        if not self.may_search:
            raise Refused(403, "Operation not allowed")
        found = [one for one in self.organization.businesses.values() if not one.hidden]
        wanted = self._statuses(query.get("status", "open").split(","))
        found = [one for one in found if one.status in wanted]
        if "business__in" in query:
            ids = set(query["business__in"].split(","))
            found = [one for one in found if one.id in ids]
        if "groups" in query:
            members = self._members({int(number) for number in query["groups"].split(",")})
            found = [one for one in found if one.id in members]
        page = self._page("businesses", found, query, 30)
        page["businesses"] = [self._business_object(one) for one in page["businesses"]]
        size = self._size(query, 30)
        if "business__in" not in query and len(found) > _number(query, "page", 1) * size:
            next(self._to_come, _nothing)(self.organization)
        return page

    # What they have in common

    def _statuses(self, asked: list[str]) -> set[str]:
        known = {**{status: status for status in STATUSES[:3]}, **dict.fromkeys(self.spellings, STATUSES[3])}
        if not known.keys() >= set(asked):
            raise Refused(400, {"status": ["Must be one of: " + ", ".join(known)]})
        return {known[status] for status in asked}

    def _members(self, group_ids: set[int]) -> set[str]:
        """Groups of one section are alternatives; of each section that is named there must be one."""
        sections: dict[int, set[str]] = {}
        for group_id in group_ids:
            group = self.organization.groups[_known(group_id, self.organization.groups)]
            sections.setdefault(group.section_id, set()).update(group.members)
        return set.intersection(*sections.values())

    def _business_object(self, business: FakeBusiness) -> dict[str, Any]:
        status = self.spellings[0] if business.status == STATUSES[3] else business.status
        shown = {"name": business.name, "status": status, "id": business.id, "org_id": 5, "city": None, "code": None}
        if business.told == () or not self.tells_groups:
            return shown
        return {**shown, "groups": list(self.organization.groups_of(business))}

    def _size(self, query: Mapping[str, str], default: int) -> int:
        return max(1, min(_number(query, "per_page", default), self.most_per_page))

    def _page(self, what: str, items: list[Any], query: Mapping[str, str], default: int) -> dict[str, Any]:
        number, size = max(_number(query, "page", 1), 1), self._size(query, default)
        page: dict[str, Any] = {"page": number}
        if self.max_page:
            page["max_page"] = max(-(-len(items) // size), 1)
        if self.count:
            page["count"] = len(items)
        return {**page, what: items[(number - 1) * size : number * size]}


def _nothing(_: Organization) -> None: ...


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise Refused(400, {name: ["Not a valid integer."]}) from None


def _known(wanted: Any, there: Iterable[Any]) -> Any:
    if wanted not in there:
        raise Refused(404, "Resource not found")
    return wanted


# Random organizations


FLAWS = ("none", "none", "hidden", "silent", "wrong")


@st.composite
def organizations(draw: st.DrawFn, *, flaws: tuple[str, ...] = FLAWS) -> Organization:
    """Up to 4 sections, 12 groups, some of them empty, and 40 businesses, some in no group. With a flaw some of them
    are hidden, say nothing of their groups, or name the wrong ones."""
    # Sizes are drawn, which shrink; what they are of is chance, since sets that are drawn are mostly empty.
    sections = [7 * number for number in range(1, draw(st.integers(1, 4)) + 1)]
    ids = [f"b{number:02}" for number in range(draw(st.sampled_from((0, 1, 5, 9, 23, 40))))]
    group_ids = range(100, 100 + draw(st.sampled_from((0, 1, 4, 7, 10, 12))))
    flaw, chance = draw(st.sampled_from(flaws)), Random(draw(st.integers(0, 2**16)))
    made = Organization(sections)
    for group_id in group_ids:
        members = chance.sample(ids, min(len(ids), chance.choice((0, 1, 3, 12, 40))))
        made.groups[group_id] = FakeGroup(group_id, chance.choice(sections), members, chance.random() < 0.2)
    made.businesses = {one: FakeBusiness(one, chance.choice(STATUSES)) for one in chance.sample(ids, len(ids))}
    for one in chance.sample(ids, min(len(ids), chance.randint(1, 3))) if flaw != "none" else ():
        made.businesses[one].hidden = flaw == "hidden"
        if flaw != "hidden":
            said = chance.sample(group_ids, min(len(group_ids), 2)) or [99]
            made.businesses[one].told = () if flaw == "silent" else tuple(said)
    return made
