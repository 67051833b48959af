"""What a scan knows of each section and group."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import Factory, define, evolve

from partoo_async._internal.callables import in_daemon
from partoo_async._internal.checks import check_file
from partoo_async._internal.describe import describe
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.models import Business, Group
from partoo_async.scan.diff.ndjson import read_lines
from partoo_async.scan.journal.lock import is_database
from partoo_async.scan.outcomes import ScanReport

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from partoo_async.scan.items import ScanItem

__all__ = ["SectionSnapshot", "ScanSnapshot", "load_snapshot"]

_NOT_REACHED = "not reached: the scan did not come to its end"
_NOT_ASKED = "not asked for: the scan was given only some groups of this section"
_STEP = 1000


@define
class SectionSnapshot:
    """A section that was read: each group, or why it is not known. ``chosen``: the scan was given its groups."""

    name: str | None = None
    chosen: bool = False
    groups: dict[int, Group | str] = Factory(dict)

    def group(self, group_id: int) -> Group | str | None:
        """Return the group, why it is not known, or None if the section has none of this id."""
        return self.groups.get(group_id, _NOT_ASKED if self.chosen else None)


@define
class ScanSnapshot:
    """One of two scans."""

    business_ids: dict[str, str]  # each id once, shared by both scans: many groups have the same businesses
    add_business: Callable[[Business], None]  # what is known of a business
    lists_sections: bool = False  # sections without a group are known as well
    complete: bool = True
    whole: bool = True  # a section that it does not have does not exist
    server: str | None = None  # base URL, if the scan kept it
    sections: dict[int, SectionSnapshot | str] = Factory(dict)

    def add(self, section_id: int, group_id: int | None, outcome: Group | str) -> None:
        """Add an outcome: a group, or why there is none. The last one of a key counts."""
        if group_id is None:
            self.sections[section_id] = str(outcome)
            return
        contents = self.sections.get(section_id)
        if not isinstance(contents, SectionSnapshot):  # new, or could not be read at first
            contents = self.sections[section_id] = SectionSnapshot()
        contents.groups[group_id] = outcome if isinstance(outcome, str) else self._normal(outcome)

    def add_item(self, item: ScanItem) -> None:
        """Add an outcome of a scan."""
        self.add(item.section_id, item.group_id, item.group if item.error is None else describe(item.error))

    def _normal(self, group: Group) -> Group:
        # Sorted, because the API documents no order.
        unique = {self.business_ids.setdefault(business, business) for business in group.business_ids}
        return evolve(group, business_ids=tuple(sorted(unique)))

    def section(self, section_id: int) -> SectionSnapshot | str | None:
        """Return the section, why it is not known, or None if the scan had none of this id."""
        return self.sections.get(section_id, None if self.whole else _NOT_REACHED)


async def load_snapshot(
    source: str | os.PathLike[str] | ScanReport, argument: str, snapshot: ScanSnapshot
) -> ScanSnapshot:
    """Load a report, or the journal or NDJSON file at a path, into the snapshot, which is returned.

    Raises ``ConfigurationError``, which names the argument.
    """
    if isinstance(source, ScanReport):
        await _in_thread(_load_report(snapshot, source))
        return snapshot
    path = check_file(argument, source, "a ScanReport, or the path of a journal or of an NDJSON file")
    try:
        if await in_daemon(_is_database, path):
            await _load_journal(snapshot, path)
        else:
            await _in_thread(_load_lines(snapshot, path, argument))
    except OSError as error:
        problem = f"{argument}: cannot read {shown(path)}: {error.strerror or error}"
    else:
        return snapshot
    raise ConfigurationError(problem)


def _is_database(path: Path) -> bool:
    # Not of a pipe, such as a shell's <(...): it can be read only once.
    if path.exists() and not path.is_file():
        return False
    return is_database(path)


async def _in_thread(steps: Iterator[None]) -> None:
    # In steps, so that after a cancellation the thread ends soon.
    while await in_daemon(next, steps, steps) is not steps:
        pass


def _load_report(snapshot: ScanSnapshot, report: ScanReport) -> Iterator[None]:
    snapshot.complete = snapshot.whole = report.complete
    for section_id, name in report.sections.items():
        snapshot.sections[section_id], snapshot.lists_sections = SectionSnapshot(name), True
    for number, item in enumerate(report.items, start=1):
        snapshot.add_item(item)
        if not report.businesses:
            for one in item.businesses:
                snapshot.add_business(Business(one.id, one.name, one.code, one.status, city=one.city))
        if number % _STEP == 0:
            yield
    for number, business in enumerate(report.businesses.values(), start=1):
        snapshot.add_business(business)
        if number % _STEP == 0:
            yield


def _load_lines(snapshot: ScanSnapshot, path: Path, argument: str) -> Iterator[None]:
    for number, (section_id, group_id, outcome, businesses) in enumerate(read_lines(path, argument), start=1):
        snapshot.add(section_id, group_id, outcome)
        for business in businesses:
            snapshot.add_business(business)
        if number % _STEP == 0:
            yield


async def _load_journal(snapshot: ScanSnapshot, path: Path) -> None:
    # Only for journals, because it loads SQLite.
    from partoo_async.scan.journal.reader import open_reader  # noqa: PLC0415 - see above

    unread: dict[int, SectionSnapshot | str] = {}
    async with open_reader(path) as recording:
        snapshot.server, snapshot.complete, snapshot.lists_sections = recording.server, recording.complete, True
        snapshot.whole = recording.sections_listed
        for section_id, section in recording.sections.items():
            # A section without a name was not read, because the scan was given its groups.
            contents = SectionSnapshot(section.name, chosen=section.name is None)
            contents.groups.update(dict.fromkeys(section.group_ids, _NOT_REACHED))
            snapshot.sections[section_id] = contents
        async for item in recording.items():
            listed = snapshot.sections.get(item.section_id)
            if item.group_id is None:
                unread[item.section_id] = describe(item.error)
            # Not a group that was deleted before the scan was resumed: its outcome stays in the journal.
            elif isinstance(listed, SectionSnapshot) and item.group_id in listed.groups:
                snapshot.add_item(item)
        async for business in recording.businesses():
            # Most of a business is in these two, and neither is compared.
            snapshot.add_business(evolve(business, groups=(), extra={}))
    # Last, because a section that a resumed scan could not read still has the groups of the run before.
    snapshot.sections.update(unread)
