"""An outcome as a row of plain values, for the command line, exports and Arrow tables."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from partoo_async._internal.describe import describe
from partoo_async._internal.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.models import BusinessSummary, Group

__all__ = ["BUSINESS_COLUMNS", "business_lists", "describe", "group_object", "such_as"]

# What is known of each business, parallel to its id: the column of a row, and the field that it is.
BUSINESS_COLUMNS = {
    "business_name": "name",
    "business_code": "code",
    "business_status": "status",
    "business_city": "city",
}

_LONGEST_NAME = 40  # characters


def such_as(businesses: Iterable[BusinessSummary]) -> str:
    """Return the names of two businesses, "" if none is known."""
    names = (business.name for business in businesses if business.name)
    return ", ".join(cut(name, _LONGEST_NAME) for name in islice(names, 2))


def group_object(section_id: int, group: Group, businesses: Iterable[BusinessSummary] | None = None) -> dict[str, Any]:
    """Return a group as a row. None: without the columns of its businesses."""
    return {
        "section_id": section_id,
        "group_id": group.id,
        "name": group.name,
        "has_puller": group.has_puller,
        "business_ids": list(group.business_ids),
        **({} if businesses is None else business_lists(group, businesses)),
        "error": None,
    }


def business_lists(group: Group, businesses: Iterable[BusinessSummary]) -> dict[str, list[str | None]]:
    """Return the columns of a group's businesses, in the order of its ids. None: not known."""
    known = {business.id: business for business in businesses}
    found = [known.get(business_id) for business_id in group.business_ids]
    return {
        column: [None if business is None else getattr(business, field) for business in found]
        for column, field in BUSINESS_COLUMNS.items()
    }
