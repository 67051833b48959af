"""The words of ``ScanDiff.to_text``. Whatever a server sent is cut to one line."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from partoo_async._internal.text import amount, cut
from partoo_async.scan.diff.businesses import BusinessChange, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from partoo_async.models import BusinessId
    from partoo_async.scan.diff.entries import GroupChange, NotCompared, ScannedGroup, ScannedSection, SectionRename

__all__ = ["business", "changed", "part", "place", "quoted", "renamed", "scanned", "section", "unknown"]

T = TypeVar("T")

_MOST_ENTRIES = 20
_MOST_IDS = 5
_LONGEST_NAME = 80  # characters
_LONGEST_ERROR = 200


def part(title: str, values: Sequence[T], words: Callable[[T], str]) -> list[str]:
    """Return the lines of a part: its title with the number of values, and the first of them in words."""
    if not values:
        return []
    lines = ["", f"{title} ({len(values):,})", *(f"- {words(value)}" for value in values[:_MOST_ENTRIES])]
    return [*lines, f"- and {len(values) - _MOST_ENTRIES:,} more"] if len(values) > _MOST_ENTRIES else lines


def place(section_id: int, group_id: int | None, name: str | None, details: str = "", section: str = "") -> str:
    """Return such as ``section 7 "Country", group 42 "France": 12 businesses``. ``name`` is that of the last one."""
    within = f" {quoted(section)}" if section and group_id is not None else ""
    group = "" if group_id is None else f", group {group_id}"
    named = "" if name is None else f" {quoted(name)}"
    return f"section {section_id}{within}{group}{named}" + (f": {details}" if details else "")


def quoted(name: str) -> str:
    """Return a name in quotes."""
    return f'"{cut(name, _LONGEST_NAME)}"'


def _few(ids: Sequence[str], names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the first ids, with the names that are known, and how many more there are."""
    more = f" and {len(ids) - _MOST_IDS:,} more" if len(ids) > _MOST_IDS else ""
    shown = (cut(one, _LONGEST_NAME) + (f" {quoted(names[one])}" if names.get(one) else "") for one in ids[:_MOST_IDS])
    return ", ".join(shown) + more


def _reasons(before: str | None, after: str | None) -> str:
    """Return why each side does not know something."""
    known = (("before", before), ("after", after))
    return "; ".join(f"{side}: {cut(why, _LONGEST_ERROR)}" for side, why in known if why)


def section(one: ScannedSection) -> str:
    """Return a section."""
    return place(one.section_id, None, one.name)


def renamed(rename: SectionRename) -> str:
    """Return a section with another name."""
    return place(rename.section_id, None, rename.after, f"was {quoted(rename.before)}")


def scanned(one: ScannedGroup, sections: Mapping[int, str]) -> str:
    """Return a group that is new or gone."""
    businesses = amount(len(one.group.business_ids), "business", "businesses")
    return place(one.section_id, one.group.id, one.group.name, businesses, sections.get(one.section_id, ""))


def changed(change: GroupChange, sections: Mapping[int, str], businesses: Mapping[BusinessId, str]) -> str:
    """Return a group, and how it differs."""
    named = sections.get(change.section_id, "")
    lines = [place(change.section_id, change.after.id, change.after.name, section=named)]
    if change.renamed:
        lines.append(f"renamed, was {quoted(change.before.name)}")
    if change.puller_changed:
        lines.append("now filled by a feed" if change.after.has_puller else "no longer filled by a feed")
    for verb, ids in (("joined", change.joined), ("left", change.left)):
        if ids:
            lines.append(f"{len(ids):,} {verb}: {_few(ids, businesses)}")
    return "\n    ".join(lines)


def business(change: BusinessChange) -> str:
    """Return a business, and how it differs."""
    name = change.after.name or change.before.name
    lines = [f"business {_few([change.business_id])}" + (f" {quoted(name)}" if name else "")]
    lines += [f"{what}, {details}" for what, details in differences(change, quoted)]
    return "\n    ".join(lines)


def unknown(one: NotCompared, sections: Mapping[int, str]) -> str:
    """Return what was not compared, and why."""
    named = sections.get(one.section_id)
    name, why = named if one.group_id is None else None, _reasons(one.before, one.after)
    return place(one.section_id, one.group_id, name, why, named or "")
