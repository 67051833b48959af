"""Blocking work of the client in threads of its own: those of the event loop may all be busy with somebody's work."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import socket
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_own_thread", "make_resolver"]

T = TypeVar("T")


async def in_own_thread(work: Callable[[], T]) -> T:
    """Return what ``work()`` returns, run in a new thread that does not keep the program from ending.

    Raises what it raises, and ``OSError`` when there is no thread to be had.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():
            return  # nobody waits any more
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    try:
        # A pool would keep threads that do nothing: names are looked up when the first connections are made.
        threading.Thread(target=run, name="partoo_async", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "no thread could be started") from error
    return await done


class _OwnThreads:
    """Stands in for the event loop where aiohttp's resolver asks it for addresses."""

    async def getaddrinfo(self, host: str, port: int, **options: Any) -> Any:
        return await in_own_thread(functools.partial(socket.getaddrinfo, host, port, **options))

    async def getnameinfo(self, address: Any, flags: int = 0) -> Any:
        return await in_own_thread(functools.partial(socket.getnameinfo, address, flags))


def make_resolver() -> aiohttp.ThreadedResolver:
    """Return a resolver that asks the system, as every other program on the machine does, in threads of its own."""
    asking: Any = _OwnThreads()
    return aiohttp.ThreadedResolver(loop=asking)
