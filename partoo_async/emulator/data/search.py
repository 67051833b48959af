"""Which businesses a search finds, and in which order."""

# Not documented: whether texts match whole or in part, and the order without `order_by`. Here a name, a city and
# `query` match in part and in any case; codes match whole.

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async.emulator.data.entities import STATUSES
from partoo_async.emulator.domain_errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.emulator.data.entities import EmulatedBusiness

__all__ = ["Criteria", "statuses_of"]

# A leading `-` reverses the order.
ORDERS = ("id", "created", "modified", "name", "code", "status", "city", "zipcode", "country")

# Two spellings of one status are documented, the second on the newest page.
_SPELLINGS = {**{status: status for status in STATUSES}, "closed_temporarily": "temporarily_closed"}


def statuses_of(values: Iterable[str]) -> frozenset[str]:
    """Return the statuses that are meant; raise ``InvalidError`` for an unknown one or none."""
    wanted = list(values)
    if not wanted or not _SPELLINGS.keys() >= set(wanted):
        raise InvalidError("status", f"Must be one of: {', '.join(_SPELLINGS)}.")
    return frozenset(_SPELLINGS[value] for value in wanted)


def _contains(text: str | None, part: str) -> bool:
    return text is not None and part.casefold() in text.casefold()


@frozen(kw_only=True)
class Criteria:
    """What a search asks for; None does not matter. ``in_groups``: the businesses in the groups that are asked for."""

    ids: Collection[str] | None = None
    in_groups: Collection[str] | None = None
    statuses: Collection[str] | None = None
    query: str | None = None
    name: str | None = None
    city: str | None = None
    zipcode: str | None = None
    country: str | None = None
    code: str | None = None
    modified_from: float | None = None
    order_by: str | None = None

    def find(self, businesses: Iterable[EmulatedBusiness]) -> list[EmulatedBusiness]:
        """Return the matching businesses in order."""
        found = [business for business in businesses if self._is_listed(business) and self._is_alike(business)]
        if self.order_by is None:
            return found
        name = self.order_by.removeprefix("-")
        if name not in ORDERS:
            raise InvalidError("order_by", f"Must be one of: {', '.join(ORDERS)}, with or without a leading -.")
        # Missing values come last.
        found.sort(key=lambda business: (getattr(business, name) is None, getattr(business, name)))
        return found[::-1] if self.order_by.startswith("-") else found

    def _is_listed(self, business: EmulatedBusiness) -> bool:
        if self.modified_from is not None and business.modified < self.modified_from:
            return False
        choices = ((self.ids, business.id), (self.in_groups, business.id), (self.statuses, business.status))
        return all(allowed is None or value in allowed for allowed, value in choices)

    def _is_alike(self, business: EmulatedBusiness) -> bool:
        texts = (business.name, business.city, business.address, business.zipcode, business.code)
        if self.query is not None and not any(_contains(text, self.query) for text in texts):
            return False
        parts = ((self.name, business.name), (self.city, business.city))
        whole = ((self.zipcode, business.zipcode), (self.code, business.code), (self.country, business.country))
        return all(part is None or _contains(text, part) for part, text in parts) and all(
            wanted is None or (text is not None and wanted.casefold() == text.casefold()) for wanted, text in whole
        )
