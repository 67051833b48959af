"""Makes a ``Summary`` of sections, outcomes and businesses, however they come."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

from attrs import Factory, define, evolve, frozen

from partoo_async.scan.summary.facts import (
    FailedRead,
    GroupSize,
    KnownBusiness,
    Overlap,
    Run,
    SectionSize,
    Summary,
)
from partoo_async.scan.summary.overlaps import largest_overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.models import Business, BusinessSummary
    from partoo_async.scan.items import ScanItem

__all__ = ["Gathering"]

_MOST_OVERLAPS = 50
_STEPS = 5_000_000  # a second or so


@frozen
class _Read:
    group: GroupSize
    members: array[int]  # numbers, for four bytes each
    inferred: bool


@define
class Gathering:
    """Takes what a scan found, and keeps four bytes for each membership."""

    _names: dict[int, str | None] = Factory(dict)
    _listed: dict[int, frozenset[int]] = Factory(dict)  # of sections whose groups are known
    _groups: dict[tuple[int, int], _Read] = Factory(dict)
    _failures: dict[tuple[int, int | None], FailedRead] = Factory(dict)
    _numbers: dict[str, int] = Factory(dict)
    _known: dict[str, KnownBusiness] = Factory(dict)

    def add_section(self, section_id: int, name: str | None, group_ids: Iterable[int] | None = None) -> None:
        """Take a section, with its groups if they are known."""
        self._names[section_id] = name
        if group_ids is not None:
            self._listed[section_id] = frozenset(group_ids)

    def add_item(self, item: ScanItem) -> None:
        """Take an outcome, after its section. The last one of a key counts."""
        key = item.section_id, item.group_id
        if item.error is not None:
            self._failures[key] = FailedRead(*key, item.error)
            return
        listed = self._listed.get(item.section_id)
        if listed is not None and item.group_id not in listed:
            return  # deleted before the scan was resumed
        numbers = self._numbers
        members = array("i", sorted({numbers.setdefault(one, len(numbers)) for one in item.group.business_ids}))
        group = item.group
        size = GroupSize(item.section_id, item.group_id, group.name, group.has_puller, len(members))
        self._groups[item.section_id, item.group_id] = _Read(size, members, item.inferred)
        self._names.setdefault(item.section_id, None)
        self._failures.pop(key, None)
        for business in item.businesses:
            self._known.setdefault(business.id, _known(business))

    def add_business(self, business: Business) -> None:
        """Take a business."""
        self._known[business.id] = _known(business)

    def summary(self, run: Run, *, whole: bool) -> Summary:
        """Return what was found. ``whole``: every business of the organization was taken."""
        unread = {section_id for section_id, group_id in self._failures if group_id is None}
        # A section that a resumed scan could not read still has the groups of the run before.
        reads = sorted((one for one in self._groups.values() if one.group.section_id not in unread), key=_order)
        failures = [one for one in self._failures.values() if one.group_id is None or self._is_listed(one)]
        sections, repeated, missing = self._sections(reads, failures, unread)
        pairs, compared = largest_overlaps([one.members for one in reads], _MOST_OVERLAPS, _STEPS)
        grouped = {number for one in reads for number in one.members}
        ungrouped = sorted(
            (one for key, one in self._known.items() if self._numbers.get(key) not in grouped),
            key=lambda one: (one.name or "", one.business_id),
        )
        return Summary(
            run=run,
            sections=sections,
            groups=tuple(one.group for one in reads),
            failures=tuple(sorted(failures, key=_place)),
            not_reached=missing,
            memberships=sum(one.group.businesses for one in reads),
            businesses=len(grouped),
            repeated=repeated,
            overlaps=tuple(Overlap(reads[one].group, reads[other].group, shared) for one, other, shared in pairs),
            compared=compared,
            inferred=sum(one.inferred for one in reads),
            ungrouped=tuple(ungrouped) if whole else None,
            known=self._known,
            names=self._names,
        )

    def _is_listed(self, failure: FailedRead) -> bool:
        listed = self._listed.get(failure.section_id)
        return listed is None or failure.group_id in listed

    def _sections(
        self, reads: list[_Read], failures: list[FailedRead], unread: set[int]
    ) -> tuple[tuple[SectionSize, ...], int, int]:
        """Return the sections, how many businesses are repeated in one, and how many groups were not reached."""
        sizes = {key: SectionSize(key, name) for key, name in self._names.items() if key not in unread}
        failed = Counter(one.section_id for one in failures if one.group_id is not None)
        by_section: dict[int, list[_Read]] = {}
        for one in reads:
            by_section.setdefault(one.group.section_id, []).append(one)
        repeated: set[int] = set()
        missing = 0
        for section_id, size in sizes.items():
            ones = by_section.get(section_id, [])
            counts: Counter[int] = Counter()
            for one in ones:
                counts.update(one.members)
            repeated.update(number for number, count in counts.items() if count > 1)
            listed = self._listed.get(section_id)
            rest = 0 if listed is None else len(listed) - len(ones) - failed[section_id]
            missing += rest
            sizes[section_id] = evolve(
                size,
                groups=len(ones),
                empty=sum(not one.members for one in ones),
                failed=failed[section_id] + rest,
                memberships=sum(counts.values()),
                businesses=len(counts),
            )
        ordered = sorted(sizes.values(), key=lambda size: (-size.businesses, -size.groups, size.section_id))
        return tuple(ordered), len(repeated), missing


def _order(read: _Read) -> tuple[int, int, int]:
    return -read.group.businesses, read.group.section_id, read.group.group_id


def _place(failure: FailedRead) -> tuple[int, int]:
    return failure.section_id, -1 if failure.group_id is None else failure.group_id


def _known(business: Business | BusinessSummary) -> KnownBusiness:
    return KnownBusiness(business.id, business.name, business.code, business.city, business.status)
