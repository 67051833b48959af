"""Closing a client while calls are under way, and using it in one loop after another."""

from __future__ import annotations

import asyncio
import gc
import gzip
import warnings
from typing import Any

import aiohttp
import pytest

from partoo_async import (
    APIConnectionError,
    ClientClosedError,
    ConfigurationError,
    InternalServerError,
    PartooClient,
    RateLimit,
    RetryPolicy,
    ScanError,
)
from partoo_async._call.call import Call
from partoo_async.emulator import Emulator
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.common import FAST, PATIENCE
from tests.support.raw_server import GROUP, answer, raw_server

PACKED = answer(200, gzip.compress(GROUP), "Content-Encoding: gzip")


@pytest.mark.usefixtures("hurried")
async def test_calls_get_their_grace() -> None:
    """aclose(grace=...) lets calls in flight finish, and refuses new ones meanwhile."""
    async with Emulator(latency=0.2) as emulator:
        client = PartooClient(emulator.api_key, server=emulator.server)
        call = asyncio.create_task(client.groups.get(7, 42))
        while "1 of 32" not in repr(client.session.context.concurrency):
            await asyncio.sleep(0.01)
        closing = asyncio.create_task(client.aclose(grace=10 * PATIENCE))
        await asyncio.sleep(0)
        with pytest.raises(ClientClosedError):
            await client.groups.get(7, 43)
        with pytest.raises(ClientClosedError):
            await client.with_options(timeout=1.0).groups.get(7, 43)
        await asyncio.wait_for(closing, PATIENCE)
        assert (await call).id == 42


async def test_after_the_grace_calls_end() -> None:
    """A call that does not finish within its grace raises ClientClosedError; the server may have seen it."""
    async with raw_server(None) as server:
        client = PartooClient("key", server=server.url, retry=FAST)
        call = asyncio.create_task(client.groups.get(7, 42))
        while not server.requests:
            await asyncio.sleep(0.01)
        await client.aclose(grace=0.1)
        with pytest.raises(ClientClosedError) as caught:
            await call
        assert caught.value.request_sent


@pytest.mark.parametrize("begun", [None, answer(200, GROUP)[:-9], PACKED[:-9]], ids=["no head", "body", "gzip"])
@pytest.mark.parametrize("borrowed", [False, True])
async def test_whatever_a_call_is_at_it_ends(begun: bytes | None, borrowed: bool) -> None:
    """Closing ends calls that wait for a head or for the rest of a body, on a session of the caller's as well."""
    async with raw_server(begun) as server, aiohttp.ClientSession() as session:
        client = PartooClient("key", server=server.url, session=session if borrowed else None)
        calls = [asyncio.create_task(client.groups.get(7, 42)), asyncio.create_task(client.groups.delete(7, 42))]
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        await client.aclose()
        done, _ = await asyncio.wait(calls, timeout=PATIENCE)
        assert len(done) == 2
        assert client.quota.used == 2
        assert "0 of 32" in repr(client.session.context.concurrency)
        for call in calls:
            error = call.exception()
            assert isinstance(error, ClientClosedError)
            assert error.request_sent


async def test_calls_that_wait_are_woken() -> None:
    """Calls that wait for quota, for a place or for another try end at once when the client is closed."""
    limit = RateLimit(2, 10.0)
    async with raw_server(answer(200, GROUP), None) as server:
        client = PartooClient("key", server=server.url, rate_limit=limit, max_concurrency=1)
        await client.groups.get(7, 42)
        calls = [asyncio.create_task(client.groups.get(7, number)) for number in range(4)]
        scan = asyncio.create_task(client.scan(7, group_ids=[1, 2, 3]).collect())
        while len(server.requests) < 2 or not client.quota.waiting_bulk:
            await asyncio.sleep(0.01)
        await client.aclose()
        results = await asyncio.wait_for(asyncio.gather(*calls, scan, return_exceptions=True), PATIENCE)
        assert [type(result) for result in results] == [ClientClosedError] * 5
        assert client.quota.waiting == 0
        assert len(server.requests) == 2


async def test_cancelling_a_call_of_a_closing_client_cancels_it() -> None:
    """A caller's own cancellation is never turned into a ClientClosedError."""
    async with raw_server(answer(200, GROUP), answer(500)) as server:
        client = PartooClient("key", server=server.url, rate_limit=RateLimit(1, 60.0))
        await client.groups.get(7, 42)
        call = asyncio.create_task(client.request("GET", "/some"))
        while not client.quota.waiting:
            await asyncio.sleep(0.01)
        call.cancel()
        await client.aclose()
        with pytest.raises(asyncio.CancelledError):
            await call


@pytest.mark.usefixtures("hurried")
async def test_closing_a_copy_ends_its_own_calls_only() -> None:
    """with_options() makes a client that can be closed by itself."""
    async with Emulator(latency=0.2) as emulator, PartooClient(emulator.api_key, server=emulator.server) as client:
        call = asyncio.create_task(client.groups.get(7, 42))
        copy = client.with_options(timeout=5.0)
        await copy.aclose(grace=0.1)
        with pytest.raises(ClientClosedError):
            await copy.groups.get(7, 43)
        assert (await call).id == 42


async def test_closing_a_copy_ends_all_that_comes_from_it() -> None:
    """Its scans, and the calls and scans of copies of it, begun or not: none waits on. The client goes on."""
    limit = RateLimit(requests=8, per=30.0)
    async with (
        Emulator() as emulator,
        PartooClient(emulator.api_key, server=emulator.server, rate_limit=limit) as client,
    ):
        copy = client.with_options(timeout=60.0)
        inner = copy.with_options(strict=True)
        scans = [asyncio.create_task(one.scan([7]).collect()) for one in (copy, inner)]
        while client.quota.waiting_bulk < 20 or len(emulator.requests) < limit.requests:
            await asyncio.sleep(0.01)
        calls = [asyncio.create_task(one.groups.get(9, 121)) for one in (client, inner)]
        await asyncio.sleep(0)
        sent = len(emulator.requests)
        await copy.aclose()
        assert (copy.closed, inner.closed, client.closed) == (True, True, False)
        ended = await asyncio.gather(*scans, calls[1], return_exceptions=True)
        assert [type(error) for error in ended] == [ScanError, ClientClosedError, ClientClosedError]
        assert len(emulator.requests) == sent
        assert client.quota.waiting == 1
        calls[0].cancel()
        await asyncio.wait([calls[0]])


async def test_a_copy_of_a_closed_client_is_closed() -> None:
    """Whatever with_options() makes of a client that was closed, it sends nothing, and no scan of it begins."""
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server) as client:
        copy = client.with_options(timeout=5.0)
        await copy.aclose()
        late = copy.with_options(timeout=6.0)
        assert late.closed
        with pytest.raises(ClientClosedError):
            await late.groups.get(7, 42)
        with pytest.raises(ClientClosedError):
            await copy.scan([7]).collect()
        assert not emulator.requests


async def test_a_call_that_a_pause_holds_back_ends_with_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was connecting when its client was closed, and a 429 came meanwhile: it does not wait out the pause."""
    connecting, go_on, connect = asyncio.Event(), asyncio.Event(), aiohttp.TCPConnector.connect

    async def slow(self: aiohttp.TCPConnector, *arguments: Any, **options: Any) -> Any:
        connection = await connect(self, *arguments, **options)
        connecting.set()
        await go_on.wait()
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", slow)
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        copy = client.with_options(timeout=10 * PATIENCE)
        call = asyncio.create_task(copy.groups.get(7, 42))
        await connecting.wait()
        await copy.aclose()
        client.session.quota.pause(2 * PATIENCE)
        go_on.set()
        with pytest.raises(ClientClosedError):
            await asyncio.wait_for(call, PATIENCE)
        assert (server.requests, client.quota.used, client.quota.waiting) == ([], 0, 0)


@pytest.mark.parametrize("scanned", [False, True])
async def test_a_request_that_was_out_is_not_repeated_for_a_closed_client(scanned: bool) -> None:
    """It fails after its client was closed: there is no wait for another try, nor a second request."""
    patient = RetryPolicy(initial_backoff=10 * PATIENCE, max_backoff=10 * PATIENCE)
    async with raw_server(answer(503)) as server, PartooClient("key", server=server.url, retry=patient) as client:
        copy = client.with_options(timeout=100 * PATIENCE)
        work = copy.scan(7, group_ids=[42]).collect() if scanned else copy.groups.get(7, 42)
        call = asyncio.ensure_future(work)
        while not next(iter(copy.session.context.lifecycle.calls), Call()).in_flight:
            await asyncio.sleep(0)
        await copy.aclose()
        with pytest.raises(ClientClosedError if scanned else InternalServerError):
            await asyncio.wait_for(call, PATIENCE)
        assert len(server.requests) == 1


@pytest.mark.parametrize("grace", [-1, float("nan"), "1", None])
async def test_bad_grace(grace: float) -> None:
    """grace is a number of seconds."""
    async with PartooClient("key") as client:
        with pytest.raises(ConfigurationError, match="^grace: expected"):
            await client.aclose(grace=grace)


def test_a_loop_for_each_test() -> None:
    """A client of a module works in one loop after another, as test clients make them, once the earlier is closed."""
    client = PartooClient("emulator-key", server="http://127.0.0.1:9/v2", retry=FAST, max_concurrency=2)

    async def use() -> int:
        async with Emulator() as emulator:
            here = client.with_options(server=emulator.server)
            await asyncio.gather(*(here.groups.get(7, number) for number in (42, 43, 44)))
            with pytest.raises(APIConnectionError):
                await client.with_options(timeout=0.5).groups.get(7, 42)
            return len(emulator.requests)

    with warnings.catch_warnings():
        # The first loop was closed with connections open: asyncio and aiohttp say so, and rightly.
        warnings.simplefilter("ignore", ResourceWarning)
        assert asyncio.run(use()) == 3
        assert asyncio.run(use()) == 3
        asyncio.run(client.aclose())
        gc.collect()


async def test_two_loops_at_once_are_refused() -> None:
    """While its loop still runs, a client serves no other one."""
    client = PartooClient("key", server="http://127.0.0.1:9/v2")
    async with client:
        with pytest.raises(ClientClosedError, match="belongs to another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.groups.get(7, 42)))


@pytest.mark.usefixtures("hurried")
async def test_a_copy_that_is_done_ends_the_grace() -> None:
    """The grace is over when the last call is, whichever copy of the client made it."""
    async with Emulator(latency=0.2) as emulator:
        client = PartooClient(emulator.api_key, server=emulator.server)
        call = asyncio.create_task(client.with_options(timeout=60.0).groups.get(7, 42))
        while "1 of 32" not in repr(client.session.context.concurrency):
            await asyncio.sleep(0.01)
        await asyncio.wait_for(client.aclose(grace=10 * PATIENCE), PATIENCE)
        assert (await call).id == 42


@pytest.mark.parametrize("depth", [1, 2])
def test_a_copy_first_used_in_a_later_loop_ends_the_grace(depth: int) -> None:
    """The grace is over when the last call is, also for a copy that was not used in the client's first loop."""
    response = asyncio.Event()

    async def respond(request: MockRequest) -> MockResponse:
        if request.path.endswith("/43"):
            await response.wait()
        return MockResponse(json={"id": int(request.path[-2:]), "name": "", "has_puller": False, "business_ids": []})

    transport = MockTransport(respond)
    client = copy = PartooClient("key", transport=transport)
    for _ in range(depth):
        copy = copy.with_options(timeout=60.0)

    async def close() -> int:
        call = asyncio.create_task(copy.groups.get(7, 43))
        while len(transport.requests) < 2:
            await asyncio.sleep(0)
        closing = asyncio.create_task(client.aclose(grace=10 * PATIENCE))
        await asyncio.sleep(0)
        response.set()
        await asyncio.wait_for(closing, PATIENCE)
        return (await call).id

    assert asyncio.run(client.groups.get(7, 42)).id == 42
    assert asyncio.run(close()) == 43


async def test_a_call_begun_in_the_same_moment_is_refused() -> None:
    """A read whose task had not run yet when the client was closed does not wait for quota afterwards."""
    async with raw_server(answer(200, GROUP)) as server:
        client = PartooClient("key", server=server.url, rate_limit=RateLimit(1, 60.0))
        await client.groups.get(7, 42)
        call = asyncio.create_task(client.groups.get(7, 43))
        await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await asyncio.wait_for(call, PATIENCE)
