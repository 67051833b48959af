"""Puts questions together, a batch for each task. Knows neither Dask nor Partoo."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["Batches"]

Q = TypeVar("Q")
A = TypeVar("A")


class Batches(Generic[Q, A]):
    """Sends questions in batches of ``size``, at most ``most`` of them at once."""

    # A batch that is not full leaves ``linger`` seconds after its first question: those who ask are as many workers as
    # there is room for questions, and get their answers together.

    def __init__(
        self,
        send: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]],
        *,
        size: int,
        most: int,
        linger: float = 0.02,
    ) -> None:
        self._send = send
        self._size = size
        self._most = most
        self._linger = linger
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> A:
        """Return the answer, or raise the exception that came in its place."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        self._send_full()
        return await future

    def _send_full(self) -> None:
        while len(self._waiting) >= self._size and len(self._tasks) < self._most:
            self._send_next()
        if self._waiting and self._timer is None and len(self._tasks) < self._most:
            self._timer = asyncio.get_running_loop().call_later(self._linger, self._send_rest)

    def _send_rest(self) -> None:
        self._timer = None
        if len(self._tasks) < self._most:
            self._send_next()
        self._send_full()

    def _send_next(self) -> None:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        while self._waiting and len(batch) < self._size:
            question, future = self._waiting.popleft()
            if not future.done():  # else whoever asked was cancelled
                batch.append((question, future))
        if batch:
            task = asyncio.create_task(self._run(batch))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _run(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._send([question for question, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()
        self._send_full()

    def stop(self) -> None:
        """Send nothing more. Who waits for a batch that was not sent is cancelled."""
        self._most = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._waiting.popleft()[1].cancel()

    async def aclose(self) -> None:
        """Send nothing more, and drop the batches under way."""
        self.stop()
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
