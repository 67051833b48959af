"""The short way of a request: that it is taken, what goes out on it, and when it is not taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aioresponses import aioresponses

from partoo_async import PartooClient
from partoo_async._transport import direct
from tests.conftest import GROUP, answer, raw_server
from tests.test_transport import MockedResponse


@pytest.fixture(autouse=True)
def _looked_at_anew() -> Iterator[None]:
    direct.as_it_was.cache_clear()
    yield
    direct.as_it_was.cache_clear()


@pytest.fixture
def long_ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs of the requests that went through aiohttp's own ``ClientSession.request``."""
    taken: list[str] = []
    request = aiohttp.ClientSession.request

    def spy(self: aiohttp.ClientSession, method: str, url: Any, **options: Any) -> Any:
        taken.append(f"{method} {url}")
        return request(self, method, url, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "request", spy)
    return taken


async def test_it_is_taken(long_ways: list[str]) -> None:
    """With the aiohttp that is installed reads and writes go the short way: this fails when one makes it impassable."""
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
        monkeypatch.setattr(direct, "_OWN_REQUEST", None)
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


@pytest.mark.parametrize("name", ["set_response_params", "read"])
async def test_not_where_aiohttp_has_changed(name: str, monkeypatch: pytest.MonkeyPatch, long_ways: list[str]) -> None:
    """With an aiohttp in which something of it has another shape, or is gone, calls go the long way and succeed."""
    plain = getattr(ResponseHandler, name)

    def changed(*arguments: Any, **options: Any) -> Any:
        return plain(*arguments, **options)

    monkeypatch.setattr(ResponseHandler, name, changed)
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        assert (await client.groups.get(7, 42)).id == 42
    assert len(long_ways) == 1
