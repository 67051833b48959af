"""What there is to read: the groups of each section, less those that a journal has, and what changed since it began."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import summary_digest
from partoo_async.scan.outcomes import ScanItem, ScanPlan
from partoo_async.scan.worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from partoo_async.models import Section
    from partoo_async.scan.fetcher import GroupFetcher
    from partoo_async.scan.journal.journal import Journal, Listed
    from partoo_async.scan.scope import Scope

__all__ = ["Key", "WorkList"]

Key = tuple[int, int]
K = TypeVar("K")
R = TypeVar("R")


class WorkList:
    """The sections of a scan, read once each, and the groups that are to be read.

    Attributes:
        retry_failed: Read again what the journal has as failed.
        sections: Ids in order.
        unreadable: Outcomes of the sections that could not be read.
        added: Groups that came since the journal was last written.
        deleted: Groups that went since then.
        requests: How many requests the sections took.
        left: How many groups are to be read.
        whole: False when the list of sections kept changing while it was read.
    """

    def __init__(self, scope: Scope, fetcher: GroupFetcher, *, retry_failed: bool) -> None:
        self.scope: Scope = scope
        self.fetcher: GroupFetcher = fetcher
        self.retry_failed: bool = retry_failed
        self.journal: Journal | None = None
        self.sections: list[int] = []
        self.unreadable: list[ScanItem] = []
        self.added: list[Key] = []
        self.deleted: list[Key] = []
        self.requests: int = 0
        self.left: int = 0
        self.whole: bool = True
        # Eight bytes a group: with a hundred thousand of them the answers' own objects would weigh.
        self._groups: dict[int, array[int]] = {}
        self._before: dict[int, Listed] = {}
        self._pool: WorkerPool[Any, Any] | None = None
        self._unread = 0
        self._closed = False

    @property
    def ahead(self) -> tuple[int, int]:
        """How many reads are to come, as far as is known while the sections are read, and how many are under way."""
        taken, done = (0, 0) if self._pool is None else (self._pool.taken, self._pool.done)
        return self._unread - taken + self.left, taken - done

    def plan(self, recorded: int) -> ScanPlan:
        """Return what is to be done, when a journal has that many outcomes already."""
        left = self.left
        seconds = self.fetcher.seconds_for(left)
        return ScanPlan(len(self.sections), left + recorded, left + self.requests, seconds, recorded)

    def keys(self) -> Iterator[Key]:
        """Yield what is to be read, in the order that the caller gave, whichever section was read first."""
        for section_id in self.sections:
            for group_id in self._groups.get(section_id, ()):
                yield section_id, group_id

    async def read(self, workers: int) -> None:
        """Find the sections and read them, ``workers`` at a time. Returns early, with what there is, when closed.

        Raises what the fetcher raises, and ``JournalError``.
        """
        if self.journal is not None:
            self._before = await self.journal.listing()
        if self.scope.groups is not None and self.scope.sections is not None:
            self.sections = [*self.scope.sections]
            await self._take(self.sections[0], None, self.scope.groups)
            return
        before = self.fetcher.calls
        if self.scope.sections is not None:
            self.sections = [*self.scope.sections]
        else:
            # One key, since each page says whether there is another one. Closed meanwhile, it has no result.
            for found, whole in await self._each([self.scope.org_id], self.fetcher.section_ids, 1):
                self.sections, self.whole = found, whole
                await self._forget_sections()
        await self._each(self.sections, self._read_section, workers)
        self.requests = self.fetcher.calls - before
        self._before = {}  # eight bytes a group, and no longer of use

    async def _each(self, keys: Sequence[K], work: Callable[[K], Awaitable[R]], workers: int) -> list[R]:
        """Return what ``work`` returns, in the order in which it does, until all is done or the work list is closed.

        Even a single key gets a task of its own: closing cancels what waits, and must not hit the caller's task.
        """
        results: list[R] = []
        if self._closed:
            return results
        self._unread = len(keys)
        pool = self._pool = WorkerPool(keys, work, max(1, min(workers, len(keys))), self.fetcher.stop)
        pool.start()
        try:
            while True:
                results.append(await pool.next())
        except StopAsyncIteration:
            return results
        finally:
            await pool.aclose()

    async def aclose(self) -> None:
        """Read no further page or section; whoever waits in ``read`` gets there."""
        self._closed = True
        if self._pool is not None:
            await self._pool.aclose()

    async def _read_section(self, section_id: int) -> None:
        section, item = await self.fetcher.section(section_id)
        if section is None:
            self.unreadable.append(item)
            if self.journal is not None:
                await self.journal.record(item)
        else:
            await self._take(section_id, section, dict.fromkeys(group.id for group in section.groups))

    async def _take(self, section_id: int, section: Section | None, group_ids: Iterable[int]) -> None:
        groups = array("q", group_ids)
        if self.journal is not None:
            groups = await self._compare(self.journal, section_id, section, groups)
        self._groups[section_id] = groups
        self.left += len(groups)

    async def _compare(
        self, journal: Journal, section_id: int, section: Section | None, groups: array[int]
    ) -> array[int]:
        """Note what came and went, and return which groups the journal does not have."""
        before, now = self._before.get(section_id), {*groups}
        settled = await journal.settled(section_id, retry_failed=self.retry_failed)
        gone: list[int] = []
        # Without a listing of it there were no groups, or a section of this id that was deleted.
        stale = settled & now if before is None else set[int]()
        digests = {} if section is None else {group.id: summary_digest(group) for group in section.groups}
        if before is not None:
            gone = [group_id for group_id in before.group_ids if group_id not in now]
            known = {*before.group_ids}
            self.added += [(section_id, group_id) for group_id in groups if group_id not in known]
            self.deleted += [(section_id, group_id) for group_id in gone]
            # A group that was not there before, or was another one: what was read under its id is not of it.
            stale = settled & before.differing(digests)
        # What was read of a group that is gone stays; a failure would stand for ever.
        forget = [*(group_id for group_id in gone if group_id not in settled), *stale]
        name = section.name if section else None
        await journal.note_section(section_id, name, groups, forget, digests.values())
        return array("q", [group_id for group_id in groups if group_id not in settled or group_id in stale])

    async def _forget_sections(self) -> None:
        """Note the groups of sections that an organization no longer has.

        Raises ``ConfigurationError`` when it has none of those in the journal: then it is another organization.
        """
        if self._before and self._before.keys().isdisjoint(self.sections):
            raise ConfigurationError(
                "journal: it is of an organization with other sections; use another file for this one"
            )
        for section_id in self._before.keys() - {*self.sections}:
            gone = self._before[section_id].group_ids
            self.deleted += [(section_id, group_id) for group_id in gone]
            if self.journal is not None:
                settled = await self.journal.settled(section_id, retry_failed=self.retry_failed)
                await self.journal.forget_section(section_id, [key for key in gone if key not in settled])
