"""Fixtures for all tests: the emulator on a real socket, a client of it, quick processes, a browser."""

from __future__ import annotations

import asyncio
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
from partoo_async import PartooClient
from partoo_async.emulator import Emulator
from partoo_async.quota.registry import forget
from tests.support import forks
from tests.support.clock import hurry
from tests.support.common import FAST, PATIENCE, TLS
from tests.support.postgres import postgres_server

# How long one example takes is the machine's affair.
settings.register_profile("suite", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Nothing that is imported or collected from here on is garbage.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was imported out of each later look for garbage: it stays, and is most of what there is."""
    if "distributed" in sys.modules:  # imported by some tests for all, as by no user
        from partoo_async.distributed.cluster import keep_errors_bare

        keep_errors_bare()
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
        command = [sys.executable, "-X", "utf8", "-W", "error", "-m", "tests.support.forks", path]
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server's databases, without their name."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session", autouse=True)
def _no_environment() -> Iterator[None]:
    """Keys and servers of the developer's own shell do not reach the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PARTOO_API_KEY", raising=False)
        patch.delenv("PARTOO_SERVER", raising=False)
        patch.delenv("PARTOO_QUOTA", raising=False)
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
    """Waits of this test are skipped; see ``tests.support.clock.hurry``."""
    hurry(monkeypatch)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[PartooClient]:
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, ssl_context=TLS) as client:
        yield client
