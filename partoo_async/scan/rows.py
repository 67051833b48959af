"""An outcome as a row of plain values: the same fields in the command line, the exports and Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partoo_async._internal.text import one_line
from partoo_async.errors import APIConnectionError

if TYPE_CHECKING:
    from partoo_async.errors import PartooError
    from partoo_async.models import Group

__all__ = ["describe", "group_object"]


def describe(error: PartooError) -> str:
    """Return the error as one line."""
    # Its text may quote the server: control characters are escaped.
    line = one_line(str(error)) or type(error).__name__
    if isinstance(error, APIConnectionError) and not error.request_sent:
        line += " (the request was not sent)"
    return line


def group_object(section_id: int, group: Group) -> dict[str, Any]:
    """Return a group as a row."""
    return {
        "section_id": section_id,
        "group_id": group.id,
        "name": group.name,
        "has_puller": group.has_puller,
        "business_ids": list(group.business_ids),
        "error": None,
    }
