"""Groups made on access are a mapping like any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async.emulator import EmulatedGroup, generated_sections
from partoo_async.emulator.data.lazy import LazyGroups, Summary, businesses, holders, peek, summaries

IDS = st.integers(0, 9)
STEPS = st.lists(st.tuples(st.sampled_from(["get", "set", "delete", "rename", "pop", "peek"]), IDS))


def lazy() -> LazyGroups:
    """Groups 1 to 3 or more of the small profile."""
    groups = generated_sections("small")[0].groups
    assert isinstance(groups, LazyGroups)
    return groups


def step(groups: LazyGroups | dict[int, EmulatedGroup], action: str, number: int) -> EmulatedGroup | None:
    """Do one thing to a mapping and return what comes of it."""
    if action == "set":
        groups[number] = EmulatedGroup(number, "Mine", business_ids=["b"])
    elif action == "delete":
        del groups[number]
    elif action == "rename":
        groups[number].name = "Renamed"
    elif action == "pop":
        return groups.pop(number)
    else:
        return peek(groups, number) if action == "peek" else groups[number]
    return None


@given(STEPS)
def test_it_does_what_a_dict_does(steps) -> None:
    """Any sequence of reads, edits, deletions and additions leaves the same as with a ``dict`` of all groups."""
    made, plain = lazy(), dict(lazy())
    for action, number in steps:
        if number not in plain:
            assert number not in made
            if action != "set":
                with pytest.raises(KeyError):
                    step(made, action, number)
                continue
        assert step(made, action, number) == step(plain, action, number)
        assert len(made) == len(plain)
    assert set(made) == set(plain)
    assert sorted(summaries(made)) == sorted(summaries(plain))
    every = set(businesses(plain.values()))
    assert every <= set(businesses(made.changed())) | set(made.source.businesses())
    held = {business: [*groups] for business, groups in made.holders({*every, "nobody"}).items()}
    assert held == {"nobody": [], **holders(plain, every)}
    assert dict(made) == plain


def test_looking_at_keys_of_another_type_is_quick_and_finds_nothing() -> None:
    """A text is no id, in a range of 100,000 either."""
    groups = generated_sections("extreme", groups=1_000_000)[0].groups
    assert "7" not in groups
    assert None not in groups
    with pytest.raises(KeyError):
        groups["7"]  # type: ignore[index]


def test_it_is_not_printed_in_full() -> None:
    """The repr of a section of 10,000 groups is a line."""
    section = generated_sections("extreme", groups=100_000)[0]
    assert "groups=<LazyGroups: 10000 groups>" in repr(section)


def test_written_groups_have_summaries_too() -> None:
    """Sections written by hand are read by the same functions."""
    groups = {4: EmulatedGroup(4, "A", has_puller=True, business_ids=["x", "y"])}
    assert list(summaries(groups)) == [Summary(4, "A", True)]
    assert list(businesses(groups.values())) == ["x", "y"]
    assert peek(groups, 4) is groups[4]
