"""The public values that a comparison is made of."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from partoo_async._internal.values import Value
from partoo_async.models import BusinessId, Group

__all__ = ["GroupChange", "NotCompared", "ScannedGroup", "ScannedSection", "SectionRename"]


@frozen
class ScannedSection(Value):
    """A section that only one of the two scans has.

    Attributes:
        section_id: Its id.
        name: Its name. None if it is not known: only journals keep it.
    """

    section_id: int
    name: str | None


@frozen
class SectionRename(Value):
    """A section with another name. Known only if both scans have a journal.

    Attributes:
        section_id: Its id.
        before: The name in the earlier scan.
        after: The name in the later scan.
    """

    section_id: int
    before: str
    after: str


@frozen
class ScannedGroup(Value):
    """A group that only one of the two scans has.

    Attributes:
        section_id: The id of its section.
        group: The group. Its ``business_ids`` are sorted and unique.
    """

    section_id: int
    group: Group

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the group as JSON values, after the ids."""
        known = {"section_id": self.section_id, "group_id": self.group.id}
        return known | _fields(self.group) | {"business_ids": list(self.group.business_ids)}


@frozen
class GroupChange(Value):
    """A group that differs between the scans.

    Attributes:
        section_id: The id of its section.
        before: The group in the earlier scan. Its ``business_ids`` are sorted and unique.
        after: The same of the later scan.
    """

    section_id: int
    before: Group
    after: Group

    @property
    def renamed(self) -> bool:
        """Whether the group has another name."""
        return self.before.name != self.after.name

    @property
    def puller_changed(self) -> bool:
        """Whether ``has_puller`` changed."""
        return self.before.has_puller != self.after.has_puller

    @property
    def joined(self) -> tuple[BusinessId, ...]:
        """The ids of the businesses that were added to the group, sorted."""
        return _missing_from(self.before, self.after)

    @property
    def left(self) -> tuple[BusinessId, ...]:
        """The ids of the businesses that were removed from the group, sorted."""
        return _missing_from(self.after, self.before)

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON values. Of the businesses it has those that joined and left."""
        # Two whole lists would hide what changed.
        return {
            "section_id": self.section_id,
            "group_id": self.after.id,
            "before": _fields(self.before),
            "after": _fields(self.after),
            "joined": list(self.joined),
            "left": list(self.left),
        }


def _missing_from(one: Group, other: Group) -> tuple[BusinessId, ...]:
    return tuple(sorted(set(other.business_ids).difference(one.business_ids)))


@frozen
class NotCompared(Value):
    """A group or section that at least one of the scans does not know.

    Attributes:
        section_id: The id of the section.
        group_id: The id of the group. None: the section with all its groups.
        before: Why the earlier scan does not know it, such as the error of the request. None: it does.
        after: The same of the later scan.
    """

    section_id: int
    group_id: int | None
    before: str | None
    after: str | None


def _fields(group: Group) -> dict[str, Any]:
    return {"name": group.name, "has_puller": group.has_puller}
