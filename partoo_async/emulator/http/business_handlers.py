"""The two operations that tell a holder of business ids what they stand for.

Paths, parameters and fields: the pages "Search for businesses" and "Get business" of the API reference, and the guide
on groups for the logic of the filter by group.
"""

from __future__ import annotations

from aiohttp import web
from attrs import frozen

from partoo_async.emulator.data.business_index import Directory
from partoo_async.emulator.data.businesses import as_json
from partoo_async.emulator.data.pages import paginate
from partoo_async.emulator.data.search import Criteria, statuses_of
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.domain_errors import ForbiddenError, InvalidError
from partoo_async.emulator.http.handlers import BASE_PATH
from partoo_async.emulator.http.http_io import (
    caller_of,
    integer,
    json_answer,
    per_page,
    query_int,
    query_list,
    query_number,
    query_org,
)

__all__ = ["BusinessOperations"]


@frozen
class BusinessOperations:
    """One method per operation of the API, on the businesses of one store."""

    store: Store
    directory: Directory

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of both operations, under the base path."""
        return [
            # Before the other one, whose pattern fits it, too.
            web.get(f"{BASE_PATH}/business/search", self.search, allow_head=False),
            web.get(f"{BASE_PATH}/business/{{business_id}}", self.get_business, allow_head=False),
        ]

    async def search(self, request: web.Request) -> web.Response:
        """Answer GET /business/search; ``org_id`` counts for a provider only, others search their organization."""
        caller = caller_of(request)
        page, size = query_int(request, "page", 1), per_page(request)
        org_id = caller.organization(query_org(request))
        found = self._criteria(request, org_id).find(self.directory.seen_by(caller, org_id))
        shown = paginate(found, page, size, self.store.behaviour.page_past_end)
        groups = self.directory.groups_of((business.id for business in shown.items), org_id)
        return json_answer(
            {
                "businesses": [as_json(business, groups[business.id]) for business in shown.items],
                "page": shown.page,
                "max_page": shown.max_page,
                "count": shown.count,
            }
        )

    async def get_business(self, request: web.Request) -> web.Response:
        """Answer GET /business/{business_id}, in which ``c-`` and a store code may stand for the id."""
        caller = caller_of(request)
        wanted = request.match_info["business_id"]
        if wanted.startswith("c-"):
            if not caller.by_code:
                raise ForbiddenError
            business = self.directory.get_by_code(wanted.removeprefix("c-"), caller)
        else:
            business = self.directory.get(wanted, caller)
        groups = self.directory.groups_of([business.id], business.org_id)
        return json_answer(as_json(business, groups[business.id]))

    def _criteria(self, request: web.Request, org_id: int) -> Criteria:
        query = request.query
        statuses = query_list(request, "status")
        if statuses is None and not self.store.behaviour.search_closed:
            # Documented for the statistics of a search; it hides businesses that a group lists.
            statuses = ["open"]
        return Criteria(
            ids=query_list(request, "business__in"),
            in_groups=self._in_groups(request, org_id),
            statuses=None if statuses is None else statuses_of(statuses),
            query=query.get("query"),
            name=query.get("name"),
            city=query.get("city"),
            zipcode=query.get("zipcode"),
            country=query.get("country"),
            code=query.get("code"),
            modified_from=query_number(request, "modified__gte"),
            order_by=query.get("order_by"),
        )

    def _in_groups(self, request: web.Request, org_id: int) -> set[str] | None:
        values = query_list(request, "groups")
        if values is None:
            return None
        found, missing = self.directory.members([integer("groups", value) for value in values], org_id)
        # To pass over a group that is gone would widen what is found.
        if missing or not values:
            raise InvalidError("groups", f"Unknown group id: {min(missing)}." if missing else "No group id.")
        return found
