"""The sections and groups of the emulated organizations, and the rules for changing them."""

# Documented rules are kept to the letter. Where the documentation is silent, a `Behaviour` decides.

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field

from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.behaviour import Behaviour
from partoo_async.emulator.data import lazy
from partoo_async.emulator.data.edits import NotedDict, edits
from partoo_async.emulator.data.entities import EmulatedBusiness, EmulatedGroup, EmulatedSection
from partoo_async.emulator.domain_errors import DuplicateError, ForbiddenError, InvalidError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Store"]

_Lockable = TypeVar("_Lockable", EmulatedGroup, EmulatedSection)


@total_repr
@define(eq=False)
class Store:
    """Everything the emulator knows. Tests may edit ``sections`` and ``details`` while it runs."""

    sections: dict[int, EmulatedSection]
    details: dict[str, EmulatedBusiness] = field(factory=dict)  # these exist whether or not a group has them
    behaviour: Behaviour = field(factory=Behaviour)
    _businesses: dict[str, int] = field(init=False, factory=dict)  # the organization of each id
    _sources: dict[tuple[int, int], lazy.Source] = field(init=False, factory=dict)  # by their identity
    _noted: list[object] = field(init=False, factory=list)
    _version: object = field(init=False, factory=object)
    _last_section: int = field(init=False, default=0)
    _last_group: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.sections, self.details = NotedDict(self.sections), NotedDict(self.details)
        self._note_ids()

    def businesses(self, org_id: int) -> list[str]:
        """Return every business id of an organization."""
        # Those of deleted groups too: deleting a group does not delete its businesses.
        details = self.details
        owned = ((one, details[one].org_id if one in details else owner) for one, owner in self.owners().items())
        return [business for business, owner in owned if owner == org_id]

    def owners(self) -> Mapping[str, int]:
        """Return the organization of every business id."""
        self._note_ids()
        return self._businesses

    def section(self, section_id: int) -> EmulatedSection:
        """Return a section, or raise ``UnknownError``."""
        try:
            return self.sections[section_id]
        except KeyError:
            raise UnknownError("section_id") from None

    def organization(self, org_id: int) -> list[EmulatedSection]:
        """Return the sections of an organization."""
        # In the order of their ids, so that pages do not shift when a test adds one. The real order is not documented.
        return [section for _, section in sorted(self.sections.items()) if section.org_id == org_id]

    def group(self, section_id: int, group_id: int) -> EmulatedGroup:
        """Return a group of that section to read, or raise ``UnknownError``."""
        try:
            return lazy.peek(self.section(section_id).groups, group_id)
        except KeyError:
            raise UnknownError("group_id") from None

    def find_sections(self, org_id: int, group_name_query: str) -> list[EmulatedSection]:
        """Return the sections of an organization that have a group with such a name."""
        # Here the name contains the query, in any case. Whether the real filter is exact or fuzzy is an open question.
        query = group_name_query.casefold()
        return [
            section
            for section in self.organization(org_id)
            if not query or any(query in group.name.casefold() for group in lazy.summaries(section.groups))
        ]

    def create_section(self, org_id: int, name: str) -> int:
        """Add an empty section and return its id."""
        self._check_section_name(org_id, name)
        self._note_ids()
        self._last_section += 1
        self.sections[self._last_section] = EmulatedSection(self._last_section, name, org_id=org_id)
        return self._last_section

    def rename_section(self, section_id: int, name: str) -> None:
        """Rename a section."""
        section = self._require_unlocked(self._require_editable(section_id))
        self._check_section_name(section.org_id, name, but=section_id)
        section.name = name

    def delete_section(self, section_id: int) -> None:
        """Delete a section and its groups."""
        # Documented: a group with a puller cannot be deleted. That it protects its section too is an assumption.
        section = self._require_unlocked(self._require_editable(section_id))
        refused = self.behaviour.delete_section == "refused" and len(section.groups) > 0
        if refused or any(group.has_puller for group in lazy.summaries(section.groups)):
            raise ForbiddenError
        self._note_ids()
        del self.sections[section_id]

    def create_group(self, section_id: int, name: str, business_ids: Iterable[str] | None) -> int:
        """Add a group and return its id; None takes every business."""
        section = self._require_editable(section_id)
        self._check_group_name(section, name)
        members = self._members(section, business_ids)
        self._last_group += 1
        section.groups[self._last_group] = EmulatedGroup(self._last_group, name, business_ids=members)
        return self._last_group

    def update_group(
        self, section_id: int, group_id: int, name: str | None, business_ids: Iterable[str] | None
    ) -> None:
        """Replace a group's name and businesses; None was left out of the request."""
        section = self._require_editable(section_id)
        group = self._require_unlocked(self.group(section_id, group_id))
        if name is not None:
            self._check_group_name(section, name, but=group_id)
        if business_ids is None and self.behaviour.partial_update == "kept":
            members = group.business_ids
        else:
            members = self._members(section, business_ids)
        # Both are checked before either is set: a refused update changes nothing.
        group.name, group.business_ids = group.name if name is None else name, members
        section.groups[group_id] = group  # a lazy group was generated to be read, and would be lost

    def delete_group(self, section_id: int, group_id: int) -> None:
        """Delete a group; its businesses stay."""
        section = self._require_editable(section_id)
        self._require_unlocked(self.group(section_id, group_id))
        self._note_ids()
        del section.groups[group_id]

    def _require_editable(self, section_id: int) -> EmulatedSection:
        section = self.section(section_id)
        if not section.can_edit:
            raise ForbiddenError
        return section

    def _members(self, section: EmulatedSection, business_ids: Iterable[str] | None) -> list[str]:
        known = self.businesses(section.org_id)
        if business_ids is None:
            return known
        wanted = list(business_ids)
        unknown = set(wanted).difference(known)
        if unknown:
            # One is enough to find the mistake. A list of thousands would hide it.
            raise InvalidError("business__in", f"Unknown business id: {min(unknown)} ({len(unknown)} in all).")
        # In the order given: the documentation states none.
        return wanted if self.behaviour.repeated_ids else list(dict.fromkeys(wanted))

    def _check_section_name(self, org_id: int, name: str, but: int | None = None) -> None:
        taken = (section.name for section in self.organization(org_id) if section.id != but)
        self._check_name(name, taken)

    def _check_group_name(self, section: EmulatedSection, name: str, but: int | None = None) -> None:
        # Group ids are unique across sections, so `but` leaves out one group even in a whole organization.
        wide = self.behaviour.unique_names == "organization"
        sections = self.organization(section.org_id) if wide else [section]
        groups = (group for one in sections for group in lazy.summaries(one.groups))
        self._check_name(name, (group.name for group in groups if group.id != but))

    def _check_name(self, name: str, taken: Iterator[str]) -> None:
        # Documented: no `,` `;` `/`, and unique. Open: the length, whether case counts, the error for a taken name.
        if not name.strip():
            raise InvalidError("name", "Shorter than minimum length 1.")
        if any(char in name for char in ",;/"):
            raise InvalidError("name", "Must not contain any of these characters: , ; /")
        longest = self.behaviour.max_name_length
        if longest is not None and len(name) > longest:
            raise InvalidError("name", f"Longer than maximum length {longest}.")
        if self.behaviour.unique_names != "none" and name in taken:
            message = "This name is already used, it must be unique."
            raise DuplicateError("name", message, self.behaviour.duplicate_status)

    @staticmethod
    def _require_unlocked(thing: _Lockable) -> _Lockable:
        if thing.has_puller:
            raise ForbiddenError
        return thing

    def version(self) -> object:
        """Return an object that stays the same as long as nothing is edited, but for ``more`` of a business."""
        self._note_ids()
        return self._version

    def _state(self) -> list[object]:
        """Return what says, object by object, whether anything has been edited."""
        # Everything notes its edits but for the dicts of groups that a test has made.
        state: list[object] = [edits.last]
        for section in self.sections.values():
            if not isinstance(section.groups, lazy.LazyGroups):
                state += (section, *section.groups, *section.groups.values())
        return state

    def _note_ids(self) -> None:
        state = self._state()
        if len(state) == len(self._noted) and all(map(is_, state, self._noted)):
            return
        # Before each change, because tests add groups by hand. No id is given twice, not even after a delete: a stale
        # id must stay unknown. Group ids are unique across sections, so that none exists in a wrong one.
        self._last_section = max(self._last_section, *self.sections, 0)
        for section in self.sections.values():
            groups = section.groups
            if isinstance(groups, lazy.LazyGroups):
                self._last_group = max(self._last_group, groups.last_id)
                # What a source generates never changes, and may be much: it is noted once.
                if (id(groups.source), section.org_id) not in self._sources:
                    self._sources[id(groups.source), section.org_id] = groups.source
                    self._businesses.update(dict.fromkeys(groups.source.businesses(), section.org_id))
                changed = groups.changed()
            else:
                self._last_group = max(self._last_group, max(groups, default=0))
                changed = groups.values()
            self._businesses.update(dict.fromkeys(lazy.businesses(changed), section.org_id))
        if self.details.keys() != self._businesses.keys():
            self._businesses.update({business.id: business.org_id for business in self.details.values()})
        self._noted, self._version = state, object()
