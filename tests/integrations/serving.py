"""Serves an ASGI application with uvicorn in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.support.common import PATIENCE

uvicorn = pytest.importorskip("uvicorn", reason="needs uvicorn")


class Server(uvicorn.Server):
    """Ends when it is told to, and does not look at the clock for it ten times a second."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.over = asyncio.Event()

    async def main_loop(self) -> None:
        await self.over.wait()


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve the application for the length of the block."""
    server = Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none"))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE):
        while not server.started:
            assert not task.done(), task
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            yield http
    finally:
        server.over.set()
        async with asyncio.timeout(PATIENCE):
            await task
