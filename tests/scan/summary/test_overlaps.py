"""The groups that share the most, found without comparing each with each."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from partoo_async.scan.summary.overlaps import largest_overlaps

GROUPS = st.lists(st.frozensets(st.integers(0, 12), max_size=9), max_size=12)


@given(groups=GROUPS, most=st.integers(1, 6))
def test_it_finds_what_a_comparison_of_all_would(groups: list[frozenset[int]], most: int) -> None:
    """The most shared pairs, the larger groups first, and none that shares nothing."""
    members = sorted((sorted(group) for group in groups), key=len, reverse=True)
    pairs, among = largest_overlaps(members, most, steps=10**9)
    every = sorted(
        (-len({*members[one]} & {*members[other]}), other, one) for one, other in combinations(range(len(members)), 2)
    )
    assert [(-shared, second, first) for first, second, shared in pairs] == [pair for pair in every if pair[0]][:most]
    assert among == len(members)


def test_it_ends_where_no_pair_can_share_more() -> None:
    """Two large groups that are alike spare it the look at a thousand small ones, however few steps it has."""
    members = [range(50), range(50), *([range(10)] * 1000)]
    assert largest_overlaps(members, 1, steps=160) == ([(0, 1, 50)], 1002)


def test_it_ends_after_so_many_steps() -> None:
    """And says how many of the largest groups it has looked at."""
    members = [range(10)] * 5
    pairs, among = largest_overlaps(members, 100, steps=35)
    assert (pairs, among) == ([(0, 1, 10)], 2)
