"""The public values of a comparison: what changed between two scans."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from partoo_async._internal.text import amount, one_line
from partoo_async._internal.values import Value
from partoo_async.scan.diff import text
from partoo_async.scan.diff.businesses import BusinessChange
from partoo_async.scan.diff.entries import GroupChange, NotCompared, ScannedGroup, ScannedSection, SectionRename
from partoo_async.scan.diff.flat import Change, Flattening
from partoo_async.scan.notebook import html_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from partoo_async.models import BusinessId

__all__ = ["GroupChange", "NotCompared", "ScanDiff", "ScannedGroup", "ScannedSection", "SectionRename"]


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
        flat = Flattening(self._names(section_names), business_names)
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

    def _names(self, given: Mapping[int, str]) -> dict[int, str]:
        """Return the names of sections that are known."""
        listed = (*self.sections_removed, *self.sections_added)
        known = {one.section_id: one.name for one in listed if one.name is not None}
        return known | {one.section_id: one.after for one in self.sections_renamed} | dict(given)

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

    def to_text(
        self,
        *,
        section_names: Mapping[int, str] = MappingProxyType({}),
        business_names: Mapping[BusinessId, str] = MappingProxyType({}),
    ) -> str:
        """Return the diff as plain text for people, such as the body of a mail.

        Each part names 20 of its groups, sections or businesses at most and counts the rest, so that the text is short
        whatever happened. Names and errors are cut, and control characters in them are escaped.

        Args:
            section_names: As for ``changes()``.
            business_names: Likewise.
        """
        sections = self._names(section_names)
        notes = [*(f"the scan {side} did not come to its end" for side in self.incomplete), *self.notes]
        scanned = partial(text.scanned, sections=sections)
        changed = partial(text.changed, sections=sections, businesses=business_names)
        lines = [
            f"{self}.",
            *text.part("Sections added", self.sections_added, text.section),
            *text.part("Sections removed", self.sections_removed, text.section),
            *text.part("Sections renamed", self.sections_renamed, text.renamed),
            *text.part("Groups added", self.groups_added, scanned),
            *text.part("Groups removed", self.groups_removed, scanned),
            *text.part("Groups changed", self.groups_changed, changed),
            *text.part("Businesses changed", self.businesses, text.business),
            *text.part("Not compared", self.not_compared, partial(text.unknown, sections=sections)),
            *text.part("Notes", notes, one_line),
        ]
        return "\n".join(lines) + "\n"
