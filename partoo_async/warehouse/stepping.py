"""An async iterator as a plain one, whose event loop is in a thread."""

# dlt would run it in its own loop, but stops that at once when a run fails or is interrupted: what was open, such as a
# journal with its lock, would stay open.

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

__all__ = ["stepwise"]

T = TypeVar("T")


def stepwise(items: AsyncGenerator[T, None]) -> Iterator[T]:
    """Yield what an async generator yields, and close it when this one ends, however that is."""
    with _loop_in_thread() as loop:
        try:
            while (item := asyncio.run_coroutine_threadsafe(anext(items, None), loop).result()) is not None:
                yield item
        finally:
            asyncio.run_coroutine_threadsafe(_close(items), loop).result()


async def _close(items: AsyncGenerator[Any, None]) -> None:
    # The step that was waited for, if the caller was interrupted.
    steps = asyncio.all_tasks() - {asyncio.current_task()}
    for step in steps:
        step.cancel()
    await asyncio.gather(*steps, return_exceptions=True)
    await items.aclose()


@contextmanager
def _loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    opened: Future[asyncio.AbstractEventLoop] = Future()

    def run() -> None:
        with asyncio.Runner() as runner:
            opened.set_result(runner.get_loop())
            runner.get_loop().run_forever()

    thread = Thread(target=run, name="partoo-dlt", daemon=True)
    thread.start()
    loop = opened.result()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
