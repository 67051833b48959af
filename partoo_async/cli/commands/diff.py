"""``partoo diff``: what changed between two scans. It has exit codes of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
from attrs import frozen

from partoo_async import BusinessChange, GroupChange, NotCompared, ScanDiff, diff_scans
from partoo_async.cli.exit_codes import OK, USAGE
from partoo_async.cli.help import epilog
from partoo_async.cli.output import print_json, print_result, table
from partoo_async.cli.process import execute
from partoo_async.cli.streams import say
from partoo_async.cli.text import amount, clean
from partoo_async.models import BusinessId
from partoo_async.scan.diff.businesses import differences

__all__ = ["EPILOG", "diff"]

_DIFFERENT = 1

# As those of diff itself: a script asks whether anything changed.
DIFF_CODES = (
    (OK, "nothing changed"),
    (_DIFFERENT, "something changed"),
    (USAGE, "an error; or nothing changed, but not everything could be compared"),
)

# Businesses that one row names; the others are counted.
_SHOWN = 5


@frozen
class _Row:
    """One difference, of a section itself if ``group_id`` is None. ``name``: as it is after the change."""

    section_id: int
    group_id: int | None
    name: str
    change: str
    details: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        group = "-" if self.group_id is None else str(self.group_id)
        return str(self.section_id), group, self.name, self.change, self.details


EPILOG = epilog(
    ("partoo diff monday.journal tuesday.journal", "what changed between two scans"),
    ("partoo diff monday.ndjson tuesday.ndjson --json", "the same of two files, as JSON"),
    codes=DIFF_CODES,
)


def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="Earlier scan: a journal or a file of --json lines.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Later scan of the same sections.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Show what changed between two scans: sections, groups and their businesses.

    A group that failed in one of the scans, or was not reached, is shown as not compared, never as removed.
    """

    async def run() -> int:
        found = await diff_scans(before, after)
        if as_json:
            await print_json(found.to_dict())
        elif found or found.not_compared:
            names = await _names(found, (after, before))
            rows = [*_section_rows(found), *_group_rows(found, names), *_unknown_rows(found.not_compared)]
            rows.sort(key=lambda row: (row.section_id, -1 if row.group_id is None else row.group_id))
            columns = ("section", "group", "name", "change", "details")
            cells = [*(row.cells for row in rows), *_business_cells(found.businesses)]
            print_result(table(columns, cells, numbers=("section", "group")))
        for name in found.incomplete:
            say(f"note: {clean(before if name == 'before' else after)} is of a scan that did not come to its end")
        for note in found.notes:
            say(f"note: {clean(note)}")
        say(str(found))
        if found:
            return _DIFFERENT
        return OK if found.complete else USAGE

    return execute(run, journal="journal")


def _section_rows(diff: ScanDiff) -> Iterator[_Row]:
    for section in diff.sections_added:
        yield _Row(section.section_id, None, section.name or "", "section added")
    for section in diff.sections_removed:
        yield _Row(section.section_id, None, section.name or "", "section removed")
    for renamed in diff.sections_renamed:
        yield _Row(renamed.section_id, None, renamed.after, "section renamed", f"was {renamed.before}")


async def _names(diff: ScanDiff, paths: Iterable[str]) -> Mapping[BusinessId, str]:
    """Return the names of members that changed, as far as journals have them."""
    # Here, for what changed only.
    from partoo_async.nightly.names import names_in  # noqa: PLC0415
    from partoo_async.scan.journal.lock import is_database  # noqa: PLC0415

    _, businesses = await names_in(diff, [path for path in map(Path, paths) if is_database(path)])
    return businesses


def _group_rows(diff: ScanDiff, names: Mapping[BusinessId, str]) -> Iterator[_Row]:
    for change, scanned in (("added", diff.groups_added), ("removed", diff.groups_removed)):
        for one in scanned:
            businesses = amount(len(one.group.business_ids), "business", "businesses")
            yield _Row(one.section_id, one.group.id, one.group.name, change, businesses)
    for changed in diff.groups_changed:
        for change, details in _changes(changed, names):
            yield _Row(changed.section_id, changed.after.id, changed.after.name, change, details)


def _changes(changed: GroupChange, names: Mapping[BusinessId, str]) -> Iterator[tuple[str, str]]:
    if changed.renamed:
        yield "renamed", f"was {changed.before.name}"
    if changed.puller_changed:
        yield "puller", "yes, was no" if changed.after.has_puller else "no, was yes"
    for change, businesses in (("joined", changed.joined), ("left", changed.left)):
        if businesses:
            more = f", and {len(businesses) - _SHOWN:,} more" if len(businesses) > _SHOWN else ""
            named = (f'{one} "{names[one]}"' if one in names else one for one in businesses[:_SHOWN])
            yield change, ", ".join(named) + more


def _business_cells(changes: Iterable[BusinessChange]) -> Iterator[tuple[str, ...]]:
    for changed in changes:
        name = changed.after.name or changed.before.name or ""
        for change, details in differences(changed, str):
            # A business may be in many groups.
            yield "-", "-", name, f"business {change}", f"{changed.business_id}, {details}"


def _unknown_rows(unknown: Iterable[NotCompared]) -> Iterator[_Row]:
    # One row for all groups of a section with the same reasons: an interrupted scan has thousands.
    alike: dict[tuple[int, bool, str], list[NotCompared]] = {}
    for one in unknown:
        reasons = "; ".join(f"{side}: {why}" for side, why in (("before", one.before), ("after", one.after)) if why)
        alike.setdefault((one.section_id, one.group_id is None, reasons), []).append(one)
    for (section_id, _, reasons), ones in alike.items():
        more = f" (and {amount(len(ones) - 1, 'more group')})" if len(ones) > 1 else ""
        yield _Row(section_id, ones[0].group_id, "", "not compared", reasons + more)
