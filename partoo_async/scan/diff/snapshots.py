"""What a scan knows of each section and group."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from attrs import Factory, define, evolve

from partoo_async._internal.describe import describe
from partoo_async.models import Business, Group
from partoo_async.scan.journal.codec import PackedRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from partoo_async.scan.items import ScanItem

__all__ = ["NOT_REACHED", "ScanSnapshot", "SectionSnapshot", "Snapshot", "normal"]

NOT_REACHED = "not reached: the scan did not come to its end"
_NOT_ASKED = "not asked for: the scan was given only some groups of this section"
_STEP = 1000


@define
class SectionSnapshot:
    """A section that was read: each group, or why it is not known.

    ``chosen``: the scan was given its groups. ``made``: what makes a group of its row, in a journal.
    """

    name: str | None = None
    chosen: bool = False
    groups: dict[int, Group | str | PackedRow] = Factory(dict)
    made: Callable[[PackedRow], Group | str] | None = None

    def group(self, group_id: int) -> Group | str | None:
        """Return the group, why it is not known, or None if the section has none of this id."""
        found = self.groups.get(group_id, _NOT_ASKED if self.chosen else None)
        if isinstance(found, tuple):
            return None if self.made is None else self.made(found)
        return found


class Snapshot(Protocol):
    """One of two scans, whose sections and businesses are asked for in the order of their ids."""

    @property
    def lists_sections(self) -> bool:
        """Whether sections without a group are known as well."""

    @property
    def complete(self) -> bool:
        """Whether the scan came to its end."""

    @property
    def server(self) -> str | None:
        """Base URL, if the scan kept it."""

    @property
    def section_ids(self) -> Iterable[int]:
        """The sections that it knows, read or not."""

    async def at(self, section_id: int) -> SectionSnapshot | str | None:
        """Return the section, why it is not known, or None if the scan had none of this id."""

    def businesses(self) -> AsyncIterator[Business]:
        """Yield what is known of businesses."""


@define
class ScanSnapshot:
    """A report or a file of lines, in memory."""

    business_ids: dict[str, str]  # each id once, shared by both scans: many groups have the same businesses
    lists_sections: bool = False
    complete: bool = True
    whole: bool = True  # a section that it does not have does not exist
    server: str | None = None
    sections: dict[int, SectionSnapshot | str] = Factory(dict)
    known: dict[str, Business] = Factory(dict)  # what is known of businesses; the last one of an id counts

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
        return normal(group, {self.business_ids.setdefault(business, business) for business in group.business_ids})

    def add_business(self, business: Business) -> None:
        """Add what is known of a business."""
        self.known[business.id] = business

    @property
    def section_ids(self) -> Iterable[int]:
        """The sections that it knows."""
        return self.sections

    async def at(self, section_id: int) -> SectionSnapshot | str | None:
        """Return a section."""
        return self.sections.get(section_id, None if self.whole else NOT_REACHED)

    async def businesses(self) -> AsyncIterator[Business]:
        """Yield what is known of businesses."""
        for _, business in sorted(self.known.items()):
            yield business


def normal(group: Group, ids: set[str]) -> Group:
    """Return a group with its ids sorted, because the API documents no order."""
    return evolve(group, business_ids=tuple(sorted(ids)))
