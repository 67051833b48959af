"""The endpoints as values: each operation is sent to one of them, and its events carry the template."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from partoo_async import HoldEvent, PartooClient, PauseEvent, RequestEvent, RetryEvent
from partoo_async._protocol import business_query, operations, routes
from partoo_async._protocol.routes import Route, resource_path, template_of
from tests.support.common import FAST
from tests.support.each import each

if TYPE_CHECKING:
    from partoo_async._protocol.operations import Operation
    from partoo_async.emulator import Emulator
    from partoo_async.events import Event

ROUTES = {name: value for name, value in vars(routes).items() if isinstance(value, Route)}
OPERATIONS: list[Operation[Any]] = [
    operations.get_group(7, 42),
    operations.create_group(7, name="France", business_ids=[]),
    operations.update_group(7, 42, name="France", business_ids=[]),
    operations.delete_group(7, 42),
    operations.get_section(7),
    operations.list_sections(page=1, org_id=None, group_name_query=None),
    operations.create_section(name="France", org_id=None),
    operations.update_section(7, name="France"),
    operations.delete_section(7),
    business_query.get_business("7", None),
    business_query.search_businesses(page=1, per_page=100, status=("open",)),
]


def test_each_operation_has_its_route() -> None:
    """No two operations share a route, no route is without one, and path and template differ in the ids only."""
    assert sorted(one.request.template for one in OPERATIONS) == sorted(route.template for route in ROUTES.values())
    # Without MarkedSection, Operation, as_it_came, custom, get_marked_section, read_model; with the two of businesses.
    assert len(OPERATIONS) == len(operations.__all__) - 6 + 2
    for operation in OPERATIONS:
        template = re.sub(r"\{(section|business)_id\}", "7", operation.request.template).replace("{group_id}", "42")
        assert operation.request.route == template


@each("name", ROUTES)
def test_custom_requests_find_their_template(name: str) -> None:
    """A request that is written by hand has the template of the operation that it stands for."""
    route = ROUTES[name]
    path = re.sub(r"\{\w+\}", "7", route.path)
    operation = operations.custom(route.method, path, params={"page": 2}, json=None, idempotent=None)
    assert operation.request.template == route.template


@each(
    ("path", "template"),
    [
        ("/business/search", "GET /business/search"),
        ("/business/5c8f7e3b9d1a2f0012345678", "GET /business/{business_id}"),
        ("/business/c-paris%2Fnord", "GET /business/{business_id}"),
        ("/business", ""),
        ("/sections/7/", ""),
        ("/sections/7/groups/42/more", ""),
        ("/feedback/feedback_form/12", ""),
        ("/", ""),
    ],
)
def test_template_of(path: str, template: str) -> None:
    """A template holds no ids; it is empty where it is not known which parts of a path are ids."""
    assert template_of("GET", path) == template


@each(
    ("path", "plain"),
    [
        ("/sections", "/sections"),
        ("/sections/?page=2", "/sections"),
        ("/sections/7", "/sections/7"),
        ("/sections/000", "/sections/0"),
        ("/sections//07/groups/", "/sections/7/groups"),
        ("/sections/07/groups/%34%32", "/sections/7/groups/42"),
        ("/sections/7%2Fgroups%252F42", "/sections/7/groups/42"),
        ("/sections/x", None),
        ("/sections/\uff17", None),
        ("/sections/7/groups/42/more", None),
        ("/sections/7/members", None),
        ("/business/7", None),
        ("/", None),
    ],
)
def test_resource_path(path: str, plain: str | None) -> None:
    """However a path of a section or a group is written, it is found; any other may be about anything."""
    assert resource_path(path) == plain


async def test_events_carry_the_template(emulator: Emulator) -> None:
    """Each kind of event of a call has the route with its ids, and the template without."""
    events: list[Event] = []
    emulator.faults.add("rate_limited", retry_after=0, times=1)
    emulator.faults.add("status", status=500, times=1)
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, on_event=events.append) as client:
        await client.groups.get(7, 42)
    assert {type(event) for event in events} == {RequestEvent, RetryEvent, PauseEvent}
    assert {event.route for event in events} == {"GET /sections/7/groups/42"}
    assert {event.template for event in events} == {"GET /sections/{section_id}/groups/{group_id}"}


def test_the_template_may_be_left_out() -> None:
    """An event that a test of an application makes by hand needs none."""
    assert HoldEvent("GET /sections/7", 0.0, "APIConnectionError").template == ""
