"""Which slices of a ring hold a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.reprs import total_repr

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Slices"]

# The most nodes that the highest level may have.
_TOP = 64


@total_repr
class Slices:
    """Slices of a ring, each at most once around it.

    Args:
        length: The places of the ring, which count from 0.
        slices: Of each its key, its first place and its length.
    """

    def __init__(self, length: int, slices: Iterable[tuple[int, int, int]] = ()) -> None:
        # A tree: the lowest level has a node for each place, the next one a node for eight of these, and so on. A slice
        # is listed at the few nodes that make it up, so that a million slices take some megabytes, however long. The
        # highest level has more than one: few slices are that long, and every look-up goes through all levels.
        self._length = length
        self._levels: list[list[list[int]]] = []
        while not self._levels or len(self._levels[-1]) > _TOP:
            self._levels.append([[] for _ in range(-(-length // 8 ** len(self._levels)))])
        for key, start, size in slices:
            self.add(key, start, size)

    def add(self, key: int, start: int, size: int) -> None:
        """Add a slice, after those with smaller keys."""
        end = start + size
        if end > self._length:  # around the end: the rest from the first place on
            self._list(key, 0, end - self._length)
            end = self._length
        self._list(key, start, end)

    def _list(self, key: int, start: int, end: int) -> None:
        for level in self._levels[:-1]:
            first, last = -(-start // 8), end // 8  # of the next level, those that it fills
            if first >= last:
                for node in level[start:end]:
                    node.append(key)
                return
            for node in level[start : first * 8]:
                node.append(key)
            for node in level[last * 8 : end]:
                node.append(key)
            start, end = first, last
        for node in self._levels[-1][start:end]:
            node.append(key)

    def holding(self, place: int) -> list[int]:
        """Return the keys of the slices that hold a place, in order."""
        found: list[int] = []
        for level in self._levels:
            found += level[place]
            place >>= 3
        found.sort()
        return found
