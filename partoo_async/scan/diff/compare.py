"""Compares two scans. What one of them does not know is not the same as what it does not have."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

from attrs import Factory, define

from partoo_async._internal.callables import in_daemon
from partoo_async.scan.diff.businesses import BusinessFindings
from partoo_async.scan.diff.changes import (
    GroupChange,
    NotCompared,
    ScanDiff,
    ScannedGroup,
    ScannedSection,
    SectionRename,
)
from partoo_async.scan.diff.loading import load_snapshot
from partoo_async.scan.diff.snapshots import SectionSnapshot, Snapshot
from partoo_async.scan.journal.codec import same_group

if TYPE_CHECKING:
    import os

    from partoo_async.models import Group
    from partoo_async.scan.outcomes import ScanReport

__all__ = ["diff_scans"]

_STEP = 1000  # groups and sections

_Section: TypeAlias = SectionSnapshot | str | None
_Pair: TypeAlias = tuple[int, _Section, _Section]


async def diff_scans(
    before: str | os.PathLike[str] | ScanReport, after: str | os.PathLike[str] | ScanReport
) -> ScanDiff:
    """Return what changed between two scans of the same sections.

    What failed or was not reached in either scan is in ``not_compared``. What a scan was not given to read counts as
    missing. The order of business ids does not matter. Of several outcomes of a key the last one counts. Businesses
    are compared if both scans know them. Files of ``--json`` know no section names, no empty sections, and not whether
    their scan ended early.

    Args:
        before: The earlier scan: a report, or the path of a journal or of the output of ``partoo scan --json``.
        after: The later scan, likewise.

    Returns:
        The changes, ordered by section id and group id.

    Raises:
        ConfigurationError: A source is none of these, or is damaged. Names the argument, the file and the line.
    """
    ids: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        old = await load_snapshot(before, "before", ids, stack)
        new = await load_snapshot(after, "after", ids, stack)
        return await _compare(old, new)


async def _compare(before: Snapshot, after: Snapshot) -> ScanDiff:
    """Return what changed between two snapshots. Both are gone through in the order of their keys."""
    found, businesses = _Findings(), BusinessFindings()
    sections: list[_Pair] = []
    groups = 0
    for section_id in sorted({*before.section_ids, *after.section_ids}):
        old, new = await before.at(section_id), await after.at(section_id)
        sections.append((section_id, _as_empty(before, old, new), _as_empty(after, new, old)))
        groups += sum(len(one.groups) for one in (old, new) if isinstance(one, SectionSnapshot))
        if groups + len(sections) >= _STEP:
            # Not in the event loop's thread; in steps, so that after a cancellation the thread ends soon.
            await in_daemon(found.add_sections, sections)
            sections.clear()  # not another list: the thread that is about to end has this one
            groups = 0
    await in_daemon(found.add_sections, sections)
    await businesses.add(before.businesses(), after.businesses())
    return ScanDiff(
        sections_added=tuple(found.sections_added),
        sections_removed=tuple(found.sections_removed),
        sections_renamed=tuple(found.sections_renamed),
        groups_added=tuple(found.groups_added),
        groups_removed=tuple(found.groups_removed),
        groups_changed=tuple(found.groups_changed),
        groups_compared=found.groups_compared,
        not_compared=tuple(found.not_compared),
        incomplete=tuple(name for name, side in (("before", before), ("after", after)) if not side.complete),
        notes=_notes(before, after) + businesses.notes,
        businesses=tuple(businesses.changes),
    )


def _as_empty(side: Snapshot, found: _Section, there: _Section) -> _Section:
    if found is None and not side.lists_sections and isinstance(there, SectionSnapshot) and not there.groups:
        # NDJSON and reports say nothing of a section without groups. Take it to be as empty as in the other scan.
        return there
    return found


def _notes(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    if before.server and after.server and before.server != after.server:
        return (f"these are scans of two servers, {before.server} and {after.server}: the same id may mean another",)
    return ()


@define
class _Findings:
    sections_added: list[ScannedSection] = Factory(list)
    sections_removed: list[ScannedSection] = Factory(list)
    sections_renamed: list[SectionRename] = Factory(list)
    groups_added: list[ScannedGroup] = Factory(list)
    groups_removed: list[ScannedGroup] = Factory(list)
    groups_changed: list[GroupChange] = Factory(list)
    groups_compared: int = 0
    not_compared: list[NotCompared] = Factory(list)

    def add_sections(self, sections: list[_Pair]) -> None:
        for section_id, old, new in sections:
            if isinstance(old, str) or isinstance(new, str):
                self.add_unknown(section_id, None, old, new)
            else:
                self.add_section(section_id, old, new)
                self.add_groups(section_id, old or SectionSnapshot(), new or SectionSnapshot())

    def add_unknown(self, section_id: int, group_id: int | None, old: object, new: object) -> None:
        before, after = (side if isinstance(side, str) else None for side in (old, new))
        self.not_compared.append(NotCompared(section_id, group_id, before, after))

    def add_section(self, section_id: int, old: SectionSnapshot | None, new: SectionSnapshot | None) -> None:
        if old is None and new is not None:
            self.sections_added.append(ScannedSection(section_id, new.name))
        elif new is None and old is not None:
            self.sections_removed.append(ScannedSection(section_id, old.name))
        elif old is not None and new is not None and old.name is not None and new.name not in (None, old.name):
            self.sections_renamed.append(SectionRename(section_id, old.name, new.name))

    def add_groups(self, section_id: int, old: SectionSnapshot, new: SectionSnapshot) -> None:
        for group_id in sorted(old.groups.keys() | new.groups.keys()):
            one, other = old.groups.get(group_id), new.groups.get(group_id)
            if isinstance(one, tuple) and isinstance(other, tuple) and same_group(one, other):
                self.groups_compared += 1
                continue
            was, now = old.group(group_id), new.group(group_id)
            if isinstance(was, str) or isinstance(now, str):
                self.add_unknown(section_id, group_id, was, now)
            else:
                self.add_group(section_id, was, now)

    def add_group(self, section_id: int, was: Group | None, now: Group | None) -> None:
        if was is None and now is not None:
            self.groups_added.append(ScannedGroup(section_id, now))
        elif now is None and was is not None:
            self.groups_removed.append(ScannedGroup(section_id, was))
        elif was is not None and now is not None:
            self.groups_compared += 1
            if was != now:
                self.groups_changed.append(GroupChange(section_id, was, now))
