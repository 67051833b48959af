"""What a scan has to read: each section, and the groups that its journal lacks."""

from __future__ import annotations

import asyncio
from array import array
from typing import TYPE_CHECKING, TypeAlias, cast

from partoo_async.errors import AuthenticationError, NotFoundError
from partoo_async.scan.items import ScanFailure
from partoo_async.scan.journal.no_journal import NoJournal
from partoo_async.scan.outcomes import ScanPlan
from partoo_async.scan.worker_pool import Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Iterator

    from partoo_async.models import GroupSummary
    from partoo_async.scan.fetcher import GroupFetcher
    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.scope import Scope

__all__ = ["Key", "WorkList"]

Key = tuple[int, int]  # section id, group id
_Compared: TypeAlias = "tuple[array[int], list[int], list[int]]"  # groups to be read, added, deleted

_MANY = 10_000  # groups of a section: each step with them takes about a millisecond


class WorkList:
    """The sections of a scan and the groups that are to be read.

    ``known``: sections that are read, like those of the journal, even if the list of all lacks them. None: only those
    of the list are.
    """

    def __init__(self, scope: Scope, fetcher: GroupFetcher, known: Iterable[int] | None = None) -> None:
        self.scope: Scope = scope
        self.sections: list[int] = []  # ids in order
        self.names: dict[int, str] = {}  # of the sections that could be read
        self.unreadable: list[ScanFailure] = []  # outcomes of the sections that could not be read
        self.added: list[Key] = []  # groups that are new since the run before, by the journal
        self.deleted: list[Key] = []  # groups that are gone since then
        self.left: int = 0  # how many groups are to be read
        self.verified: int = 0  # of the groups that runs before have inferred, by the journal
        self.whole: bool = True  # False: the list of sections kept changing while it was read
        self._fetcher = fetcher
        self._journal: Journal | NoJournal = NoJournal()
        # Eight bytes a group: 100,000 objects of the responses would be heavy.
        self._groups: dict[int, array[int]] = {}
        self.keeps_summaries: bool = False  # only where they are needed, for the same reason
        self.summaries: dict[Key, GroupSummary] = {}  # of the groups to be read
        self.stage: Stage = Stage(fetcher.stop)
        self._requests = 0  # that the sections took
        self._known = None if known is None else {*known}
        self._doubtful: set[int] = set()  # sections that the list may lack

    @property
    def ahead(self) -> tuple[int, int]:
        """How many reads are to come, as far as is known, and how many are in flight."""
        left, begun = self.stage.ahead
        return left + self.left, begun

    @property
    def changes(self) -> str:
        """What changed since the run before, for a log line; "" if there was none."""
        if not self._journal.begun:
            return ""
        # Otherwise a reader of the log would wonder why a scan yields groups that are gone.
        gone = f"{len(self.deleted)} deleted" + (" (yielded if recorded)" if self.deleted else "")
        return f"; since the run before: {len(self.added)} groups added, {gone}"

    def plan(self, recorded: int) -> ScanPlan:
        """Return what is to be done. ``recorded``: outcomes in the journal."""
        left = self.left
        seconds = self._fetcher.seconds_for(left)
        return ScanPlan(len(self.sections), left + recorded, left + self._requests, seconds, recorded)

    def keys(self) -> Iterator[Key]:
        """Yield the groups to be read, in the caller's order of sections."""
        for section_id in self.sections:
            for group_id in self._groups.get(section_id, ()):
                yield section_id, group_id

    async def read(self, journal: Journal | NoJournal) -> None:
        """Find the sections and read them, until all are read or the list is closed."""
        self._journal = journal
        await journal.load()
        self.verified = journal.verified
        if self.scope.groups is not None and self.scope.sections is not None:
            self.sections = [*self.scope.sections]
            await self._take(
                self.sections[0], self._journal.compare(self.sections[0], None, array("q", self.scope.groups))
            )
            return
        before = self._fetcher.calls
        if self.scope.sections is not None:
            self.sections = [*self.scope.sections]
        else:
            # One key for all pages, since each page says whether there is a next one. No result if closed meanwhile.
            for found, whole in await self.stage.run([self.scope.org_id], self._fetcher.section_ids, 1):
                self.whole = whole
                await self._take_list(found)
        await self._read_sections([*self.sections])
        self._requests = self._fetcher.calls - before

    def name_of(self, section_id: int) -> str | None:
        """Return the name of a section, read or only listed."""
        return self.names.get(section_id, self._fetcher.listed.get(section_id))

    @property
    def refused(self) -> AuthenticationError | None:
        """The error of a wrong key, if no section could be read for that reason: one, and not one for each section."""
        errors = [failure.error for failure in self.unreadable]
        alike = len(errors) == len(self.sections) and all(isinstance(error, AuthenticationError) for error in errors)
        return cast("AuthenticationError", errors[0]) if errors and alike else None

    async def aclose(self) -> None:
        """Read no further page or section, and let ``read`` return."""
        await self.stage.aclose()

    async def _take_list(self, found: list[int]) -> None:
        missing = self._journal.missing_sections(found)
        # While the pages are read, one section may go and another one come: the count stays, and a third one is on no
        # page. But with none of those that were known it is another organization, whose sections are not looked up.
        if self._known is not None and not (self._known and self._known.isdisjoint(found)):
            self._doubtful = (self._known | missing) - {*found}
        self.sections = [*found, *sorted(self._doubtful)]
        self.deleted += await self._journal.forget_sections(missing - self._doubtful)

    async def _read_sections(self, section_ids: list[int]) -> None:
        found = await self.stage.run(section_ids, self._read_section, self._fetcher.workers)
        same = [section_id for section_id in found if section_id is not None]
        if not same or self.stage.closed:
            return
        # All together. Of one that is damaged the mark is forgotten.
        known = await self._journal.recorded(same)
        for section_id, facts in known.items():
            self._take_known(section_id, *facts)
        await self._read_sections([section_id for section_id in same if section_id not in known])

    def _take_known(self, section_id: int, name: str | None, groups: array[int]) -> None:
        self._groups[section_id] = groups
        self.left += len(groups)
        if name is not None:
            self.names[section_id] = name

    async def _read_section(self, section_id: int) -> int | None:
        """Return the section's id if it is as in the run before. Any other one is taken."""
        known = await self._journal.known(section_id)
        if known is not None:
            self._take_known(section_id, *known)
            return None
        plain = not self.keeps_summaries
        found = await self._fetcher.section(section_id, plain=plain, known=self._journal.mark_of(section_id))
        if isinstance(found, ScanFailure):
            await self._take_failure(section_id, found)
            return None
        section, mark = found
        del found
        if section is None:
            return section_id
        many = len(section.groups) > _MANY
        if many:
            await asyncio.sleep(0)  # the response was decoded in this iteration of the event loop
        group_ids = array("q", dict.fromkeys([group.id for group in section.groups]))
        digests = await self._journal.digests(section, len(group_ids)) if many else None
        if many:
            await asyncio.sleep(0)
        comparing = self._journal.compare(section_id, section, group_ids, digests, mark)
        self.names[section_id] = section.name
        # While this waits, its summaries are not kept: they are most of what it takes.
        summaries = section.groups if self.keeps_summaries else ()
        del section
        await self._take(section_id, comparing, summaries)
        return None

    async def _take_failure(self, section_id: int, failure: ScanFailure) -> None:
        if section_id in self._doubtful and isinstance(failure.error, NotFoundError):
            self.sections.remove(section_id)
            self.deleted += await self._journal.forget_sections([section_id])
            return
        self.unreadable.append(failure)
        await self._journal.record(failure)

    async def _take(
        self, section_id: int, comparing: Awaitable[_Compared], summaries: tuple[GroupSummary, ...] = ()
    ) -> None:
        groups, added, deleted = await comparing
        self.added += [(section_id, group_id) for group_id in added]
        self.deleted += [(section_id, group_id) for group_id in deleted]
        self._groups[section_id] = groups
        self.left += len(groups)
        if summaries:
            left = {*groups}
            self.summaries |= {(section_id, group.id): group for group in summaries if group.id in left}
