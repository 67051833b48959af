"""A search is looked up in a catalog: it finds what a look at every business finds, whatever has been edited."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, generated_sections
from partoo_async.emulator.data.business_index import BusinessIndex
from partoo_async.emulator.data.catalog import Catalog
from partoo_async.emulator.data.edits import Members, NotedDict, edits
from partoo_async.emulator.data.entities import STATUSES
from partoo_async.emulator.data.keys import Caller, EmulatedKey
from partoo_async.emulator.data.search import ORDERS, Criteria
from partoo_async.emulator.data.store import Store
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Callable

ADMIN, PROVIDER = Caller("key-1"), Caller("key-2", EmulatedKey("provider"))
MANAGER = Caller("key-3", EmulatedKey("group_manager", accesses=[[1], [2, 3]]))

PARTS = st.sampled_from(["", "a", "A", "ß", "SS", "İ", "\0", "a\0", "b", "ab", "1"])
TEXTS = st.none() | PARTS
IDS = st.sampled_from([f"b{number}" for number in range(8)])
BUSINESSES = st.builds(
    EmulatedBusiness,
    IDS,
    PARTS,
    code=TEXTS,
    status=st.sampled_from(STATUSES),
    org_id=st.sampled_from([1, 2]),
    address=TEXTS,
    city=TEXTS,
    zipcode=TEXTS,
    country=TEXTS,
    modified=st.integers(0, 3).map(float),
)
CRITERIA = st.builds(
    Criteria,
    in_groups=st.none() | st.sets(IDS),
    statuses=st.none() | st.frozensets(st.sampled_from(STATUSES), min_size=1),
    query=TEXTS,
    name=TEXTS,
    city=TEXTS,
    zipcode=TEXTS,
    country=TEXTS,
    codes=st.none() | st.lists(PARTS, max_size=2),
    modified_from=st.none() | st.integers(0, 3).map(float),
    order_by=st.none() | st.sampled_from([f"{sign}{name}" for sign in ("", "-") for name in ORDERS]),
)


@given(st.lists(BUSINESSES, max_size=8), st.lists(CRITERIA, max_size=3), st.none() | st.sets(IDS))
def test_a_catalog_finds_what_a_look_at_each_business_finds(businesses, searches, visible) -> None:
    """The same objects in the same order, for every filter, and for what a key may see."""
    catalog = Catalog(businesses)
    seen = [business for business in businesses if visible is None or business.id in visible]
    for criteria in searches:
        assert [*map(id, catalog.find(criteria, visible))] == [*map(id, criteria.find(seen))]


class Edited(RuleBasedStateMachine):
    """Edits of all kinds, by the store and by hand, and after each one searches by a fresh look and by the catalog."""

    def __init__(self) -> None:
        super().__init__()
        groups = {number: EmulatedGroup(number, f"G{number}", business_ids=["b0", f"b{number}"]) for number in (1, 2)}
        sections = [EmulatedSection(1, "One", groups), EmulatedSection(2, "Two", {3: EmulatedGroup(3, "G3")})]
        sections += generated_sections("small", groups=4)
        for number, section in enumerate(sections, start=1):
            section.id = number
        self.by_hand = groups
        self.store = Store({section.id: section for section in sections})
        self.index = BusinessIndex(self.store, seed=0)
        self.used = 0

    def business(self, number: int) -> EmulatedBusiness:
        found = [*self.index.all_businesses().values()]
        return found[number % len(found)]

    def group(self, number: int) -> EmulatedGroup:
        found = [group for section in self.store.sections.values() for group in section.groups.values()]
        return found[number % len(found)] if found else EmulatedGroup(0, "None")

    numbers = st.integers(0, 50)

    @rule(number=numbers, name=st.sampled_from(["name", "city", "code", "zipcode"]), value=PARTS)
    def edit_a_text(self, number: int, name: str, value: str) -> None:
        setattr(self.business(number), name, value)

    @rule(number=numbers, status=st.sampled_from(STATUSES), org_id=st.sampled_from([1, 2]), modified=st.floats(0, 3))
    def edit_the_rest(self, number: int, status: Any, org_id: int, modified: float) -> None:
        business = self.business(number)
        business.status, business.org_id, business.modified = status, org_id, modified

    @rule(number=numbers)
    def put_a_business_last(self, number: int) -> None:
        business = self.business(number)
        self.store.details[business.id] = self.store.details.pop(business.id)

    @rule(number=numbers)
    def replace_a_business_by_a_copy(self, number: int) -> None:
        business = self.business(number)
        self.store.details[business.id] = copy(business)

    @rule(number=numbers)
    def remove_a_business(self, number: int) -> None:
        del self.store.details[self.business(number).id]

    @rule(business=BUSINESSES)
    def add_a_business(self, business: EmulatedBusiness) -> None:
        self.store.details[business.id] = business

    @rule(number=numbers, business=IDS)
    def add_a_member(self, number: int, business: str) -> None:
        self.group(number).business_ids.append(business)

    @rule(number=numbers, ids=st.lists(IDS, max_size=3))
    def replace_the_members(self, number: int, ids: list[str]) -> None:
        self.group(number).business_ids = ids

    @rule(number=st.integers(100, 110), business=st.sampled_from(["new", "other"]))
    def add_a_group_to_a_dict_that_was_given(self, number: int, business: str) -> None:
        self.by_hand[number] = EmulatedGroup(number, str(number), business_ids=[f"{business}{number}"])

    @rule(number=st.integers(200, 210))
    def add_a_group_to_lazy_ones(self, number: int) -> None:
        self.store.sections[4].groups[number] = EmulatedGroup(number, str(number), business_ids=[f"new{number}"])

    @rule(number=st.integers(0, 4))
    def write_by_the_store(self, number: int) -> None:
        section = self.store.create_section(1, f"S{self.used}")
        group = self.store.create_group(section, f"G{self.used}", self.store.businesses(1)[:number])
        self.store.update_group(section, group, f"H{self.used}", None)
        if number % 2:
            self.store.delete_group(section, group)
        self.used += 1

    @invariant()
    def a_search_sees_every_edit(self) -> None:
        for caller, org_id in ((ADMIN, 1), (PROVIDER, 2), (MANAGER, 1)):
            for criteria in (
                Criteria(),
                Criteria(query="a", order_by="-name"),
                Criteria(statuses=frozenset(["open"]), modified_from=1.0, order_by="city"),
                Criteria(in_groups=self.index.members([1, 3], 1)[0], zipcode="b"),
            ):
                found = self.index.find(criteria, caller, org_id)
                plain = criteria.find(self.index.visible_businesses(caller, org_id))
                assert [*map(id, found)] == [*map(id, plain)]
        # What a store knows of is what one finds that looks at all of it for the first time.
        fresh = Store(dict(self.store.sections), dict(self.store.details))
        assert {*fresh.owners()} <= {*self.store.owners()}


Edited.TestCase.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
TestEdits = Edited.TestCase


_LIST_EDITS: list[Callable[[Any], object]] = [
    lambda ids: ids.append("x"),
    lambda ids: ids.extend(["x"]),
    lambda ids: ids.insert(0, "x"),
    lambda ids: ids.remove("b"),
    lambda ids: ids.pop(),
    lambda ids: ids.pop(0),
    lambda ids: ids.clear(),
    lambda ids: ids.sort(reverse=True),
    lambda ids: ids.reverse(),
    lambda ids: ids.__setitem__(0, "x"),
    lambda ids: ids.__setitem__(slice(0, 1), ["x", "y"]),
    lambda ids: ids.__delitem__(0),
    lambda ids: ids.__iadd__(["x"]),
    lambda ids: ids.__imul__(2),
]
_DICT_EDITS: list[Callable[[Any], object]] = [
    lambda found: found.__setitem__("x", 1),
    lambda found: found.__delitem__("a"),
    lambda found: found.pop("a"),
    lambda found: found.pop("x", None),
    lambda found: found.popitem(),
    lambda found: found.clear(),
    lambda found: found.setdefault("x", 1),
    lambda found: found.update({"x": 1}),
    lambda found: found.update(x=1),
    lambda found: found.__ior__({"x": 1}),
]


@pytest.mark.parametrize("plain", [["a", "b", "c"], {"a": 0, "b": 1}])
def test_every_edit_of_a_list_or_a_dict_is_noted(plain) -> None:
    """And does what it does to a plain one; they compare and copy alike."""
    kind, possible = (Members, _LIST_EDITS) if isinstance(plain, list) else (NotedDict, _DICT_EDITS)
    for edit in possible:
        noted, expected, before = kind(plain), deepcopy(plain), edits.last
        assert edit(noted) == edit(expected)
        assert noted == expected
        assert edits.last is not before
        assert deepcopy(noted) == noted


def test_no_method_that_edits_is_missing() -> None:
    """Whatever a list and a dict have that a tuple and a view of a mapping do not is noted, or only reads."""
    reading = {
        "copy",
        "fromkeys",
        "get",
        "items",
        "keys",
        "values",
        "__reversed__",
        "__or__",
        "__ror__",
        "__class_getitem__",
        "__getattribute__",
    }
    for kind, base, frozen in ((Members, list, tuple), (NotedDict, dict, frozenset)):
        editing = {name for name in vars(base) if name not in vars(frozen)} - reading
        editing -= {"__init__", "__hash__", "__getitem__", "__sizeof__"}
        assert editing <= vars(kind).keys()


@each(
    ("entity", "name", "value"),
    [
        (EmulatedGroup(1, "A"), "business_ids", ("b",)),
        (EmulatedGroup(1, "A"), "name", "B"),
        (EmulatedSection(1, "A"), "groups", {}),
        (EmulatedBusiness("b"), "city", "Lyon"),
    ],
)
def test_every_edit_of_a_field_is_noted(entity, name, value) -> None:
    """Once it is done; to make an object is no edit. Members stay a list that notes its own edits."""
    before = edits.last
    copy(entity)
    assert edits.last is before
    setattr(entity, name, value)
    assert edits.last is not before
    assert not isinstance(value, tuple) or type(entity.business_ids) is Members


def test_a_search_after_a_search_looks_nothing_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when groups were read in between; after an edit it does."""
    store = Store({section.id: section for section in generated_sections("typical")})
    index, made = BusinessIndex(store, seed=0), []
    monkeypatch.setattr(
        "partoo_async.emulator.data.business_index.Catalog", lambda found: made.append(1) or Catalog(found)
    )
    for _ in range(3):
        index.find(Criteria(), ADMIN, 1)
        store.group(1, 1)
        [*store.sections[2].groups.values()]
    assert made == [1]
    store.sections[1].groups[1].name = "New"
    index.find(Criteria(), ADMIN, 1)
    assert made == [1, 1]
