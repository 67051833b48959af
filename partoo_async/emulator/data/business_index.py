"""Which businesses are in which groups, as a key sees them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from attrs import define, field

from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.data import lazy
from partoo_async.emulator.data.businesses import generate_business
from partoo_async.emulator.data.catalog import Catalog
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.domain_errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from partoo_async.emulator.data.entities import EmulatedBusiness, EmulatedGroup
    from partoo_async.emulator.data.keys import Caller
    from partoo_async.emulator.data.search import Criteria

__all__ = ["BusinessIndex"]

# Some milliseconds' worth.
_BUSINESSES_AT_ONCE = 200


@total_repr
@define(eq=False)
class BusinessIndex:
    """The businesses of a store; unknown ones are generated from ``seed``."""

    store: Store
    seed: int
    _random: Random = field(init=False)
    _sends_as_given: bool = field(init=False)  # whether every group's ids are sent as they are
    _version: object = field(init=False, default=None)  # of the store that the catalogs, by organization, were made of
    _catalogs: dict[int, Catalog] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._random, behaviour = Random(self.seed), self.store.behaviour
        as_given = behaviour.business_order == "as_given" and behaviour.closed_in_groups
        self._sends_as_given = as_given and not behaviour.scoped_groups

    def all_businesses(self) -> dict[str, EmulatedBusiness]:
        """Return every business by id, generated once and kept."""
        owners, details = self.store.owners(), self.store.details
        if len(owners) != len(details):  # whatever has details has an owner
            for business_id, org_id in owners.items():
                self._detail(business_id, org_id)
        return details

    def preparing(self, org_id: int) -> Iterator[None]:
        """Make what a search would have to make first, and yield every few milliseconds.

        An edit in between changes none of it, but for what it adds: the search makes that itself.
        """
        owners, details = self.store.owners(), self.store.details
        if len(owners) != len(details):  # whatever has details has an owner
            for number, (business_id, owner) in enumerate([*owners.items()], start=1):
                self._detail(business_id, owner)
                if number % _BUSINESSES_AT_ONCE == 0:
                    yield
        yield from self.preparing_groups(org_id)

    def preparing_groups(self, org_id: int) -> Iterator[None]:
        """Make what ``groups_of`` would have to make first, and yield every few milliseconds."""
        if self.store.behaviour.business_groups:
            for section in self.store.organization(org_id):
                yield from lazy.preparing(section.groups)

    def get(self, business_id: str, caller: Caller) -> EmulatedBusiness:
        """Return a business that the caller may see, or raise ``UnknownError``."""
        org_id = self.store.owners().get(business_id)
        if business_id in self.store.details:
            org_id = self.store.details[business_id].org_id
        if org_id is None or not caller.reaches(org_id):
            raise UnknownError("business_id")
        visible = self.visible_ids(caller, org_id)
        if visible is not None and business_id not in visible:
            raise UnknownError("business_id")
        return self._detail(business_id, org_id)

    def get_by_code(self, code: str, caller: Caller) -> EmulatedBusiness:
        """Return a visible business by its store code, or raise ``UnknownError``."""
        # Documented: store codes are unique in one organization, so only the caller's own is searched.
        for business in self.visible_businesses(caller, caller.organization(None)):
            if business.code == code:
                return business
        raise UnknownError("business_id")

    def visible_businesses(
        self, caller: Caller, org_id: int, ids: Iterable[str] | None = None
    ) -> list[EmulatedBusiness]:
        """Return an organization's businesses that the caller may see, or those of them with these ids."""
        visible, details = self.visible_ids(caller, org_id), self.all_businesses()
        chosen = details.values() if ids is None else [details[one] for one in dict.fromkeys(ids) if one in details]
        found = [business for business in chosen if business.org_id == org_id]
        return found if visible is None else [business for business in found if business.id in visible]

    def find(
        self, criteria: Criteria, caller: Caller, org_id: int, ids: Iterable[str] | None = None
    ) -> list[EmulatedBusiness]:
        """Return what a caller's search finds in an organization, or of these ids of it."""
        if ids is not None:
            # In the order of the ids; the few that fit into an address.
            return criteria.find(self.visible_businesses(caller, org_id, ids))
        return self._catalog(org_id).find(criteria, self.visible_ids(caller, org_id))

    def _catalog(self, org_id: int) -> Catalog:
        details = self.all_businesses()
        version = self.store.version()
        if version is not self._version:
            self._catalogs, self._version = {}, version
        if org_id in self._catalogs:
            return self._catalogs[org_id]
        catalog = Catalog([one for one in details.values() if one.org_id == org_id])
        # A provider may name any organization: those without businesses are not kept.
        if catalog.businesses:
            self._catalogs[org_id] = catalog
        return catalog

    def visible_ids(self, caller: Caller, org_id: int) -> set[str] | None:
        """Return the ids that the caller's key may see, None for all."""
        accesses = caller.key.accesses
        return None if accesses is None else set().union(*(self.members(access, org_id)[0] for access in accesses))

    def members(self, groups: Iterable[int], org_id: int) -> tuple[set[str], set[int]]:
        """Return the businesses in these groups, and the groups that do not exist."""
        # Documentation: guide "Groups". Groups of one section are alternatives; across sections all must match.
        missing = set(groups)
        found: set[str] | None = None
        for section in self.store.organization(org_id):
            chosen = [group for group in missing if group in section.groups]
            if chosen:
                missing.difference_update(chosen)
                held = set().union(*(lazy.peek(section.groups, group).business_ids for group in chosen))
                found = held if found is None else found & held
        return found or set(), missing

    def groups_of(self, business_ids: Iterable[str], org_id: int) -> dict[str, list[int]]:
        """Return the groups of each of these businesses, by its id."""
        wanted = set(business_ids)
        found: dict[str, list[int]] = {business_id: [] for business_id in wanted}
        for section in self.store.organization(org_id):
            for business_id, groups in lazy.holders(section.groups, wanted).items():
                found[business_id] += groups
        return found

    def shuffled(self, businesses: list[EmulatedBusiness]) -> list[EmulatedBusiness]:
        """Return them in a new order, so that pages of a list shift from one request to the next."""
        return self._random.sample(businesses, len(businesses))

    def shifted(self, businesses: list[EmulatedBusiness]) -> list[EmulatedBusiness]:
        """Return them, with or without the first one."""
        return businesses[self._random.randrange(2) :]

    def sent_ids(self, group: EmulatedGroup, org_id: int, caller: Caller) -> list[str]:
        """Return a group's ids as they are sent to the caller."""
        if self._sends_as_given:
            return group.business_ids
        # Order, closed members and members that the key may not see are open questions.
        behaviour, ids = self.store.behaviour, group.business_ids
        visible = self.visible_ids(caller, org_id) if behaviour.scoped_groups else None
        if visible is not None:
            ids = [business_id for business_id in ids if business_id in visible]
        if not behaviour.closed_in_groups:
            ids = [business_id for business_id in ids if self._detail(business_id, org_id).status != "closed"]
        if behaviour.business_order == "sorted":
            return sorted(ids)
        return self._random.sample(ids, len(ids)) if behaviour.business_order == "shuffled" else ids

    def _detail(self, business_id: str, org_id: int) -> EmulatedBusiness:
        if business_id not in self.store.details:
            self.store.details[business_id] = generate_business(business_id, org_id, self.seed)
        return self.store.details[business_id]
