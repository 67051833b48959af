"""Lets the workers run between two items: an ``async for`` whose items are at hand would never suspend by itself."""

from __future__ import annotations

import asyncio

__all__ = ["Handover"]

# Seconds for which the consumer may hold the event loop.
_MOST = 0.01
# Turns of the loop: enough for an answer to get from its socket to a worker and for the next request to leave, or for
# a connection to be made.
_TURNS = 8


class Handover:
    """Counts the time that the consumer takes, and after 10 ms of it gives the loop to whoever else is ready."""

    __slots__ = ("_given", "_held", "_loop")

    def __init__(self) -> None:
        self._held = self._given = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> bool:
        """Come back from the consumer; return whether it is time to ``suspend``."""
        if self._loop is None:
            return False
        self._held += self._loop.time() - self._given
        return self._held > _MOST

    async def suspend(self) -> None:
        """Let the others run."""
        self._held = 0.0
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def end(self) -> None:
        """Go to the consumer."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._given = self._loop.time()
