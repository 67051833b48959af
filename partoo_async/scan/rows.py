"""An outcome as a row of plain values, for the command line, exports, notebooks and Arrow tables."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from partoo_async._internal.describe import describe
from partoo_async._internal.text import cut, json_safe
from partoo_async._protocol.json import plain_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from partoo_async.models import BusinessSummary, Group
    from partoo_async.scan.items import ScanFailure, ScanItem

__all__ = ["BUSINESS_COLUMNS", "business_lists", "cells", "group_object", "listed", "row_line", "such_as"]

# What is known of each business, parallel to its id: the column of a row, and the field that it is.
BUSINESS_COLUMNS = {
    "business_name": "name",
    "business_code": "code",
    "business_status": "status",
    "business_city": "city",
}

_LONGEST_NAME = 40  # characters

_encode = json.JSONEncoder(ensure_ascii=False).encode


def such_as(businesses: Iterable[BusinessSummary]) -> str:
    """Return the names of two businesses, "" if none is known."""
    names = (business.name for business in businesses if business.name)
    return ", ".join(cut(name, _LONGEST_NAME) for name in islice(names, 2))


def cells(item: ScanItem) -> tuple[str, ...]:
    """Return an outcome as the texts of a table: its ids, the group, the error."""
    group_id = "" if item.group_id is None else str(item.group_id)
    if item.error is not None:
        return str(item.section_id), group_id, "", "", "", "", describe(item.error)
    group = item.group
    puller, count = "yes" if group.has_puller else "no", f"{len(group.business_ids):,}"
    return str(item.section_id), group_id, group.name, puller, count, such_as(item.businesses), ""


def group_object(
    section_id: int,
    group: Group,
    businesses: Iterable[BusinessSummary] | None = None,
    *,
    sequence: Callable[[tuple[str, ...]], Sequence[str]] = list,
) -> dict[str, Any]:
    """Return a group as a row, its ids as such a sequence. None: without the columns of its businesses."""
    return {
        "section_id": section_id,
        "group_id": group.id,
        "name": group.name,
        "has_puller": group.has_puller,
        "business_ids": sequence(group.business_ids),
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


def row_line(row: dict[str, Any]) -> str:
    """Return a row as ``json_line`` does, in a fraction of the time."""
    parts: list[str] = []
    before = "{"
    for name, value in row.items():
        # Thousands of ids are copied no more often than they must be.
        spaced = plain_texts(value) if type(value) in _LISTS else None
        if spaced is None:
            parts += (before, _any(name), ": ", _MAKERS.get(type(value), _any)(value))
        else:
            parts += (before, _any(name), ': ["', spaced, '"]')
        before = ", "
    return "".join((*parts, "}\n"))


def _any(value: object) -> str:
    return json_safe(_encode(value))


_LISTS = (list, tuple)
_MAKERS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: repr,
    type(None): lambda _: "null",
}


def listed(failed: Iterable[ScanFailure]) -> str:
    """Return failures as lines, by kind of error."""
    # Each kind of error once in full, with the ids that it concerns: thousands of failures stay readable.
    kinds: dict[str, list[ScanFailure]] = {}
    for item in failed:
        status = getattr(item.error, "status", "")
        kinds.setdefault(f"{type(item.error).__name__} {status}".strip(), []).append(item)
    lines = []
    for items in kinds.values():
        such_as = "" if len(items) == 1 else f"{len(items)} times, such as "
        lines.append(f"\n  {such_as}{items[0].error}")
        sections: dict[int, list[str]] = {}
        for item in items:
            groups = sections.setdefault(item.section_id, [])
            if item.group_id is not None:
                groups.append(str(item.group_id))
        for section_id, groups in sections.items():
            kind = ": group " if len(groups) == 1 else ": groups " if groups else ""
            lines.append(f"\n    section {section_id}{kind}{', '.join(groups)}")
    return "".join(lines)
