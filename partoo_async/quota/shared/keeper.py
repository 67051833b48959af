"""Work in the background: one timer, and a task only while there is work."""

from __future__ import annotations

import asyncio
import contextvars
import math
import weakref
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from partoo_async.quota.event_loops import LOCK, running_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Keeper", "start_task"]

# Seconds. ``asyncio.run`` cancels all tasks at its end.
_AFTER_CANCEL = 1.0


class _Late(Coroutine[Any, Any, None]):
    """A coroutine that is made at its first step. One that was made and never began would be a warning."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._make = make
        self._made: Coroutine[Any, Any, None] | None = None

    def send(self, value: Any) -> Any:
        self._made = self._made or self._make()
        return self._made.send(value)

    def throw(self, *error: Any) -> Any:
        self._made = self._made or self._make()
        return self._made.throw(*error)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return (self._made or self._make()).__await__()


def start_task(loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
    """Start work that a loop may take along without a word if it is closed in this moment."""
    # In an empty context: what the caller has in its own is none of this work's business.
    task = loop.create_task(_Late(work), context=contextvars.Context())
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    return task


class Keeper:
    """Does something at the times that it is told, in whichever of the process's event loops needs it.

    Between two times there is a timer alone, which a loop that is closed drops without a word.

    Args:
        due: Returns when to work next, in event loop time; None for not at all. Called under the lock.
        work: What to do then.
        moved: Called when it goes on in another loop, under the lock: connections of the one before are of no use.
    """

    def __init__(
        self,
        due: Callable[[], float | None],
        work: Callable[[], Coroutine[None, None, None]],
        moved: Callable[[asyncio.AbstractEventLoop], None],
    ) -> None:
        self._due, self._work, self._moved = due, work, moved
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the loop that it works in."""
        return None if self._loop is None else self._loop()

    def owns(self, task: asyncio.Task[None] | None) -> bool:
        """Whether a task is the one at work: not left behind, and not stopped."""
        return task is self._task

    def wake(self) -> None:
        """Look again when to work. Under the lock, from any thread."""
        here, loop = running_loop(), self.loop()
        if here is not None and here is not loop and (loop is None or not loop.is_running()):
            self.move_to(here)
            self._look()
        elif loop is here:
            self._look()
        elif loop is not None:
            with suppress(RuntimeError):  # closed in this moment
                loop.call_soon_threadsafe(self._look)

    def move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on in another loop; the one before was closed, or does not run."""
        if self.loop() is not loop:
            self.forget()
            self._loop = weakref.ref(loop)
            self._moved(loop)

    def forget(self) -> None:
        """Leave timer and task to the loop that has them."""
        self._loop = self._timer = self._task = None

    def stop(self) -> asyncio.Task[None] | None:
        """Cancel timer and task, in their loop, and return the task."""
        timer, task, self._timer, self._task = self._timer, self._task, None, None
        if timer is not None:
            timer.cancel()
        if task is not None:
            task.cancel()
        return task

    def _look(self, not_before: float = -math.inf) -> None:
        with LOCK:
            loop = running_loop()
            if self._task is not None or loop is None or loop is not self.loop():
                return
            due = self._due()
            when = math.inf if due is None else max(due, not_before, loop.time())
            if self._timer is not None and (due is None or when < self._timer.when()):
                self._timer.cancel()
                self._timer = None
            # In an empty context: what the first caller has in its own is none of this work's business.
            if due is not None and self._timer is None:
                self._timer = loop.call_at(when, self._on_time, context=contextvars.Context())

    def _on_time(self) -> None:
        with LOCK:
            self._timer, loop, due = None, self.loop(), self._due()
            if loop is None or due is None or self._task is not None:
                return
            if due > loop.time():
                self._look()
                return
            self._task = start_task(loop, self._run)

    async def _run(self) -> None:
        me, not_before = asyncio.current_task(), -math.inf
        try:
            await self._work()
        except asyncio.CancelledError:
            not_before = asyncio.get_running_loop().time() + _AFTER_CANCEL  # the loop is probably about to end
            raise
        finally:
            with LOCK:
                if self.owns(me):
                    self._task = None
                    self._look(not_before)
