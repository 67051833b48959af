"""Values are compared, hashed and shown by their fields, as attrs itself would."""

from __future__ import annotations

import attrs
import pytest

from partoo_async import Business, Group, GroupSummary, PauseEvent, RateLimit, Section
from partoo_async._internal.values import Compared
from tests.support.each import each


@attrs.frozen
class Theirs:
    """Its three methods are those of attrs, with fields of each kind."""

    id: int
    names: tuple[str, ...] = attrs.field(default=(), repr=lambda names: f"<{len(names)} names>")
    hidden: str = attrs.field(default="", repr=False)
    extra: object = attrs.field(factory=dict, hash=False)


@attrs.frozen(eq=False, repr=False)
class Ours(Compared):
    """Its three methods are the shared ones, with the same fields."""

    id: int
    names: tuple[str, ...] = attrs.field(default=(), repr=lambda names: f"<{len(names)} names>")
    hidden: str = attrs.field(default="", repr=False)
    extra: object = attrs.field(factory=dict, hash=False)


VALUES: list[tuple[object, ...]] = [(1,), (2,), (1, ("a", "b")), (1, (), "x"), (1, (), "", {"a": 1}), (1.0,)]


def test_shared_methods_do_what_those_of_attrs_do() -> None:
    """Field by field, without those that are not hashed or not shown."""
    for one in VALUES:
        ours, theirs = Ours(*one), Theirs(*one)  # type: ignore[arg-type]  # a number of another kind, too
        assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
        for other in VALUES:
            expected = theirs == Theirs(*other)  # type: ignore[arg-type]  # as above
            assert (ours == Ours(*other)) is expected  # type: ignore[arg-type]  # as above
            assert (ours != Ours(*other)) is not expected  # type: ignore[arg-type]  # as above
    assert hash(Ours(1, extra={})) == hash(Ours(1, extra={"a": 1}))
    assert len({Ours(1), Ours(1), Ours(2)}) == 2


@each(
    "one, other",
    [
        (GroupSummary(1, "a", False), Group(1, "a", False, ())),
        (Business("b"), "b"),
        (PauseEvent("GET /sections", 1.0), ("GET /sections", 1.0, "")),
        (RateLimit(300), attrs.evolve(RateLimit(), share=0.5)),
    ],
)
def test_other_kinds_and_other_fields_are_not_equal(one: object, other: object) -> None:
    """An equal value has the same class and equal fields."""
    assert one != other
    assert one == attrs.evolve(one)  # type: ignore[type-var]  # each is of attrs


def test_a_value_stays_frozen_and_hashable() -> None:
    """A section of groups, say, may be the key of a dict."""
    section = Section(7, "Country", (GroupSummary(42, "France", False),), True, False)
    assert {section: 1}[attrs.evolve(section)] == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        section.id = 8  # type: ignore[misc]  # what must not work
