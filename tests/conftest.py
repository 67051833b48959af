"""The emulator on a real socket, a client of it, and a raw server that answers whatever a test says."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from _partoo_async_pytest import pytest_configure  # noqa: F401 - a page uses its marker; a bare checkout lacks the plugin
from partoo_async import PartooClient, RetryPolicy
from partoo_async.emulator import Emulator
from partoo_async.quota.registry import forget
from tests import forks
from tests.clock import hurry

FAST = RetryPolicy(initial_backoff=0.001, max_backoff=0.002)
"""Retries whose waits a test does not feel."""

TLS = ssl.create_default_context()
"""The one that every client has which is given none, see ``_one_tls_context``."""

PATIENCE = 120.0
"""Seconds after which a test that should long be done has failed, however busy the machine is: no figure to assert."""


# How long one example takes is the machine's affair.
settings.register_profile("suite", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Nothing that is imported or collected from here on is garbage.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was imported out of each later look for garbage: it stays, and is most of what there is."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """Reading the system's certificates takes longer than most tests and, on a busy machine, than an attempt may."""
    build = ssl.create_default_context

    def shared(*arguments: Any, **options: Any) -> ssl.SSLContext:
        return build(*arguments, **options) if arguments or options else TLS

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", shared)
        yield


@pytest.fixture(scope="session")
def quick_python() -> Iterator[tuple[str, ...]]:
    """In place of ``sys.executable -X utf8 -W error``: starts processes that have imported the package already."""
    if not forks.AVAILABLE:
        yield (sys.executable, "-X", "utf8", "-W", "error")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        command = [sys.executable, "-X", "utf8", "-W", "error", "-m", "tests.forks", path]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, cwd=Path(__file__).parents[1], **pipes) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield (sys.executable, "-I", "-S", forks.__file__, path)
            server.stdin.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    """A headless Chromium of the system, for tests in the event loop of their module; nothing is downloaded. Pages of
    ``browser.new_page()`` share nothing."""
    playwright = pytest.importorskip("playwright.async_api", reason="needs playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs chromium")
    async with playwright.async_playwright() as tools:
        started = await tools.chromium.launch(executable_path=path, timeout=PATIENCE * 1000)
        yield started
        await started.close()


@pytest.fixture(scope="session", autouse=True)
def _no_environment() -> Iterator[None]:
    """Keys and servers of the developer's own shell do not reach the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PARTOO_API_KEY", raising=False)
        patch.delenv("PARTOO_SERVER", raising=False)
        yield


@pytest.fixture(autouse=True)
def _no_history() -> None:
    """No test finds the quota of an earlier one."""
    forget()


@pytest.fixture(scope="session", autouse=True)
def _a_new_server_has_no_history() -> Iterator[None]:
    """The system gives a free port out again, perhaps to the next server of the same test: it is another one."""
    create = asyncio.BaseEventLoop.create_server

    async def create_server(self: Any, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        if not port:
            forget()
        return await create(self, factory, host, port, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.BaseEventLoop, "create_server", create_server)
        yield


@pytest.fixture
async def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of this test are skipped; see ``tests.clock.hurry``."""
    hurry(monkeypatch)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[PartooClient]:
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, ssl_context=TLS) as client:
        yield client


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
