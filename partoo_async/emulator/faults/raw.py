"""Answers below HTTP: a script that writes bytes to the connection itself, waits, and closes or resets it."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web
from attrs import frozen

from partoo_async._internal.reprs import total_repr

__all__ = ["Line", "RawAnswer", "Script", "silence"]

_POLL = 0.05


@frozen
class Line:
    """The connection of one request, at the level of bytes. Everything raises ``ConnectionError`` once it is lost."""

    request: web.Request

    @property
    def _transport(self) -> asyncio.Transport:
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        return transport

    async def send(self, data: bytes) -> None:
        """Send bytes as they are, and return when the operating system has all of them."""
        # What still lay in a buffer of ours would be lost in a reset, and an endless body would fill the memory.
        self._transport.set_write_buffer_limits(high=0)
        await self.request.writer.write(data)
        await self.request.writer.drain()
        # Neither of them waits while the client reads fast enough; other requests must have their turn.
        await asyncio.sleep(0)

    async def pause(self, seconds: float | None) -> None:
        """Do nothing for so many seconds, None for until the client goes away or the emulator stops."""
        clock = asyncio.get_running_loop().time
        end = math.inf if seconds is None else clock() + seconds
        while (left := end - clock()) > 0:
            # The framework does not tell a handler that its client has gone: look again and again, so that a pause
            # without end is not left behind on a dead connection.
            _ = self._transport
            await asyncio.sleep(min(left, _POLL))

    def reset(self) -> None:
        """Close with a RST, as a crashed process or a firewall does, instead of an orderly FIN."""
        connection = self._transport.get_extra_info("socket")
        # "Linger for zero seconds" is how the socket interface spells a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """Drop the connection, and what is not sent yet. Safe to repeat."""
        if self.request.transport is not None:
            self.request.transport.abort()


Script: TypeAlias = Callable[[Line], Awaitable[None]]


async def silence(_: Line) -> None:
    """Send nothing."""


@total_repr
class RawAnswer(web.StreamResponse):
    """An answer whose bytes are the affair of a script.

    ``line_status``: the status in the status line that it sends, None if it sends no whole one. ``keep_open``: leave
    the connection open after it, if the client wants that; otherwise it is closed.
    """

    def __init__(self, script: Script, line_status: int | None = None, *, keep_open: bool = False) -> None:
        super().__init__(status=line_status or 0)
        self.line_status = line_status
        self._script = script
        self._keep_open = keep_open
        self._line: Line | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may serve another request."""
        return self._keep_open

    async def prepare(self, request: web.BaseRequest) -> None:
        """Take over the connection; the framework calls this where it would send the headers."""
        assert isinstance(request, web.Request)  # noqa: S101 - for the type; the application makes no other
        self._line = Line(request)
        self._keep_open = self._keep_open and request.keep_alive

    async def write_eof(self, data: bytes = b"") -> None:
        """Run the script; the framework calls this where it would end the body."""
        assert self._line is not None  # noqa: S101 - prepare() comes first
        try:
            await self._script(self._line)
        except BaseException:
            # The client has gone, or the emulator stops: a close in good order would wait for a client that may
            # never read the rest.
            self._line.abort()
            raise
