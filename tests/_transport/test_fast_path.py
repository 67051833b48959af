"""The short way of a request: that it is taken, what goes out on it, and when it is not taken."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aioresponses import aioresponses

from partoo_async import APIStatusError, APITimeoutError, PartooClient, PartooError, RetryPolicy
from partoo_async._transport import Exchange, fast_path_guard
from partoo_async._transport import connector as connector_module
from partoo_async._transport.session_path import SessionPath
from tests._transport.test_aiohttp_transport import MockedResponse
from tests.support.common import PATIENCE
from tests.support.raw_server import GROUP, answer, raw_server


@pytest.fixture(autouse=True)
def _looked_at_anew() -> Iterator[None]:
    fast_path_guard.has_expected_api.cache_clear()
    yield
    fast_path_guard.has_expected_api.cache_clear()


@pytest.fixture
def long_ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that went through aiohttp's own ``ClientSession.request``."""
    taken: list[str] = []
    send = SessionPath.send

    async def spy(self: SessionPath, exchange: Exchange) -> Any:
        taken.append(exchange.request.path)
        return await send(self, exchange)

    monkeypatch.setattr(SessionPath, "send", spy)
    return taken


async def test_it_is_taken(long_ways: list[str]) -> None:
    """With the installed aiohttp reads and writes go the short way: this fails when a release is no longer fit."""
    async with raw_server(answer(200, GROUP), answer(200, b'{"id": 42}')) as server:
        async with PartooClient("key", server=server.url) as client:
            await client.groups.get(7, 42)
            await client.groups.create(7, name="France", business_ids=["a"])
    assert len(server.requests) == 2
    assert server.connections == 1
    assert long_ways == []


def headers_of(request: bytes) -> list[bytes]:
    start, *lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [start, *sorted(lines)]


async def test_both_ways_send_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server is sent does not depend on the way: line, headers and body are the same."""
    sent = []
    for _ in ("the short way", "the long way"):
        async with raw_server(answer(200, GROUP), answer(200, b'{"id": 42}'), answer(200)) as server:
            async with PartooClient("key", server=server.url.replace("127.0.0.1", "localhost")) as client:
                await client.groups.get(7, 42)
                await client.groups.create(7, name="Île-de-France", business_ids=[])
                await client.groups.delete(7, 42)
        port = server.url.split(":")[2].removesuffix("/v2").encode()
        sent.append([[line.replace(port, b"PORT") for line in headers_of(request)] for request in server.requests])
        bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
        assert bodies == [b"", '{"name":"Île-de-France","business__in":[]}'.encode(), b""]
        monkeypatch.setattr(fast_path_guard, "_ORIGINAL_METHODS", ())
    assert sent[0] == sent[1]
    assert sent[0][0][:2] == [b"GET /v2/sections/7/groups/42 HTTP/1.1", b"Accept-Encoding: gzip"]
    assert b"Host: localhost:PORT" in sent[0][0]
    assert b"x-APIKey: key" in sent[0][0]


async def test_not_where_a_mock_stands(long_ways: list[str]) -> None:
    """Who mocks aiohttp sees the client's requests, and nothing is sent; afterwards the short way is open again."""
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        await client.groups.get(7, 42)
        with aioresponses() as mocked:
            mocked.get(f"{server.url}/sections/7/groups/42", body=GROUP, response_class=MockedResponse)
            await client.groups.get(7, 42)
            assert len(mocked.requests) == 1
        assert len(long_ways) == 1
        await client.groups.get(7, 42)
        assert len(server.requests) == 2
    assert len(long_ways) == 1


class OwnRequest(aiohttp.ClientRequest):
    """What a caller's session may make requests of."""


async def pass_on(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    return await handler(request)


LONG = [
    {"headers": {"X-Team": "stores"}},
    {"cookies": {"language": "fr"}},
    {"middlewares": (pass_on,)},
    {"trace_configs": [aiohttp.TraceConfig()]},
    {"trust_env": True},
    {"version": aiohttp.HttpVersion10},
    {"request_class": OwnRequest},
    {"proxy": "http://127.0.0.1:9"},
]


@pytest.mark.parametrize("options", LONG, ids=[*map(next, map(iter, LONG))])
async def test_a_borrowed_session_that_adds_to_requests_sends_them_itself(options: Any, long_ways: list[str]) -> None:
    """What the caller's session has for every request goes out with those of the client, the long way."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with raw_server(answer(200, GROUP)) as server, aiohttp.ClientSession(cookie_jar=jar, **options) as session:
        async with PartooClient("key", server=server.url, session=session, retry=RetryPolicy(max_retries=0)) as client:
            with contextlib.suppress(PartooError):  # there is no proxy
                await client.groups.get(7, 42)
    assert len(long_ways) == 1
    if "headers" in options:
        assert b"X-Team: stores\r\n" in server.requests[0]


async def test_a_plain_borrowed_session_lends_its_connections(long_ways: list[str]) -> None:
    """Over a session that adds nothing the way is short; its owner and the client use the same connections in turn."""
    async with raw_server(answer(200, GROUP)) as server, aiohttp.ClientSession() as session:
        async with PartooClient("key", server=server.url, session=session) as client:
            for _ in range(3):
                await client.groups.get(7, 42)
                async with session.get(server.url + "/own") as response:
                    await response.read()
    assert (len(server.requests), server.connections) == (6, 1)
    assert long_ways == []


async def test_a_borrowed_session_may_change(long_ways: list[str]) -> None:
    """Each request looks at the session anew: tracing that is added later is told, until it is taken away."""
    told: list[str] = []

    async def start(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        told.append(params.method)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(start)
    trace.freeze()
    async with raw_server(answer(200, GROUP)) as server, aiohttp.ClientSession() as session:
        async with PartooClient("key", server=server.url, session=session) as client:
            await client.groups.get(7, 42)
            session.trace_configs.append(trace)
            await client.groups.get(7, 42)
            session.trace_configs.clear()
            await client.groups.get(7, 42)
    assert (told, len(long_ways), len(server.requests)) == (["GET"], 1, 3)


async def test_cookies_are_kept_for_a_borrowed_session(long_ways: list[str]) -> None:
    """A cookie of a response goes into the jar of the caller's session, and out with the next request."""
    first = answer(200, GROUP, "Set-Cookie: a=1", "Set-Cookie: b=2")
    jar = aiohttp.CookieJar(unsafe=True)  # the server has no name
    async with raw_server(first, answer(200, GROUP)) as server, aiohttp.ClientSession(cookie_jar=jar) as session:
        async with PartooClient("key", server=server.url, session=session) as client:
            await client.groups.get(7, 42)
            assert {cookie.key: cookie.value for cookie in jar} == {"a": "1", "b": "2"}
            await client.groups.get(7, 42)
    assert b"Cookie: a=1; b=2\r\n" in server.requests[1]
    assert len(long_ways) == 1


async def test_a_connection_is_made_ready_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For all requests in turn aiohttp gives one connection and one parser, and each response is parsed once."""
    calls: Counter[str] = Counter()

    def count(cls: type, name: str) -> None:
        plain = getattr(cls, name)

        @functools.wraps(plain)
        def counted(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return plain(*arguments, **options)

        monkeypatch.setattr(cls, name, counted)

    count(aiohttp.TCPConnector, "connect")
    count(ResponseHandler, "set_response_params")
    count(ResponseHandler, "data_received")
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        for _ in range(5):
            await client.groups.get(7, 42)
    assert len(server.requests) == 5
    assert calls == {"connect": 1, "set_response_params": 1, "data_received": 5}


async def test_the_long_way_takes_the_same_connections(monkeypatch: pytest.MonkeyPatch, long_ways: list[str]) -> None:
    """A connection that was kept for the short way serves the long way, when a tool begins to trace, and vice versa."""
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        await client.groups.get(7, 42)
        with monkeypatch.context() as patched:
            patched.setattr(fast_path_guard, "_ORIGINAL_METHODS", ())
            await client.groups.get(7, 42)
        await client.groups.get(7, 42)
    assert (len(server.requests), server.connections, len(long_ways)) == (3, 1, 1)


async def test_a_body_that_had_to_wait_is_complete() -> None:
    """A body for which reading was paused is read to its end, and its connection serves the next request."""
    ids = ",".join(f'"{number:024x}"' for number in range(20_000))
    large = b'{"id":42,"name":"France","has_puller":false,"business_ids":[' + ids.encode() + b"]}"
    async with raw_server(answer(200, large), answer(200, GROUP)) as server:
        async with PartooClient("key", server=server.url) as client:
            assert len((await client.groups.get(7, 42)).business_ids) == 20_000
            assert len((await client.groups.get(7, 42)).business_ids) == 2
    assert server.connections == 1


async def test_idle_connections_are_closed_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that has been idle for too long is closed without a request that asks for it, and not used again."""
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        monkeypatch.setattr(connector_module, "_IDLE", 0.05)
        await client.groups.get(7, 42)
        pool = client.session.transport._session.connector  # type: ignore[attr-defined]
        (idle,) = pool._kept.values()
        (kept,) = idle
        async with asyncio.timeout(PATIENCE):
            while idle:
                await asyncio.sleep(0.005)
        assert kept.transport.is_closing()
        await client.groups.get(7, 42)
        (kept,) = idle
        kept.since -= 1.0
        await client.groups.get(7, 42)
        assert kept.transport.is_closing()
    assert server.connections == 3


@pytest.mark.parametrize("borrowed", [False, True], ids=["own", "borrowed"])
async def test_the_long_way_looks_once(borrowed: bool, long_ways: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On aiohttp's way each reuse of a connection is one look at it, with what was made for the first one."""
    made: list[Counted] = []
    poll = select.poll

    class Counted:
        def __init__(self) -> None:
            made.append(self)
            self._inner, self.looks = poll(), 0

        def register(self, *arguments: int) -> None:
            self._inner.register(*arguments)

        def poll(self, timeout: int) -> list[tuple[int, int]]:
            self.looks += 1
            return self._inner.poll(timeout)

    monkeypatch.setattr(select, "poll", Counted)
    monkeypatch.setattr(fast_path_guard, "_ORIGINAL_METHODS", ())
    async with aiohttp.ClientSession() as session, raw_server(answer(200, GROUP)) as server:
        async with PartooClient("key", server=server.url, session=session if borrowed else None) as client:
            for _ in range(6):
                await client.groups.get(7, 42)
    assert (len(long_ways), server.connections) == (6, 1)
    assert [counted.looks for counted in made] == [5]


async def test_a_read_may_have_a_body() -> None:
    """What request() is given as json= goes out with a GET as well."""
    async with raw_server(answer(200, b"{}")) as server, PartooClient("key", server=server.url) as client:
        await client.request("GET", "/business/search", json={"filter": 1})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"GET /v2/business/search HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/json" in head
    assert body == b'{"filter":1}'


async def test_not_where_somebody_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools that add their tracing to every aiohttp session that is made are told of the client's requests."""
    seen: list[str] = []
    plain = aiohttp.ClientSession.__init__

    async def on_start(_: Any, __: Any, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.method)

    def traced(self: aiohttp.ClientSession, **options: Any) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(on_start)
        plain(self, trace_configs=[trace], **options)

    monkeypatch.setattr(aiohttp.ClientSession, "__init__", traced)
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        await client.groups.get(7, 42)
    assert seen == ["GET"]


async def pass_on(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    return await handler(request)


@pytest.mark.parametrize("added", [{"middlewares": (pass_on,)}, {"headers": {"X-Trace": "1"}}], ids=list)
async def test_not_where_sessions_are_made_otherwise(
    added: dict[str, Any], monkeypatch: pytest.MonkeyPatch, long_ways: list[str]
) -> None:
    """What a patched constructor gives to every aiohttp session counts for the client's requests, too."""
    plain = aiohttp.ClientSession.__init__
    monkeypatch.setattr(aiohttp.ClientSession, "__init__", lambda self, **options: plain(self, **added, **options))
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        await client.groups.get(7, 42)
    assert len(long_ways) == 1


async def test_not_where_the_public_request_is_replaced(monkeypatch: pytest.MonkeyPatch, long_ways: list[str]) -> None:
    """Who replaces ``ClientSession.request`` itself is asked as well, also by a client that is open already."""
    request = aiohttp.ClientSession.request
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        await client.groups.get(7, 42)
        monkeypatch.setattr(aiohttp.ClientSession, "request", functools.partialmethod(request))
        await client.groups.get(7, 42)
    assert len(long_ways) == 1


@pytest.mark.parametrize("kind", ["wrapped", "subclass"])
def test_not_where_a_mock_stood_first(kind: str) -> None:
    """A mock that was there before the package was imported, as in a recorded test, sees every request."""
    script = f"""
import aiohttp, asyncio, functools
real = aiohttp.ClientSession
@functools.wraps(real._request)
async def refuse(self, *given, **options):
    raise RuntimeError("mocked")
if {kind!r} == "wrapped":
    real._request = refuse
else:
    namespace = dict(_request=refuse)
    import warnings; warnings.simplefilter("ignore")
    aiohttp.ClientSession = type("Traced", (real,), namespace)
import partoo_async
async def main():
    once = partoo_async.RetryPolicy(max_retries=0)
    async with partoo_async.PartooClient("key", server="http://127.0.0.1:9/v2", retry=once) as client:
        try:
            await client.groups.delete(7, 42)
        except partoo_async.APIConnectionError as error:
            print(error)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "RuntimeError" in done.stdout


async def test_not_where_aiohttp_has_changed(monkeypatch: pytest.MonkeyPatch, long_ways: list[str]) -> None:
    """With an aiohttp in which something of it has another shape calls go the long way, and succeed."""
    plain = ResponseHandler.set_response_params

    def changed(self: ResponseHandler, *, timer: Any, **options: Any) -> None:
        plain(self, timer=timer, **options)

    monkeypatch.setattr(ResponseHandler, "set_response_params", changed)
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        assert (await client.groups.get(7, 42)).id == 42
    assert len(long_ways) == 1


async def test_not_where_requests_need_more(monkeypatch: pytest.MonkeyPatch, long_ways: list[str]) -> None:
    """Nor with an aiohttp whose requests cannot be made any more from what is given here."""
    plain = aiohttp.ClientRequest

    def demanding(method: str, url: Any, *, session: Any, **options: Any) -> Any:
        return plain(method, url, session=session, **options)

    monkeypatch.setattr(aiohttp, "ClientRequest", demanding)
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        assert (await client.groups.get(7, 42)).id == 42
    assert len(long_ways) == 1


async def test_after_an_early_refusal_the_connection_is_not_used_again() -> None:
    """A large body that the server refused before it had read it would otherwise stand before the next request."""
    ids = [f"{number:024x}" for number in range(10_000)]
    async with raw_server(answer(413, b"{}"), answer(200)) as server:
        async with PartooClient("key", server=server.url) as client:
            with pytest.raises(APIStatusError):
                await client.groups.create(7, name="France", business_ids=ids)
            await client.groups.delete(7, 42)
    assert server.connections == 2


async def test_a_101_that_upgrades_nothing_ends_the_connection() -> None:
    """What a server speaks after a 101 is not HTTP, also when it does not say what it is."""
    async with raw_server(b"HTTP/1.1 101 Switching\r\n\r\n", answer(200, GROUP)) as server:
        async with PartooClient("key", server=server.url) as client:
            with pytest.raises(APIStatusError):
                await client.groups.get(7, 42)
            await client.groups.get(7, 42)
    assert server.connections == 2


@pytest.mark.usefixtures("hurried")
async def test_what_is_unsent_of_a_write_that_was_given_up_is_dropped() -> None:
    """A write whose time is over leaves no socket behind that still waits for the server to read the rest."""
    text, given_up, received = "x" * 8_000_000, asyncio.Event(), asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = len(await reader.read(1))
        await given_up.wait()
        with contextlib.suppress(ConnectionResetError):
            while data := await reader.read(2**16):
                size += len(data)
        received.set_result(size)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with PartooClient("key", server=url, attempt_timeout=0.5) as client:
            with pytest.raises(APITimeoutError):
                await client.request("POST", "/large", json=text)
            given_up.set()
            assert await asyncio.wait_for(received, PATIENCE) < len(text)
