"""Work that would hold the event loop up when a lot of it comes at once, spread over the turns of the loop."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["LARGE", "DecodeBudget"]

LARGE = 8 * 1024
"""Bytes of an answer from which it is spread: 300 business ids, whose decoding takes some ten microseconds."""

_MOST = 128 * 1024  # bytes in one turn, or one answer: a fifth of a millisecond


class DecodeBudget:
    """Lets so many through in each turn of the event loop as have 128 KiB together, in the order in which they came.

    Whoever is handed a result can use it, and drop it, before much else is made: memory stays in the cache.
    """

    __slots__ = ("_taken", "_waiting")

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def wait(self, size: int) -> None:
        """Return at once if there is room for so many bytes in this turn, else in a later one."""
        loop = asyncio.get_running_loop()
        if self._waiting or (self._taken and self._taken + size > _MOST):
            mine = loop.create_future()
            self._waiting.append((size, mine))
            await mine
            return
        if not self._taken:
            loop.call_soon(self._next)
        self._taken += size

    def _next(self) -> None:
        self._taken = 0
        while self._waiting:
            size, first = self._waiting[0]
            if self._taken and self._taken + size > _MOST:
                break
            self._waiting.popleft()
            if not first.done():  # or it was cancelled
                first.set_result(None)
                self._taken += size
        if self._taken:
            asyncio.get_running_loop().call_soon(self._next)
