"""Groups that are made when somebody asks for them: a section of 100,000 groups costs what was looked at.

The server reads by ``peek`` and ``summaries``, which keep nothing; ``groups[...]``, which is what tests write, keeps
the group that it hands out, so that whatever is done to it stays done.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from partoo_async._internal.reprs import total_repr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.emulator.data.entities import EmulatedGroup

__all__ = ["LazyGroups", "Source", "Summary", "businesses", "peek", "summaries"]


class Summary(NamedTuple):
    """What a section says of each of its groups."""

    id: int
    name: str
    has_puller: bool


class Source(Protocol):
    """Where the groups of a ``LazyGroups`` come from; one id always gives the same group, in a new object each time."""

    @property
    def ids(self) -> range:
        """The ids of all groups that there are to begin with."""
        ...

    def summary(self, group_id: int) -> Summary:
        """Return what the section says of a group, without looking for its businesses."""
        ...

    def group(self, group_id: int) -> EmulatedGroup:
        """Return a group with its businesses."""
        ...

    def businesses(self) -> Iterable[str]:
        """Return every business that any of the groups may have."""
        ...


@total_repr
class LazyGroups(MutableMapping[int, "EmulatedGroup"]):
    """The groups of a section by id, like the ``dict`` of a section written by hand: edit it at any time.

    Length and ids are known without making a group. Generated groups come first, in the order of their ids, then those
    that were put in.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ids = source.ids
        self._kept: dict[int, EmulatedGroup] = {}  # generated ones that were handed out or replaced
        self._gone: set[int] = set()  # generated ones that were deleted
        self._added: dict[int, EmulatedGroup] = {}

    def _is_generated(self, group_id: object) -> bool:
        # A range looks through all of its numbers for a value that is not an int.
        return isinstance(group_id, int) and group_id in self._ids and group_id not in self._gone

    def __getitem__(self, group_id: int) -> EmulatedGroup:
        group = self.peek(group_id)
        if group_id not in self._added:
            self._kept[group_id] = group
        return group

    def __setitem__(self, group_id: int, group: EmulatedGroup) -> None:
        (self._kept if self._is_generated(group_id) else self._added)[group_id] = group

    def __delitem__(self, group_id: int) -> None:
        if self._is_generated(group_id):
            self._kept.pop(group_id, None)
            self._gone.add(group_id)
        else:
            del self._added[group_id]

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
        """Return a group to look at; what is done to it is lost, unless it was handed out before."""
        if self._is_generated(group_id):
            return self._kept.get(group_id) or self._source.group(group_id)
        return self._added[group_id]

    def summaries(self) -> Iterator[Summary]:
        """Yield what the section says of each group, without looking for businesses."""
        for group_id in self:
            group = self._kept.get(group_id) or self._added.get(group_id)
            yield self._source.summary(group_id) if group is None else Summary(group.id, group.name, group.has_puller)

    def businesses(self) -> Iterator[str]:
        """Yield every business that the groups have or may have, some of them repeatedly."""
        yield from self._source.businesses()
        for group in (*self._kept.values(), *self._added.values()):
            yield from group.business_ids


def peek(groups: MutableMapping[int, EmulatedGroup], group_id: int) -> EmulatedGroup:
    """Return a group to look at, not to change; raises ``KeyError`` for an unknown one."""
    return groups.peek(group_id) if isinstance(groups, LazyGroups) else groups[group_id]


def summaries(groups: MutableMapping[int, EmulatedGroup]) -> Iterable[Summary]:
    """Return what a section says of each of these groups."""
    if isinstance(groups, LazyGroups):
        return groups.summaries()
    return [Summary(group.id, group.name, group.has_puller) for group in groups.values()]


def businesses(groups: MutableMapping[int, EmulatedGroup]) -> Iterable[str]:
    """Return every business of these groups, some of them repeatedly."""
    if isinstance(groups, LazyGroups):
        return groups.businesses()
    return [business for group in groups.values() for business in group.business_ids]
