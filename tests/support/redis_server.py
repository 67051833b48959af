"""A Redis server of the test's own, on a socket in a folder or on a port, that is gone when the test is."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.common import PATIENCE

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class RedisServer:
    """``start`` begins with what ``dump.rdb`` of the folder has, ``kill`` keeps nothing but that file."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self.folder, self.options, self.port = folder, options, port
        self.socket = folder / "redis.sock"
        self.url = f"redis://127.0.0.1:{port}/0" if port else f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def _launch(self) -> None:
        assert BINARY is not None
        self.socket.unlink(missing_ok=True)
        listen = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket)]
        files = ["--dir", str(self.folder), "--save", "", "--appendonly", "no", "--daemonize", "no"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([BINARY, *listen, *files, *self.options], **quiet)

    async def start(self) -> None:
        self._launch()
        assert self.process is not None
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    _, writer = await asyncio.open_unix_connection(self.socket)
                except OSError:
                    assert self.process.poll() is None, "the server did not start"
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    await writer.wait_closed()
                    return

    async def command(self, *words: str) -> bytes:
        """Say something to it, and return the beginning of the answer."""
        reader, writer = await asyncio.open_unix_connection(self.socket)
        parts = [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words]
        writer.write(b"*%d\r\n%s" % (len(words), b"".join(parts)))
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None


@asynccontextmanager
async def redis_server(folder: Path, *options: str, port: int = 0) -> AsyncIterator[RedisServer]:
    pytest.importorskip("redis", reason="needs redis-py")
    if BINARY is None:
        pytest.skip("needs redis-server")
    server = RedisServer(folder, *options, port=port)
    try:
        await server.start()
        yield server
    finally:
        server.kill()
