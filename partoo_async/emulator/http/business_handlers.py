"""The two operations on businesses. Documentation: the pages "Search for businesses" and "Get business"."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import field, frozen

from partoo_async.emulator.data.business_index import BusinessIndex
from partoo_async.emulator.data.search import Criteria, statuses_of
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.domain_errors import ForbiddenError, InvalidError
from partoo_async.emulator.http import http_io
from partoo_async.emulator.http.group_json import business_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiohttp import web

    from partoo_async.emulator.data.entities import EmulatedBusiness

__all__ = ["BusinessHandlers"]

# Parameters that are fields of Criteria under the same name.
_TEXTS = ("query", "name", "city", "zipcode", "country", "order_by")


@frozen
class BusinessHandlers:
    """One method for each operation."""

    store: Store
    index: BusinessIndex
    # One request prepares while others wait: two at once would take turns that are twice as long.
    _preparing: asyncio.Lock = field(init=False, factory=asyncio.Lock)

    # First, since the pattern of the other one matches this path too.
    @http_io.serves("GET", "/business/search")
    async def search(self, request: web.Request) -> web.Response:
        """Handle GET /business/search."""
        caller = http_io.caller_of(request)
        page, size = http_io.query_int(request, "page", 1), http_io.per_page(request)
        # Documented: only a provider may name an organization; others search their own.
        org_id = caller.organization(http_io.query_int(request, "org_id", None))
        await self._prepare(self.index.preparing(org_id))  # all that follows sees the data at one moment
        criteria = self._criteria(request, org_id)
        ids = http_io.query_list(request, "business__in")
        found = self.index.find(criteria, caller, org_id, ids)
        if criteria.order_by is None and self.store.behaviour.search_order == "shuffled":
            found = self.index.shuffled(found)
        if self.store.behaviour.search_shifts and len(found) > size:
            found = self.index.shifted(found)
        shown, place = http_io.paginate(found, page, size, self.store.behaviour.page_past_end)
        items = ",".join(self._sent(shown, org_id))
        return http_io.bytes_response(f'{{"businesses":[{items}],{http_io.to_json(place)[1:]}'.encode())

    @http_io.serves("GET", "/business/{business_id}")
    async def get_business(self, request: web.Request) -> web.Response:
        """Handle GET /business/{business_id}."""
        caller = http_io.caller_of(request)
        wanted = request.match_info["business_id"]
        # Documented: `c-` and a store code may stand for the id, for some roles.
        if wanted.startswith("c-"):
            if not caller.by_code:
                raise ForbiddenError
            await self._prepare(self.index.preparing(caller.organization(None)))
            business = self.index.get_by_code(wanted.removeprefix("c-"), caller)
        else:
            business = self.index.get(wanted, caller)
        await self._prepare(self.index.preparing_groups(business.org_id))
        (item,) = self._sent([business], business.org_id)
        return http_io.bytes_response(item.encode())

    async def _prepare(self, steps: Iterator[None]) -> None:
        async with self._preparing:
            for _ in steps:
                await asyncio.sleep(0)  # seconds, for a million groups, in which other requests are answered

    def _sent(self, businesses: Sequence[EmulatedBusiness], org_id: int) -> list[str]:
        behaviour = self.store.behaviour
        # Those that say which groups they are in.
        telling = businesses if behaviour.business_groups else []
        if behaviour.business_groups == "open":
            telling = [business for business in businesses if business.status == "open"]
        groups = self.index.groups_of((business.id for business in telling), org_id)
        return [business_json(business, groups.get(business.id), behaviour.status_spelling) for business in businesses]

    def _criteria(self, request: web.Request, org_id: int) -> Criteria:
        statuses = http_io.query_list(request, "status")
        if statuses is None and not self.store.behaviour.search_closed:
            # Documented for the statistics of a search only. It hides businesses that a group lists.
            statuses = ["open"]
        return Criteria(
            in_groups=self._in_groups(request, org_id),
            statuses=None if statuses is None else statuses_of(statuses, self.store.behaviour.status_spelling),
            # The documentation has a filter by one code, and one by several whose name could not be seen. Here it is
            # one parameter for both.
            codes=http_io.query_list(request, "code"),
            modified_from=http_io.query_number(request, "modified__gte"),
            **{name: request.query.get(name) for name in _TEXTS},
        )

    def _in_groups(self, request: web.Request, org_id: int) -> set[str] | None:
        values = http_io.query_list(request, "groups")
        if values is None:
            return None
        found, missing = self.index.members([http_io.integer("groups", value) for value in values], org_id)
        # To ignore a group that is gone would find more businesses than were asked for.
        if missing or not values:
            raise InvalidError("groups", f"Unknown group id: {min(missing)}." if missing else "No group id.")
        return found
