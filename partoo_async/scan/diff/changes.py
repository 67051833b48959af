"""The public values of a comparison: what changed between two scans."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.text import amount, one_line
from partoo_async._internal.values import Value
from partoo_async.models import BusinessId, Group
from partoo_async.scan.diff import text
from partoo_async.scan.diff.businesses import BusinessChange, differences
from partoo_async.scan.diff.flat import Change, Flattening
from partoo_async.scan.notebook import html_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["GroupChange", "NotCompared", "ScanDiff", "ScannedGroup", "ScannedSection", "SectionRename"]


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


@frozen
class ScanDiff(Value):
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
        businesses: Businesses that were renamed, closed, reopened or moved, or have another status. Known if both scans
            were made with ``businesses=True``.
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
    businesses: tuple[BusinessChange, ...] = ()

    def __bool__(self) -> bool:
        sections = self.sections_added or self.sections_removed or self.sections_renamed
        groups = self.groups_added or self.groups_removed or self.groups_changed
        return bool(sections or groups or self.businesses)

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
        return {"same": self.same, "complete": self.complete, **super().to_dict()}

    def changes(
        self,
        *,
        section_names: Mapping[int, str] = MappingProxyType({}),
        business_names: Mapping[BusinessId, str] = MappingProxyType({}),
    ) -> Iterator[Change]:
        """Yield one ``Change`` for each thing that changed, such as a new group, and each business in it.

        Args:
            section_names: The names of sections by id, such as ``ScanReport.sections``, besides those that changed.
            business_names: The names of businesses by id, for those that joined a group or left one.
        """
        listed = (*self.sections_removed, *self.sections_added)
        known = {one.section_id: one.name for one in listed if one.name is not None}
        known |= {one.section_id: one.after for one in self.sections_renamed}
        flat = Flattening(known | dict(section_names), business_names)
        for section in self.sections_added:
            yield flat.section("added", section.section_id, None, section.name)
        for section in self.sections_removed:
            yield flat.section("removed", section.section_id, section.name, None)
        for named in self.sections_renamed:
            yield flat.section("renamed", named.section_id, named.before, named.after)
        for scanned in self.groups_added:
            yield from flat.group(scanned.section_id, None, scanned.group)
        for scanned in self.groups_removed:
            yield from flat.group(scanned.section_id, scanned.group, None)
        for changed in self.groups_changed:
            yield from flat.group(changed.section_id, changed.before, changed.after)
        for business in self.businesses:
            yield from flat.business(business)

    def __str__(self) -> str:
        sections = len(self.sections_added) + len(self.sections_removed) + len(self.sections_renamed)
        counts = (
            f"{amount(len(self.groups_added), 'group')} added",
            f"{amount(len(self.groups_removed), 'group')} removed",
            f"{amount(len(self.groups_changed), 'group')} changed",
            f"{amount(sections, 'section')} added, removed or renamed",
            f"{amount(len(self.businesses), 'business', 'businesses')} changed",
        )
        found = [count for count in counts if not count.startswith("0 ")]
        summary = f"{amount(self.groups_compared, 'group')} compared: {', '.join(found) or 'nothing changed'}"
        return summary if self.complete else f"{summary}; not everything could be compared"

    def __repr__(self) -> str:
        # In one line: by itself it would show every business of every group.
        return f"<ScanDiff: {self}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the text."""
        return html_text(self.to_text())

    def to_text(self) -> str:
        """Return the diff as plain text for people, such as the body of a mail.

        Each part names 20 of its groups, sections or businesses at most and counts the rest, so that the text is short
        whatever happened. Names and errors are cut, and control characters in them are escaped.
        """
        notes = [*(f"the scan {side} did not come to its end" for side in self.incomplete), *self.notes]
        lines = [
            f"{self}.",
            *text.part("Sections added", self.sections_added, _section_text),
            *text.part("Sections removed", self.sections_removed, _section_text),
            *text.part("Sections renamed", self.sections_renamed, _rename_text),
            *text.part("Groups added", self.groups_added, _scanned_text),
            *text.part("Groups removed", self.groups_removed, _scanned_text),
            *text.part("Groups changed", self.groups_changed, _change_text),
            *text.part("Businesses changed", self.businesses, _business_text),
            *text.part("Not compared", self.not_compared, _unknown_text),
            *text.part("Notes", notes, one_line),
        ]
        return "\n".join(lines) + "\n"


def _section_text(section: ScannedSection) -> str:
    return text.place(section.section_id, None, section.name)


def _rename_text(rename: SectionRename) -> str:
    return text.place(rename.section_id, None, rename.after, f"was {text.quoted(rename.before)}")


def _scanned_text(one: ScannedGroup) -> str:
    businesses = amount(len(one.group.business_ids), "business", "businesses")
    return text.place(one.section_id, one.group.id, one.group.name, businesses)


def _change_text(change: GroupChange) -> str:
    lines = [text.place(change.section_id, change.after.id, change.after.name)]
    if change.renamed:
        lines.append(f"renamed, was {text.quoted(change.before.name)}")
    if change.puller_changed:
        lines.append("now filled by a feed" if change.after.has_puller else "no longer filled by a feed")
    for verb, ids in (("joined", change.joined), ("left", change.left)):
        if ids:
            lines.append(f"{len(ids):,} {verb}: {text.few(ids)}")
    return "\n    ".join(lines)


def _business_text(change: BusinessChange) -> str:
    name = change.after.name or change.before.name
    lines = [f"business {text.few([change.business_id])}" + (f" {text.quoted(name)}" if name else "")]
    lines += [f"{what}, {details}" for what, details in differences(change, text.quoted)]
    return "\n    ".join(lines)


def _unknown_text(unknown: NotCompared) -> str:
    return text.place(unknown.section_id, unknown.group_id, None, text.reasons(unknown.before, unknown.after))


def _fields(group: Group) -> dict[str, Any]:
    return {"name": group.name, "has_puller": group.has_puller}
