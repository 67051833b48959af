"""The emulator on a real socket, a client of it, and a raw server that answers whatever a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from partoo_async import PartooClient, RetryPolicy
from partoo_async.emulator import Emulator

FAST = RetryPolicy(initial_backoff=0.001, max_backoff=0.002)
"""Retries whose waits a test does not feel."""

Script = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and servers of the developer's own shell do not reach the tests."""
    monkeypatch.delenv("PARTOO_API_KEY", raising=False)
    monkeypatch.delenv("PARTOO_SERVER", raising=False)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[PartooClient]:
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST) as client:
        yield client


class RawServer:
    """Answers the n-th request with the n-th of the given bytes, the last one for ever, and keeps what it was sent.

    An empty answer closes the connection; None never answers.
    """

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.url = ""
        self.tasks: set[asyncio.Task[None]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        head += await reader.readexactly(int(line.split(b":")[1]))
                self.requests.append(head)
                answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
                if answer is None:
                    await asyncio.Event().wait()
                elif not answer:
                    break
                else:
                    writer.write(answer)
                    if b"close" in answer.split(b"\r\n\r\n")[0].lower():
                        break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def raw_server(*answers: bytes | None) -> AsyncIterator[RawServer]:
    raw = RawServer(*answers)
    server = await asyncio.start_server(raw.handle, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    try:
        yield raw
    finally:
        server.close()
        for task in raw.tasks:
            task.cancel()
        await asyncio.gather(*raw.tasks, return_exceptions=True)
        await server.wait_closed()


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return a complete HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


GROUP = b'{"id":42,"name":"France","has_puller":false,"business_ids":["a","b"]}'
