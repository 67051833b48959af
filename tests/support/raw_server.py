"""A raw server on a real socket that answers whatever a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class RawServer:
    """Answers the n-th request with the n-th of the given bytes, the last one for ever, and keeps what it was sent.

    An empty answer closes the connection; None never answers.
    """

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.url = ""
        self.connections = 0
        self.open: set[asyncio.StreamWriter] = set()
        self.tasks: list[asyncio.Task[None]] = []
        self.stopped = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        self.connections += 1
        self.open.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self.reply(reader, writer):
                pass
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.open.discard(writer)

    async def reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request and answer it; return whether the connection stays open."""
        head = await reader.readuntil(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                head += await reader.readexactly(int(line.split(b":")[1]))
        self.requests.append(head)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if answer is None:
            await self.stopped.wait()
        elif answer:
            writer.write(answer)
        return bool(answer) and b"close" not in answer.split(b"\r\n\r\n")[0].lower()

    async def stop(self) -> None:
        """End every connection. Nothing is cancelled: asyncio's streams log cancelled handlers as errors."""
        self.stopped.set()
        for writer in self.open:
            writer.transport.abort()
        await asyncio.gather(*self.tasks)


@contextlib.asynccontextmanager
async def raw_server(*answers: bytes | None) -> AsyncIterator[RawServer]:
    raw = RawServer(*answers)
    server = await asyncio.start_server(raw.handle, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    try:
        yield raw
    finally:
        server.close()
        await raw.stop()
        await server.wait_closed()


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return a complete HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


GROUP = b'{"id":42,"name":"France","has_puller":false,"business_ids":["a","b"]}'
