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

    def __init__(self, length: int, slices: Iterable[tuple[int, int, int]]) -> None:
        # A tree: the lowest level has a node for each place, the next one a node for eight of these, and so on. A slice
        # is listed at the few nodes that make it up, so that a million slices take some megabytes, however long. The
        # highest level has more than one: few slices are that long, and every look-up goes through all levels.
        self._levels: list[list[list[int] | None]] = []
        while not self._levels or len(self._levels[-1]) > _TOP:
            self._levels.append([None] * -(-length // 8 ** len(self._levels)))
        for key, start, size in slices:
            self._list(key, start, min(start + size, length))
            self._list(key, 0, start + size - length)  # around the end: the rest from the first place on

    def _list(self, key: int, start: int, end: int) -> None:
        for level in self._levels[:-1]:
            while start < end and (start % 8 or end - start < 8):
                self._add(level, start, key)
                start += 1
            while start < end and end % 8:
                end -= 1
                self._add(level, end, key)
            if start >= end:
                return
            start, end = start // 8, end // 8
        for node in range(start, end):
            self._add(self._levels[-1], node, key)

    @staticmethod
    def _add(level: list[list[int] | None], place: int, key: int) -> None:
        found = level[place]
        if found is None:
            level[place] = [key]
        else:
            found.append(key)

    def holding(self, place: int) -> list[int]:
        """Return the keys of the slices that hold a place, in order."""
        found: list[int] = []
        for level in self._levels:
            if keys := level[place]:
                found += keys
            place >>= 3
        found.sort()
        return found
