"""The life of the client's own connections: what they need to begin, and how they end with every event loop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest

from partoo_async import APIConnectionError, PartooClient, RetryPolicy
from partoo_async import session as session_module
from partoo_async._internal.callables import in_daemon
from partoo_async.emulator import Emulator
from partoo_async.testing import make_emulator
from tests.support.common import FAST, PATIENCE, TLS

ONCE = RetryPolicy(max_retries=0)


def sockets() -> int:
    """How many handles of this process are sockets."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return count


def run_and_close(client: PartooClient) -> None:
    """Use a client in a loop that is closed the hard way: without being shut down."""
    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(client.groups.get(7, 42)).id == 42
    finally:
        loop.close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no list of handles on this system")
@pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning", "ignore:unclosed transport:ResourceWarning")
@pytest.mark.parametrize("hard", [False, True], ids=["shut down", "just closed"])
def test_a_client_leaves_nothing_in_a_loop_that_is_closed(hard: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A client that is used in one loop after the other, as by ``asyncio.run``, is silent and keeps no socket, also
    while nothing is collected."""
    with make_emulator() as emulator, caplog.at_level(logging.DEBUG, "asyncio"):
        client = PartooClient(emulator.api_key, server=emulator.url, ssl_context=TLS)
        gc.disable()
        try:
            before = sockets()
            for _ in range(5):
                if hard:
                    run_and_close(client)
                else:
                    assert asyncio.run(client.groups.get(7, 42)).id == 42
            asyncio.run(client.groups.get(7, 42))
            for _ in range(1000):  # the ends of the emulator, which is told by and by
                if sockets() <= before:
                    break
                time.sleep(0.005)
            left = sockets() - before
        finally:
            gc.enable()
            gc.collect()
        asyncio.run(client.aclose())
        assert left == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_names_are_looked_up_while_all_threads_are_busy() -> None:
    """The threads of the event loop may all be at somebody's work: reading certificates and looking up names do not
    wait for them."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    busy = threading.Event()
    at_work = asyncio.create_task(asyncio.to_thread(busy.wait, PATIENCE))
    await asyncio.sleep(0)
    try:
        async with Emulator() as emulator:
            url = emulator.url.replace("127.0.0.1", "localhost")
            async with PartooClient(emulator.api_key, server=url, timeout=20) as client:
                assert (await client.groups.get(7, 42)).id == 42
        assert not at_work.done()
    finally:
        busy.set()
        await at_work


def test_a_look_up_that_hangs_does_not_keep_the_program(quick_python: tuple[str, ...]) -> None:
    """A name server that does not answer ends the call, and the program ends with it."""
    script = """
import asyncio, socket, threading
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
from partoo_async import PartooClient, PartooError
async def main():
    async with PartooClient("key", server="https://partoo.example/v2", timeout=0.2) as client:
        try:
            await client.groups.get(7, 42)
        except PartooError as error:
            print(type(error).__name__, error.attempts[0].request_sent)
asyncio.run(main())
"""
    done = subprocess.run([*quick_python, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.split() == ["DeadlineExceededError", "False"]


async def test_what_a_thread_raises_comes_out() -> None:
    """An error of the work is raised where it is awaited; who no longer waits is not told."""

    def fail() -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(socket.gaierror):
        await in_daemon(fail)
    release, ended = threading.Event(), threading.Event()

    def late() -> None:
        release.wait(PATIENCE)
        ended.set()

    task = asyncio.create_task(in_daemon(late))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    release.set()
    while not ended.is_set():
        await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    assert task.cancelled()


async def test_without_threads_a_call_fails_as_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that gives no thread is a fault of the line, of a request that was not sent."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with PartooClient("key", server="http://127.0.0.1:9", retry=ONCE) as client:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(APIConnectionError, match="not ready to connect: no thread") as caught:
            await client.groups.get(7, 42)
        monkeypatch.undo()
    assert not caught.value.request_sent


ERRORS = """
import asyncio, sys, warnings
from partoo_async import PartooClient, PartooError, RetryPolicy
from tests.support.raw_server import answer, raw_server
from tests.hostile.server import HostileServer, Line
BODIES = [b"", b"{", b"[]", b'{"id":"7"}', b'{"errors":{"json":{"name":"no"}}}', b"<html>", b"\\xff"]
async def close(line): pass
async def reset(line): line.reset()
async def half(line): await line.send(answer(200, b"123", "Content-Encoding: gzip")[:-1])
async def silent(line): await line.pause()
async def main():
    retry = RetryPolicy(max_retries=1, initial_backoff=0.001, max_backoff=0.002)
    async with HostileServer().serve() as server:
        options = {"retry": retry, "rate_limit": None, "timeout": 1, "attempt_timeout": 0.2}
        async with PartooClient("key", server=server.url, **options) as client:
            await client.session.transport.open()
            before = set(sys.modules)
            for status in (200, 302, 400, 401, 403, 404, 413, 503):
                for body in BODIES:
                    server.requests.clear()
                    server.scripts = (answer(status, body, "Retry-After: 0"),)
                    await attempt(client)
            for script in (close, reset, half, silent, b"nonsense\\r\\n\\r\\n"):
                server.requests.clear()
                server.scripts = (script,)
                await attempt(client)
            for url in ("http://127.0.0.1:9", "https://partoo.invalid", "https://xn--9ca.invalid", "https://127.0.0.1:9"):
                await attempt(client.with_options(server=url))
            print(*sorted(set(sys.modules) - before))
async def attempt(client):
    try: await client.groups.get(7, 42)
    except PartooError as error: str(error), repr(error)
asyncio.run(main())
"""


def test_no_error_imports_anything() -> None:
    """What errors need is imported when the first connection is made: later there may be no file handle for it."""
    done = subprocess.run([sys.executable, "-c", ERRORS], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


async def test_without_file_handles_a_call_fails_as_ever() -> None:
    """A process whose file handles are used up gets an ``APIConnectionError`` after the retries of its policy."""
    async with PartooClient("key", server="http://127.0.0.1:9", retry=FAST) as client:
        await client.session.transport.open()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = max(int(name) for name in os.listdir("/dev/fd")) + 1
        held = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 8, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                while True:
                    held.append(os.open(os.devnull, os.O_RDONLY))
            with pytest.raises(APIConnectionError, match="Too many open files") as caught:
                await client.groups.get(7, 42)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for handle in held:
                os.close(handle)
    assert len(caught.value.attempts) == FAST.max_retries + 1
    assert not caught.value.request_sent


async def test_a_borrowed_session_prepares_for_errors_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client with a session of the caller's never opens one: it prepares when it is made."""
    prepared: list[str] = []
    monkeypatch.setattr(session_module, "import_for_errors", lambda: prepared.append("imports"))
    async with aiohttp.ClientSession() as session, PartooClient("key", session=session):
        assert prepared == ["imports"]
