"""The businesses of one organization, laid out for searches: most look at one field of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import define, field

from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.data.entities import EmulatedBusiness
from partoo_async.emulator.data.search import SEARCHED, order_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from partoo_async.emulator.data.search import Criteria

__all__ = ["Catalog"]


def _folded(value: str | None) -> str:
    # As in a search that looks at the businesses themselves: a missing text is one that no other is part of.
    return (value or "\0").casefold()


@total_repr
@define(eq=False)
class Catalog:
    """Businesses as they are now, in their order. After an edit, ``BusinessIndex`` makes a new one."""

    businesses: Sequence[EmulatedBusiness]
    _columns: dict[str, list[Any]] = field(init=False, factory=dict)
    _orders: dict[str, list[int]] = field(init=False, factory=dict)

    def find(self, criteria: Criteria, visible: Collection[str] | None = None) -> list[EmulatedBusiness]:
        """Return what ``criteria.find`` returns for these businesses, or those of them with ``visible`` ids."""
        places = self._in_order(criteria.order_by)
        for members in (visible, criteria.in_groups):
            if members is not None:
                places = self._with("id", members, places)
        if criteria.statuses is not None:
            places = self._with("status", criteria.statuses, places)
        for name, values in (("code", criteria.codes), ("zipcode", criteria.zipcode), ("country", criteria.country)):
            if values is not None:
                wanted = {text.casefold() for text in ([values] if isinstance(values, str) else values)}
                places = self._with(f"folded {name}", wanted, places)
        for name, part in (("query", criteria.query), ("name", criteria.name), ("city", criteria.city)):
            if part is not None:
                places = self._holding(name, part.casefold(), places)
        if (since := criteria.modified_from) is not None:
            modified = self._column("modified")
            places = [place for place in places if modified[place] >= since]
        if isinstance(places, range):
            return list(self.businesses)
        return [self.businesses[place] for place in places]

    def _with(self, name: str, wanted: Collection[str], places: Iterable[int]) -> list[int]:
        column = self._column(name)
        return [place for place in places if column[place] in wanted]

    def _holding(self, name: str, part: str, places: Iterable[int]) -> list[int]:
        if "\0" in part and name == "query":  # it stands between the fields, too
            columns = [self._column(f"folded {one}") for one in SEARCHED]
            return [place for place in places if any(part in column[place] for column in columns)]
        column = self._column("query" if name == "query" else f"folded {name}")
        return [place for place in places if part in column[place]]

    def _in_order(self, order_by: str | None) -> Sequence[int]:
        if order_by is None:
            return range(len(self.businesses))
        name, backward = order_of(order_by)
        if name not in self._orders:
            values = self._column(name)
            places = range(len(values))
            found = sorted((place for place in places if values[place] is not None), key=values.__getitem__)
            self._orders[name] = [*found, *(place for place in places if values[place] is None)]
        return self._orders[name][::-1] if backward else self._orders[name]

    def _column(self, name: str) -> list[Any]:
        """Return a field of every business. "folded" before its name: its text to compare in any case."""
        if name not in self._columns:
            if name == "query":
                folded = zip(*(self._column(f"folded {one}") for one in SEARCHED), strict=True)
                values = ["\0".join(texts) for texts in folded]
            elif name.startswith("folded "):
                values = [_folded(value) for value in self._column(name.removeprefix("folded "))]
            else:
                values = [*map(attrgetter(name), self.businesses)]
            self._columns[name] = values
        return self._columns[name]
