"""Slices of a ring: what holds a place is found without looking at each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from partoo_async.emulator.data.slices import Slices

LENGTH = 600  # three levels
RING = st.lists(st.tuples(st.integers(0, LENGTH - 1), st.integers(0, LENGTH)), max_size=6)


@given(RING)
def test_a_place_is_held_by_the_slices_that_go_over_it(ring) -> None:
    """Around the end, too; an empty slice holds nothing, one of the whole length everything."""
    slices = Slices(LENGTH, ((key, start, size) for key, (start, size) in enumerate(ring)))
    for place in range(LENGTH):
        assert slices.holding(place) == [
            key for key, (start, size) in enumerate(ring) if (place - start) % LENGTH < size
        ]


def test_a_long_slice_is_listed_at_a_few_nodes() -> None:
    """Not at each of its places: a million of them would not fit into memory."""
    slices = Slices(10_000, ((key, 37 * key % 10_000, 9_999) for key in range(1_000)))
    listed = sum(len(keys) for level in slices._levels for keys in level if keys)
    # At most 14 on each of three levels, and all 20 nodes of the highest.
    assert listed <= 1_000 * (3 * 14 + 20)
    assert len(slices.holding(5_000)) >= 999
