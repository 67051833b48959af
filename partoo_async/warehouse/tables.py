"""The tables of a warehouse: columns, keys, and rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from partoo_async.models import Business, Group
    from partoo_async.scan.items import ScanFailure
    from partoo_async.scan.journal.reader import RecordedSection
    from partoo_async.warehouse.scope import Coverage

__all__ = [
    "BUSINESSES",
    "GROUPS",
    "MEMBERSHIPS",
    "PROBLEMS",
    "SECTIONS",
    "TABLES",
    "Row",
    "Table",
    "business_row",
    "problem_rows",
    "rows_of_group",
    "section_row",
]

Row = dict[str, Any]

_LONGEST_MESSAGE = 1000  # characters


@frozen
class Table:
    """A table.

    Attributes:
        name: Its name.
        description: What a row is.
        columns: Type and description of each column, by name.
        key: The columns that tell rows apart, besides ``organization``. None: rows have no key.
    """

    name: str
    description: str
    columns: Mapping[str, tuple[str, str]]
    key: tuple[str, ...] = ()

    def hints(self, *, organization: bool) -> dict[str, dict[str, Any]]:
        """Return the columns as dlt wants them. ``organization``: every row has one, which is part of the key."""
        key = {*self.key, *(("organization",) if organization else ())}
        columns = {"organization": _ORGANIZATION, **self.columns}
        return {
            name: {"name": name, "data_type": kind, "description": text, "nullable": name not in key}
            for name, (kind, text) in columns.items()
        }


_ORGANIZATION = ("text", "What the rows of an organization are marked with, null for the only one")

SECTIONS = Table(
    "sections",
    "A section: a named set of groups",
    {
        "id": ("bigint", "The section's id"),
        "name": ("text", "Its name"),
        "can_edit": ("bool", "Whether the key may change the section and its groups"),
        "has_puller": ("bool", "Whether an automated feed fills it"),
    },
    ("id",),
)
GROUPS = Table(
    "groups",
    "A group of businesses",
    {
        "section_id": ("bigint", "Its section: sections.id"),
        "id": ("bigint", "The group's id"),
        "name": ("text", "Its name"),
        "has_puller": ("bool", "Whether an automated feed fills it"),
        "business_count": ("bigint", "How many businesses are in it"),
    },
    ("section_id", "id"),
)
MEMBERSHIPS = Table(
    "memberships",
    "That a business is in a group",
    {
        "section_id": ("bigint", "The group's section: sections.id"),
        "group_id": ("bigint", "The group: groups.id"),
        "business_id": ("text", "The business: businesses.id"),
    },
    ("section_id", "group_id", "business_id"),
)
BUSINESSES = Table(
    "businesses",
    "A business, in a group or in none",
    {
        "id": ("text", "The business's id"),
        "name": ("text", "As shown to the public"),
        "code": ("text", "The store code"),
        "status": ("text", "Such as open, closed, opening_soon or temporarily_closed"),
        "address": ("text", "Street and number"),
        "address_full": ("text", "The address in one line"),
        "city": ("text", "The city"),
        "zipcode": ("text", "The postal code"),
        "region": ("text", "The region"),
        "country": ("text", "The country's code of two letters"),
        "org_id": ("bigint", "Partoo's id of the organization"),
        "lat": ("double", "Latitude in degrees"),
        "long": ("double", "Longitude in degrees"),
        "created": ("timestamp", "When it was created"),
        "modified": ("timestamp", "When it was last changed"),
    },
    ("id",),
)
PROBLEMS = Table(
    "_load_problems",
    "What the last load could not read. The other tables keep the rows they had of it",
    {
        "section_id": ("bigint", "The section, null for the whole organization"),
        "group_id": ("bigint", "The group, null for the whole section"),
        "error": ("text", "The class of the error, or NotRead"),
        "message": ("text", "What went wrong"),
    },
)
TABLES = (SECTIONS, GROUPS, MEMBERSHIPS, BUSINESSES, PROBLEMS)


def section_row(section: RecordedSection) -> Row:
    """Return the row of a section."""
    return {
        "id": section.section_id,
        "name": _text(section.name),
        "can_edit": section.can_edit,
        "has_puller": section.has_puller,
    }


def rows_of_group(table: Table, section_id: int, group: Group) -> Iterator[Row]:
    """Yield the rows of a group in ``GROUPS`` or ``MEMBERSHIPS``."""
    business_ids = dict.fromkeys(group.business_ids)  # each once, even if the group has it twice
    if table is GROUPS:
        facts = {"name": _text(group.name), "has_puller": group.has_puller, "business_count": len(business_ids)}
        yield {"section_id": section_id, "id": group.id, **facts}
    else:
        for business_id in business_ids:
            yield {"section_id": section_id, "group_id": group.id, "business_id": _text(business_id)}


def business_row(business: Business) -> Row:
    """Return the row of a business."""
    row = {name: getattr(business, name) for name in BUSINESSES.columns}
    times = {name: _time(row[name]) for name in ("created", "modified")}
    return {name: _text(value) if isinstance(value, str) else value for name, value in row.items()} | times


def problem_rows(coverage: Coverage, failures: Iterable[ScanFailure]) -> Iterator[Row]:
    """Yield a row for each failure, and for what else is not in a journal."""
    for failure in failures:
        if failure.group_id is None or failure.group_id in coverage.unread(failure.section_id):
            error = type(failure.error).__name__
            yield _problem(failure.section_id, failure.group_id, error, str(failure.error))
    for section_id, (unread, groups) in coverage.not_reached.items():
        yield _problem(section_id, None, "NotRead", f"{unread} of {groups} groups were not read")
    if not coverage.whole:
        yield _problem(None, None, "NotRead", "The list of sections was not read to its end")
    if coverage.businesses is None:
        yield _problem(None, None, "NotRead", "The list of businesses was not read to its end")


def _problem(section_id: int | None, group_id: int | None, error: str, message: str) -> Row:
    text = _text(cut(message, _LONGEST_MESSAGE))
    return {"section_id": section_id, "group_id": group_id, "error": error, "message": text}


def _text(text: str | None) -> str | None:
    # PostgreSQL has no text with this character.
    return text if text is None else text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _time(seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError):
        return None  # a year that no calendar of a database has
