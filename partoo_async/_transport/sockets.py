"""What can be told of a connection from outside: whether the other side has said something, and what is unsent."""

from __future__ import annotations

import asyncio
import select
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp.connector import Connection

__all__ = ["SMALL", "Line", "drop", "has_unsent", "is_stale", "settle"]

SMALL = 16 * 1024
"""Bytes of a request that a connection takes at once, whatever lies below: TLS does not tell what waits there."""


class Line:
    """One connection. ``since``: the generation in which it was made; ``used``: when it was taken last, monotonic."""

    __slots__ = ("_transport", "since", "speaks", "used")

    def __init__(self, transport: asyncio.Transport, since: int) -> None:
        self._transport = transport
        self.since = since
        self.used: float = monotonic()
        self.speaks: Callable[[], Sequence[object]] = tuple
        """Whether something has come that the event loop has not read yet: bytes, or the end of the connection."""
        number = _handle(transport)
        if number >= 0 and hasattr(select, "poll"):  # not on Windows
            # Kept, and asked without a function of ours: to make one anew would take three times as long.
            poll = select.poll()
            poll.register(number, select.POLLIN)
            self.speaks = partial(poll.poll, 0)

    def unsent(self) -> bool:
        """Whether a part of what was written has not left yet."""
        return self._transport.get_write_buffer_size() > 0

    def abandon(self) -> None:
        """Close the socket without the event loop."""
        # There is no public way: a transport closes its socket by a callback of the loop.
        socket = getattr(self._transport.get_extra_info("socket"), "_sock", None)
        if socket is not None:
            socket.close()


def _handle(transport: asyncio.Transport) -> int:
    socket = transport.get_extra_info("socket")
    return -1 if socket is None else int(socket.fileno())


async def settle() -> None:
    """Let the event loop read what has come to all of its sockets."""
    # It looks at them once in each turn, after it has run what was due: the first turn may have looked already.
    for _ in range(3):
        await asyncio.sleep(0)


def has_unsent(transport: asyncio.Transport, size: int, status: int) -> bool:
    """Whether something of a body of ``size`` bytes may be unsent, or unread, now that its answer is there."""
    if transport.get_write_buffer_size():
        return True
    # TLS does not tell what waits below it; and who refuses a large body has often not read it.
    return size > SMALL and (status >= 300 or transport.get_extra_info("sslcontext") is not None)


def drop(connection: Connection) -> None:
    """Close a connection without waiting until what is unsent has left."""
    transport = connection.transport
    if transport is not None:
        transport.abort()
    connection.close()


def is_stale(error: BaseException) -> bool:
    """Whether a connection was closed before the first byte of an answer, or reset before its head was complete."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is the part of a head that has come
    return isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError)
