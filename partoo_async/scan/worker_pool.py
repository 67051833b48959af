"""Many keys, a fixed set of workers, one result per key. Knows neither HTTP nor Partoo.

Workers pull keys lazily from one iterator. They stop while nobody takes their results: memory depends on the number of
workers, not of keys.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["WorkerPool"]

K = TypeVar("K")
R = TypeVar("R")


class WorkerPool(Generic[K, R]):
    """Runs ``work`` on every key, at most ``workers`` at once. Hands out results in completion order.

    ``work`` turns its own failures into results. An exception that it raises ends the run: ``on_error`` is called and
    no further key is begun. Keys in flight are finished and handed out. Then the exception reaches the consumer.
    """

    def __init__(
        self,
        keys: Iterable[K],
        work: Callable[[K], Awaitable[R]],
        workers: int,
        on_error: Callable[[], object] = lambda: None,
    ) -> None:
        self._keys = iter(keys)
        self._work = work
        self._workers = workers
        # A single worker would otherwise wait for the consumer after each result, an event-loop iteration.
        self._most = max(workers, 2)
        self._on_error = on_error
        self._ready: deque[R] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._stopping = False
        self.waited: float = 0.0
        """When the consumer last had to wait, a time of the event loop."""
        self.taken: int = 0
        """How many keys were begun."""
        self.done: int = 0
        """How many of them have a result."""

    def start(self) -> None:
        """Start the workers. Must be called in a running loop, once."""
        for _ in range(self._workers):
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _run(self) -> None:
        for key in self._keys:
            if self._ending:
                return
            self.taken += 1
            self._ready.append(await self._work(key))
            self.done += 1
            self._arrived.set()
            # As many results wait as there are workers, and each of those holds one more at most.
            if len(self._ready) >= self._most:
                self._room.clear()
                if not self._ending:
                    await self._room.wait()

    @property
    def _ending(self) -> bool:
        return self._stopping or self._error is not None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            if not self._stopping:
                # Not by us: its key would be lost without a word.
                self._fail(RuntimeError("a worker was cancelled from elsewhere"))
        elif (error := task.exception()) is not None:
            self._fail(error)
        self._arrived.set()

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            self._room.set()
            self._on_error()

    async def next(self) -> R:
        """Return the next result. After the last raises what ``work`` raised first, or ``StopAsyncIteration``."""
        while not self._ready:
            if not self._tasks:
                raise self._error or StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
            self.waited = asyncio.get_running_loop().time()
        result = self._ready.popleft()
        if len(self._ready) < self._most:
            self._room.set()
        return result

    def stop(self) -> None:
        """Start nothing more; who is cancelled from now on was meant."""
        self._stopping = True
        self._room.set()

    async def aclose(self, grace: float = 0.0) -> None:
        """Start nothing more, let what is running end within ``grace`` seconds, cancel it then, and drop what is left.

        Cancelling this call cuts the grace short and still leaves no task behind.
        """
        self.stop()
        tasks = list(self._tasks)
        try:
            if grace > 0 and tasks:
                await asyncio.wait(tasks, timeout=grace)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._ready.clear()
