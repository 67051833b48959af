"""Businesses: ``client.businesses``, and the search that it shares with scans."""

from __future__ import annotations

from copy import copy
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async._internal.hints import to_iterate
from partoo_async._protocol.business_query import (
    check_business_texts,
    check_group_ids,
    get_business,
    search_businesses,
    status_forms,
    url_parts,
)
from partoo_async.errors import BadRequestError
from partoo_async.models import BusinessPage
from partoo_async.resources.base import Resource
from partoo_async.resources.paging import PageWalk, each_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
    from datetime import datetime

    from partoo_async._protocol.operations import Operation
    from partoo_async.models import Business
    from partoo_async.session import PartooSession

__all__ = ["BusinessSearch", "Businesses"]

_Send: TypeAlias = "Callable[[Operation[BusinessPage]], Awaitable[BusinessPage]]"


class BusinessSearch:
    """A search for businesses, page by page. The arguments are those of ``Businesses.search``."""

    def __init__(
        self,
        session: PartooSession,
        *,
        ids: Iterable[str] | None = None,
        codes: Iterable[str] | None = None,
        groups: int | str | Iterable[int | str] | None = None,
        status: str | Iterable[str] | None = None,
        **query: Any,
    ) -> None:
        self._learnt = session.context.status_form
        self._server = session.settings.server
        self._forms = status_forms(status)
        self._lists: dict[str, Any] = {
            "ids": None if ids is None else check_business_texts("ids", ids),
            "codes": None if codes is None else check_business_texts("codes", codes),
            "groups": None if groups is None else check_group_ids(groups),
        }
        self._query = query
        self._operation(1, self._forms[0])  # refuses a bad argument, also if nothing will be sent

    @property
    def empty(self) -> bool:
        """Whether nothing can be found, since one of the lists is empty."""
        # Sent, an empty list would be left out, and every business found.
        return () in self._lists.values() or not self._forms[0]

    def _operation(self, page: int, status: tuple[str, ...]) -> Operation[BusinessPage]:
        return search_businesses(page=page, status=status, **self._lists, **self._query)

    async def page(self, number: int, send: _Send) -> BusinessPage:
        """Return a page, in the spelling of statuses that the server takes."""
        if self.empty:
            self._operation(number, ())  # refuses a bad number
            return BusinessPage((), number, 0, 0)
        if len(self._forms) == 1 or self._server in self._learnt:
            form = self._learnt[self._server] if len(self._forms) > 1 else 0
            return await send(self._operation(number, self._forms[form]))
        refusals: list[BadRequestError] = []
        for form, status in enumerate(self._forms):
            try:
                page = await send(self._operation(number, status))
            except BadRequestError as error:
                refusals.append(error)
            else:
                self._learnt[self._server] = form
                return page
        # Some other argument is bad. Of a spelling that the server takes, the refusal says which.
        raise next((error for error in refusals if "status" not in str(error)), refusals[0])

    def walk(self, send: _Send) -> PageWalk[Business]:
        """Return a walk over all pages."""
        return PageWalk(partial(self.page, send=send), attrgetter("businesses"))

    async def every(self, send: Callable[..., Awaitable[BusinessPage]]) -> AsyncIterator[Business]:
        """Yield each business once, whatever the number of ids and codes. ``send`` takes ``fresh``."""
        seen: set[str] = set()
        for part in self._parts() if not self.empty else ():

            def walk_of(again: bool, part: BusinessSearch = part) -> PageWalk[Business]:
                return part.walk(partial(send, fresh=again))

            async for business in each_once(walk_of, "businesses", seen):
                yield business

    def _parts(self) -> Iterator[BusinessSearch]:
        """Yield searches that find together what this one does, each with few enough ids and codes for a URL."""
        for ids in _chunks(self._lists["ids"]):
            for codes in _chunks(self._lists["codes"]):
                part = copy(self)
                part._lists = {**self._lists, "ids": ids, "codes": codes}
                yield part


def _chunks(values: tuple[str, ...] | None) -> Iterable[tuple[str, ...] | None]:
    return [None] if values is None else url_parts(values)


class Businesses(Resource):
    """The businesses of the organization: ``client.businesses``. Errors as for ``Groups``.

    Source: the API's pages "Search for businesses" and "Get business". A key finds the businesses that it may read.
    """

    async def get(self, business_id: str | None = None, *, code: str | None = None, fresh: bool = False) -> Business:
        """Return one business, by its id or by its store code.

        Args:
            business_id: Its id.
            code: Its store code, in place of the id. Not for keys of the PROVIDER role.
            fresh: As for ``Groups.get``.

        Raises:
            NotFoundError: There is no such business, or the key may not read it.
        """
        return await self._session.send(get_business(business_id, code), fresh=fresh)

    async def search(
        self,
        *,
        page: int = 1,
        per_page: int = 100,
        ids: Iterable[str] | None = None,
        groups: int | str | Iterable[int | str] | None = None,
        status: str | Iterable[str] | None = None,
        query: str | None = None,
        name: str | None = None,
        city: str | None = None,
        zipcode: str | None = None,
        country: str | None = None,
        codes: Iterable[str] | None = None,
        modified_since: float | datetime | None = None,
        org_id: int | str | None = None,
        order_by: str | None = None,
    ) -> BusinessPage:
        """Return one page of the businesses that fit everything given. An empty list fits none, and sends nothing.

        Args:
            page: Its number, from 1.
            per_page: The most businesses of a page, up to 100.
            ids: Only these. ``iterate`` takes any number.
            groups: Only members of these groups: of any of those in one section, and of one in each section named.
            status: Only of these statuses: "open", "closed", "opening_soon", "temporarily_closed". None: of every
                status, where the server's own default hides what is not open.
            query: The API's search in several fields.
            name: Only with such a name.
            city: Only in this city.
            zipcode: Only with this postal code.
            country: Only in this country, by its code of two letters.
            codes: Only with these store codes.
            modified_since: Only if changed since then: seconds since 1970, or a datetime with a time zone.
            org_id: Another organization, for keys of the PROVIDER role.
            order_by: A field such as "name", or "-name" for descending order.
        """
        search = BusinessSearch(
            self._session,
            per_page=per_page,
            ids=ids,
            groups=groups,
            status=status,
            query=query,
            name=name,
            city=city,
            zipcode=zipcode,
            country=country,
            codes=codes,
            modified_since=modified_since,
            org_id=org_id,
            order_by=order_by,
        )
        return await search.page(page, self._session.send)

    @to_iterate
    async def iterate(
        self,
        *,
        per_page: int = 100,
        ids: Iterable[str] | None = None,
        groups: int | str | Iterable[int | str] | None = None,
        status: str | Iterable[str] | None = None,
        query: str | None = None,
        name: str | None = None,
        city: str | None = None,
        zipcode: str | None = None,
        country: str | None = None,
        codes: Iterable[str] | None = None,
        modified_since: float | datetime | None = None,
        org_id: int | str | None = None,
        order_by: str | None = None,
    ) -> AsyncIterator[Business]:
        """Yield each business of all pages once. Pages that shift while they are read are read again.

        A list that keeps changing is read four times; then a warning is logged that some may be missing.

        Args:
            per_page: As for ``search``, and so is what follows.
            ids: Of any number: a request for each hundred. Ids that the key may not read are passed over.
            groups: Members of these groups.
            status: None for every status.
            query: The API's search in several fields.
            name: With such a name.
            city: In this city.
            zipcode: With this postal code.
            country: In this country.
            codes: With these store codes, of any number.
            modified_since: Changed since then.
            org_id: Another organization, for keys of the PROVIDER role.
            order_by: The order. With more than a hundred ids or codes, it is that of each hundred.
        """
        search = BusinessSearch(
            self._session,
            per_page=per_page,
            ids=ids,
            groups=groups,
            status=status,
            query=query,
            name=name,
            city=city,
            zipcode=zipcode,
            country=country,
            codes=codes,
            modified_since=modified_since,
            org_id=org_id,
            order_by=order_by,
        )
        async for business in search.every(self._session.send):
            yield business
