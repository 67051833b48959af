"""Groups and sections as tables for people and as JSON objects for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from rich import box
from rich.table import Table
from rich.text import Text

from partoo_async.cli.text import clean
from partoo_async.scan.rows import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async import Group, ScanItem, Section

__all__ = ["Row", "group_lines", "groups_table", "section_object", "sections_table"]


@frozen
class Row:
    """What the table of a scan says of one outcome; the businesses themselves are not kept."""

    section_id: int
    group_id: int | None
    name: str
    puller: str
    businesses: str
    error: str

    @classmethod
    def of(cls, item: ScanItem) -> Row:
        """Return the row of an outcome."""
        error = "" if item.error is None else describe(item.error)
        if item.group is None:
            return cls(item.section_id, item.group_id, "", "", "", error)
        group = item.group
        return cls(
            item.section_id, item.group_id, group.name, _yes(group.has_puller), _count(group.business_ids), error
        )


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _count(things: tuple[Any, ...]) -> str:
    return f"{len(things):,}"


def _table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


def groups_table(rows: Iterable[Row]) -> Table:
    """Return the table of a scan, in the order of the ids; a column for errors only if there are any."""
    ordered = sorted(rows, key=lambda row: (row.section_id, -1 if row.group_id is None else row.group_id))
    failed = any(row.error for row in ordered)
    numbers = ("section", "group", "businesses")
    table = _table("section", "group", "name", "puller", "businesses", *(["error"] if failed else []), numbers=numbers)
    for row in ordered:
        group = "-" if row.group_id is None else str(row.group_id)
        # Text, not str: a name in brackets is a name and not a style.
        cells = (str(row.section_id), group, Text(clean(row.name)), row.puller, row.businesses)
        table.add_row(*cells, *((Text(row.error, style="red"),) if failed else ()))
    return table


def sections_table(sections: Iterable[Section]) -> Table:
    """Return the table of sections, in the order of the API."""
    table = _table("section", "name", "groups", "editable", "puller", numbers=("section", "groups"))
    for section in sections:
        flags = (_yes(section.can_edit), _yes(section.has_puller))
        table.add_row(str(section.id), Text(clean(section.name)), _count(section.groups), *flags)
    return table


def group_lines(section_id: int, group: Group) -> Text:
    """Return one group as lines: what it is, then its businesses."""
    fields = {
        "section": str(section_id),
        "group": str(group.id),
        "name": clean(group.name),
        "puller": _yes(group.has_puller),
        "businesses": _count(group.business_ids),
    }
    lines = [f"{name:<10}  {value}" for name, value in fields.items()]
    return Text("\n".join([*lines, *(f"  {clean(business)}" for business in group.business_ids)]))


def section_object(section: Section) -> dict[str, Any]:
    """Return a section as a JSON object."""
    groups = [{"id": group.id, "name": group.name, "has_puller": group.has_puller} for group in section.groups]
    flags = {"can_edit": section.can_edit, "has_puller": section.has_puller}
    return {"section_id": section.id, "name": section.name, **flags, "groups": groups}
