"""Tells who reads a body that its connection broke, where aiohttp does not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aiohttp.http import HttpProcessingError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.streams import StreamReader

__all__ = ["raise_on_disconnect"]


class _Reading:
    """What is being read from one connection, if anything."""

    __slots__ = ("stream",)
    stream: StreamReader | None

    def broke(self, closed: asyncio.Future[None]) -> None:
        if not closed.cancelled():
            closed.exception()  # looked at, or the loop would complain that nobody did
        stream = self.stream
        if stream is not None and not stream.is_eof() and stream.exception() is None:
            stream.set_exception(HttpProcessingError(message="the connection was closed inside the body"))


_connections: WeakKeyDictionary[ResponseHandler, _Reading] = WeakKeyDictionary()


@contextlib.contextmanager
def raise_on_disconnect(protocol: ResponseHandler | None, stream: StreamReader) -> Iterator[None]:
    """While a body is being read, end it with an error when its connection is closed and nothing more can come.

    aiohttp closes the connection when a later chunk has no valid size, but leaves the reader waiting.
    """
    closed = None if protocol is None else protocol.closed
    if protocol is None or closed is None:
        yield  # closed already, and aiohttp has said so
        return
    reading = _connections.get(protocol)
    if reading is None:
        # One callback for each connection and not for each body: a connection carries thousands of those.
        reading = _connections[protocol] = _Reading()
        closed.add_done_callback(reading.broke)
    reading.stream = stream
    try:
        yield
    finally:
        reading.stream = None
