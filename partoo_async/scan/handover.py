"""Lets the workers run between two items. An ``async for`` whose items are at hand never suspends by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Handover"]

# Seconds for which the consumer may hold the event loop.
_MOST = 0.01
# Event-loop iterations: enough for a response to get from its socket to a worker and for the next request to
# leave, or for a connection to be made.
_ITERATIONS = 8


class Handover:
    """Gives the loop to whoever else is ready when the consumer has kept it for 10 ms."""

    __slots__ = ("_now", "_since")

    def __init__(self) -> None:
        self._now: Callable[[], float] | None = None
        self._since = 0.0

    def is_due(self, waited: float) -> bool:
        """Whether it is time to ``suspend``. ``waited``: when the consumer last waited, a time of the event loop."""
        if self._now is None:
            self._now = asyncio.get_running_loop().time
            self._since = self._now()
        return self._now() - max(self._since, waited) > _MOST

    async def suspend(self) -> None:
        """Let the others run."""
        for _ in range(_ITERATIONS):
            await asyncio.sleep(0)
        self._since = asyncio.get_running_loop().time()
