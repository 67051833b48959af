"""Bodies that the server does not read: what is unsent of them holds nothing up, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from attrs import define, field

from partoo_async import APIStatusError, ClientClosedError, PartooClient, PartooError
from tests.hostile.check import KEY, row
from tests.hostile.test_tls import CA, serving, trusting
from tests.support.common import PATIENCE
from tests.support.raw_server import answer

pytestmark = pytest.mark.usefixtures("way")

LARGE = "x" * 8_000_000


@define
class Unreading:
    """A server that answers as soon as it has a head, and reads no more of the request until it may."""

    answer: bytes | None
    url: str = ""
    connections: int = 0
    reads: asyncio.Event = field(factory=asyncio.Event)
    received: list[int] = field(factory=list)
    _tasks: list[asyncio.Task[None] | None] = field(factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        self.connections += 1
        size = 0
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await reader.readuntil(b"\r\n\r\n")
            if self.answer is not None:
                writer.write(self.answer)
            await self.reads.wait()
            while data := await reader.read(2**16):
                size += len(data)
        self.received.append(size)
        writer.transport.abort()

    async def until_read(self) -> None:
        """Let it read what has been sent, up to the end of each connection."""
        self.reads.set()
        await asyncio.gather(*(task for task in self._tasks if task))


@contextlib.asynccontextmanager
async def unreading(reply: bytes | None, *, tls: bool) -> AsyncIterator[Unreading]:
    server = Unreading(reply)
    context = serving(CA.issue_cert("127.0.0.1")) if tls else None
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context, limit=2**10)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
        async with asyncio.timeout(PATIENCE):
            await server.until_read()  # ends only if no connection is open any more
    finally:
        listening.close()


@contextlib.asynccontextmanager
async def client_of(server: Unreading, *, tls: bool, borrowed: bool = False) -> AsyncIterator[PartooClient]:
    options: dict[str, Any] = {"ssl_context": trusting()} if tls else {}
    async with contextlib.AsyncExitStack() as stack:
        if borrowed:
            options["session"] = await stack.enter_async_context(aiohttp.ClientSession())
        yield await stack.enter_async_context(PartooClient(KEY, server=server.url, timeout=5, **options))


both = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
whose = pytest.mark.parametrize("borrowed", [False, True], ids=["own", "borrowed"])


@row(49)
@both
@whose
@pytest.mark.parametrize("status", [201, 413])
async def test_an_early_answer_ends_the_connection(status: int, tls: bool, borrowed: bool) -> None:
    """The answer to a write that came before its body was sent counts; the rest is dropped with the connection, and the
    next request takes another one."""
    async with unreading(answer(status, b'{"id":42}'), tls=tls) as server:
        async with client_of(server, tls=tls, borrowed=borrowed) as client:
            for body in (LARGE, "small"):
                call = client.request("POST", "/large", json=body)
                if status == 201:
                    assert await call == {"id": 42}
                else:
                    with pytest.raises(APIStatusError, match="413"):
                        await call
            assert server.connections == 2
    assert server.received[0] < len(LARGE)


@row(50)
@both
@whose
async def test_closing_does_not_wait_for_a_server_that_does_not_read(tls: bool, borrowed: bool) -> None:
    """A client whose write is under way closes at once, and the write says that it may have been carried out."""
    async with unreading(None, tls=tls) as server:
        async with client_of(server, tls=tls, borrowed=borrowed) as client:
            write = asyncio.create_task(client.request("POST", "/large", json=LARGE))
            while not server.connections:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            async with asyncio.timeout(PATIENCE):
                await client.aclose()
            with pytest.raises(ClientClosedError) as caught:
                await write
            assert caught.value.request_sent
    assert server.received[0] < len(LARGE)


@row(50)
@both
async def test_closing_an_idle_client_does_not_wait_either(tls: bool) -> None:
    """Nor does a client that has had its answer, with the rest of the body unsent."""
    async with unreading(answer(201, b'{"id":42}'), tls=tls) as server:
        async with client_of(server, tls=tls) as client:
            await client.request("POST", "/large", json=LARGE)
            async with asyncio.timeout(PATIENCE):
                await client.aclose()
    assert server.received[0] < len(LARGE)


@row(50)
@whose
async def test_a_write_that_is_cancelled_leaves_no_socket(borrowed: bool) -> None:
    """Whoever is cancelled in the middle of a write does not keep a socket that waits for the server to read."""
    async with unreading(None, tls=False) as server:
        async with client_of(server, tls=False, borrowed=borrowed) as client:
            write = asyncio.create_task(client.request("POST", "/large", json=LARGE))
            while not server.connections:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            write.cancel()
            with pytest.raises((asyncio.CancelledError, PartooError)):
                await write
            await server.until_read()
    assert server.received[0] < len(LARGE)
