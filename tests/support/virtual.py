"""An event loop whose clock is faked: when nothing is ready, time jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class _NoWait(selectors.SelectSelector):
    """A selector that never sleeps; it moves the loop's clock instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.loop.threads and (timeout is None or timeout > 0):
            return super().select(None)
        if timeout is None:
            raise RuntimeError("the test waits for something that no timer brings")
        if timeout > 0:
            self.loop.clock += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Sleeping for an hour takes no time, and ``time()`` says that it took an hour.

    ``tick``: seconds that pass with each look at the clock, since real ones move while code runs. ``threads``: how
    many are at work that will report; while there are any, time stands still and the loop really waits.
    """

    threads = 0

    def __init__(self, tick: float = 0.0) -> None:
        self.clock = 1000.0
        self.tick = tick
        selector = _NoWait()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        self.clock += self.tick
        return self.clock

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        self.threads += 1
        await super().shutdown_default_executor()


def run_virtual(main: Coroutine[Any, Any, T], *, tick: float = 0.0) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(tick)) as runner:
        return runner.run(main)
