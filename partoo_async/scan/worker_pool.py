"""A fixed number of workers, one result per key. Knows neither HTTP nor Partoo."""

# Workers pull keys lazily from one iterator, and stop while nobody takes their results: memory grows with the number
# of workers, not of keys.

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

__all__ = ["Keep", "LoopYield", "Stage", "WorkerPool"]

K = TypeVar("K")
R = TypeVar("R")

Keep: TypeAlias = Callable[[R, Callable[[R, BaseException | None], None]], None]
"""Begins to keep a result, and calls back with it once it is kept, or with the error if it cannot be."""

# Seconds for which the consumer may keep the event loop.
_LONGEST_HOLD = 0.01
# Event-loop iterations. Enough for a response to get from its socket to a worker and for the next request to leave, or
# for a connection to be made.
_ITERATIONS = 8


class LoopYield:
    """Lets the workers run between two results, when the consumer has kept the event loop for 10 ms."""

    # Needed because an ``async for`` whose results are ready never suspends by itself.

    __slots__ = ("_now", "_since", "due")

    def __init__(self) -> None:
        self._now: Callable[[], float] | None = None
        self._since = 0.0
        self.due: float = 0.0  # event-loop time until which the consumer may go on without a question

    def is_due(self, waited: float) -> bool:
        """Whether to ``suspend`` now. ``waited``: when the consumer last waited, in event-loop time."""
        if self._now is None:
            self._now = asyncio.get_running_loop().time
            self._since = self._now()
        now = self._now()
        if now > self.due:  # not before then, whenever it waited
            self.due = max(self._since, waited) + _LONGEST_HOLD
        return now > self.due

    def restart(self) -> None:
        """Count from now on: the event loop had its turn."""
        self._since = asyncio.get_running_loop().time()
        self.due = self._since + _LONGEST_HOLD

    async def suspend(self) -> None:
        """Let other tasks run for a few event-loop iterations."""
        for _ in range(_ITERATIONS):
            await asyncio.sleep(0)
        self.restart()


class WorkerPool(Generic[K, R]):
    """Runs ``work`` on every key, at most ``workers`` at once. Hands out results in completion order."""

    # ``work`` turns its own failures into results. An exception from it ends the run: ``on_error`` is called and no
    # further key is begun. Results of keys in flight are still handed out, and then the consumer gets the exception.
    # With ``keep``, a result is handed out once it is kept, and its worker goes on meanwhile: a slow disk gets many at
    # once, and no request waits for it. That it cannot be kept is like an exception of ``work``.

    def __init__(
        self,
        keys: Iterable[K],
        work: Callable[[K], Awaitable[R]],
        workers: int,
        on_error: Callable[[], object] = lambda: None,
        keep: Keep[R] | None = None,
    ) -> None:
        self._keys = iter(keys)
        self._work = work
        self._workers = workers
        # At least two, or a single worker would wait for the consumer after each result, an event-loop iteration.
        self._max_ready = max(workers, 2)
        self._on_error = on_error
        self._keep = keep
        self._keeping = 0  # results that are about to be kept
        self._ready: deque[R] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._stopping = False
        self.waited: float = 0.0  # event-loop time at which the consumer last had to wait
        self.taken: int = 0  # keys that were begun
        self.done: int = 0  # those of them that have a result

    def start(self) -> None:
        """Start the workers."""
        for _ in range(self._workers):
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _run(self) -> None:
        for key in self._keys:
            if self._ending:
                return
            self.taken += 1
            result = await self._work(key)
            self.done += 1
            if self._keep is None:
                self._ready.append(result)
                self._arrived.set()
            else:
                self._keeping += 1
                self._keep(result, self._kept)
            # Who takes it may drop it: a group of 10,000 ids is a megabyte, and each worker would hold one.
            del result
            # As many results wait as there are workers, and each worker holds at most one more.
            if len(self._ready) + self._keeping >= self._max_ready:
                self._room.clear()
                if not self._ending:
                    await self._room.wait()

    def _kept(self, result: R, error: BaseException | None) -> None:
        self._keeping -= 1
        if error is None:
            self._ready.append(result)
        else:
            self._fail(error)
        self._arrived.set()

    async def hand_over(self, result: R) -> None:
        """Hand out a result before the one that ``work`` returns. For ``work``: it waits until there is room."""
        self._ready.append(result)
        self._arrived.set()
        if len(self._ready) >= self._max_ready and not self._stopping:
            self._room.clear()
            await self._room.wait()

    @property
    def _ending(self) -> bool:
        return self._stopping or self._error is not None

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            if not self._stopping:
                # Cancelled by somebody else: its key would be lost silently.
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
        """Return the next result. After the last, raise the error of ``work`` or ``StopAsyncIteration``."""
        while not self._ready:
            if not self._tasks and not self._keeping:
                raise self._error or StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
            self.waited = asyncio.get_running_loop().time()
        result = self._ready.popleft()
        if len(self._ready) + self._keeping < self._max_ready:
            self._room.set()
        return result

    def stop(self) -> None:
        """Begin no further key. A worker that is cancelled from now on is no error."""
        self._stopping = True
        self._room.set()

    async def aclose(self, grace: float = 0.0) -> None:
        """Begin no further key, wait ``grace`` seconds for those in flight, and drop all results."""
        # Cancelling this call cuts the wait short, and still leaves no task behind.
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


class Stage:
    """Work that has to be done before other work can begin: ``run``, one after the other, until it is closed."""

    def __init__(self, on_error: Callable[[], object]) -> None:
        self._on_error = on_error
        self._pool: WorkerPool[Any, Any] | None = None
        self._keys = 0
        self.closed: bool = False

    @property
    def ahead(self) -> tuple[int, int]:
        """How many keys are not begun, and how many are."""
        return (0, 0) if self._pool is None else (self._keys - self._pool.taken, self._pool.taken - self._pool.done)

    async def run(self, keys: Sequence[K], work: Callable[[K], Awaitable[R]], workers: int) -> list[R]:
        """Return the results of ``work`` in completion order, until all is done, or it is cut short or closed."""
        # Even a single key gets a task of its own: closing cancels tasks, and must not hit the caller's.
        results: list[R] = []
        if self.closed or not keys:
            return results
        self._keys = len(keys)
        pool = self._pool = WorkerPool(keys, work, min(workers, len(keys)), self._on_error)
        pool.start()
        try:
            while True:
                results.append(await pool.next())
        except StopAsyncIteration:
            return results
        finally:
            await pool.aclose()

    def cut_short(self) -> None:
        """Begin no further key of this run."""
        if self._pool is not None:
            self._pool.stop()
            self._keys = self._pool.taken

    def stop(self) -> None:
        """Begin nothing more."""
        self.closed = True
        self.cut_short()

    async def aclose(self) -> None:
        """Begin nothing more, cancel what is begun, and let ``run`` return."""
        self.stop()
        if self._pool is not None:
            await self._pool.aclose()
