"""The sections of a journal: what a run before found in them, and what has changed since."""

from __future__ import annotations

import asyncio
import json
from array import array
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from attrs import define, field, frozen

from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.database import Database
from partoo_async.scan.journal.facts import Facts, Seal, digests_of, known_lists, seal_of, select_facts, without
from partoo_async.scan.journal.reader import read_keys, readable
from partoo_async.scan.journal.recording import forgetting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from partoo_async.models import Section

__all__ = ["SectionLists"]

T = TypeVar("T")

# Sections are compared together, up to so many groups and sections: in memory at once, and in one statement.
_MOST_GROUPS = 10_000
_MOST_SECTIONS = 500

_SECTIONS = select_facts(("summaries", "details"))
_OUTCOMES = "SELECT section_id, group_concat(group_id) FROM outcomes WHERE group_id >= 0"
_FAILURES = f"{_OUTCOMES} AND failed"


@frozen
class _Task:
    """A section that was read, or with its groups alone that was not, to be compared with the run before."""

    # Many may wait, so this has a dozen bytes for each group and not its summary.
    section_id: int
    name: str | None
    groups: array[int]
    digests: array[int]  # of the groups' summaries, in their order; none of a section that was not read
    details: dict[str, object]
    done: asyncio.Future[_Compared]

    def facts(self) -> Facts:
        return Facts.of(self.section_id, self.name, self.groups, self.digests, self.details)


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
    _before: dict[int, Seal] = field(factory=dict)  # sections that the run before had, until they are compared
    _waiting: list[_Task] = field(factory=list)
    _comparing: asyncio.Task[None] | None = None

    async def load_lists(self) -> None:
        """Load which sections the run before had. Their groups are read when they are compared."""
        rows = await self._database.fetch(
            "SELECT section_id, details FROM sections LEFT JOIN details USING (section_id)"
        )
        self._before = {section_id: seal_of(details) for section_id, details in rows}

    def forget_lists(self) -> None:
        """Let go of the sections that were not compared."""
        self._before.clear()

    async def known(self, section_id: int) -> tuple[str | None, array[int]] | None:
        """Return a section's name and its groups that are to be read, or None if it has to be read first."""
        if not self._lists_hold or section_id not in self._before:
            return None
        return (await self.recorded([section_id])).get(section_id)

    def mark_of(self, section_id: int) -> str | None:
        """Return the mark of the body that a section was read from, "" if it is not known. None: no mark is used."""
        return self._before.get(section_id, Seal()).mark

    async def recorded(self, section_ids: Sequence[int]) -> dict[int, tuple[str | None, array[int]]]:
        """Return name and groups to be read of sections that are as they were, by id, but for damaged ones."""
        found: dict[int, tuple[str | None, array[int]]] = {}
        left = [*section_ids]
        while left:
            part, left = _some(left, lambda section_id: self._before[section_id].groups)
            (settled, _), facts = await self._settled(part), await self._facts(part)
            work = partial(known_lists, part, facts, settled)
            known = await asyncio.to_thread(work) if self._before[part[0]].groups > _MOST_GROUPS else work()
            for section_id in part:
                self._before[section_id] = Seal()
                if section_id in known:
                    del self._before[section_id]
            found |= known
        return found

    async def digests(self, section: Section, groups: int) -> array[int]:
        """Return what ``compare`` takes of a section of many groups, each counted once. Made in a thread."""
        return await asyncio.to_thread(digests_of, section, groups)

    def compare(
        self,
        section_id: int,
        section: Section | None,
        groups: array[int],
        digests: array[int] | None = None,
        mark: str = "",
    ) -> Awaitable[tuple[array[int], list[int], list[int]]]:
        """Record the groups of a section, each once. Return those to be read, those added and those deleted."""
        # Sections that arrive meanwhile are compared together. Not by the first of them, which may be cancelled.
        done: asyncio.Future[_Compared] = asyncio.get_running_loop().create_future()
        name, details = None, dict[str, object]()
        if section is None:
            digests = array("I")
        else:
            name, digests = section.name, digests_of(section, len(groups)) if digests is None else digests
            details = {"can_edit": section.can_edit, "has_puller": section.has_puller}
        if mark:
            details |= Seal(mark, len(groups))._asdict()
        self._waiting.append(_Task(section_id, name, groups, digests, details, done))
        if self._comparing is None:
            self._comparing = asyncio.create_task(self._compare_waiting())
        return done

    async def _compare_waiting(self) -> None:
        try:
            while self._waiting:
                tasks, self._waiting = _some(self._waiting, lambda task: len(task.groups))
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
        settled, failed = await self._settled(ids) if self.begun else ({}, {})
        before = await self._facts([one for one in ids if one in self._before])
        for one in ids:
            self._before.pop(one, None)
        # The event loop could do nothing else for that long.
        large = len(tasks[0].groups) > _MOST_GROUPS
        work = partial(self._all_compared, tasks, before, settled, failed)
        results, changed, forgotten = await asyncio.to_thread(work) if large else work()
        await self._record(changed, forgotten)
        return results

    def _all_compared(
        self,
        tasks: list[_Task],
        before: dict[int, Facts],
        settled: dict[int, set[int]],
        failed: dict[int, set[int]],
    ) -> tuple[list[_Compared], list[tuple[int, Facts]], list[tuple[int, int]]]:
        """Return the result for each section, which of them changed, and the outcomes that are to be dropped."""
        results: list[_Compared] = []
        changed: list[tuple[int, Facts]] = []
        forgotten: list[tuple[int, int]] = []
        for task in tasks:
            was, now = before.get(task.section_id), task.facts()
            if was is not None and was != now and not was.intact(task.section_id):
                was = None  # whatever it says, it may not be of these groups
            result, stale = self._compared(task, was, now, settled.get(task.section_id, set()))
            results.append(result)
            # A success of a deleted group stays; its failure would stay for ever.
            forget = {*stale, *failed.get(task.section_id, set()).difference(task.groups)}
            if was != now:
                changed.append((task.section_id, now))
            forgotten += forgetting(task.section_id, forget)[1]
        return results, changed, forgotten

    def _compared(self, task: _Task, was: Facts | None, now: Facts, settled: set[int]) -> tuple[_Compared, set[int]]:
        """Return the result for a section, and those of its groups whose outcomes are not their own."""
        added: list[int] = []
        deleted: list[int] = []
        stale: set[int] = set()
        if was is None:
            # It had no groups, or was another section that had this id: outcomes are not of these groups.
            stale = settled & {*task.groups}
        elif (was.group_ids, was.digests) != (now.group_ids, now.digests):
            (listed, _), there = was.read(task.section_id), {*task.groups}
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
        return _Compared(without(task.groups, done), added, deleted), stale

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
            facts, (_, failed) = (await self._facts([section_id]))[section_id], await self._settled([section_id])
            self._before.pop(section_id, None)
            if facts.intact(section_id):
                gone += [(section_id, group_id) for group_id in facts.read(section_id)[0]]
            await self._database.write(
                ("DELETE FROM sections WHERE section_id = ?", [(section_id,)]),
                ("DELETE FROM summaries WHERE section_id = ?", [(section_id,)]),
                ("DELETE FROM details WHERE section_id = ?", [(section_id,)]),
                forgetting(section_id, failed.get(section_id, ())),
            )
        return gone

    async def _record(self, sections: list[tuple[int, Facts]], forgotten: list[tuple[int, int]]) -> None:
        if sections or forgotten:
            await self._database.write(
                ("INSERT OR REPLACE INTO sections VALUES (?, ?, ?)", [(one, *facts[:2]) for one, facts in sections]),
                ("INSERT OR REPLACE INTO summaries VALUES (?, ?)", [(one, facts.digests) for one, facts in sections]),
                ("INSERT OR REPLACE INTO details VALUES (?, ?)", [(one, facts.details) for one, facts in sections]),
                (forgetting(0, ())[0], forgotten),
            )

    async def _facts(self, section_ids: list[int]) -> dict[int, Facts]:
        if not section_ids:
            return {}
        places = ", ".join("?" * len(section_ids))
        rows = await self._database.fetch(f"{_SECTIONS} WHERE section_id IN ({places})", *section_ids)
        return {section_id: Facts(*facts) for section_id, *facts in rows}

    async def _settled(self, section_ids: list[int]) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        """Return the groups that need not be read, and those that failed and are tried again."""
        # Not in one query, which would look for each group whether it failed: its index does not say.
        found, failed = await read_keys(self._database, _OUTCOMES, section_ids), dict[int, set[int]]()
        if self._retry_failed:
            failed = await read_keys(self._database, _FAILURES, section_ids)
            for section_id, ids in failed.items():
                found[section_id] -= ids
        return found, failed

    def _digests(self, facts: Facts) -> array[int]:
        with readable(self._database.path, "summaries"):
            # Cut to 32 bits, in case a number is damaged: at worst a group is read once more.
            return array("I", (digest & 0xFFFFFFFF for digest in json.loads(facts.digests or "[]")))


def _some(sections: list[T], groups_of: Callable[[T], int]) -> tuple[list[T], list[T]]:
    """Return those that are looked at together now, and the others."""
    groups = count = 0
    while count < min(len(sections), _MOST_SECTIONS):
        groups += groups_of(sections[count])
        if count and groups > _MOST_GROUPS:
            break
        count += 1
    return sections[:count], sections[count:]
