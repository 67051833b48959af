"""Reads the outcomes of a journal in the order in which they were recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from partoo_async.scan.journal.codec import JournalError, decode_rows
from partoo_async.scan.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.codec import Row

__all__ = ["Replay"]

# Outcomes of the first page, and of any; and bytes of a page, as far as the one before tells. They are rows, a few of
# which become items when the first of these is handed out: at most so many, and so many bytes.
_FIRST, _MOST, _BYTES = 20, 1000, 500_000
_MOST_ITEMS, _BYTES_OF_ITEMS = 50, 25_000


@define
class Replay:
    """Reads recorded outcomes page by page, in the order in which they were recorded. Raises ``JournalError``."""

    _database: Database
    _least: int  # the lowest group id: 0, or NO_GROUP for sections that could not be read as well
    _retry_failed: bool  # leave out failures
    _damage: JournalError | None = None  # of an outcome that could not be handed out
    _size: int = _FIRST
    _position: int = 0
    _last: int = 0  # when ``begin`` was awaited: a scan records while it replays

    async def begin(self) -> int:
        """Return how many outcomes there are to replay."""
        # By rowid, not number: that these are one is in the text of the schema, where a damaged letter may not show.
        # Each is counted by its index.
        sql = (
            "SELECT (SELECT count(*) FROM outcomes WHERE group_id >= ?),"
            " (SELECT count(*) FROM outcomes WHERE failed AND group_id >= ? AND ?),"
            " (SELECT coalesce(max(rowid), 0) FROM outcomes)"
        )
        ((count, failed, self._last),) = await self._database.fetch(sql, self._least, self._least, self._retry_failed)
        return int(count - failed)

    async def next_page(self) -> Iterator[Sequence[ScanItem]] | None:
        """Return the next outcomes, a few at a time, None after the last. A call that is cancelled loses none.

        Of more than one, each is a success. They end before one that is damaged: every later call says so.
        """
        if self._damage is not None:
            raise self._damage.with_traceback(None)
        while self._position < self._last:
            end = min(self._position + self._size, self._last)
            rows = await self._fetch("section_id, group_id, failed, outcome, crc32", end)
            if rows:
                self._position = end
                # Of text, characters. One that is damaged may have no length.
                lengths = [len(row[3]) if isinstance(row[3], str | bytes) else 0 for row in rows]
                # Large ones may follow on small ones.
                self._size = max(1, min(_BYTES * len(rows) // (sum(lengths) or 1), 2 * self._size, _MOST))
                few = max(1, min(_BYTES_OF_ITEMS // (max(lengths) or 1), _MOST_ITEMS))
                return self._items(rows, few)
            # An outcome that is recorded anew gets another number: long ranges may be empty.
            ((first,),) = await self._fetch("min(rowid)", self._last)
            self._position = self._last if first is None else first - 1
        return None

    async def _fetch(self, columns: str, end: int) -> list[Any]:
        sql = (
            f"SELECT {columns} FROM outcomes"  # noqa: S608 - ours
            " WHERE rowid > ? AND rowid <= ? AND group_id >= ? AND NOT (failed AND ?) ORDER BY rowid"
        )
        return await self._database.fetch(sql, self._position, end, self._least, self._retry_failed)

    def _items(self, rows: list[Row], few: int) -> Iterator[Sequence[ScanItem]]:
        try:
            yield from decode_rows(self._database.path, rows, few)
        except JournalError as error:
            self._damage = error
