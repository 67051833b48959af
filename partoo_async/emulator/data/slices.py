"""Which slices of a ring hold a place."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from partoo_async._internal.reprs import total_repr

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Slices"]


@total_repr
class Slices:
    """Slices of a ring, each at most once around it. Finding those of a place costs about as much as there are.

    Args:
        length: The places of the ring, which count from 0.
        slices: Of each its key, its first place and its length.
    """

    def __init__(self, length: int, slices: Iterable[tuple[int, int, int]]) -> None:
        self._length = length
        # By length, doubling: of those that begin near enough to reach a place, at least about half do.
        self._classes: dict[int, list[tuple[int, int, int]]] = {}
        for key, start, size in slices:
            self._classes.setdefault(size.bit_length(), []).append((start, size, key))
        for alike in self._classes.values():
            alike.sort()

    def holding(self, place: int) -> list[int]:
        """Return the keys of the slices that hold a place, in order."""
        found = []
        for bits, alike in self._classes.items():
            for at in (place, place + self._length):  # once more for those that go around the end
                first = bisect_left(alike, (at - (1 << bits),))
                last = bisect_right(alike, (at, self._length + 1))
                found += [key for start, size, key in alike[first:last] if start + size > at]
        return sorted(found)
