"""The list of all businesses, turned round: which businesses each group has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async._protocol.memberships import MembershipPage
    from partoo_async.models import Business

__all__ = ["BusinessList"]

_CHANGED = "the list of businesses changed while it was read"
_NO_GROUPS = "the list of businesses does not say which groups each is in"


class BusinessList:
    """The pages of the list. ``add`` and ``end`` return why it cannot be trusted, "" if it can.

    ``groups``: the ids that matter.
    """

    def __init__(self, groups: Iterable[int] = ()) -> None:
        self._groups = {*groups}
        self.pages: int = 1  # by the first page
        self._count: int | None = None  # of businesses, by the first page
        self.found: set[str] = set()  # their ids
        self._members: dict[int, list[str]] = {}  # by group id

    def add(self, page: MembershipPage, number: int) -> str:
        """Add a page. The first one comes before all others."""
        if number == 1:
            self._count = page.count
            # None is empty but the last: whatever it says, there are no more of them than businesses.
            count, size = page.count or 0, len(page.businesses)
            self.pages = max(1, min(page.max_page or -(-count // size), count)) if size else 1
            if page.count is None:
                return "the list of businesses does not say how many there are"
        if page.count != self._count:
            return _CHANGED
        if not page.groups_sent:
            return _NO_GROUPS
        for business in page.businesses:
            if business.id in self.found:
                return _CHANGED
            self.found.add(business.id)
            self._put(business)
        return _CHANGED if len(self.found) > (self._count or 0) else ""

    def add_missing(self, page: MembershipPage) -> str:
        """Add businesses that were on no page."""
        for business in page.businesses:
            self._put(business)
        return "" if page.groups_sent else _NO_GROUPS

    def _put(self, business: Business) -> None:
        for group_id in self._groups.intersection(business.groups):
            self._members.setdefault(group_id, []).append(business.id)

    def end(self) -> str:
        """Judge the list after its last page."""
        return "" if self._count == len(self.found) else _CHANGED

    @property
    def pages_of_members(self) -> int:
        """How many pages the businesses of the groups would fill, by the pages until now."""
        members = {one for ids in self._members.values() for one in ids}
        return round(self.pages * len(members) / len(self.found)) if self.found else 0

    def size(self, group_id: int) -> int:
        """Return how many businesses a group has."""
        return len(self._members.get(group_id, ()))

    def members(self, group_id: int) -> tuple[str, ...]:
        """Return the ids of a group's businesses, sorted, since pages come in any order."""
        return tuple(sorted(self._members.get(group_id, ())))

    def forget(self, group_id: int) -> None:
        """Let go of a group, which is asked for once."""
        self._members.pop(group_id, None)

    def clear(self) -> None:
        """Let go of everything."""
        self._members.clear()
        self.found.clear()
