"""Groups that are generated on access, so that a section of 100,000 groups costs little."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.data.edits import edits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.emulator.data.entities import EmulatedGroup

__all__ = ["LazyGroups", "Source", "Summary", "businesses", "holders", "peek", "preparing", "summaries"]


class Summary(NamedTuple):
    """What a section says about each of its groups."""

    id: int
    name: str
    has_puller: bool


class Source(Protocol):
    """Generates groups; an id always gives the same group, in a new object."""

    @property
    def ids(self) -> range:
        """The ids of all generated groups."""

    def summary(self, group_id: int) -> Summary:
        """Return a group's summary."""

    def group(self, group_id: int) -> EmulatedGroup:
        """Return a group with its businesses."""

    def holders(self, wanted: Iterable[str]) -> Mapping[str, Sequence[int]]:
        """Return the groups of each of these businesses, in order."""

    def preparing(self) -> Iterator[None]:
        """Make what ``holders`` would have to make first, and yield every few milliseconds."""

    def businesses(self) -> Iterable[str]:
        """Return every business that a group may have."""


@total_repr
class LazyGroups(MutableMapping[int, "EmulatedGroup"]):
    """The groups of a section by id, to be edited like a ``dict``."""

    # Generated groups come first, in the order of their ids, then those that were added.

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ids = source.ids
        self._kept: dict[int, EmulatedGroup] = {}  # generated groups that were returned or replaced
        self._gone: set[int] = set()  # generated groups that were deleted
        self._added: dict[int, EmulatedGroup] = {}

    def _is_generated(self, group_id: object) -> bool:
        # For a value that is not an int, a range compares all of its numbers.
        return isinstance(group_id, int) and group_id in self._ids and group_id not in self._gone

    def __getitem__(self, group_id: int) -> EmulatedGroup:
        # Kept, so that changes to it last.
        group = self.peek(group_id)
        if group_id not in self._added:
            self._kept[group_id] = group
        return group

    def __setitem__(self, group_id: int, group: EmulatedGroup) -> None:
        (self._kept if self._is_generated(group_id) else self._added)[group_id] = group
        edits.note()

    def __delitem__(self, group_id: int) -> None:
        if self._is_generated(group_id):
            self._kept.pop(group_id, None)
            self._gone.add(group_id)
        else:
            del self._added[group_id]
        edits.note()

    def __contains__(self, group_id: object) -> bool:
        return self._is_generated(group_id) or group_id in self._added

    def __iter__(self) -> Iterator[int]:
        yield from (group_id for group_id in self._ids if group_id not in self._gone)
        yield from self._added

    def __len__(self) -> int:
        return len(self._ids) - len(self._gone) + len(self._added)

    def __repr__(self) -> str:
        return f"<LazyGroups: {len(self)} groups>"

    def peek(self, group_id: int) -> EmulatedGroup:
        """Return a group without keeping it: changes may be lost."""
        if self._is_generated(group_id):
            return self._kept.get(group_id) or self._source.group(group_id)
        return self._added[group_id]

    def summaries(self) -> Iterator[Summary]:
        """Yield each group's summary."""
        for group_id in self:
            group = self._kept.get(group_id) or self._added.get(group_id)
            yield self._source.summary(group_id) if group is None else Summary(group.id, group.name, group.has_puller)

    def holders(self, wanted: set[str]) -> Mapping[str, Sequence[int]]:
        """Return the groups of each of these businesses that is in any."""
        generated = self._source.holders(wanted)
        # The others are looked up, these are looked through: a test may have changed them.
        changed = {*self._kept, *self._gone}
        if not changed and not self._added:
            return generated
        found = {business: [one for one in groups if one not in changed] for business, groups in generated.items()}
        for group_id, group in self._kept.items():
            for business in wanted.intersection(group.business_ids):
                insort(found[business], group_id)
        for group_id, group in self._added.items():
            for business in wanted.intersection(group.business_ids):
                found[business].append(group_id)
        return found

    @property
    def source(self) -> Source:
        """What generates the groups."""
        return self._source

    def changed(self) -> Iterable[EmulatedGroup]:
        """Return the groups that are no longer, or never were, generated."""
        return [*self._kept.values(), *self._added.values()]

    @property
    def last_id(self) -> int:
        """The largest id that there is or, if it was generated, was."""
        return max(self._ids.stop - 1, *self._added, 0)


def peek(groups: MutableMapping[int, EmulatedGroup], group_id: int) -> EmulatedGroup:
    """Return a group to read, or raise ``KeyError``."""
    # Whether it is a dict is quickly told, whether it is a mapping of some kind is not.
    if isinstance(groups, dict) or not isinstance(groups, LazyGroups):
        return groups[group_id]
    return groups.peek(group_id)


def summaries(groups: MutableMapping[int, EmulatedGroup]) -> Iterable[Summary]:
    """Return the summary of each group."""
    if isinstance(groups, LazyGroups):
        return groups.summaries()
    return [Summary(group.id, group.name, group.has_puller) for group in groups.values()]


def holders(groups: MutableMapping[int, EmulatedGroup], wanted: set[str]) -> Mapping[str, Sequence[int]]:
    """Return the groups of each of these businesses that is in any."""
    if isinstance(groups, LazyGroups):
        return groups.holders(wanted)
    found: dict[str, list[int]] = {}
    for group_id, group in groups.items():
        for business in wanted.intersection(group.business_ids):
            found.setdefault(business, []).append(group_id)
    return found


def preparing(groups: MutableMapping[int, EmulatedGroup]) -> Iterator[None]:
    """Make what ``holders`` would have to make first, and yield every few milliseconds."""
    return groups.source.preparing() if isinstance(groups, LazyGroups) else iter(())


def businesses(groups: Iterable[EmulatedGroup]) -> Iterable[str]:
    """Return every business of these groups, some repeatedly."""
    return [business for group in groups for business in group.business_ids]
