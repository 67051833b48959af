"""What a fault works with: a request, its real response, and the connection as bytes."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from email.utils import formatdate
from typing import Any, TypeAlias

from aiohttp import web
from attrs import frozen

from partoo_async._internal.reprs import total_repr

__all__ = ["Connection", "Exchange", "ScriptedResponse", "chunk", "head", "send_bytes"]

_POLL = 0.05  # seconds


def head(status_line: str, *headers: str) -> bytes:
    """Return a header block with the empty line; ``headers`` are sent as given."""
    lines = [f"HTTP/1.1 {status_line}", f"Date: {formatdate(usegmt=True)}", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return one chunk; without data, the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@frozen
class Exchange:
    """One request with its real response, a stand-in if the operation was skipped."""

    request: web.Request
    response: web.StreamResponse
    error_key: str  # of this emulator's error bodies

    @property
    def body(self) -> bytes:
        """The body of the response."""
        body = self.response.body if isinstance(self.response, web.Response) else None
        return body if isinstance(body, bytes) else b""

    @property
    def succeeded(self) -> bool:
        """Whether the response is a success."""
        return 200 <= self.response.status < 300

    def json_members(self) -> list[tuple[str, Any]] | None:
        """Return the members of the JSON object in the body, None for any other body."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return None
        return list(value.items()) if isinstance(value, dict) else None

    def head(self, *headers: str, content_type: bool = True) -> bytes:
        """Return its header block plus ``headers``, which must frame the body."""
        own = [
            f"{name}: {value}"
            for name, value in self.response.headers.items()
            if content_type or name.lower() != "content-type"
        ]
        return head(f"{self.response.status} {self.response.reason}", *own, *headers)

    def full_response(self) -> bytes:
        """Return the response as bytes."""
        return self.head(f"Content-Length: {len(self.body)}") + self.body

    def with_body(self, body: bytes, *headers: tuple[str, str]) -> web.Response:
        """Return the response with another body and changed headers."""
        response = web.Response(body=body, status=self.response.status, headers=self.response.headers)
        response.headers.update(headers)
        return response


@frozen
class Connection:
    """The connection of one request. Raises ``ConnectionError`` once it is lost."""

    request: web.Request

    @property
    def _transport(self) -> asyncio.Transport:
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        return transport

    async def send(self, data: bytes) -> None:
        """Send bytes; return when the operating system has all of them."""
        # A reset would drop what is still in our own buffer, and an endless body would fill the memory.
        self._transport.set_write_buffer_limits(high=0)
        await self.request.writer.write(data)
        await self.request.writer.drain()
        # Neither call yields while the client reads fast enough; other requests need the event loop too.
        await asyncio.sleep(0)

    async def pause(self, seconds: float | None) -> None:
        """Send nothing for that long, None for ever."""
        clock = asyncio.get_running_loop().time
        end = math.inf if seconds is None else clock() + seconds
        while (left := end - clock()) > 0:
            # Polls, because the framework does not tell a handler that its client has gone.
            _ = self._transport
            await asyncio.sleep(min(left, _POLL))

    def reset(self) -> None:
        """Close with a RST instead of a FIN, as a crashed process or a firewall does."""
        connection = self._transport.get_extra_info("socket")
        # The socket interface sends a RST for "linger for zero seconds".
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """Drop the connection and whatever is unsent. Safe to repeat."""
        if self.request.transport is not None:
            self.request.transport.abort()


Script: TypeAlias = Callable[[Connection], Awaitable[None]]


@total_repr
class ScriptedResponse(web.StreamResponse):
    """A response whose bytes are written by a script."""

    def __init__(self, script: Script, sent_status: int | None = None, *, keep_open: bool = False) -> None:
        super().__init__(status=sent_status or 0)
        self.sent_status = sent_status  # None if it sends no whole status line
        self._script = script
        self._keep_open = keep_open
        self._connection: Connection | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may serve another request."""
        return self._keep_open

    async def prepare(self, request: web.BaseRequest) -> None:
        """Take over the connection; called instead of sending the headers."""
        assert isinstance(request, web.Request)  # noqa: S101 - for the type; the application makes no other
        self._connection = Connection(request)
        self._keep_open = self._keep_open and request.keep_alive

    async def write_eof(self, data: bytes = b"") -> None:
        """Run the script; called instead of ending the body."""
        assert self._connection is not None  # noqa: S101 - prepare() comes first
        try:
            await self._script(self._connection)
        except BaseException:
            # An orderly close would wait for a client that may never read the rest.
            self._connection.abort()
            raise


def send_bytes(
    parts: Iterable[bytes], sent_status: int | None, *, keep_open: bool = False, reset: bool = False
) -> ScriptedResponse:
    """Return a response that sends these bytes, then closes or resets the connection."""

    async def script(connection: Connection) -> None:
        for part in parts:
            await connection.send(part)
        if reset:
            connection.reset()

    return ScriptedResponse(script, sent_status, keep_open=keep_open)
