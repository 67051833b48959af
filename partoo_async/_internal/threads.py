"""Blocking work in a thread that keeps no process alive, and a wait that no cancellation cuts short."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_daemon", "wait_uncancelled"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def in_daemon(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Return what the work returns, done in a daemon thread of its own; a cancelled caller leaves it to itself.

    For what may block without end, such as a pipe that nobody writes to: a thread of the loop's own pool would be
    waited for by ``asyncio.run`` and again when the interpreter ends, which no Ctrl-C gets past.
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

    Thread(target=run, name="partoo-work", daemon=True).start()
    return await done


async def wait_uncancelled(work: asyncio.Future[Any]) -> None:
    """Wait until the future is done. A cancellation of the caller is raised after that, and nothing else."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled  # the same object: anyio's cancel scopes do not know a new one
