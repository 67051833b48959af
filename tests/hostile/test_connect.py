"""No connection: refused, no such host, silence, no file handles, and proxies in between."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from partoo_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ClientClosedError,
    PartooClient,
    RetryPolicy,
)
from partoo_async._transport import connector as direct
from tests.hostile.check import FRANCE, KEY, LINE, POLICY, ask, check, row
from tests.hostile.server import HostileServer
from tests.support.common import PATIENCE
from tests.support.raw_server import answer


class Closed(HostileServer):
    """A port where nobody listens, until it is healed."""

    @contextlib.asynccontextmanager
    async def serve(self, context: Any = None) -> AsyncIterator[HostileServer]:
        with socket.socket() as place:
            place.bind(("127.0.0.1", 0))
            self.port = place.getsockname()[1]
        async with contextlib.AsyncExitStack() as self.stack:
            yield self

    async def heal(self) -> None:
        await self.stack.enter_async_context(super().serve())


@row(1)
async def test_refused() -> None:
    """Nobody listens: tried again, even a write, and no slot of the quota is spent on it."""
    error = await check(Closed().serve(), APIConnectionError, 0, tries=LINE)
    assert isinstance(error, APIConnectionError)
    assert not error.request_sent


@row(1)
async def test_a_refused_write_goes_out_later() -> None:
    """The server comes up between two tries of a write: it gets it once."""
    server = Closed()
    async with server.serve():
        tried, patient = asyncio.Event(), RetryPolicy(max_retries=1000, initial_backoff=0.02, max_backoff=0.02)
        async with PartooClient(KEY, server=server.url, retry=patient, on_event=lambda _: tried.set()) as client:
            call = asyncio.create_task(client.groups.delete(7, 42))
            await tried.wait()
            await server.heal()
            await call
            assert server.seen() == client.quota.used == 1


@row(2)
async def test_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve is a fault of the line, of a request that was not sent."""
    asked = []

    def getaddrinfo(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with PartooClient(KEY, server="https://partoo.invalid/v2", retry=POLICY) as client:
        outcome = await ask(client)
        assert client.quota.used == 0
    assert type(outcome.error) is APIConnectionError
    assert not outcome.error.request_sent
    assert len(outcome.error.attempts) == LINE
    assert set(asked) == {"partoo.invalid"}


class BlackHole(HostileServer):
    """A socket whose queue is full: the system answers no attempt to connect, until it is healed."""

    @contextlib.asynccontextmanager
    async def serve(self, context: Any = None) -> AsyncIterator[HostileServer]:
        with contextlib.ExitStack() as stack:
            self.place = stack.enter_context(socket.socket())
            self.place.bind(("127.0.0.1", 0))
            self.place.listen(0)
            self.port = self.place.getsockname()[1]
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(("127.0.0.1", self.port))
            yield self


@row(3)
@pytest.mark.usefixtures("hurried")
async def test_a_black_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that answers nothing ends with the time to connect, long before the deadline."""
    monkeypatch.setattr(direct, "TIMEOUT", aiohttp.ClientTimeout(total=None, sock_connect=0.1))
    error = await check(BlackHole().serve(), APITimeoutError, 0, tries=LINE, then=APITimeoutError)
    assert isinstance(error, APITimeoutError)
    assert not error.request_sent


@row(3)
@pytest.mark.usefixtures("way")
async def test_closing_while_it_connects() -> None:
    """A client that is closed ends a call that has no connection yet, at once; nothing was sent."""
    async with BlackHole().serve() as hole, PartooClient(KEY, server=hole.url) as client:
        calls = [asyncio.create_task(client.groups.delete(7, 42)), asyncio.create_task(client.groups.get(7, 42))]
        await asyncio.sleep(0.05)
        await client.aclose()
        done, _ = await asyncio.wait(calls, timeout=PATIENCE)
        assert len(done) == 2
        for call in calls:
            error = call.exception()
            assert isinstance(error, ClientClosedError)
            assert not error.request_sent


@row(3)
@pytest.mark.usefixtures("way")
async def test_a_timeout_of_the_caller_while_it_connects() -> None:
    """asyncio.timeout() around any call is a TimeoutError, as around anything else."""
    async with BlackHole().serve() as hole, PartooClient(KEY, server=hole.url) as client:
        for call in (lambda: client.groups.delete(7, 42), lambda: client.groups.get(7, 42)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await call()


@row(3)
async def test_a_black_hole_without_patience() -> None:
    """An attempt that ends before there is a connection has sent nothing, and costs nothing of the quota."""
    hole = BlackHole().serve()
    error = await check(hole, APITimeoutError, 0, tries=LINE, then=APITimeoutError, attempt_timeout=0.05)
    assert isinstance(error, APITimeoutError)
    assert not error.request_sent


@row(45)
async def test_no_file_handles_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has no handle left for a socket gets an error, and goes on when there are some."""
    loop = asyncio.get_running_loop()
    real = loop.sock_connect

    async def full(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with HostileServer().serve() as server, PartooClient(KEY, server=server.url, retry=POLICY) as client:
        monkeypatch.setattr(loop, "sock_connect", full)
        outcome = await ask(client)
        assert type(outcome.error) is APIConnectionError
        assert "Too many open files" in str(outcome.error)
        assert client.quota.used == 0
        monkeypatch.setattr(loop, "sock_connect", real)
        assert (await ask(client)).result == FRANCE


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_refuses(status: int) -> None:
    """A proxy's refusal of a tunnel says which it is; only one that may pass is tried again. It never sees the key."""
    async with HostileServer((answer(status, b"no", "Proxy-Authenticate: Basic"),)).serve() as proxy:
        address = f"http://user:pass-word@127.0.0.1:{proxy.port}"
        async with PartooClient(KEY, server="https://127.0.0.1:9/v2", proxy=address, retry=POLICY) as client:
            outcome = await ask(client)
        assert type(outcome.error) is APIConnectionError
        assert f"the proxy responded {status}" in str(outcome.error)
        assert "pass-word" not in str(outcome.error)
        assert proxy.seen() == (LINE if status == 502 else 1)
        assert not any(KEY.encode() in request for request in proxy.requests)


async def test_a_407_for_a_plain_request() -> None:
    """Without a tunnel the proxy's answer is an answer like any other, and final."""
    async with HostileServer((answer(407),)).serve() as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        async with PartooClient(KEY, server="http://127.0.0.1:9/v2", proxy=address, retry=POLICY) as client:
            outcome = await ask(client)
        assert type(outcome.error) is APIStatusError
        assert outcome.error.status == 407
        assert proxy.seen() == 1
