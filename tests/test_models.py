"""The models: frozen values with the documented fields and defaults."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import attrs
import pytest

from partoo_async import ScanSuccess, models
from partoo_async._internal.read_only import ReadOnlyDict, ReadOnlyList
from partoo_async.models import (
    BadRequestBody,
    BadRequestErrors,
    Business,
    BusinessPage,
    BusinessSummary,
    ForbiddenBody,
    ForbiddenErrors,
    Group,
    GroupSummary,
    Section,
    SectionPage,
    UnauthenticatedBody,
    UnauthenticatedErrors,
)
from tests.support.each import each

SUMMARY = GroupSummary(1, "France", True)
SECTION = Section(7, "Country", (SUMMARY,), True, False)

BUSINESS = Business("a1", "Le Café", groups=(1, 3), lat=48.8, extra={"open_hours": {"mon": ["9-18"]}, "logo_url": None})

EVERY_MODEL = [
    BUSINESS,
    BusinessPage((BUSINESS,), 1, 3, 61),
    BusinessSummary("a1", "Le Café", "S-1", "open", "Lille"),
    Group(1, "France", True, ("a1f0e2d3b4c5e6f7a8b9c0d1",)),
    SUMMARY,
    SECTION,
    SectionPage((SECTION,), 1, 3, 61),
    BadRequestErrors({"name": ["taken"]}),
    BadRequestBody(BadRequestErrors({"name": ["taken"]})),
    UnauthenticatedErrors("User not authenticated"),
    UnauthenticatedBody(),
    ForbiddenErrors("Operation not allowed"),
    ForbiddenBody(),
]
every_model = each("model", EVERY_MODEL)


def test_every_model_is_exercised_here() -> None:
    """The list above holds one of every attrs class of the module."""
    there = {value for value in vars(models).values() if isinstance(value, type) and attrs.has(value)}
    assert {type(model) for model in EVERY_MODEL} == there


def test_everything_is_exported() -> None:
    """``__all__`` is sorted and holds every model and ``BusinessId``."""
    assert models.__all__ == sorted({type(model).__name__ for model in EVERY_MODEL} | {"BusinessId"})


@every_model
def test_models_are_frozen(model: object) -> None:
    """A model that one task holds cannot be changed by another."""
    field = attrs.fields(type(model))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(model, field, None)


@every_model
def test_models_are_slotted(model: object) -> None:
    """Thousands of groups fit in memory, and a misspelt field is an error."""
    assert not hasattr(model, "__dict__")


@each(
    "duplicate",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda model: pickle.loads(pickle.dumps(model)), id="pickle"),
    ],
)
@every_model
def test_models_are_values(model: object, duplicate: object) -> None:
    """A model equals its copy, and a copy that crossed a process boundary."""
    assert duplicate(model) == model  # type: ignore[operator]


def test_groups_can_be_put_in_sets() -> None:
    """Groups and sections hash by value: a scan's results can be compared as sets."""
    assert {Group(1, "France", True, ("a",)), Group(1, "France", True, ("a",))} == {Group(1, "France", True, ("a",))}
    assert len({SECTION, Section(7, "Country", (), True, False)}) == 2


@each(
    ("cls", "names"),
    [
        pytest.param(Group, ["id", "name", "has_puller", "business_ids"], id="group"),
        pytest.param(GroupSummary, ["id", "name", "has_puller"], id="summary"),
        pytest.param(Section, ["id", "name", "groups", "can_edit", "has_puller"], id="section"),
        pytest.param(SectionPage, ["sections", "page", "max_page", "count"], id="page"),
        pytest.param(BusinessPage, ["businesses", "page", "max_page", "count"], id="businesses"),
        pytest.param(BadRequestBody, ["errors"], id="400"),
        pytest.param(UnauthenticatedBody, ["errors"], id="401"),
        pytest.param(ForbiddenBody, ["errors"], id="403"),
    ],
)
def test_fields(cls: type, names: list[str]) -> None:
    """Names and order of the fields are public: models are made by position too."""
    assert [field.name for field in attrs.fields(cls)] == names


def test_documented_defaults() -> None:
    """The defaults of the error schemas are those of the official document; a page needs only its sections."""
    assert BadRequestBody().errors.json == {}
    assert UnauthenticatedBody().errors.authentication == "User not authenticated"
    assert ForbiddenBody().errors.authorization == "Operation not allowed"
    page = SectionPage(())
    assert (page.page, page.max_page, page.count) == (None, None, None)


def test_defaults_are_not_shared() -> None:
    """Two bodies without details do not share one dict."""
    assert BadRequestBody().errors.json is not BadRequestBody().errors.json


@every_model
def test_models_are_types_of_pydantic(model: Any) -> None:
    """pydantic takes a model as it is, writes it as JSON, reads it back as the same, and has a schema for both ways."""
    pydantic = pytest.importorskip("pydantic", reason="needs pydantic")
    adapter = pydantic.TypeAdapter(type(model))
    assert adapter.validate_python(model) is model
    assert adapter.validate_json(adapter.dump_json(model)) == model
    assert adapter.validate_python(adapter.dump_python(model)) == model
    names = [field.name for field in attrs.fields(type(model))]
    for mode in ("validation", "serialization"):
        assert list(adapter.json_schema(mode=mode)["properties"]) == names


def test_pydantic_says_what_does_not_fit() -> None:
    """A field that is missing or of another kind is pydantic's own error; one with a default may be left out."""
    pydantic = pytest.importorskip("pydantic", reason="needs pydantic")
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(Group).validate_python({"id": "x", "name": "a", "business_ids": []})
    assert {error["loc"] for error in caught.value.errors()} == {("id",), ("has_puller",)}
    assert pydantic.TypeAdapter(SectionPage).validate_python({"sections": []}) == SectionPage(())
    assert pydantic.TypeAdapter(BadRequestBody).validate_python({}) == BadRequestBody()
    assert pydantic.TypeAdapter(dict[str, Group]).validate_python({}) == {}


def test_what_else_a_business_has_is_read_only() -> None:
    """``extra`` cannot be changed at any depth, as callers may share the object, not even in a copy or after pickling.
    It is a dict of lists and dicts to everything that reads it."""
    for business in (BUSINESS, copy.deepcopy(BUSINESS), pickle.loads(pickle.dumps(BUSINESS))):
        extra: Any = business.extra
        for container, changes in ((extra, DICT_CHANGES), (extra["open_hours"]["mon"], LIST_CHANGES)):
            for change in changes:
                with pytest.raises(TypeError, match="read-only"):
                    change(container)
        assert extra == {"open_hours": {"mon": ["9-18"]}, "logo_url": None}
        assert json.loads(json.dumps(extra)) == extra
    changed = {**BUSINESS.extra, "logo_url": "x"}
    assert changed["logo_url"] == "x"
    assert BUSINESS.extra["logo_url"] is None


DICT_CHANGES: list[Any] = [
    lambda it: it.__setitem__("a", 1),
    lambda it: it.__delitem__("logo_url"),
    lambda it: it.__ior__({"a": 1}),
    lambda it: it.clear(),
    lambda it: it.pop("logo_url"),
    lambda it: it.popitem(),
    lambda it: it.setdefault("a", 1),
    lambda it: it.update(a=1),
]
LIST_CHANGES: list[Any] = [
    lambda it: it.__setitem__(0, 1),
    lambda it: it.__delitem__(0),
    lambda it: it.__iadd__([1]),
    lambda it: it.__imul__(2),
    lambda it: it.append(1),
    lambda it: it.clear(),
    lambda it: it.extend([1]),
    lambda it: it.insert(0, 1),
    lambda it: it.pop(),
    lambda it: it.remove("9-18"),
    lambda it: it.reverse(),
    lambda it: it.sort(),
]


def test_the_repr_of_a_business_is_short() -> None:
    """It says how much more there is, not what: a business has dozens of fields."""
    text = repr(BUSINESS)
    assert text.startswith("Business(id='a1', name='Le Café', code=None, ")
    assert text.endswith(", extra=<2 more>)")


@each(
    ("cls", "abc", "more", "shown"),
    [
        (ReadOnlyDict, (Mapping, MutableMapping), {"__ior__"}, DICT_CHANGES),
        (ReadOnlyList, (Sequence, MutableSequence), {"__imul__", "sort"}, LIST_CHANGES),
    ],
)
def test_every_way_to_change_it_is_refused(cls: type, abc: Any, more: set[str], shown: list[Any]) -> None:
    """The lists above have every method that changes a dict or a list."""
    # A look at the annotations of a class, by whatever test ran before, gives it some.
    there = {*dir(abc[1])} - {*dir(abc[0]), "__annotations__"}
    changing = {name for name in there if not name.startswith("_Mutable")} | more
    plain = cls.__base__
    assert {name for name in changing if getattr(plain, name) is getattr(cls, name)} == set()
    assert len(shown) == len(changing)


def test_businesses_are_compared_by_all_of_it() -> None:
    """Two businesses that differ in ``extra`` alone differ, and can be in one set."""
    other = attrs.evolve(BUSINESS, extra={})
    assert other != BUSINESS
    assert len({BUSINESS, other, attrs.evolve(BUSINESS)}) == 2


def test_a_long_model_has_a_short_repr() -> None:
    """A prompt, a notebook or a log shows three of 2,000 businesses, and says how many more there are."""
    ids = tuple(f"b{number}" for number in range(2_000))
    assert repr(Group(1, "France", False, ids)) == (
        "Group(id=1, name='France', has_puller=False, business_ids=('b0', 'b1', 'b2', <1,997 more>))"
    )
    section = Section(7, "Country", (SUMMARY,) * 500, True, False)
    assert repr(section).endswith("<497 more>), can_edit=True, has_puller=False)")
    assert repr(SectionPage((section,) * 7)).endswith("<4 more>), page=None, max_page=None, count=None)")
    assert "<97 more>)" in repr(BusinessPage((BUSINESS,) * 100))
    success = ScanSuccess(7, 1, Group(1, "France", False, ids), businesses=tuple(map(BusinessSummary, ids)))
    assert repr(success).count("<1,997 more>") == 2


@each("business_ids", [("a", "b", "c", "d", "e", "f"), (), ["a"] * 9, None])
def test_a_short_model_has_its_whole_repr(business_ids: Any) -> None:
    """Six items are shown, and what an application puts there by hand is shown as it is."""
    assert repr(Group(1, "X", True, business_ids)).endswith(f"has_puller=True, business_ids={business_ids!r})")
