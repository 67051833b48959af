"""A client that sees every byte and how the connection ended, and nothing more: faults are shown on the wire with it.

Plain sockets and not asyncio's streams: those drop what they have read when a reset comes behind it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from attrs import define, field, frozen

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.support.common import PATIENCE

GROUP_PATH = "/sections/7/groups/42"
GROUP = b'{"id":42,"name":"France","has_puller":false,"business_ids":["b1","b2"]}'
"""The group of ``GROUP_PATH`` as it should be answered."""

SHOWN: set[str] = set()
"""The kinds of faults that a test shows, filled in while the tests are imported."""

_Test = TypeVar("_Test", bound=Callable[..., Any])


def shows(*kinds: str) -> Callable[[_Test], _Test]:
    """Mark a test as the one that shows these kinds of faults on the wire."""
    SHOWN.update(kinds)
    return lambda test: test


def emulated(**options: Any) -> Emulator:
    """One section with one group, ``GROUP``, and no quota."""
    group = EmulatedGroup(42, "France", business_ids=["b1", "b2"])
    return Emulator(sections=[EmulatedSection(7, "Country", {42: group})], **{"rate_limit": None, **options})


@frozen
class Received:
    """What came until the connection ended. ``end``: "closed" (FIN) or "reset" (RST)."""

    data: bytes
    end: str

    @property
    def head(self) -> bytes:
        """The status line and the headers."""
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """Every byte behind the first empty line."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        """The number in the status line."""
        return int(self.data.split()[1])

    def header(self, name: str) -> list[str]:
        """Every value of a header."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = [line.partition(":") for line in lines]
        return [value.strip() for found, _, value in pairs if found.lower() == name.lower()]

    def whole(self) -> bool:
        """Whether this is the untouched ``GROUP``, framed as it should be."""
        length = self.header("Content-Length") == [str(len(GROUP))]
        return self.data.startswith(b"HTTP/1.1 200 OK\r\n") and length and self.body == GROUP


@define
class Wire:
    """One connection to an emulator."""

    connection: socket.socket
    data: bytearray = field(factory=bytearray)

    async def send(
        self,
        method: str = "GET",
        path: str = GROUP_PATH,
        *,
        key: str = "emulator-key",
        body: bytes = b"",
        last: bool = True,
    ) -> None:
        """Send one request. ``last``: ask the server to close after its answer."""
        lines = [f"{method} /v2{path} HTTP/1.1", "Host: localhost:8080", f"x-APIKey: {key}"]
        lines += ["Connection: close"] if last else []
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        request = "\r\n".join([*lines, "", ""]).encode() + body
        await asyncio.get_running_loop().sock_sendall(self.connection, request)

    async def _more(self) -> bool:
        part = await asyncio.get_running_loop().sock_recv(self.connection, 1 << 20)
        self.data += part
        return bool(part)

    async def rest(self) -> Received:
        """Read until the connection ends."""
        end = "closed"
        async with asyncio.timeout(PATIENCE):
            try:
                while await self._more():
                    pass
            except ConnectionResetError:
                end = "reset"
        return Received(bytes(self.data), end)

    async def until(self, part: bytes) -> bytes:
        """Read until this part has come, and return everything so far."""
        async with asyncio.timeout(PATIENCE):
            while part not in self.data:
                assert await self._more(), self.data
        return bytes(self.data)

    async def take(self, size: int) -> None:
        """Read at least so many bytes, and forget them."""
        async with asyncio.timeout(PATIENCE):
            while len(self.data) < size:
                assert await self._more()
        self.data.clear()

    async def silent(self) -> bool:
        """Whether nothing comes for a while, not even the end."""
        try:
            async with asyncio.timeout(0.15):
                await self._more()
        except TimeoutError:
            return True
        return False

    def drop(self) -> None:
        """Reset the connection, as a client does that is killed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


@asynccontextmanager
async def connected(emulator: Emulator) -> AsyncIterator[Wire]:
    """A connection, closed in the end."""
    port = int(emulator.url.split(":")[2].split("/")[0])
    with socket.socket() as connection:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        yield Wire(connection)


async def ask(emulator: Emulator, *request: str, **options: Any) -> Received:
    """Send one request on a connection of its own, and read until the connection ends."""
    async with connected(emulator) as wire:
        await wire.send(*request, **options)
        return await wire.rest()


async def hit(kind: str, **options: Any) -> Received:
    """Return what one request for the group brings when it is hit by this fault."""
    async with emulated() as emulator:
        fault = emulator.faults.add(kind, times=1, **options)
        received = await ask(emulator)
        assert fault.hits == 1
        assert [seen.fault for seen in emulator.requests] == [kind]
        assert (await ask(emulator)).whole(), "the next request is served as ever"
    return received
