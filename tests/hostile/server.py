"""A server below HTTP: it reads requests, and then does to the connection whatever a script says."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeAlias

from attrs import define, field

from tests.support.raw_server import answer


@define
class Line:
    """One connection, with a request just read from it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: bytes
    stopped: asyncio.Event

    async def send(self, data: bytes) -> None:
        """Send bytes, and return when the operating system has nearly all of them."""
        self.writer.write(data)
        await self.writer.drain()

    async def stream(self, blocks: Iterable[bytes]) -> None:
        """Send until the client has enough."""
        self.writer.transport.set_write_buffer_limits(high=0)
        for block in blocks:
            await self.send(block)

    async def drip(self, data: bytes, seconds: float) -> None:
        """Send byte by byte, evenly within ``seconds``."""
        for byte in data:
            await self.send(bytes([byte]))
            if await self.pause(seconds / len(data)):
                return

    async def pause(self, seconds: float = math.inf) -> bool:
        """Wait, for ever unless the server is stopped or the client goes; return whether one of them happened."""
        tasks = [asyncio.ensure_future(self.stopped.wait()), asyncio.ensure_future(self.reader.read(1))]
        done, _ = await asyncio.wait(
            tasks, timeout=None if seconds == math.inf else seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return bool(done)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script: TypeAlias = bytes | Callable[[Line], Awaitable[None]]
"""Bytes: they are sent, and the connection stays open. A function: it ends when that returns."""


def healthy(line: Line) -> bytes:
    """Return the answer of a server that works: the group that was asked for, else an empty object."""
    asked = re.search(rb"/groups/(\d+) ", line.request)
    if asked is None:
        return answer(200, b"{}")
    return answer(200, b'{"id":%b,"name":"France","has_puller":false,"business_ids":["a","b"]}' % asked[1])


@define
class HostileServer:
    """Plays its scripts to the requests in their order, the last one for ever, until it is healed."""

    scripts: tuple[Script, ...] = ()
    port: int = 0
    scheme: str = "http"
    requests: list[bytes] = field(factory=list)
    connections: int = 0
    healed: bool = False
    _open: set[asyncio.StreamWriter] = field(factory=set)
    _tasks: list[asyncio.Task[None] | None] = field(factory=list)
    _stopped: asyncio.Event = field(factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v2"

    async def heal(self) -> None:
        """Work from now on."""
        self.healed = True

    def seen(self) -> int:
        return len(self.requests)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        self.connections += 1
        self._open.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while await self._reply(Line(reader, writer, b"", self._stopped)):
                pass
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        self._open.discard(writer)

    async def _reply(self, line: Line) -> bool:
        head = await line.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        line.request = head + (await line.reader.readexactly(int(length[1])) if length else b"")
        self.requests.append(line.request)
        script = self.scripts[min(len(self.requests), len(self.scripts)) - 1] if self.scripts else b""
        if self.healed or not self.scripts:
            await line.send(healthy(line))
            return True
        if isinstance(script, bytes):
            await line.send(script)
            return True
        await script(line)
        return False

    @contextlib.asynccontextmanager
    async def serve(self, context: ssl.SSLContext | None = None) -> AsyncIterator[HostileServer]:
        server = await asyncio.start_server(self._handle, "127.0.0.1", self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._stopped.set()
            for writer in self._open:
                writer.transport.abort()
            await asyncio.gather(*(task for task in self._tasks if task))
            await server.wait_closed()
