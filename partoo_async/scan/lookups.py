"""Looks up businesses that a list of all lacks: they are gone, or were on no page."""

# While a list is read, page by page, one business may go and another one come: the count stays, and a third one is on
# no page. Nothing in the pages tells.

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._protocol.memberships import MembershipPage, with_memberships
from partoo_async.errors import PartooError
from partoo_async.resources.businesses import BusinessSearch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.models import Business
    from partoo_async.scan.fetcher import GroupFetcher

__all__ = ["look_up"]


async def look_up(fetcher: GroupFetcher, ids: Iterable[str], org_id: int | None) -> MembershipPage | PartooError:
    """Return those of up to a hundred businesses that are there, as one page, or why that is not known."""
    left, groups_sent = {*ids}, True
    found: list[Business] = []
    while left:
        # Always the first page of those that are left, since these pages would shift as well.
        search = BusinessSearch(fetcher.session, ids=sorted(left), per_page=100, org_id=org_id)
        page = await fetcher.page(search, 1, with_memberships)
        if isinstance(page, PartooError):
            return page
        new = [business for business in page.businesses if business.id in left]
        found += new
        left -= {business.id for business in new}
        groups_sent = groups_sent and page.groups_sent
        if not new or page.max_page == 1 or page.count == len(page.businesses):
            break
    return MembershipPage(tuple(found), 1, 1, len(found), groups_sent)
