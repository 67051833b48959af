"""Spread the decoding of large responses over event-loop iterations."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from partoo_async._protocol.decoding import Decoded

if TYPE_CHECKING:
    from partoo_async._protocol.decoding import Decoder
    from partoo_async._protocol.http import Response
    from partoo_async._protocol.operations import Operation

__all__ = ["LARGE", "DecodeBudget"]

# Smaller responses need no budget: 8 KiB are 300 business ids, and decode in some ten microseconds.
LARGE = 8 * 1024

_BYTES_PER_ITERATION = 128 * 1024  # about 0.2 ms


class DecodeBudget:
    """Limits decoding to 128 KiB, or one response or slice of one, per event-loop iteration, in order of arrival."""

    # Callers use and drop a result before the next are decoded: it is still in the processor's cache.
    __slots__ = ("_used", "_waiting")

    def __init__(self) -> None:
        self._used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def decoder_for(self, operation: Operation[Any], response: Response, decoder: Decoder) -> Decoder:
        """Wait for the turn of a large response. Return what is to decode it: at once, if that was done in slices."""
        body, good = response.body, 200 <= response.status < 300
        model = operation.model if good else None
        if model is not None:
            from partoo_async._protocol.slices import Slices  # noqa: PLC0415 - for large responses alone

            slices = Slices(body, model, decoder)
            for size in slices:
                await self.wait(size)
            if slices.value is not None:
                return Decoded(slices.value)
        await self.wait(len(body))
        return decoder

    async def wait(self, size: int) -> None:
        """Wait for an iteration with room for ``size`` bytes; return at once if this one has it."""
        loop = asyncio.get_running_loop()
        if self._waiting or (self._used and self._used + size > _BYTES_PER_ITERATION):
            turn = loop.create_future()
            self._waiting.append((size, turn))
            await turn
            return
        if not self._used:
            loop.call_soon(self._next_iteration)
        self._used += size

    def _next_iteration(self) -> None:
        self._used = 0
        while self._waiting:
            size, turn = self._waiting[0]
            if self._used and self._used + size > _BYTES_PER_ITERATION:
                break
            self._waiting.popleft()
            if not turn.done():  # a cancelled caller uses nothing
                turn.set_result(None)
                self._used += size
        if self._used:
            asyncio.get_running_loop().call_soon(self._next_iteration)
