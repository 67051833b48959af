"""What one connection tells from outside: whether input has arrived, output is unsent, the server closed it."""

from __future__ import annotations

import asyncio
import select
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

__all__ = ["SENT_AT_ONCE", "SocketProbe", "abort", "has_unsent", "is_stale"]

# TLS does not tell how much it holds back, so that this much has to be assumed sent.
SENT_AT_ONCE = 16 * 1024
"""Bytes of a request that leave at once on every connection."""


class SocketProbe:
    """Looks at the socket of one connection."""

    __slots__ = ("_transport", "generation", "has_input", "last_used")

    def __init__(self, transport: asyncio.Transport, generation: int = 0) -> None:
        self._transport = transport
        self.generation = generation
        self.last_used: float = monotonic()
        self.has_input: Callable[[], Sequence[object]] = tuple
        """Truthy if bytes, or the end of the stream, wait for the event loop to read them."""
        socket = transport.get_extra_info("socket")
        if socket is not None and socket.fileno() >= 0 and hasattr(select, "poll"):  # not on Windows
            # Kept: a new poll object takes three times as long. Called without a frame of ours.
            poll = select.poll()
            poll.register(socket.fileno(), select.POLLIN)
            self.has_input = partial(poll.poll, 0)

    async def is_usable(self, protocol: ResponseHandler) -> bool:
        """Let the event loop read the input, and return whether the connection can still carry a request."""
        # The loop looks at its sockets once an iteration, after its callbacks: the first look may be over.
        for _ in range(3):
            await asyncio.sleep(0)
        return not (protocol.should_close or self._transport.is_closing() or self.has_input())

    def close_socket(self) -> None:
        """Close the socket without the event loop."""
        # There is no public way: a transport closes its socket in a callback of the loop.
        socket = getattr(self._transport.get_extra_info("socket"), "_sock", None)
        if socket is not None:
            socket.close()


def has_unsent(transport: asyncio.Transport, size: int, status: int) -> bool:
    """Whether a body of ``size`` bytes may be partly unsent, or unread, now that its response is complete."""
    if transport.get_write_buffer_size():
        return True
    # A server that refuses a large body has often not read it.
    return size > SENT_AT_ONCE and (status >= 300 or transport.get_extra_info("sslcontext") is not None)


def abort(connection: Connection) -> None:
    """Close a connection at once, without sending what is left."""
    transport = connection.transport
    if transport is not None:
        transport.abort()
    connection.close()


def is_stale(error: BaseException) -> bool:
    """Whether the server closed the connection before the first byte, or reset it before the whole response head."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else a part of a head has arrived
    return isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError)
