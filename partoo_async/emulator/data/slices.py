"""Which slices of a ring hold a place."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from partoo_async._internal.reprs import total_repr

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Slices"]


@total_repr
class Slices:
    """Slices of a ring, each at most once around it.

    Args:
        length: The places of the ring, which count from 0.
        slices: Of each its key, its first place and its length.
    """

    def __init__(self, length: int, slices: Iterable[tuple[int, int, int]]) -> None:
        # A segment tree: node 1 stands for all places, 2 and 3 for the halves, and so on. A slice is listed at the few
        # nodes that make it up, so that a million slices take some megabytes, however long they are.
        self._leaves = 1 << max(length - 1, 0).bit_length()
        self._keys: dict[int, array[int]] = {}
        for key, start, size in slices:
            self._list(key, start, min(start + size, length))
            self._list(key, 0, start + size - length)  # around the end: the rest from the first place on

    def _list(self, key: int, start: int, end: int) -> None:
        low, high = start + self._leaves, end + self._leaves
        while low < high:
            if low & 1:
                self._at(low).append(key)
                low += 1
            if high & 1:
                high -= 1
                self._at(high).append(key)
            low, high = low >> 1, high >> 1

    def _at(self, node: int) -> array[int]:
        found = self._keys.get(node)
        if found is None:
            found = self._keys[node] = array("q")
        return found

    def holding(self, place: int) -> list[int]:
        """Return the keys of the slices that hold a place, in order."""
        found: list[int] = []
        node = place + self._leaves
        while node:
            found += self._keys.get(node, ())
            node >>= 1
        found.sort()
        return found
