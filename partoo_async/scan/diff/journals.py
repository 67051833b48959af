"""A journal as one of two scans, read in the order of its keys: what is in memory is one section."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from attrs import define, evolve

from partoo_async._internal.describe import describe
from partoo_async.scan.diff.snapshots import NOT_REACHED, SectionSnapshot, normal
from partoo_async.scan.items import ScanItem
from partoo_async.scan.journal.reader import JournalReader, open_reader

if TYPE_CHECKING:
    from pathlib import Path

    from partoo_async.models import Business, Group

__all__ = ["open_journal"]


@asynccontextmanager
async def open_journal(path: Path) -> AsyncIterator[JournalSnapshot]:
    """Open a journal to compare it. Raises ``ConfigurationError``."""
    async with open_reader(path) as recording, aclosing(recording.in_order()) as items:
        yield JournalSnapshot(recording, {*recording.sections, *await recording.unread()}, items)


@define
class JournalSnapshot:
    """One of two scans, see ``Snapshot``."""

    _recording: JournalReader
    section_ids: Iterable[int]
    _items: AsyncIterator[ScanItem]
    _next: ScanItem | None = None  # of a later section
    lists_sections: bool = True

    @property
    def complete(self) -> bool:
        """Whether it came to its end."""
        return self._recording.complete

    @property
    def server(self) -> str | None:
        """Base URL."""
        return self._recording.server

    async def at(self, section_id: int) -> SectionSnapshot | str | None:
        """Return a section. Asked for in ascending order."""
        listed = self._recording.sections.get(section_id)
        contents = None
        if listed is not None:
            # A section without a name was not read, because the scan was given its groups.
            contents = SectionSnapshot(listed.name, chosen=listed.name is None)
            contents.groups.update(dict.fromkeys(listed.group_ids, NOT_REACHED))
        unread: Group | str | None = None
        async for item in self._of(section_id):
            outcome = describe(item.error) if item.error is not None else normal(item.group, {*item.group.business_ids})
            if item.group_id is None:
                # A section that a resumed scan could not read still has the groups of the run before.
                unread = outcome
            # Not a group that was deleted before the scan was resumed: its outcome stays in the journal.
            elif contents is not None and item.group_id in contents.groups:
                contents.groups[item.group_id] = outcome
        if unread is not None or contents is not None:
            return contents if unread is None else str(unread)
        return None if self._recording.sections_listed else NOT_REACHED

    async def _of(self, section_id: int) -> AsyncGenerator[ScanItem, None]:
        while True:
            item, self._next = self._next or await anext(self._items, None), None
            if item is None:
                return
            if item.section_id > section_id:
                self._next = item
                return
            if item.section_id == section_id:
                yield item

    async def businesses(self) -> AsyncIterator[Business]:
        """Yield what is known of businesses."""
        async for business in self._recording.businesses(in_order=True):
            # Most of a business is in these two, and neither is compared.
            yield evolve(business, groups=(), extra={})
