"""Which slices of a ring hold a place."""

from __future__ import annotations

from bisect import bisect_right, insort
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
        begins: dict[int, list[int]] = {0: []}
        ends: dict[int, list[int]] = {}
        for key, start, size in slices:
            if not size:
                continue
            begins.setdefault(start, []).append(key)
            end = start + size
            if end > length:  # around the end: a second one from the first place on
                begins[0].append(key)
                end -= length
            if end < length:
                ends.setdefault(end, []).append(key)
        # Between two bounds every place has the same slices, so they are listed once for all of them.
        self._bounds: list[int] = []
        self._holding: list[list[int]] = []
        now: list[int] = []
        for bound in sorted({*begins, *ends}):
            for key in ends.get(bound, ()):
                now.remove(key)
            for key in begins.get(bound, ()):
                insort(now, key)
            self._bounds.append(bound)
            self._holding.append(now.copy())

    def holding(self, place: int) -> list[int]:
        """Return the keys of the slices that hold a place, in order."""
        return self._holding[bisect_right(self._bounds, place) - 1]
