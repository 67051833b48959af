"""Reads a journal: for a scan that resumes, and for a comparison of scans."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from partoo_async._internal.checks import check_file
from partoo_async._internal.text import cut, shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.items import ScanItem
from partoo_async.scan.journal.codec import JournalError, checksum, decode_business, decode_outcome
from partoo_async.scan.journal.database import NO_GROUP, Database, open_database

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from partoo_async.models import Business

__all__ = [
    "JournalReader",
    "RecordedSection",
    "Replay",
    "knows_sections",
    "open_reader",
    "read_businesses",
    "read_header",
    "read_sections",
    "readable",
]

_PAGE = 200  # outcomes, or businesses
_LONGEST_ID = 80  # characters, in a message


@frozen
class RecordedSection:
    """A section as it was last read."""

    section_id: int
    name: str | None  # None: the scan was given its groups, and did not read it
    group_ids: tuple[int, ...]
    can_edit: bool | None = None  # None: not read, or by an earlier version
    has_puller: bool | None = None  # the same


@define
class Replay:
    """Reads recorded outcomes page by page, in the order in which they were recorded. Raises ``JournalError``."""

    _database: Database
    _least: int  # the lowest group id: 0, or NO_GROUP for sections that could not be read as well
    _retry_failed: bool  # leave out failures
    _page: deque[ScanItem] = field(factory=deque)
    _position: int = 0
    _last: int = 0  # when ``begin`` was awaited: a scan records while it replays

    async def begin(self) -> int:
        """Return how many outcomes there are to replay."""
        sql = "SELECT count(*), coalesce(max(number), 0) FROM outcomes WHERE group_id >= ? AND NOT (failed AND ?)"
        ((count, self._last),) = await self._database.fetch(sql, self._least, self._retry_failed)
        return int(count)

    async def next(self) -> ScanItem | None:
        """Return the next outcome, None after the last. A call that is cancelled loses none."""
        if not self._page and self._position < self._last:
            sql = (
                "SELECT number, section_id, group_id, failed, outcome, crc32 FROM outcomes"
                " WHERE number > ? AND number <= ? AND group_id >= ? AND NOT (failed AND ?) ORDER BY number LIMIT ?"
            )
            bounds = (self._position, self._last, self._least)
            rows = await self._database.fetch(sql, *bounds, self._retry_failed, _PAGE)
            self._page.extend([_item(self._database.path, *row[1:]) for row in rows])
            self._position = rows[-1][0] if rows else self._last
        return self._page.popleft() if self._page else None


@frozen
class JournalReader:
    """A journal that is only read."""

    server: str  # base URL
    started: datetime  # when its first run began, in UTC
    version: str  # of the package that began it
    complete: bool  # every group has an outcome
    sections: Mapping[int, RecordedSection]  # those that could be read, by id
    sections_listed: bool  # their list was read whole: what is neither there nor failed does not exist
    of_organization: bool  # of a scan of all sections of an organization, not of some
    businesses_listed: str | None  # "all"; since when they were modified, in ISO format; None: there may be others
    businesses_problem: str  # why their list was not read whole, "" if it was or was not tried
    everything_read: bool  # ``read_everything`` came to its end, failures or not
    requests: int  # of all runs
    seconds: float  # of all runs, without those between them
    verified: int  # of the groups that are inferred; see ``ScanReport.verified``
    _database: Database

    @property
    def strategy(self) -> str:
        """What its groups come from, as ``ScanReport.strategy``."""
        return "businesses" if self.verified else "groups"

    async def items(self) -> AsyncIterator[ScanItem]:
        """Yield every recorded outcome. Raises ``ConfigurationError`` if the file is damaged."""
        replay = Replay(self._database, NO_GROUP, False)
        try:
            await replay.begin()
            while (item := await replay.next()) is not None:
                yield item
        except JournalError as error:
            raise ConfigurationError(str(error)) from None

    async def keys(self) -> list[tuple[int, int | None, bool]]:
        """Return section id, group id and whether it failed of every recorded outcome."""
        try:
            rows = await self._database.fetch("SELECT section_id, nullif(group_id, ?), failed FROM outcomes", NO_GROUP)
        except JournalError as error:
            raise ConfigurationError(str(error)) from None
        return [(section_id, group_id, bool(failed)) for section_id, group_id, failed in rows]

    async def businesses(self) -> AsyncIterator[Business]:
        """Yield every recorded business. Raises ``ConfigurationError`` if the file is damaged."""
        try:
            async for business in read_businesses(self._database):
                yield business
        except JournalError as error:
            raise ConfigurationError(str(error)) from None


def _item(path: Path, section_id: int, group_id: int, failed: int, outcome: str | bytes, crc32: int) -> ScanItem:
    try:
        if checksum(section_id, group_id, failed, outcome) != crc32:
            raise ValueError("its checksum is wrong")
        return decode_outcome(section_id, None if group_id == NO_GROUP else group_id, outcome)
    except (TypeError, ValueError) as error:
        problem = str(error)
    where = f"section {section_id}" + ("" if group_id == NO_GROUP else f", group {group_id}")
    raise JournalError(f"journal: {shown(path)} is damaged: the outcome of {where} cannot be read ({problem})")


@asynccontextmanager
async def open_reader(path: str | os.PathLike[str]) -> AsyncIterator[JournalReader]:
    """Open a journal to read it. Raises ``ConfigurationError`` if it is none, is damaged or is in use."""
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
                reader = _reader(header, complete, sections, database)
        except JournalError as error:
            raise ConfigurationError(str(error)) from None
        yield reader
    finally:
        await database.aclose()


def _reader(
    header: Mapping[str, Any], complete: bool, sections: Mapping[int, RecordedSection], database: Database
) -> JournalReader:
    return JournalReader(
        server=header["server"],
        started=datetime.fromisoformat(header["started"]),
        version=header["version"],
        complete=complete,
        sections=sections,
        sections_listed=knows_sections(header, complete),
        of_organization=header.get("scope", {}).get("sections") is None,
        # Journals of earlier versions lack these.
        businesses_listed=header.get("businesses_listed"),
        businesses_problem=str(header.get("businesses_problem", "")),
        everything_read=bool(header.get("ended")),
        requests=int(header.get("requests", 0)),
        seconds=float(header.get("seconds", 0.0)),
        verified=int(header.get("verified", 0)),
        database=database,
    )


def knows_sections(header: Mapping[str, Any], complete: bool) -> bool:
    """Whether a section that is neither there nor failed does not exist."""
    if header.get("scope", {}).get("sections") is not None:
        return complete  # of a scan of some sections, others are not known
    return bool(header.get("sections_listed", complete))


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


async def read_sections(database: Database) -> list[RecordedSection]:
    """Return the sections that were read."""
    rows = await database.fetch("SELECT section_id, name, group_ids FROM sections")
    details = await database.fetch("SELECT * FROM details") if await _has_table(database, "details") else []
    with readable(database.path, "list of sections"):
        more = {section_id: json.loads(text) for section_id, text in details}
        return [
            RecordedSection(
                section_id,
                name,
                tuple(json.loads(ids)),
                *(more.get(section_id, {}).get(fact) for fact in ("can_edit", "has_puller")),
            )
            for section_id, name, ids in rows
        ]


async def read_businesses(database: Database) -> AsyncIterator[Business]:
    """Yield every recorded business."""
    # In pages: whole businesses are large.
    if not await _has_table(database, "businesses"):
        return
    sql, last = "SELECT rowid, id, business, crc32 FROM businesses WHERE rowid > ? ORDER BY rowid LIMIT ?", 0
    while rows := await database.fetch(sql, last, _PAGE):
        for _, *values in rows:
            yield _business(database.path, *values)
        last = rows[-1][0]


async def _has_table(database: Database, name: str) -> bool:
    # Read only, a journal of an earlier version lacks those of LATER_TABLES.
    return bool(await database.fetch("SELECT 1 FROM sqlite_master WHERE name = ?", name))


def _business(path: Path, business_id: str, text: str, crc32: int) -> Business:
    with readable(path, f"business {cut(str(business_id), _LONGEST_ID)}"):
        if checksum(business_id, text) != crc32:
            raise ValueError("its checksum is wrong")
        return decode_business(text)


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
