"""Which groups share the most businesses, without comparing all of them with each other."""

from __future__ import annotations

from collections import Counter
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["largest_overlaps"]


def largest_overlaps(members: Sequence[Sequence[int]], most: int, steps: int) -> tuple[list[tuple[int, int, int]], int]:
    """Find the pairs of groups that share the most.

    Args:
        members: The businesses of each group, the largest group first.
        most: How many pairs to find.
        steps: After about so many the search ends, among the largest groups.

    Returns:
        Pairs as (index, index, shared), and among how many groups the search was complete.
    """
    holders: dict[int, list[int]] = {}
    best: list[tuple[int, int, int]] = []  # a heap of (shared, -second, -first): of equal ones the larger groups stay
    for index, group in enumerate(members):
        # Two groups share no more than the smaller one has, and only smaller ones follow.
        if not group or (len(best) == most and len(group) <= best[0][0]):
            break
        shared: Counter[int] = Counter()
        for business in group:
            before = holders.get(business, ())
            steps -= 1 + len(before)
            if steps < 0:
                return _ordered(best), index
            shared.update(before)
        for business in group:
            holders.setdefault(business, []).append(index)
        for other, count in shared.items():
            found = (count, -index, -other)
            if len(best) < most:
                heappush(best, found)
            elif found > best[0]:
                heapreplace(best, found)
    return _ordered(best), len(members)


def _ordered(best: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return [(-first, -second, shared) for shared, second, first in sorted(best, reverse=True)]
