"""Reads the outcomes of a journal in the order in which they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field

from partoo_async._internal.text import shown
from partoo_async.scan.items import ScanItem
from partoo_async.scan.journal.codec import JournalError, decode_outcome, outcome_checksum
from partoo_async.scan.journal.database import NO_GROUP, Database

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Replay", "item_of"]

_Row: TypeAlias = tuple[int, int, int, int, str | bytes, int]
_PAGE = 500  # outcomes: as rows, each of which becomes an item when it is handed out


@define
class Replay:
    """Reads recorded outcomes page by page, in the order in which they were recorded. Raises ``JournalError``."""

    _database: Database
    _least: int  # the lowest group id: 0, or NO_GROUP for sections that could not be read as well
    _retry_failed: bool  # leave out failures
    _page: Iterator[ScanItem] = field(factory=lambda: iter(()))
    _damage: JournalError | None = None  # of an outcome that could not be handed out
    _position: int = 0
    _last: int = 0  # when ``begin`` was awaited: a scan records while it replays

    async def begin(self) -> int:
        """Return how many outcomes there are to replay."""
        # By rowid, not number: that these are one is in the text of the schema, where a damaged letter may not show.
        sql = "SELECT count(*), coalesce(max(rowid), 0) FROM outcomes WHERE group_id >= ? AND NOT (failed AND ?)"
        ((count, self._last),) = await self._database.fetch(sql, self._least, self._retry_failed)
        return int(count)

    async def next_page(self) -> Iterator[ScanItem] | None:
        """Return the next outcomes, None after the last. A call that is cancelled loses none.

        The iterator raises ``JournalError`` at one that is damaged, and so does every later call.
        """
        if self._damage is not None:
            raise self._damage.with_traceback(None)
        if self._position < self._last:
            sql = (
                "SELECT rowid, section_id, group_id, failed, outcome, crc32 FROM outcomes"
                " WHERE rowid > ? AND rowid <= ? AND group_id >= ? AND NOT (failed AND ?) ORDER BY rowid LIMIT ?"
            )
            bounds = (self._position, self._last, self._least)
            rows = await self._database.fetch(sql, *bounds, self._retry_failed, _PAGE)
            self._position = rows[-1][0] if rows else self._last
            return self._items(rows) if rows else None
        return None

    def _items(self, rows: list[_Row]) -> Iterator[ScanItem]:
        path = self._database.path
        try:
            for _, section_id, group_id, failed, outcome, crc32 in rows:
                yield item_of(path, section_id, group_id, failed, outcome, crc32)
        except JournalError as error:
            self._damage = error
            raise

    async def next(self) -> ScanItem | None:
        """Return the next outcome, None after the last. A call that is cancelled loses none."""
        while (item := next(self._page, None)) is None:
            page = await self.next_page()
            if page is None:
                return None
            self._page = page
        return item


def item_of(path: Path, section_id: int, group_id: int, failed: int, outcome: str | bytes, crc32: int) -> ScanItem:
    """Return the outcome of a row. Raises ``JournalError`` if it is damaged."""
    try:
        if outcome_checksum(section_id, group_id, failed, outcome) != crc32:
            raise ValueError("its checksum is wrong")
        return decode_outcome(section_id, None if group_id == NO_GROUP else group_id, outcome)
    except (TypeError, ValueError) as error:
        problem = str(error)
    where = f"section {section_id}" + ("" if group_id == NO_GROUP else f", group {group_id}")
    raise JournalError(f"journal: {shown(path)} is damaged: the outcome of {where} cannot be read ({problem})")
