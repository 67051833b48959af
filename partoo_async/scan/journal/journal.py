"""The journal of a scan: every outcome on disk before it is handed out, and what an interrupted scan goes on with."""

from __future__ import annotations

import asyncio
import json
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from partoo_async._internal.text import shown
from partoo_async._internal.version import get_version
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import JournalError, checksum, encode_outcome
from partoo_async.scan.journal.database import SUMMARIES, Database, open_database, wait_uncancelled
from partoo_async.scan.journal.reader import NO_GROUP, Replay, read_header, read_sections, readable, write_header
from partoo_async.scan.scope import describe
from partoo_async.servers import is_same_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from partoo_async.scan.outcomes import ScanItem
    from partoo_async.scan.scope import Scope

__all__ = ["Journal", "Listed"]

_Row = tuple[int, int, bool, str, int]


@frozen
class Listed:
    """The groups of a section as it was read before; ``digests`` of their summaries, none in an older journal."""

    group_ids: tuple[int, ...]
    digests: array[int]

    def differing(self, digests: Mapping[int, int]) -> set[int]:
        """Return which of these groups, by id, were not there, or had another summary."""
        before: dict[int, int] = dict(zip(self.group_ids, self.digests, strict=False))
        known = {*self.group_ids}
        return {
            group_id for group_id, now in digests.items() if group_id not in known or before.get(group_id, now) != now
        }


@define
class Journal:
    """An open journal. ``begun``: whether it holds an earlier run of this scan.

    Raises ``JournalError`` whenever the file cannot be read or written: what was recorded before stays readable.
    """

    _database: Database
    begun: bool
    _pending: list[tuple[_Row, asyncio.Future[None]]] = field(factory=list)
    _writer: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, server: str, scope: Scope, *, resume: bool) -> Journal:
        """Open or make the journal of this scan.

        Raises ``ConfigurationError`` for a file that is not one, is in use, is of another scan or server or of a
        newer version, or exists while ``resume`` is False; such a file is left as it was.
        """
        database = await open_database(path, create=True, resume=resume)
        try:
            return cls(database, await _begin(database, server, scope))
        except BaseException as error:
            await database.aclose()
            if isinstance(error, JournalError):
                raise ConfigurationError(str(error)) from None
            raise

    async def record(self, item: ScanItem) -> None:
        """Return when the item is on disk. Items that arrive meanwhile are written together."""
        group_id = NO_GROUP if item.group_id is None else item.group_id
        facts = (item.section_id, group_id, item.error is not None, encode_outcome(item))
        row = (*facts, checksum(*facts))
        written = asyncio.get_running_loop().create_future()
        self._pending.append((row, written))
        if self._writer is None:
            # A task of its own, so that a worker that is cancelled does not take the others' outcomes with it.
            self._writer = asyncio.create_task(self._write())
        await written

    async def _write(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending, []
                failure = await self._write_rows([row for row, _ in batch])
                for _, written in batch:
                    if written.done():
                        continue  # its worker was cancelled; the outcome is on disk all the same
                    if failure is None:
                        written.set_result(None)
                    else:
                        written.set_exception(failure)
        finally:
            self._writer = None

    async def _write_rows(self, rows: list[_Row]) -> JournalError | None:
        sql = "INSERT OR REPLACE INTO outcomes (section_id, group_id, failed, outcome, crc32) VALUES (?, ?, ?, ?, ?)"
        try:
            await self._database.write((sql, rows))
        except JournalError as error:
            return error
        except Exception as error:  # whatever it is, those who wait for these rows must hear of it
            return JournalError(f"journal: {shown(self._database.path)}: {error}")
        return None

    async def listing(self) -> dict[int, Listed]:
        """Return the groups that each section had when it was last read."""
        with readable(self._database.path, "summaries"):
            rows = await self._database.fetch("SELECT section_id, digests FROM summaries")
            # Cut to size, should a number be a damaged one: at the worst a group is read once more.
            digests = {key: array("I", (digest & 0xFFFFFFFF for digest in json.loads(text))) for key, text in rows}
        sections = await read_sections(self._database)
        return {one.section_id: Listed(one.group_ids, digests.get(one.section_id, array("I"))) for one in sections}

    async def settled(self, section_id: int, *, retry_failed: bool) -> set[int]:
        """Return the groups of a section that have an outcome: a success, or any unless ``retry_failed``."""
        sql = "SELECT group_id FROM outcomes WHERE section_id = ? AND group_id >= 0 AND NOT (failed AND ?)"
        return {group_id for (group_id,) in await self._database.fetch(sql, section_id, retry_failed)}

    async def note_section(
        self,
        section_id: int,
        name: str | None,
        group_ids: Iterable[int],
        forget: Iterable[int],
        digests: Iterable[int] = (),
    ) -> None:
        """Record a section that was read, and drop the outcomes of these of its groups.

        ``digests``: of what it said of its groups, in their order.
        """
        section = (section_id, name, json.dumps([*group_ids]))
        summaries = (section_id, json.dumps([*digests]))
        await self._database.write(
            ("INSERT OR REPLACE INTO sections VALUES (?, ?, ?)", [section]),
            ("INSERT OR REPLACE INTO summaries VALUES (?, ?)", [summaries]),
            _forgetting(section_id, forget),
        )

    async def forget_section(self, section_id: int, forget: Iterable[int]) -> None:
        """Drop the listing of a section that there is no more, and the outcomes of these of its groups."""
        await self._database.write(
            ("DELETE FROM sections WHERE section_id = ?", [(section_id,)]),
            ("DELETE FROM summaries WHERE section_id = ?", [(section_id,)]),
            _forgetting(section_id, forget),
        )

    async def note(self, **header: object) -> None:
        """Record facts about the scan, JSON values by name."""
        await write_header(self._database, header)

    def replay(self, *, retry_failed: bool) -> Replay:
        """Return what was recorded before this run: the successes, and the failures unless ``retry_failed``."""
        return Replay(self._database, retry_failed=retry_failed)

    async def aclose(self) -> None:
        """Write what is still to be written, and close the file."""
        try:
            if self._writer is not None:
                await wait_uncancelled(self._writer)
        finally:
            await self._database.aclose()


def _forgetting(section_id: int, group_ids: Iterable[int]) -> tuple[str, list[tuple[int, int]]]:
    keys = [(section_id, group_id) for group_id in group_ids]
    return "DELETE FROM outcomes WHERE section_id = ? AND group_id = ?", keys


async def _begin(database: Database, server: str, scope: Scope) -> bool:
    """Check the header against this scan, or write it. Return whether there was one."""
    header = await read_header(database)
    if "scope" in header:
        _check_same(database.path, header, server, scope)
        await database.fetch(SUMMARIES)  # which journals of earlier versions lack
        await write_header(database, {"finished": False})
        # Every run reads the sections anew, and one that there is no more would stay a failure for ever.
        await database.write(("DELETE FROM outcomes WHERE group_id = ?", [(NO_GROUP,)]))
        return True
    started = datetime.now(UTC).isoformat()
    facts = {"server": server, "scope": scope.plain(), "started": started, "version": get_version(), "finished": False}
    await write_header(database, facts)
    return False


def _check_same(path: Path, header: Mapping[str, Any], server: str, scope: Scope) -> None:
    with readable(path, "header"):
        recorded, covered = header["server"], describe(header["scope"])
    if not is_same_server(recorded, server):  # an older version kept the URL as it was spelled
        raise ConfigurationError(
            f"journal: {shown(path)} is of a scan of {recorded}, not of {server}; use another file for this one"
        )
    if header["scope"] != scope.plain():
        raise ConfigurationError(
            f"journal: {shown(path)} is of a scan of {covered}, not of {describe(scope.plain())};"
            " use another file for this one"
        )
