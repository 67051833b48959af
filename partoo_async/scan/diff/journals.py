"""A journal as one of two scans, read in the order of its keys: what is in memory is one section."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from operator import itemgetter
from typing import TYPE_CHECKING

from attrs import Factory, define, evolve

from partoo_async._internal.describe import describe
from partoo_async.scan.diff.snapshots import NOT_REACHED, SectionSnapshot, normal
from partoo_async.scan.journal.codec import NO_GROUP, Row, is_packed
from partoo_async.scan.journal.reader import JournalReader, open_reader

if TYPE_CHECKING:
    from pathlib import Path

    from partoo_async.models import Business, Group

__all__ = ["open_journal"]

_SECTION = itemgetter(0)  # of a row


@asynccontextmanager
async def open_journal(path: Path) -> AsyncIterator[JournalSnapshot]:
    """Open a journal to compare it. Raises ``ConfigurationError``."""
    async with open_reader(path) as recording, aclosing(recording.in_order()) as pages:
        yield JournalSnapshot(recording, {*recording.sections, *await recording.unread()}, pages)


@define
class JournalSnapshot:
    """One of two scans, see ``Snapshot``."""

    _recording: JournalReader
    section_ids: Iterable[int]
    _pages: AsyncIterator[list[Row]]
    _page: list[Row] = Factory(list)  # those that are left of it
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
            contents = SectionSnapshot(listed.name, chosen=listed.name is None, made=self._outcome)
            contents.groups.update(dict.fromkeys(listed.group_ids, NOT_REACHED))
        groups = {} if contents is None else contents.groups
        unread: Group | str | None = None
        async for rows in self._of(section_id):
            for row in rows:
                group_id = row[1]
                if group_id in groups and is_packed(row):
                    # Nearly every group is the same in both scans, and such a one is never made.
                    groups[group_id] = row
                    continue
                outcome = self._outcome(row)
                if group_id == NO_GROUP:
                    # A section that a resumed scan could not read still has the groups of the run before.
                    unread = outcome
                # Not a group that was deleted before the scan was resumed: its outcome stays in the journal.
                elif group_id in groups:
                    groups[group_id] = outcome
        if unread is not None or contents is not None:
            return contents if unread is None else str(unread)
        return None if self._recording.sections_listed else NOT_REACHED

    async def _of(self, section_id: int) -> AsyncGenerator[list[Row], None]:
        """Yield the rows of a section, page by page, and leave those of later ones."""
        while True:
            begin = bisect_left(self._page, section_id, key=_SECTION)
            end = bisect_right(self._page, section_id, begin, key=_SECTION)
            rows, self._page = self._page[begin:end], self._page[end:]
            yield rows
            del rows  # as in ``in_order``
            if self._page:
                return
            self._page = await anext(self._pages, [])
            if not self._page:
                return

    def _outcome(self, row: Row) -> Group | str:
        item = self._recording.item(row)
        return describe(item.error) if item.error is not None else normal(item.group, {*item.group.business_ids})

    async def businesses(self) -> AsyncIterator[Business]:
        """Yield what is known of businesses."""
        async for business in self._recording.businesses(in_order=True):
            # Most of a business is in these two, and neither is compared.
            yield evolve(business, groups=(), extra={})
