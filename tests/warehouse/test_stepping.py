"""An async generator behind a plain one: it is closed in its own loop, however the plain one ends."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator

import pytest

from partoo_async.warehouse.stepping import stepwise


class Items:
    """Yields 1 and 2, then does what it was told, and notes how it ended."""

    def __init__(self, last: BaseException | None = None, *, interrupts: bool = False) -> None:
        self.last, self.interrupts = last, interrupts
        self.ended: list[str] = []

    async def __call__(self) -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.sleep(0)
            yield 2
            if self.interrupts:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                await asyncio.Event().wait()
            if self.last is not None:
                raise self.last
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        finally:
            await asyncio.sleep(0)
            self.ended.append(threading.current_thread().name)


async def test_items_come_one_by_one() -> None:
    """Also while an event loop runs in this thread. Nothing is left of the other one."""
    items = Items()
    assert list(stepwise(items())) == [1, 2]
    assert items.ended == ["partoo-dlt"]
    assert "partoo-dlt" not in {thread.name for thread in threading.enumerate()}


def test_leaving_closes_it() -> None:
    """Whoever stops in the middle has it closed."""
    items = Items()
    steps = stepwise(items())
    assert next(steps) == 1
    steps.close()  # type: ignore[attr-defined]  # a generator
    assert items.ended == ["GeneratorExit", "partoo-dlt"]


def test_its_error_is_raised() -> None:
    """As it is."""
    items = Items(ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        list(stepwise(items()))
    assert items.ended == ["ValueError", "partoo-dlt"]


def test_an_interrupt_cancels_it() -> None:
    """Ctrl-C while the next item is waited for cancels that, and has it closed before it goes on."""
    items = Items(interrupts=True)
    # A shell starts its background jobs, which the suite may be one of, with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(stepwise(items()))
    finally:
        signal.signal(signal.SIGINT, before)
    assert items.ended == ["CancelledError", "partoo-dlt"]
