"""Records each outcome before it is handed out, and resumes an interrupted scan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from attrs import asdict, define, field

from partoo_async._internal.callables import wait_uncancelled
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.items import ScanItem
from partoo_async.scan.journal.codec import NO_GROUP, JournalError, encode_outcome, outcome_checksum
from partoo_async.scan.journal.database import open_database
from partoo_async.scan.journal.header import age_lists, begin_header, write_header
from partoo_async.scan.journal.reader import read_businesses, read_header
from partoo_async.scan.journal.recording import ALL, add_spent, record_business_list, record_businesses
from partoo_async.scan.journal.replay import Replay
from partoo_async.scan.journal.sections import SectionLists

if TYPE_CHECKING:
    from pathlib import Path

    from partoo_async.models import Business
    from partoo_async.scan.outcomes import ScanPlan
    from partoo_async.scan.scope import Scope

__all__ = ["Journal"]

_Row = tuple[int, int, int, str | bytes, int]
_Kept: TypeAlias = Callable[[ScanItem, JournalError | None], None]
_SECONDS_BETWEEN_NOTES = 5.0  # of what was spent, which a process that is killed does not note any more


@define
class Journal(SectionLists):
    """An open journal. Its methods raise ``JournalError`` if the file cannot be read or written."""

    records: ClassVar[bool] = True

    verified: int = 0  # of the groups that earlier runs inferred; see ``ScanReport.verified``
    meter: Callable[[], tuple[int, float]] | None = None  # requests and seconds of this run until now
    replays: bool = False  # outcomes of the earlier run are left
    _replay: Replay | None = None
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
        self._pending.append(((*facts, outcome_checksum(*facts)), item, kept))
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
        """Load what the run before left, for ``compare``."""
        verified = (await read_header(self._database)).get("verified")
        self.verified = verified if isinstance(verified, int) else 0
        await self.load_lists()

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
        self.forget_lists()
        self._replay, self.replays = self.replay(retry_failed=self._retry_failed), True
        return await self._replay.begin()

    async def next_page(self) -> Iterator[Sequence[ScanItem]]:
        """Return the next outcomes of the run before, as ``Replay.next_page``; none after the last."""
        page = None if self._replay is None else await self._replay.next_page()
        self.replays = page is not None
        return iter(()) if page is None else page

    async def aclose(self) -> None:
        """Write what is pending, and close the file."""
        try:
            for task in (self._writer, self._comparing):
                if task is not None:
                    await wait_uncancelled(task)
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
