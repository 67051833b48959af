"""What changed, part by part, for each layout to write as much of as it has room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from partoo_async._internal.text import amount, cut
from partoo_async.scan.diff.businesses import differences
from partoo_async.scan.summary.words import MINUS, Id, Line, Name, business_line, group_line, section_line

if TYPE_CHECKING:
    from partoo_async.scan.diff.businesses import BusinessChange
    from partoo_async.scan.diff.changes import GroupChange, NotCompared, ScanDiff, ScannedGroup
    from partoo_async.scan.summary.facts import Summary

__all__ = ["Entry", "Part", "change_notes", "change_parts", "totals"]

_SIDES = {"before": "The earlier", "after": "This"}
_LONGEST = 80  # characters of a name
_LONGEST_REASON = 200


@frozen
class Entry:
    """Something that changed, and how. ``sign``: if it is not that of its part."""

    head: Line
    details: tuple[Line, ...] = ()
    sign: str = ""


@frozen
class Part:
    """Changes of a kind. ``sign``: "+", ``MINUS``, "±" or "?"."""

    title: str
    sign: str
    values: Sequence[Any]
    words: Callable[[Any], Entry]


def change_parts(diff: ScanDiff, summary: Summary, few: int) -> list[Part]:
    """Return the kinds of changes that there are. Each names a ``few`` businesses at most."""
    # Of sections that are gone only the comparison has the names.
    summary = evolve(summary, names={one.section_id: one.name for one in diff.sections_removed} | dict(summary.names))

    def section(one: Any) -> Entry:
        return Entry(section_line(summary, one.section_id, one.name))

    def rename(one: Any) -> Entry:
        return Entry((Name(one.after), " ", Id(str(one.section_id))), (("was ", Name(one.before)),))

    parts = (
        Part("Sections added", "+", diff.sections_added, section),
        Part("Sections removed", MINUS, diff.sections_removed, section),
        Part("Sections renamed", "±", diff.sections_renamed, rename),
        Part("Groups added", "+", diff.groups_added, lambda one: _scanned(summary, one, few)),
        Part("Groups removed", MINUS, diff.groups_removed, lambda one: _scanned(summary, one, few)),
        Part("Groups changed", "±", diff.groups_changed, lambda one: _changed(summary, one, few)),
        Part("Businesses changed", "±", diff.businesses, _business),
        Part("Not compared", "?", _alike(diff.not_compared), lambda one: _unknown(summary, one)),
    )
    return [part for part in parts if part.values]


def totals(diff: ScanDiff) -> list[tuple[str, str, int]]:
    """Count the changes by kind: (what, sign, how many), without what did not happen."""
    shops = diff.businesses
    counts = (
        ("Sections added", "+", len(diff.sections_added)),
        ("Sections removed", MINUS, len(diff.sections_removed)),
        ("Sections renamed", "±", len(diff.sections_renamed)),
        ("Groups added", "+", len(diff.groups_added)),
        ("Groups removed", MINUS, len(diff.groups_removed)),
        ("Groups changed", "±", len(diff.groups_changed)),
        ("Businesses that joined a group", "+", sum(len(one.joined) for one in diff.groups_changed)),
        ("Businesses that left a group", MINUS, sum(len(one.left) for one in diff.groups_changed)),
        ("Businesses renamed", "±", sum(one.renamed for one in shops)),
        ("Businesses closed", MINUS, sum(one.closed for one in shops)),
        ("Businesses reopened", "+", sum(one.reopened for one in shops)),
        (
            "Businesses with another status",
            "±",
            sum(one.status_changed and not (one.closed or one.reopened) for one in shops),
        ),
        ("Businesses moved", "±", sum(one.moved for one in shops)),
    )
    return [one for one in counts if one[2]]


def _scanned(summary: Summary, one: ScannedGroup, few: int) -> Entry:
    ids = one.group.business_ids
    details = (_few(summary, few, amount(len(ids), "business", "businesses"), ids),) if ids else (("empty",),)
    return Entry(group_line(summary, one.section_id, one.group.id, one.group.name), details)


def _changed(summary: Summary, one: GroupChange, few: int) -> Entry:
    details: list[Line] = []
    if one.renamed:
        details.append(("renamed, was ", Name(one.before.name)))
    if one.puller_changed:
        details.append(("now filled by a feed" if one.after.has_puller else "no longer filled by a feed",))
    for verb, ids in (("joined", one.joined), ("left", one.left)):
        if ids:
            details.append(_few(summary, few, f"{len(ids):,} {verb}", ids))
    return Entry(group_line(summary, one.section_id, one.after.id, one.after.name), tuple(details))


def _few(summary: Summary, few: int, verb: str, ids: Sequence[str]) -> Line:
    line: list[str | Name | Id] = [f"{verb}: "]
    for number, business_id in enumerate(ids[:few]):
        line += [", "] if number else []
        line += business_line(summary.business(business_id))
    more = len(ids) - few
    return *line, *([f" and {more:,} more"] if more > 0 else [])


def _business(one: BusinessChange) -> Entry:
    name = one.after.name or one.before.name
    named: Line = (Name(name), " ") if name else ()
    # A NUL, which no cut text has, marks where a text of the server begins and ends.
    told = [f"{what}, {details}" for what, details in differences(one, lambda text: f"\0{cut(text, _LONGEST)}\0")]
    details = tuple(
        tuple(Name(text) if odd % 2 else text for odd, text in enumerate(line.split("\0")) if text) for line in told
    )
    return Entry((*named, Id(one.business_id)), details, MINUS if one.closed else "+" if one.reopened else "")


@frozen
class _Alike:
    """Groups of a section, or with None the section, that were not compared for the same reason."""

    section_id: int
    group_id: int | None
    count: int
    reason: str


def _alike(unknown: Sequence[NotCompared]) -> list[_Alike]:
    # What only this scan could not read is among its failures.
    earlier = [one for one in unknown if one.before]
    groups = Counter((one.section_id, one.group_id is None, one.before or "") for one in earlier)
    first = {(one.section_id, one.group_id is None, one.before or ""): one.group_id for one in reversed(earlier)}
    return [_Alike(key[0], first[key], count, key[2]) for key, count in groups.items()]


def _unknown(summary: Summary, one: _Alike) -> Entry:
    reason: Line = ("before: ", Name(cut(one.reason, _LONGEST_REASON)))
    if one.count > 1:
        return Entry((f"{one.count:,} groups in ", *section_line(summary, one.section_id)), (reason,))
    return Entry(group_line(summary, one.section_id, one.group_id, None), (reason,))


def change_notes(diff: ScanDiff) -> list[str]:
    """Return what has to be known about the comparison."""
    now = sum(not one.before for one in diff.not_compared)
    notes = [f"{amount(now, 'group or section', 'groups or sections')} could not be compared: not read this time."]
    sides = [f"{_SIDES[side]} scan did not come to its end." for side in diff.incomplete]
    told = [f"{note[:1].upper()}{note[1:]}." for note in diff.notes]
    return [*(notes if now else []), *sides, *told]
