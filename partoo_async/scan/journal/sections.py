"""The sections of a journal: what a run before found in them, and what has changed since."""

from __future__ import annotations

import asyncio
import json
from array import array
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from attrs import define, field, frozen

from partoo_async._protocol.json import encode_json
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import summary_digests
from partoo_async.scan.journal.database import Database
from partoo_async.scan.journal.reader import read_keys, readable
from partoo_async.scan.journal.recording import forgetting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from partoo_async.models import Section

__all__ = ["SectionLists"]

# Sections are compared together, up to so many groups and sections: in memory at once, and in one statement.
_MOST_GROUPS = 10_000
_MOST_SECTIONS = 500

_SECTIONS = """SELECT section_id, name, group_ids, digests, details FROM sections
    LEFT JOIN summaries USING (section_id) LEFT JOIN details USING (section_id)"""
_OUTCOMES = "SELECT section_id, group_concat(group_id) FROM outcomes WHERE group_id >= 0"
_FAILURES = f"{_OUTCOMES} AND failed"


class _Facts(NamedTuple):
    """What is recorded of a section, as its columns have it."""

    name: str | None
    group_ids: str
    digests: str | None  # of the groups' summaries; none in a journal of an earlier version
    details: str | None


@frozen
class _Task:
    """A section that was read, or with its groups alone that was not, to be compared with the run before."""

    # Many may wait, so this has a dozen bytes for each group and not its summary.
    section_id: int
    name: str | None
    groups: array[int]
    digests: array[int]  # of the groups' summaries, in their order; none of a section that was not read
    details: dict[str, bool]
    done: asyncio.Future[_Compared]

    def facts(self) -> _Facts:
        return _Facts(self.name, _json(self.groups), _json(self.digests), json.dumps(self.details))


class _Compared(NamedTuple):
    """The groups of a section that are to be read, those added and those deleted."""

    left: array[int]
    added: list[int]
    deleted: list[int]


@define
class SectionLists:
    """The part of a journal that knows its sections. Its methods raise ``JournalError``, like those of the whole."""

    _database: Database
    begun: bool  # it holds an earlier run of this scan
    _retry_failed: bool = True
    _lists_hold: bool = False  # the lists of sections are recent enough to do without another look
    _before: set[int] = field(factory=set)  # sections that the run before had, until they are compared
    _waiting: list[_Task] = field(factory=list)
    _comparing: asyncio.Task[None] | None = None

    async def load_lists(self) -> None:
        """Load which sections the run before had. Their groups are read when they are compared."""
        self._before = {one for (one,) in await self._database.fetch("SELECT section_id FROM sections")}

    def forget_lists(self) -> None:
        """Let go of the sections that were not compared."""
        self._before.clear()

    async def known(self, section_id: int) -> tuple[str | None, array[int]] | None:
        """Return a section's name and its groups that are to be read, or None if it has to be read first."""
        if not self._lists_hold or section_id not in self._before:
            return None
        settled = await self.settled(section_id, retry_failed=self._retry_failed)
        facts = (await self._facts([section_id]))[section_id]
        self._before.discard(section_id)
        return facts.name, array("q", [one for one in self._group_ids(facts) if one not in settled])

    async def digests(self, section: Section, groups: int) -> array[int]:
        """Return what ``compare`` takes of a section of many groups, each counted once. Made in a thread."""
        return await asyncio.to_thread(_digests, section, groups)

    def compare(
        self, section_id: int, section: Section | None, groups: array[int], digests: array[int] | None = None
    ) -> Awaitable[tuple[array[int], list[int], list[int]]]:
        """Record the groups of a section, each once. Return those to be read, those added and those deleted."""
        # Sections that arrive meanwhile are compared together. Not by the first of them, which may be cancelled.
        done: asyncio.Future[_Compared] = asyncio.get_running_loop().create_future()
        name, details = None, {}
        if section is None:
            digests = array("I")
        else:
            name, digests = section.name, _digests(section, len(groups)) if digests is None else digests
            details = {"can_edit": section.can_edit, "has_puller": section.has_puller}
        self._waiting.append(_Task(section_id, name, groups, digests, details, done))
        if self._comparing is None:
            self._comparing = asyncio.create_task(self._compare_waiting())
        return done

    async def _compare_waiting(self) -> None:
        try:
            while self._waiting:
                tasks, self._waiting = _some(self._waiting)
                try:
                    results = await self._compare(tasks)
                except Exception as error:  # whatever it is, those who wait must hear of it
                    for task in tasks:
                        if not task.done.done():
                            task.done.set_exception(error)
                else:
                    for task, result in zip(tasks, results, strict=True):
                        if not task.done.done():
                            task.done.set_result(result)
        finally:
            self._comparing = None

    async def _compare(self, tasks: list[_Task]) -> list[_Compared]:
        ids = [task.section_id for task in tasks]
        settled = await self._settled(ids, self._retry_failed) if self.begun else {}
        before = await self._facts([one for one in ids if one in self._before])
        self._before.difference_update(ids)
        # The event loop could do nothing else for that long.
        large = len(tasks[0].groups) > _MOST_GROUPS
        work = partial(self._all_compared, tasks, before, settled)
        results, changed, forgotten = await asyncio.to_thread(work) if large else work()
        await self._record(changed, forgotten)
        return results

    def _all_compared(
        self, tasks: list[_Task], before: dict[int, _Facts], settled: dict[int, set[int]]
    ) -> tuple[list[_Compared], list[tuple[int, _Facts]], list[tuple[int, int]]]:
        """Return the result for each section, which of them changed, and the outcomes that are to be dropped."""
        results: list[_Compared] = []
        changed: list[tuple[int, _Facts]] = []
        forgotten: list[tuple[int, int]] = []
        for task in tasks:
            was, now = before.get(task.section_id), task.facts()
            result, forget = self._compared(task, was, now, settled.get(task.section_id, set()))
            results.append(result)
            if was != now:
                changed.append((task.section_id, now))
            forgotten += forgetting(task.section_id, forget)[1]
        return results, changed, forgotten

    def _compared(
        self, task: _Task, was: _Facts | None, now: _Facts, settled: set[int]
    ) -> tuple[_Compared, Iterable[int]]:
        """Return the result for a section, and the groups whose outcomes are to be dropped."""
        added: list[int] = []
        deleted: list[int] = []
        stale: set[int] = set()
        if was is None:
            # It had no groups, or was another section that had this id: outcomes are not of these groups.
            stale = settled & {*task.groups}
        elif (was.group_ids, was.digests) != (now.group_ids, now.digests):
            listed, there = self._group_ids(was), {*task.groups}
            known = {*listed}
            added = [group_id for group_id in task.groups if group_id not in known]
            deleted = [group_id for group_id in listed if group_id not in there]
            # Of a group that is new or another one now, the outcome under its id is not its own.
            digests = dict(zip(listed, self._digests(was), strict=False))
            stale = {
                group_id
                for group_id, digest in zip(task.groups, task.digests, strict=False)
                if group_id in settled and (group_id not in known or digests.get(group_id, digest) != digest)
            }
        done = settled - stale if stale else settled
        left = array("q", [] if done.issuperset(task.groups) else [one for one in task.groups if one not in done])
        # A success of a deleted group stays; its failure would stay for ever.
        forget = [*(group_id for group_id in deleted if group_id not in settled), *stale]
        return _Compared(left, added, deleted), forget

    def missing_sections(self, listed: list[int]) -> set[int]:
        """Return the sections that it has and a list of all lacks."""
        # With none of those in the journal it is another organization, as far as can be told.
        if self._before and self._before.isdisjoint(listed):
            raise ConfigurationError(
                "journal: the organization has none of the sections in it; use another file for another organization"
            )
        return self._before - {*listed}

    async def forget_sections(self, section_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Drop those that an organization no longer has, and return their groups."""
        gone: list[tuple[int, int]] = []
        for section_id in self._before & {*section_ids}:
            group_ids = self._group_ids((await self._facts([section_id]))[section_id])
            self._before.discard(section_id)
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
        return (await self._settled([section_id], retry_failed)).get(section_id, set())

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
        facts = _Facts(name, _json(group_ids), _json(digests), json.dumps(details))
        await self._record([(section_id, facts)], forgetting(section_id, forget)[1])

    async def _record(self, sections: list[tuple[int, _Facts]], forgotten: list[tuple[int, int]]) -> None:
        if sections or forgotten:
            await self._database.write(
                ("INSERT OR REPLACE INTO sections VALUES (?, ?, ?)", [(one, *facts[:2]) for one, facts in sections]),
                ("INSERT OR REPLACE INTO summaries VALUES (?, ?)", [(one, facts.digests) for one, facts in sections]),
                ("INSERT OR REPLACE INTO details VALUES (?, ?)", [(one, facts.details) for one, facts in sections]),
                (forgetting(0, ())[0], forgotten),
            )

    async def _facts(self, section_ids: list[int]) -> dict[int, _Facts]:
        if not section_ids:
            return {}
        rows = await self._database.fetch(f"{_SECTIONS} WHERE section_id IN ({_marks(section_ids)})", *section_ids)
        return {section_id: _Facts(*facts) for section_id, *facts in rows}

    async def _settled(self, section_ids: list[int], retry_failed: bool) -> dict[int, set[int]]:
        # Not in one query, which would look for each group whether it failed: its index does not say.
        found = await read_keys(self._database, _OUTCOMES, section_ids)
        if retry_failed:
            for section_id, failed in (await read_keys(self._database, _FAILURES, section_ids)).items():
                found[section_id] -= failed
        return found

    def _group_ids(self, facts: _Facts) -> array[int]:
        with readable(self._database.path, "list of sections"):
            return array("q", json.loads(facts.group_ids))

    def _digests(self, facts: _Facts) -> array[int]:
        with readable(self._database.path, "summaries"):
            # Cut to 32 bits, in case a number is damaged: at worst a group is read once more.
            return array("I", (digest & 0xFFFFFFFF for digest in json.loads(facts.digests or "[]")))


def _digests(section: Section, groups: int) -> array[int]:
    """Return the digests of a section's groups, of which there are so many; of one that is listed twice the later."""
    digests = summary_digests(section.groups)
    if groups != len(digests):
        digests = [*dict(zip([group.id for group in section.groups], digests, strict=True)).values()]
    return array("I", digests)


def _some(tasks: list[_Task]) -> tuple[list[_Task], list[_Task]]:
    """Return those that are compared together now, and the others."""
    groups = count = 0
    while count < min(len(tasks), _MOST_SECTIONS) and (not count or groups + len(tasks[count].groups) <= _MOST_GROUPS):
        groups += len(tasks[count].groups)
        count += 1
    return tasks[:count], tasks[count:]


def _json(numbers: Iterable[int]) -> str:
    return encode_json([*numbers]).decode()


def _marks(values: list[int]) -> str:
    return ", ".join("?" * len(values))
