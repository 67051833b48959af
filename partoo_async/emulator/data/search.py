"""Which businesses a search finds, and in which order."""

# Not documented: whether texts match whole or in part, and the order without `order_by`. Here a name, a city and
# `query` match in part and in any case; codes match whole.

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async.emulator.data.entities import STATUSES, TEMPORARILY_CLOSED
from partoo_async.emulator.domain_errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.emulator.data.entities import EmulatedBusiness

__all__ = ["SEARCHED", "Criteria", "order_of", "statuses_of"]

# A leading `-` reverses the order.
ORDERS = ("id", "created", "modified", "name", "code", "status", "city", "zipcode", "country")

# Fields that a query looks in.
SEARCHED = ("name", "city", "address", "zipcode", "code")


def statuses_of(values: Iterable[str], spelling: str) -> frozenset[str]:
    """Return the statuses that are meant; raise ``InvalidError`` for an unknown one or none.

    ``spelling``: how one of them is written, of which two ways are documented, or "both".
    """
    # Inside the emulator it is "temporarily_closed"; the newest page of the documentation has the other one.
    spellings = (*TEMPORARILY_CLOSED,) if spelling == "both" else (spelling,)
    meanings = {status: status for status in STATUSES if status not in TEMPORARILY_CLOSED}
    meanings |= dict.fromkeys(spellings, TEMPORARILY_CLOSED[0])
    wanted = list(values)
    if not wanted or not meanings.keys() >= set(wanted):
        raise InvalidError("status", f"Must be one of: {', '.join(meanings)}.")
    return frozenset(meanings[value] for value in wanted)


def order_of(order_by: str) -> tuple[str, bool]:
    """Return the field to order by, and whether backward; raise ``InvalidError`` for an unknown one."""
    name = order_by.removeprefix("-")
    if name not in ORDERS:
        raise InvalidError("order_by", f"Must be one of: {', '.join(ORDERS)}, with or without a leading -.")
    return name, order_by.startswith("-")


def _is_alike(field: str, allowed: Collection[str]) -> Callable[[EmulatedBusiness], bool]:
    value, choices = attrgetter(field), {text.casefold() for text in allowed}
    return lambda business: (value(business) or "\0").casefold() in choices


def _holds(fields: Iterable[str], part: str) -> Callable[[EmulatedBusiness], bool]:
    part = part.casefold()
    return lambda business: any(part in (getattr(business, field) or "\0").casefold() for field in fields)


@frozen(kw_only=True)
class Criteria:
    """What a search asks for; None does not matter. ``in_groups``: the businesses in the groups that are asked for."""

    in_groups: Collection[str] | None = None
    statuses: Collection[str] | None = None
    query: str | None = None
    name: str | None = None
    city: str | None = None
    zipcode: str | None = None
    country: str | None = None
    codes: Collection[str] | None = None
    modified_from: float | None = None
    order_by: str | None = None

    def find(self, businesses: Iterable[EmulatedBusiness]) -> list[EmulatedBusiness]:
        """Return the matching businesses in order. For many of them ``Catalog.find`` does the same faster."""
        statuses = self.statuses
        if statuses is None or {*STATUSES} <= {*statuses}:
            found = list(businesses)
        else:
            found = [business for business in businesses if business.status in statuses]
        for matches in self._conditions():
            found = list(filter(matches, found))
        if self.order_by is None:
            return found
        name, backward = order_of(self.order_by)
        # Missing values come last.
        found.sort(key=lambda business: (getattr(business, name) is None, getattr(business, name)))
        return found[::-1] if backward else found

    def _conditions(self) -> Iterator[Callable[[EmulatedBusiness], bool]]:
        if (members := self.in_groups) is not None:
            yield lambda business: business.id in members
        if self.codes is not None:
            yield _is_alike("code", self.codes)
        for field, whole in (("zipcode", self.zipcode), ("country", self.country)):
            if whole is not None:
                yield _is_alike(field, [whole])
        for fields, part in ((SEARCHED, self.query), (("name",), self.name), (("city",), self.city)):
            if part is not None:
                yield _holds(fields, part)
        if (since := self.modified_from) is not None:
            yield lambda business: business.modified >= since
