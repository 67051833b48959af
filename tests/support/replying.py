"""A raw server in a thread, for a command that runs its own event loop."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from tests.support.common import PATIENCE
from tests.support.raw_server import RawServer


@contextmanager
def replying(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> Iterator[tuple[RawServer, int]]:
    """A server in a thread that says what it is told, and its port."""
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    raw = RawServer(*answers)

    async def serve() -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(raw.handle, "127.0.0.1", 0, ssl=tls)
        started.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()
        await raw.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    port, loop, stop = started.result(timeout=PATIENCE)
    try:
        yield raw, port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=PATIENCE)
