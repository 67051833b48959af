"""The public values of a comparison: what changed between two scans."""

from __future__ import annotations

from typing import Any

from attrs import asdict, frozen

from partoo_async.models import BusinessId, Group

__all__ = ["GroupChange", "NotCompared", "ScanDiff", "ScannedGroup", "ScannedSection", "SectionRename"]


@frozen
class ScannedSection:
    """A section that only one of the two scans has.

    Attributes:
        section_id: Its id.
        name: Its name. None if it is not known: only journals keep it.
    """

    section_id: int
    name: str | None


@frozen
class SectionRename:
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
class ScannedGroup:
    """A group that only one of the two scans has.

    Attributes:
        section_id: The id of its section.
        group: The group. Its ``business_ids`` are sorted and unique.
    """

    section_id: int
    group: Group


@frozen
class GroupChange:
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


def _missing_from(one: Group, other: Group) -> tuple[BusinessId, ...]:
    return tuple(sorted(set(other.business_ids).difference(one.business_ids)))


@frozen
class NotCompared:
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


@frozen
class ScanDiff:
    """What changed between two scans, made by ``diff_scans``. True if anything did.

    Attributes:
        sections_added: Sections that only the later scan has.
        sections_removed: Sections that only the earlier scan has.
        sections_renamed: Sections with another name.
        groups_added: New groups, those of added sections included.
        groups_removed: Deleted groups, those of removed sections included.
        groups_changed: Groups that differ.
        groups_compared: How many groups both scans have.
        not_compared: What may have changed or not.
        incomplete: Which of "before" and "after" ended early.
        notes: Warnings, as sentences.
    """

    sections_added: tuple[ScannedSection, ...]
    sections_removed: tuple[ScannedSection, ...]
    sections_renamed: tuple[SectionRename, ...]
    groups_added: tuple[ScannedGroup, ...]
    groups_removed: tuple[ScannedGroup, ...]
    groups_changed: tuple[GroupChange, ...]
    groups_compared: int
    not_compared: tuple[NotCompared, ...]
    incomplete: tuple[str, ...]
    notes: tuple[str, ...]

    def __bool__(self) -> bool:
        sections = self.sections_added or self.sections_removed or self.sections_renamed
        return bool(sections or self.groups_added or self.groups_removed or self.groups_changed)

    @property
    def complete(self) -> bool:
        """Whether everything could be compared."""
        return not self.not_compared and not self.incomplete

    @property
    def same(self) -> bool:
        """Whether certainly nothing changed: no difference, and everything could be compared."""
        return self.complete and not self

    def to_dict(self) -> dict[str, Any]:
        """Return the diff as JSON values: one key per attribute, and ``same`` and ``complete``."""
        return {
            "same": self.same,
            "complete": self.complete,
            "sections_added": [asdict(section) for section in self.sections_added],
            "sections_removed": [asdict(section) for section in self.sections_removed],
            "sections_renamed": [asdict(section) for section in self.sections_renamed],
            "groups_added": [_group(group) for group in self.groups_added],
            "groups_removed": [_group(group) for group in self.groups_removed],
            "groups_changed": [_change(change) for change in self.groups_changed],
            "groups_compared": self.groups_compared,
            "not_compared": [asdict(one) for one in self.not_compared],
            "incomplete": list(self.incomplete),
            "notes": list(self.notes),
        }


def _group(scanned: ScannedGroup) -> dict[str, Any]:
    known = {"section_id": scanned.section_id, "group_id": scanned.group.id}
    return known | _fields(scanned.group) | {"business_ids": list(scanned.group.business_ids)}


def _change(change: GroupChange) -> dict[str, Any]:
    # Of the businesses only what changed: two whole lists would hide it.
    return {
        "section_id": change.section_id,
        "group_id": change.after.id,
        "before": _fields(change.before),
        "after": _fields(change.after),
        "joined": list(change.joined),
        "left": list(change.left),
    }


def _fields(group: Group) -> dict[str, Any]:
    return {"name": group.name, "has_puller": group.has_puller}
