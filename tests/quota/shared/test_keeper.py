"""When work in the background is done: at the time that is due by then, and never when a loop is about to end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from partoo_async.quota.event_loops import LOCK
from partoo_async.quota.shared.keeper import Keeper
from tests.support.virtual import run_virtual

LENGTH = 2.0


class Kept:
    """Work of two seconds, and when it began; times are seconds from the begin of the loop."""

    def __init__(self) -> None:
        self.due: float | None = None
        self.began: list[float] = []
        self.done = 0
        self.tasks: list[asyncio.Task[None] | None] = []
        self.keeper = Keeper(lambda: None if self.due is None else self.start + self.due, self._work, lambda _: None)
        self.start = 0.0

    async def _work(self) -> None:
        self.began.append(asyncio.get_running_loop().time() - self.start)
        self.tasks.append(asyncio.current_task())
        await asyncio.sleep(LENGTH)
        self.done += 1
        self.due = None

    def at(self, due: float | None) -> None:
        """Say when it is due, and that this has changed."""
        with LOCK:
            self.due = due
            self.keeper.wake()

    def cancel(self) -> None:
        """Cancel the last task from outside, as ``asyncio.run`` does with all at its end."""
        task = self.tasks[-1]
        assert task is not None
        task.cancel()


def kept(story: Callable[[Kept], Awaitable[None]]) -> Kept:
    """Tell a story to a keeper, wait for a minute, and return what it did."""
    work = Kept()

    async def main() -> None:
        work.start = asyncio.get_running_loop().time()
        await story(work)
        await asyncio.sleep(60)

    run_virtual(main())
    return work


def test_work_begins_when_it_is_due() -> None:
    """Once, and anew when it is due again; a sooner time counts at once."""

    async def story(work: Kept) -> None:
        work.at(50.0)
        work.at(5.0)
        await asyncio.sleep(10)
        assert work.began == [5.0]
        work.at(30.0)

    work = kept(story)
    assert (work.began, work.done) == ([5.0, 30.0], 2)


class LastTask(asyncio.SelectorEventLoop):
    """An event loop that ends when it has made a task, before that begins."""

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        self.stop()
        return super().create_task(*args, **kwargs)


def test_work_of_a_loop_that_ends_in_this_moment_is_no_warning() -> None:
    """It never begins there; another loop does it."""
    work, loop = Kept(), LastTask()
    work.start = loop.time()
    loop.call_soon(work.at, 0.0)
    loop.run_forever()
    loop.close()
    gc.collect()
    assert work.began == []
    assert work.keeper.loop() is loop
    run_virtual(elsewhere(work))
    assert work.done == 1


async def elsewhere(work: Kept) -> None:
    """Need the keeper in this loop, for long enough."""
    work.start = asyncio.get_running_loop().time()
    work.at(0.0)
    await asyncio.sleep(10)


def test_work_that_was_put_off_waits() -> None:
    """Nobody tells a timer that there is more time now: when it comes, it looks again, and nothing is done early."""

    async def story(work: Kept) -> None:
        work.at(5.0)
        await asyncio.sleep(3)
        work.due = 8.0
        await asyncio.sleep(4)
        assert work.began == []

    assert kept(story).began == [8.0]


def test_work_that_is_not_due_any_more_is_not_done() -> None:
    """The timer that comes then is the last one, until there is work again."""

    async def story(work: Kept) -> None:
        work.at(5.0)
        work.due = None
        await asyncio.sleep(10)
        work.at(20.0)

    assert kept(story).began == [20.0]


def test_work_that_is_cancelled_is_done_a_second_later() -> None:
    """Not at once, since a loop that cancels its tasks is probably about to end; it is due all the while."""

    async def story(work: Kept) -> None:
        work.at(5.0)
        await asyncio.sleep(6)
        work.cancel()

    work = kept(story)
    assert (work.began, work.done) == ([5.0, 7.0], 1)


def test_cancelled_work_that_is_due_later_waits_for_that() -> None:
    """The second is the least that passes, not the time at which it is done."""

    async def story(work: Kept) -> None:
        work.at(5.0)
        await asyncio.sleep(6)
        work.due = 20.0
        work.cancel()

    assert kept(story).began == [5.0, 20.0]


def test_a_loop_that_ends_does_not_begin_work_anew() -> None:
    """``asyncio.run`` cancels the task and closes the loop: the work was begun once, and ends with the loop."""
    work = Kept()

    async def main() -> None:
        work.start = asyncio.get_running_loop().time()
        work.at(5.0)
        await asyncio.sleep(6)

    run_virtual(main())
    assert (work.began, work.done) == ([5.0], 0)
    assert [task.cancelled() for task in work.tasks if task is not None] == [True]


def test_work_that_was_stopped_is_not_done_again() -> None:
    """Whoever stops it gets the task, to wait for its end; only a new wake begins again."""

    async def story(work: Kept) -> None:
        work.at(5.0)
        await asyncio.sleep(6)
        with LOCK:
            task = work.keeper.stop()
        assert task is work.tasks[0]
        assert task is not None
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(20)
        assert work.began == [5.0]
        work.at(40.0)

    assert kept(story).began == [5.0, 40.0]
