"""Show what changed between two scans: a table or a JSON object, a summary, an exit code of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from rich import box
from rich.table import Table
from rich.text import Text

from partoo_async import diff_scans
from partoo_async.cli.errors import EXIT_CODES, INTERRUPTED, OK, USAGE
from partoo_async.cli.output import print_result, say, write_line, writes_utf8
from partoo_async.cli.text import amount, clean, json_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from partoo_async import GroupChange, NotCompared, ScanDiff

__all__ = ["DIFF_CODES", "diff_code", "diff_table", "show_diff"]

_DIFFERENT = 1

DIFF_CODES = (
    (OK, "nothing changed"),
    (_DIFFERENT, "something changed"),
    (USAGE, "an error; or nothing changed, but not everything could be compared"),
    *((code, meaning) for code, meaning in EXIT_CODES if code >= INTERRUPTED),
)
"""Each exit code of ``partoo diff`` and its meaning: a script asks whether anything changed, as it asks diff."""

_SHOWN = 5


@frozen
class _Row:
    """One difference. ``group_id`` is None for one of the section itself; ``name``: as it is after the change."""

    section_id: int
    group_id: int | None
    name: str
    change: str
    details: str = ""


async def show_diff(before: str, after: str, *, as_json: bool) -> int:
    """Compare two scans, print what changed, and return the exit code."""
    diff = await diff_scans(before, after)
    if as_json:
        await write_line(json_line(diff.to_dict(), ascii_only=not writes_utf8()))
    elif diff or diff.not_compared:
        print_result(diff_table(diff))
    for name in diff.incomplete:
        say(f"note: {clean(before if name == 'before' else after)} is of a scan that did not come to its end")
    for note in diff.notes:
        say(f"note: {clean(note)}")
    say(_summary(diff))
    return diff_code(diff)


def diff_code(diff: ScanDiff) -> int:
    """Return the exit code of a comparison that was made."""
    if diff:
        return _DIFFERENT
    return OK if diff.complete else USAGE


def _summary(diff: ScanDiff) -> str:
    sections = len(diff.sections_added) + len(diff.sections_removed) + len(diff.sections_renamed)
    counts = {
        "added": amount(len(diff.groups_added), "group"),
        "removed": amount(len(diff.groups_removed), "group"),
        "changed": amount(len(diff.groups_changed), "group"),
        "added, removed or renamed": amount(sections, "section"),
    }
    found = [f"{count} {change}" for change, count in counts.items() if not count.startswith("0 ")]
    text = f"{amount(diff.groups_compared, 'group')} compared: {', '.join(found) or 'nothing changed'}"
    return text if diff.complete else f"{text}; not everything could be compared"


def diff_table(diff: ScanDiff) -> Table:
    """Return the table of a comparison, one difference a row, in the order of the ids."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("section", "group", "name", "change", "details"):
        table.add_column(column, justify="right" if column in ("section", "group") else "left", overflow="fold")
    rows = [*_section_rows(diff), *_group_rows(diff), *_unknown_rows(diff.not_compared)]
    for row in sorted(rows, key=lambda row: (row.section_id, -1 if row.group_id is None else row.group_id)):
        group = "-" if row.group_id is None else str(row.group_id)
        # Text, not str: a name in brackets is a name and not a style.
        table.add_row(str(row.section_id), group, Text(clean(row.name)), row.change, Text(clean(row.details)))
    return table


def _section_rows(diff: ScanDiff) -> Iterator[_Row]:
    for section in diff.sections_added:
        yield _Row(section.section_id, None, section.name or "", "section added")
    for section in diff.sections_removed:
        yield _Row(section.section_id, None, section.name or "", "section removed")
    for renamed in diff.sections_renamed:
        yield _Row(renamed.section_id, None, renamed.after, "section renamed", f"was {renamed.before}")


def _group_rows(diff: ScanDiff) -> Iterator[_Row]:
    for change, scanned in (("added", diff.groups_added), ("removed", diff.groups_removed)):
        for one in scanned:
            businesses = amount(len(one.group.business_ids), "business", "businesses")
            yield _Row(one.section_id, one.group.id, one.group.name, change, businesses)
    for changed in diff.groups_changed:
        for change, details in _changes(changed):
            yield _Row(changed.section_id, changed.after.id, changed.after.name, change, details)


def _changes(changed: GroupChange) -> Iterator[tuple[str, str]]:
    if changed.renamed:
        yield "renamed", f"was {changed.before.name}"
    if changed.puller_changed:
        yield "puller", "yes, was no" if changed.after.has_puller else "no, was yes"
    for change, businesses in (("joined", changed.joined), ("left", changed.left)):
        if businesses:
            more = f", and {len(businesses) - _SHOWN:,} more" if len(businesses) > _SHOWN else ""
            yield change, ", ".join(businesses[:_SHOWN]) + more


def _unknown_rows(unknown: Iterable[NotCompared]) -> Iterator[_Row]:
    """Yield one row for all groups of a section that have the same reasons: an interrupted scan has thousands."""
    alike: dict[tuple[int, bool, str], list[NotCompared]] = {}
    for one in unknown:
        reasons = "; ".join(f"{side}: {why}" for side, why in (("before", one.before), ("after", one.after)) if why)
        alike.setdefault((one.section_id, one.group_id is None, reasons), []).append(one)
    for (section_id, _, reasons), ones in alike.items():
        more = f" (and {amount(len(ones) - 1, 'more group')})" if len(ones) > 1 else ""
        yield _Row(section_id, ones[0].group_id, "", "not compared", reasons + more)
