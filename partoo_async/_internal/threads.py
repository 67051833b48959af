"""Run blocking work in a thread that keeps no process alive."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_daemon"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def in_daemon(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Return what the work returns, run in a new daemon thread. A cancelled caller leaves the work to itself.

    Raises what the work raises, and ``OSError`` if no thread can be started.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return  # cancelled meanwhile
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]  # without an error it is what the work returned
        else:
            done.set_exception(error)

    def run() -> None:
        outcome: tuple[T | None, BaseException | None]
        try:
            outcome = work(*arguments), None
        except BaseException as error:
            outcome = None, error
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(tell, *outcome)

    # Not the loop's own pool: all its threads may be busy. And `asyncio.run` waits for one that blocks without end, on
    # a pipe that nobody writes to, say; not even Ctrl-C ends that.
    try:
        Thread(target=run, name="partoo-work", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "no thread could be started") from error
    return await done
