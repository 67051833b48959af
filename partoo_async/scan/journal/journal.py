"""Records each outcome before it is handed out, and resumes an interrupted scan."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from attrs import asdict, define, field, frozen

from partoo_async._internal.callables import wait_uncancelled
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.items import ScanItem
from partoo_async.scan.journal.codec import JournalError, checksum, encode_outcome, summary_digest
from partoo_async.scan.journal.database import NO_GROUP, Database, open_database
from partoo_async.scan.journal.header import age_lists, begin_header, write_header
from partoo_async.scan.journal.reader import Replay, read_businesses, read_header, read_sections, readable
from partoo_async.scan.journal.recording import ALL, add_spent, forgetting, record_business_list, record_businesses

if TYPE_CHECKING:
    from pathlib import Path

    from partoo_async.models import Business, Section
    from partoo_async.scan.outcomes import ScanPlan
    from partoo_async.scan.scope import Scope

__all__ = ["Journal"]

_Row = tuple[int, int, int, str | bytes, int]
_Kept: TypeAlias = Callable[[ScanItem, JournalError | None], None]
_SECONDS_BETWEEN_NOTES = 5.0  # of what was spent, which a process that is killed does not note any more


@frozen
class _Listed:
    """The groups of a section in the run before, and the digests of their summaries."""

    name: str | None
    group_ids: tuple[int, ...]
    digests: array[int]  # none in a journal of an earlier version

    def differing(self, digests: Mapping[int, int]) -> set[int]:
        """Return which groups are new or have another summary."""
        before: dict[int, int] = dict(zip(self.group_ids, self.digests, strict=False))
        known = {*self.group_ids}
        return {
            group_id for group_id, now in digests.items() if group_id not in known or before.get(group_id, now) != now
        }


@define
class Journal:
    """An open journal. Its methods raise ``JournalError`` if the file cannot be read or written."""

    records: ClassVar[bool] = True

    _database: Database
    begun: bool  # it holds an earlier run of this scan
    _retry_failed: bool = True
    _lists_hold: bool = False  # the lists of sections are recent enough to do without another look
    verified: int = 0  # of the groups that earlier runs inferred; see ``ScanReport.verified``
    meter: Callable[[], tuple[int, float]] | None = None  # requests and seconds of this run until now
    replays: bool = False  # outcomes of the earlier run are left
    _replay: Replay | None = None
    _before: dict[int, _Listed] = field(factory=dict)
    _pending: list[tuple[_Row, ScanItem, _Kept]] = field(factory=list)
    _writer: asyncio.Task[None] | None = None
    _noted: tuple[int, float] = (0, 0.0)  # of the meter, in the file already

    @classmethod
    async def open(
        cls,
        path: Path,
        server: str,
        scope: Scope,
        *,
        resume: bool,
        retry_failed: bool = True,
        lists_hold_for: float = 0.0,
    ) -> Journal:
        """Open or create the journal of this scan. Raises ``ConfigurationError`` for any other file.

        Args:
            path: The file.
            server: Base URL.
            scope: What the scan covers.
            resume: Whether the file may have been begun.
            retry_failed: Whether recorded failures are tried again.
            lists_hold_for: Seconds for which ``known`` returns what earlier runs found in a section.
        """
        database = await open_database(path, create=True, resume=resume)
        try:
            begun = await begin_header(database, server, scope)
            return cls(database, begun, retry_failed, await age_lists(database, lists_hold_for))
        except BaseException as error:
            await database.aclose()
            if isinstance(error, JournalError):
                raise ConfigurationError(str(error)) from None
            raise

    async def record(self, item: ScanItem) -> None:
        """Return when the item is on disk."""
        written = asyncio.get_running_loop().create_future()
        self.keep(item, partial(_settle, written))
        await written

    def keep(self, item: ScanItem, kept: _Kept) -> None:
        """Call back when the item is on disk, or cannot be. Items that arrive meanwhile are written together."""
        group_id = NO_GROUP if item.group_id is None else item.group_id
        facts = (item.section_id, group_id, int(item.error is not None), encode_outcome(item))
        self._pending.append(((*facts, checksum(*facts)), item, kept))
        if self._writer is None:
            # A task of its own, so that a worker that is cancelled does not take the others' outcomes with it.
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending, []
                failure = await self._write_rows([row for row, _, _ in batch])
                for _, item, kept in batch:
                    kept(item, failure)
        finally:
            self._writer = None

    async def _write_rows(self, rows: list[_Row]) -> JournalError | None:
        sql = "INSERT OR REPLACE INTO outcomes (section_id, group_id, failed, outcome, crc32) VALUES (?, ?, ?, ?, ?)"
        try:
            await self._database.write((sql, rows))
            await self._note_spent(every=_SECONDS_BETWEEN_NOTES)
        except JournalError as error:
            return error
        except Exception as error:  # whatever it is, those who wait for these rows must hear of it
            return JournalError(f"journal: {shown(self._database.path)}: {error}")
        return None

    async def record_businesses(self, businesses: Iterable[Business], doubtful: Iterable[str] = ()) -> None:
        """Record businesses, each in place of what was known of it. Return when they are on disk."""
        await record_businesses(self._database, businesses, doubtful)

    async def note_all_businesses(self, ids: Iterable[str], known: Iterable[str] = ()) -> list[str]:
        """Record that these are the businesses of the whole list. Return those that it may lack."""
        return await record_business_list(self._database, ids, ALL, known)

    async def businesses(self) -> dict[str, Business]:
        """Return every recorded business by its id."""
        return {one.id: one async for one in read_businesses(self._database)}

    async def load(self) -> None:
        """Load the groups of the run before, for ``compare``."""
        verified = (await read_header(self._database)).get("verified")
        self.verified = verified if isinstance(verified, int) else 0
        with readable(self._database.path, "summaries"):
            rows = await self._database.fetch("SELECT section_id, digests FROM summaries")
            # Cut to 32 bits, in case a number is damaged: at worst a group is read once more.
            digests = {key: array("I", (digest & 0xFFFFFFFF for digest in json.loads(text))) for key, text in rows}
        for one in await read_sections(self._database):
            self._before[one.section_id] = _Listed(one.name, one.group_ids, digests.get(one.section_id, array("I")))

    async def known(self, section_id: int) -> tuple[str | None, array[int]] | None:
        """Return a section's name and its groups that are to be read, or None if it has to be read first."""
        if not self._lists_hold or section_id not in self._before:
            return None
        settled = await self.settled(section_id, retry_failed=self._retry_failed)
        listed = self._before.pop(section_id)
        return listed.name, array("q", [group_id for group_id in listed.group_ids if group_id not in settled])

    async def compare(
        self, section_id: int, section: Section | None, groups: array[int]
    ) -> tuple[array[int], list[int], list[int]]:
        """Record the groups of a section. Return those to be read, those added and those deleted."""
        before, now = self._before.pop(section_id, None), {*groups}
        settled = await self.settled(section_id, retry_failed=self._retry_failed)
        digests = {} if section is None else {group.id: summary_digest(group) for group in section.groups}
        added: list[int] = []
        deleted: list[int] = []
        if before is None:
            # It had no groups, or was another section that had this id: outcomes are not of these groups.
            stale = settled & now
        else:
            known = {*before.group_ids}
            added = [group_id for group_id in groups if group_id not in known]
            deleted = [group_id for group_id in before.group_ids if group_id not in now]
            # Of a group that is new or another one now, the outcome under its id is not its own.
            stale = settled & before.differing(digests)
        # A success of a deleted group stays; its failure would stay for ever.
        forget = [*(group_id for group_id in deleted if group_id not in settled), *stale]
        name, details = None, {}
        if section is not None:
            name, details = section.name, {"can_edit": section.can_edit, "has_puller": section.has_puller}
        await self.note_section(section_id, name, groups, forget, digests.values(), details)
        left = array("q", [group_id for group_id in groups if group_id not in settled or group_id in stale])
        return left, added, deleted

    def missing_sections(self, listed: list[int]) -> set[int]:
        """Return the sections that it has and a list of all lacks."""
        # With none of those in the journal it is another organization, as far as can be told.
        if self._before and self._before.keys().isdisjoint(listed):
            raise ConfigurationError(
                "journal: the organization has none of the sections in it; use another file for another organization"
            )
        return self._before.keys() - {*listed}

    async def forget_sections(self, section_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Drop those that an organization no longer has, and return their groups."""
        gone: list[tuple[int, int]] = []
        for section_id in self._before.keys() & {*section_ids}:
            group_ids = self._before.pop(section_id).group_ids
            gone += [(section_id, group_id) for group_id in group_ids]
            settled = await self.settled(section_id, retry_failed=self._retry_failed)
            await self._database.write(
                ("DELETE FROM sections WHERE section_id = ?", [(section_id,)]),
                ("DELETE FROM summaries WHERE section_id = ?", [(section_id,)]),
                ("DELETE FROM details WHERE section_id = ?", [(section_id,)]),
                forgetting(section_id, [group_id for group_id in group_ids if group_id not in settled]),
            )
        return gone

    async def settled(self, section_id: int, *, retry_failed: bool) -> set[int]:
        """Return the groups that have a success, or without ``retry_failed`` any outcome."""
        sql = "SELECT group_id FROM outcomes WHERE section_id = ? AND group_id >= 0 AND NOT (failed AND ?)"
        return {group_id for (group_id,) in await self._database.fetch(sql, section_id, retry_failed)}

    async def note_section(
        self,
        section_id: int,
        name: str | None,
        group_ids: Iterable[int],
        forget: Iterable[int],
        digests: Iterable[int] = (),
        details: Mapping[str, object] = {},
    ) -> None:
        """Record a section with the digests of its groups' summaries, and drop the outcomes to ``forget``."""
        section = (section_id, name, json.dumps([*group_ids]))
        summaries = (section_id, json.dumps([*digests]))
        await self._database.write(
            ("INSERT OR REPLACE INTO sections VALUES (?, ?, ?)", [section]),
            ("INSERT OR REPLACE INTO summaries VALUES (?, ?)", [summaries]),
            ("INSERT OR REPLACE INTO details VALUES (?, ?)", [(section_id, json.dumps(details))]),
            forgetting(section_id, forget),
        )

    async def note_plan(self, plan: ScanPlan | None) -> None:
        """Record the plan. None: sections may be missing, so the scan is never complete."""
        await self.note(plan=plan and asdict(plan), sections_listed=plan is not None)

    async def note_verified(self, count: int) -> None:
        """Record how many groups were verified. Of several runs the one that verified fewest counts."""
        await self.note(verified=min(count, self.verified or count))

    async def finish(self) -> None:
        """Record that the scan is complete."""
        await self.note(finished=True)

    async def note(self, **header: object) -> None:
        """Record facts about the scan, JSON values by name."""
        await write_header(self._database, header)

    def replay(self, *, retry_failed: bool) -> Replay:
        """Return the successes until now, and without ``retry_failed`` the failures."""
        return Replay(self._database, 0, retry_failed)

    async def begin_replay(self) -> int:
        """Get ready to replay the run before, and return how many outcomes it has."""
        self._before.clear()
        self._replay, self.replays = self.replay(retry_failed=self._retry_failed), True
        return await self._replay.begin()

    async def next(self) -> ScanItem | None:
        """Return the next outcome of the run before, None after the last."""
        item = None if self._replay is None else await self._replay.next()
        self.replays = item is not None
        return item

    async def aclose(self) -> None:
        """Write what is pending, and close the file."""
        try:
            if self._writer is not None:
                await wait_uncancelled(self._writer)
            await wait_uncancelled(asyncio.ensure_future(self._note_last_spent()))
        finally:
            await self._database.aclose()

    async def _note_last_spent(self) -> None:
        with suppress(JournalError):  # such as of a full disk: the outcomes matter, and their errors were raised
            await self._note_spent(every=0.0)

    async def _note_spent(self, *, every: float) -> None:
        if self.meter is None:
            return
        requests, seconds = self.meter()
        if seconds - self._noted[1] >= every:
            noted, self._noted = self._noted, (requests, seconds)
            await add_spent(self._database, requests - noted[0], seconds - noted[1])


def _settle(written: asyncio.Future[None], _item: ScanItem, failure: JournalError | None) -> None:
    if written.done():
        return  # its worker was cancelled; the outcome is on disk all the same
    if failure is None:
        written.set_result(None)
    else:
        written.set_exception(failure)
