"""Looks up businesses that a list of all lacks: they are gone, or were on no page."""

# While a list is read, page by page, one business may go and another one come: the count stays, and a third one is on
# no page. Nothing in the pages tells.

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partoo_async._protocol.memberships import MembershipPage, with_memberships
from partoo_async.errors import APIResponseValidationError, PartooError
from partoo_async.resources.businesses import BusinessSearch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.models import Business
    from partoo_async.scan.fetcher import GroupFetcher

__all__ = ["Halving", "LookUp", "look_up"]

# Refused requests in a row that are halved. Of a hundred ids, seven or fewer lead to the one that is the reason.
_MOST_REFUSALS = 8
_ABOUT_THE_REQUEST = (400, 413, 414, 422, 431)  # statuses


class Halving:
    """Finds the id that is the reason why a request for many is refused."""

    def __init__(self) -> None:
        self._refusals = 0  # in a row

    def succeeded(self) -> None:
        """Count a request that was not refused."""
        self._refusals = 0

    def halves(self, ids: tuple[str, ...], error: PartooError) -> list[tuple[str, ...]] | None:
        """Return what to ask for in place of these: nothing if the one id is the reason, None if no id seems to be."""
        if not isinstance(error, APIResponseValidationError) and getattr(error, "status", 0) not in _ABOUT_THE_REQUEST:
            return None
        if len(ids) == 1:
            return []
        if self._refusals == _MOST_REFUSALS:
            return None
        self._refusals += 1
        middle = len(ids) // 2
        return [ids[middle:], ids[:middle]]


class LookUp(NamedTuple):
    """Those that are there, as one page, and ids that the server refuses, of which nothing is known."""

    page: MembershipPage
    refused: dict[str, PartooError]


async def look_up(fetcher: GroupFetcher, ids: Iterable[str], org_id: int | None) -> LookUp | PartooError:
    """Look up to a hundred businesses up, or return why that is not possible."""
    halving, groups_sent = Halving(), True
    found: list[Business] = []
    refused: dict[str, PartooError] = {}
    parts = [tuple(sorted({*ids}))]
    while parts:
        part = parts.pop()
        # Always the first page of those that are left, since these pages would shift as well.
        search = BusinessSearch(fetcher.session, ids=part, per_page=100, org_id=org_id)
        page = await fetcher.page(search, 1, with_memberships)
        if isinstance(page, PartooError):
            halves = halving.halves(part, page)
            if halves is None:
                return page
            if not halves:
                refused[part[0]] = page
            parts += halves
            continue
        halving.succeeded()
        new = {business.id: business for business in page.businesses if business.id in part}
        found += new.values()
        groups_sent = groups_sent and page.groups_sent
        left = tuple(one for one in part if one not in new)
        if left and new and page.max_page != 1 and page.count != len(page.businesses):
            parts.append(left)
    return LookUp(MembershipPage(tuple(found), 1, 1, len(found), groups_sent), refused)
