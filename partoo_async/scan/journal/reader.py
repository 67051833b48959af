"""Reading a journal: what an earlier run recorded, for a scan that goes on with it and for whoever compares scans."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from partoo_async._internal.checks import check_file
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import JournalError, checksum, decode_outcome
from partoo_async.scan.journal.database import Database, open_database
from partoo_async.scan.outcomes import ScanItem

if TYPE_CHECKING:
    import os
    from pathlib import Path


__all__ = [
    "NO_GROUP",
    "RecordedSection",
    "JournalReader",
    "Replay",
    "open_recording",
    "read_header",
    "read_sections",
    "readable",
    "write_header",
]

NO_GROUP = -1
"""Stands in the tables for a group id that is None: the outcome of a section that could not be read."""

_PAGE = 200


@frozen
class RecordedSection:
    """A section as it was when it was last read: its groups, and its name unless only some groups were asked for."""

    section_id: int
    name: str | None
    group_ids: tuple[int, ...]


@define
class Replay:
    """Hands out recorded outcomes a page at a time, in the order in which they came. Raises ``JournalError``.

    It ends at what was recorded last when ``begin`` was awaited, so that a run can record while it replays.
    """

    _database: Database
    _retry_failed: bool = field(kw_only=True)
    _page: deque[ScanItem] = field(factory=deque)
    _position: int = 0
    _last: int = 0

    async def begin(self) -> int:
        """Return how many outcomes there are to replay."""
        sql = "SELECT count(*), coalesce(max(number), 0) FROM outcomes WHERE group_id >= 0 AND NOT (failed AND ?)"
        ((count, self._last),) = await self._database.fetch(sql, self._retry_failed)
        return int(count)

    async def next(self) -> ScanItem | None:
        """Return the next outcome, None after the last. A call that is cancelled loses none."""
        if not self._page and self._position < self._last:
            sql = (
                "SELECT number, section_id, group_id, failed, outcome, crc32 FROM outcomes"
                " WHERE number > ? AND number <= ? AND group_id >= 0 AND NOT (failed AND ?) ORDER BY number LIMIT ?"
            )
            rows = await self._database.fetch(sql, self._position, self._last, self._retry_failed, _PAGE)
            self._page.extend([_item(self._database.path, *row[1:]) for row in rows])
            self._position = rows[-1][0] if rows else self._last
        return self._page.popleft() if self._page else None


@frozen
class JournalReader:
    """A journal that is only read.

    ``server``: base URL; ``started``: when its first run began, in UTC; ``version``: of the package that began it;
    ``complete``: whether every group that was to be read has an outcome; ``sections``: those that could be read, by id.
    """

    server: str
    started: datetime
    version: str
    complete: bool
    sections: Mapping[int, RecordedSection]
    _database: Database

    async def items(self) -> AsyncIterator[ScanItem]:
        """Yield every recorded outcome, failures included. Raises ``ConfigurationError`` where the file is damaged."""
        position = 0
        sql = (
            "SELECT number, section_id, group_id, failed, outcome, crc32 FROM outcomes"
            " WHERE number > ? ORDER BY number LIMIT ?"
        )
        while True:
            try:
                rows = await self._database.fetch(sql, position, _PAGE)
                items = [_item(self._database.path, *row[1:]) for row in rows]
            except JournalError as error:
                raise ConfigurationError(str(error)) from None
            if not rows:
                return
            for item in items:
                yield item
            position = rows[-1][0]


def _item(path: Path, section_id: int, group_id: int, failed: int, outcome: str, crc32: int) -> ScanItem:
    try:
        if checksum(section_id, group_id, failed, outcome) != crc32:
            raise ValueError("its checksum is wrong")
        return decode_outcome(section_id, None if group_id == NO_GROUP else group_id, outcome)
    except (TypeError, ValueError) as error:
        problem = str(error)
    where = f"section {section_id}" + ("" if group_id == NO_GROUP else f", group {group_id}")
    raise JournalError(f"journal: {shown(path)} is damaged: the outcome of {where} cannot be read ({problem})")


@asynccontextmanager
async def open_recording(path: str | os.PathLike[str]) -> AsyncIterator[JournalReader]:
    """Open a journal to read it. Raises ``ConfigurationError`` for a file that is none, is damaged or is in use."""
    file = check_file("journal", path)
    database = await open_database(file, reading=True)
    try:
        try:
            header = await read_header(database)
            sections = {section.section_id: section for section in await read_sections(database)}
            complete = await _is_complete(database, header, sections)
            if "scope" not in header:
                raise ConfigurationError(f"journal: {shown(file)} was never begun; there is nothing in it")
            with readable(file, "header"):
                started = datetime.fromisoformat(header["started"])
                facts = (header["server"], started, header["version"], complete)
        except JournalError as error:
            raise ConfigurationError(str(error)) from None
        yield JournalReader(*facts, sections, database)
    finally:
        await database.aclose()


async def _is_complete(database: Database, header: Mapping[str, Any], sections: Mapping[int, RecordedSection]) -> bool:
    if header.get("finished"):
        return True
    wanted = header.get("scope", {}).get("sections") or ()
    if header.get("plan") is None or not all(section_id in sections for section_id in wanted):
        return False  # ended while the sections were being read
    # A later run may have ended early with nothing left to do.
    for section in sections.values():
        rows = await database.fetch("SELECT group_id FROM outcomes WHERE section_id = ?", section.section_id)
        if not {*section.group_ids} <= {group_id for (group_id,) in rows}:
            return False
    return True


async def read_header(database: Database) -> dict[str, Any]:
    """Return the facts about the scan by name."""
    rows = await database.fetch("SELECT * FROM header")
    with readable(database.path, "header"):
        return {name: json.loads(value) for name, value in rows}


async def write_header(database: Database, facts: Mapping[str, object]) -> None:
    """Write facts about the scan, JSON values, over those of the same name."""
    rows: Iterable[tuple[str, str]] = [(name, json.dumps(value)) for name, value in facts.items()]
    await database.write(("INSERT OR REPLACE INTO header VALUES (?, ?)", rows))


async def read_sections(database: Database) -> list[RecordedSection]:
    """Return the sections that were read."""
    rows = await database.fetch("SELECT section_id, name, group_ids FROM sections")
    with readable(database.path, "list of sections"):
        return [RecordedSection(section_id, name, tuple(json.loads(ids))) for section_id, name, ids in rows]


@contextmanager
def readable(path: Path, part: str) -> Iterator[None]:
    """Turn what damaged values raise inside into a ``JournalError``."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        problem = f"journal: {shown(path)} is damaged: its {part} cannot be read ({error})"
    else:
        return
    raise JournalError(problem)
