"""Reads a journal: for a scan that resumes, and for a comparison of scans."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.checks import check_file
from partoo_async._internal.text import cut, shown
from partoo_async._protocol.json import decode_short
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import NO_GROUP, JournalError, checksum, decode_business, decode_row, mending
from partoo_async.scan.journal.database import Database, open_database
from partoo_async.scan.journal.facts import Facts, select_facts
from partoo_async.scan.journal.replay import Replay

if TYPE_CHECKING:
    import os
    from array import array
    from pathlib import Path

    from partoo_async.models import Business
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.codec import Row

__all__ = [
    "JournalReader",
    "RecordedSection",
    "knows_sections",
    "open_reader",
    "read_businesses",
    "read_header",
    "read_keys",
    "readable",
]

_PAGE = 200  # outcomes, or businesses
_SECTIONS = 100  # that are read together
_LEAST, _LONGEST_ID = -(2**63), 80  # no id is smaller; characters of one in a message


@frozen
class RecordedSection:
    """A section as it was last read."""

    section_id: int
    name: str | None  # None: the scan was given its groups, and did not read it
    group_ids: tuple[int, ...]
    can_edit: bool | None = None  # None: not read, or by an earlier version
    has_puller: bool | None = None  # the same


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
            while (page := await replay.next_page()) is not None:
                for few in page:
                    for item in few:
                        yield item
        except JournalError as error:
            raise ConfigurationError(str(error)) from None

    async def in_order(self) -> AsyncGenerator[list[Row], None]:
        """Yield every recorded outcome by section and group; a section that could not be read comes before its groups.

        As rows, for ``item``, in pages. Raises ``ConfigurationError`` if the file is damaged.
        """
        sql = (
            "SELECT section_id, group_id, failed, outcome, crc32 FROM outcomes"
            " WHERE (section_id, group_id) > (?, ?) ORDER BY section_id, group_id LIMIT ?"
        )
        last = (_LEAST, _LEAST)
        try:
            while rows := await self._database.fetch(sql, *last, _PAGE):
                last = rows[-1][:2]
                yield rows
                del rows  # or two pages would be held while the next one is read
        except JournalError as error:
            raise ConfigurationError(str(error)) from None

    def item(self, row: Row) -> ScanItem:
        """Return the outcome of a row. Raises ``ConfigurationError`` if it is damaged."""
        try:
            return decode_row(self._database.path, row)
        except JournalError as error:
            raise ConfigurationError(str(error)) from None

    async def unread(self) -> list[int]:
        """Return the sections that could not be read."""
        try:
            rows = await self._database.fetch("SELECT section_id FROM outcomes WHERE group_id = ?", NO_GROUP)
        except JournalError as error:
            raise ConfigurationError(str(error)) from None
        return [section_id for (section_id,) in rows]

    async def keys(self) -> list[tuple[int, int | None, bool]]:
        """Return section id, group id and whether it failed of every recorded outcome."""
        try:
            rows = await self._database.fetch("SELECT section_id, nullif(group_id, ?), failed FROM outcomes", NO_GROUP)
        except JournalError as error:
            raise ConfigurationError(str(error)) from None
        return [(section_id, group_id, bool(failed)) for section_id, group_id, failed in rows]

    async def businesses(self, *, in_order: bool = False) -> AsyncIterator[Business]:
        """Yield every recorded business, ``in_order`` of ids or of recording.

        Raises ``ConfigurationError`` if the file is damaged.
        """
        try:
            async for business in read_businesses(self._database, in_order=in_order):
                yield business
        except JournalError as error:
            raise ConfigurationError(str(error)) from None


@asynccontextmanager
async def open_reader(path: str | os.PathLike[str]) -> AsyncIterator[JournalReader]:
    """Open a journal to read it. Raises ``ConfigurationError`` if it is none, is damaged or is in use."""
    file = check_file("journal", path)
    database = await open_database(file, reading=True)
    try:
        try:
            header = await read_header(database)
            sections = await _read_sections(database)
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
    ids = [*sections]
    for part in (ids[start : start + _SECTIONS] for start in range(0, len(ids), _SECTIONS)):
        there = await read_keys(database, "SELECT section_id, group_concat(group_id) FROM outcomes", part)
        if not all(there.get(section_id, set()).issuperset(sections[section_id].group_ids) for section_id in part):
            return False
    return True


async def read_keys(database: Database, select: str, sections: Collection[int], *more: object) -> dict[int, set[int]]:
    """Return the groups of these sections by ``select``, to which a condition is added."""
    # One text for each section: a row for each group would take longer to make than all that is done with it.
    link = "AND" if "WHERE" in select else "WHERE"
    sql = f"{select} {link} section_id IN ({', '.join('?' * len(sections))}) GROUP BY section_id"
    rows = await database.fetch(sql, *more, *sections)
    with readable(database.path, "list of outcomes"):
        return {section_id: {*decode_short(f"[{text}]")} for section_id, text in rows}


async def read_header(database: Database) -> dict[str, Any]:
    """Return the facts about the scan by name."""
    rows = await database.fetch("SELECT * FROM header")
    with readable(database.path, "header"):
        return {name: json.loads(value) for name, value in rows}


class _Sections(Mapping[int, RecordedSection]):
    """Sections with eight bytes for a group. Each is made when it is looked at."""

    def __init__(self) -> None:
        self._parts: dict[int, tuple[str | None, array[int], bool | None, bool | None]] = {}

    def add(self, section_id: int, facts: Facts) -> None:
        ids, more = facts.read(section_id)
        self._parts[section_id] = facts.name, ids, more.get("can_edit"), more.get("has_puller")

    def __getitem__(self, section_id: int) -> RecordedSection:
        name, ids, *flags = self._parts[section_id]
        return RecordedSection(section_id, name, tuple(ids), *flags)

    def __iter__(self) -> Iterator[int]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)


async def _read_sections(database: Database) -> Mapping[int, RecordedSection]:
    tables = [table for table in ("summaries", "details") if await _has_table(database, table)]
    sql = f"{select_facts(tables)} WHERE section_id > ? ORDER BY section_id LIMIT ?"
    found, last = _Sections(), _LEAST
    while rows := await database.fetch(sql, last, _SECTIONS):
        with readable(database.path, "list of sections"):
            for section_id, *facts in rows:
                try:
                    found.add(section_id, Facts(*facts))
                except ValueError as error:
                    mend = mending(database.path, f"sections WHERE section_id = {section_id}")
                    raise ValueError(f"section {section_id}: {error}; {mend}") from None
        last = rows[-1][0]
    return found


async def read_businesses(database: Database, *, in_order: bool = False) -> AsyncIterator[Business]:
    """Yield every recorded business, ``in_order`` of ids or of recording."""
    # In pages: whole businesses are large.
    if not await _has_table(database, "businesses"):
        return
    key, last = ("id", "") if in_order else ("rowid", 0)  # no id is empty
    sql = f"SELECT {key}, id, business, crc32 FROM businesses WHERE {key} > ? ORDER BY {key} LIMIT ?"  # noqa: S608 - one of two
    while rows := await database.fetch(sql, last, _PAGE):
        for _, *values in rows:
            yield _business(database.path, *values)
        last = rows[-1][0]


async def _has_table(database: Database, name: str) -> bool:
    # Read only, a journal of an earlier version lacks those of LATER_PARTS.
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
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        problem = f"journal: {shown(path)} is damaged: its {part} cannot be read ({error})"
    else:
        return
    raise JournalError(problem)
