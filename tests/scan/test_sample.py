"""Which groups are verified: those that go wrong most likely, and the rest at random."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from partoo_async.scan.sample import choose_sample, sample_size
from tests.support.each import each

SIZES = st.dictionaries(st.tuples(st.integers(1, 5), st.integers(0, 99)), st.integers(0, 9), max_size=60)


@given(SIZES, st.one_of(st.integers(1, 70), st.just("all")), st.integers(0, 2**32))
def test_a_sample_has_what_goes_wrong_most_likely(
    sizes: dict[tuple[int, int], int], wanted: int | str, seed: int
) -> None:
    """The largest, the smallest with any, an empty one, one of each section; as many as announced, each once."""
    sections = {section_id for section_id, _ in sizes}
    count = sample_size(wanted, len(sizes), len(sections))
    chosen = choose_sample(sizes, count, Random(seed))
    assert len(chosen) == len({*chosen}) == count
    assert {*chosen} <= sizes.keys()
    assert chosen == choose_sample(sizes, count, Random(seed))
    if sizes:
        found = [sizes[key] for key in chosen]
        filled = [size for size in sizes.values() if size]
        assert max(found) == max(sizes.values())
        assert not filled or min(filled) in found
        assert (0 in sizes.values()) == (0 in found)
        assert {section_id for section_id, _ in chosen} == sections


@each(
    ("wanted", "groups", "sections", "size"),
    [
        (20, 315, 6, 20),
        (20, 12, 3, 12),  # no more than there are
        (1, 315, 6, 9),  # one of each section and three more, however few were asked for
        (20, 5_345, 40, 43),
        ("all", 315, 6, 315),
        (20, 0, 0, 0),
    ],
)
def test_the_size_of_a_sample(wanted: int | str, groups: int, sections: int, size: int) -> None:
    """At least what was asked for, and known before the list of businesses is read."""
    assert sample_size(wanted, groups, sections) == size


def test_every_group_is_drawn_by_some_seed() -> None:
    """A fault of a single group is found some night, whichever it is."""
    sizes = {(1, number): number for number in range(30)}
    drawn = {key for seed in range(200) for key in choose_sample(sizes, 6, Random(seed))}
    assert drawn == sizes.keys()
