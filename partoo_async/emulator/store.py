"""The emulated organization: its sections, groups and businesses, and the rules for changing them. No HTTP here.

Documented rules are kept to the letter. Where an open question forces a choice the docstring says so: what
deleting a section does to its groups, the scope of unique names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import define, field, frozen

from partoo_async.emulator.rules import ForbiddenError, UnknownError, check_businesses, check_name

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EmulatedGroup", "EmulatedSection", "Page", "Store"]


def _listed(values: Iterable[str]) -> list[str]:
    return list(values)


@define
class EmulatedGroup:
    """A group in the emulator; change its fields at any time.

    ``has_puller`` locks it against update and delete. ``business_ids`` is the whole list, in the order it is sent.
    """

    id: int
    name: str
    has_puller: bool = False
    business_ids: list[str] = field(factory=list, converter=_listed)


@define
class EmulatedSection:
    """A section in the emulator; change its fields, and its ``groups`` by group id, at any time.

    ``can_edit=False`` refuses every write to it or its groups; ``has_puller`` locks it against update and delete.
    """

    id: int
    name: str
    groups: dict[int, EmulatedGroup] = field(factory=dict)
    can_edit: bool = True
    has_puller: bool = False


_Lockable = TypeVar("_Lockable", EmulatedGroup, EmulatedSection)


@frozen
class Page:
    """One page of sections; ``count`` is how many there are on all ``max_page`` pages, 0 pages for none."""

    sections: tuple[EmulatedSection, ...]
    page: int
    max_page: int
    count: int


@define(eq=False)
class Store:
    """Everything the emulator knows. ``sections`` is live: tests may edit it while the emulator runs."""

    sections: dict[int, EmulatedSection]
    _businesses: dict[str, None] = field(init=False, factory=dict)
    _last_section: int = field(init=False, default=0)
    _last_group: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._take_stock()

    def businesses(self) -> list[str]:
        """Return the ids of every business ever seen in a group: one outlives the group that it was in."""
        self._take_stock()
        return list(self._businesses)

    def section(self, section_id: int) -> EmulatedSection:
        """Return a section, or raise ``UnknownError``."""
        try:
            return self.sections[section_id]
        except KeyError:
            raise UnknownError from None

    def group(self, section_id: int, group_id: int) -> EmulatedGroup:
        """Return a group of that section, or raise ``UnknownError``, also when the group is in another section."""
        try:
            return self.section(section_id).groups[group_id]
        except KeyError:
            raise UnknownError from None

    def page(self, page: int, per_page: int, group_name_query: str) -> Page:
        """Return one page of the sections, by id; a page below 1 counts as 1, one past the end is empty.

        ``group_name_query`` keeps the sections that have a group whose name contains it, in any case; whether the
        real filter is exact or fuzzy is an open question.
        """
        query = group_name_query.casefold()
        # By id, so that pages do not shift when a test puts a section in.
        found = [
            section
            for _, section in sorted(self.sections.items())
            if not query or any(query in group.name.casefold() for group in section.groups.values())
        ]
        page = max(page, 1)
        start = (page - 1) * per_page
        return Page(tuple(found[start : start + per_page]), page, -(-len(found) // per_page), len(found))

    def create_section(self, name: str) -> int:
        """Add an empty section and return its id; names are unique among sections (the scope is an assumption)."""
        check_name(name, (section.name for section in self.sections.values()))
        self._take_stock()
        self._last_section += 1
        self.sections[self._last_section] = EmulatedSection(self._last_section, name)
        return self._last_section

    def rename_section(self, section_id: int, name: str) -> None:
        """Give a section another name."""
        section = self._unlocked(self._editable(section_id))
        check_name(name, (other.name for other in self.sections.values() if other is not section))
        section.name = name

    def delete_section(self, section_id: int) -> None:
        """Delete a section and its groups.

        That the groups go with it is an assumption; so is that a group with a puller, which may not be deleted,
        keeps its section from being deleted.
        """
        section = self._unlocked(self._editable(section_id))
        for group in section.groups.values():  # all of them first: a refused delete must not be half done
            self._unlocked(group)
        self._take_stock()
        del self.sections[section_id]

    def create_group(self, section_id: int, name: str, business_ids: Iterable[str] | None) -> int:
        """Add a group and return its id; None for the businesses takes every one, as the documentation warns."""
        section = self._editable(section_id)
        check_name(name, (group.name for group in section.groups.values()))
        known = self.businesses()
        members = known if business_ids is None else check_businesses(business_ids, known)
        self._last_group += 1
        section.groups[self._last_group] = EmulatedGroup(self._last_group, name, business_ids=members)
        return self._last_group

    def update_group(self, section_id: int, group_id: int, name: str, business_ids: Iterable[str]) -> None:
        """Replace the name and the whole list of businesses of a group."""
        section = self._editable(section_id)
        group = self._unlocked(self.group(section_id, group_id))
        check_name(name, (other.name for other in section.groups.values() if other is not group))
        members = check_businesses(business_ids, self.businesses())
        # Both checked before either is set: a refused update changes nothing.
        group.name, group.business_ids = name, members

    def delete_group(self, section_id: int, group_id: int) -> None:
        """Delete a group; its businesses stay."""
        section = self._editable(section_id)
        self._unlocked(self.group(section_id, group_id))
        self._take_stock()
        del section.groups[group_id]

    def _editable(self, section_id: int) -> EmulatedSection:
        section = self.section(section_id)
        if not section.can_edit:
            raise ForbiddenError
        return section

    @staticmethod
    def _unlocked(thing: _Lockable) -> _Lockable:
        if thing.has_puller:
            raise ForbiddenError
        return thing

    def _take_stock(self) -> None:
        # Before each change, because tests put groups in by hand. An id is never given twice, not even after a
        # delete: a stale id must stay unknown. Group ids run through all sections, so that none fits a wrong one.
        self._last_section = max(self._last_section, *self.sections, 0)
        for section in self.sections.values():
            self._last_group = max(self._last_group, *section.groups, 0)
            for group in section.groups.values():
                self._businesses.update(dict.fromkeys(group.business_ids))
