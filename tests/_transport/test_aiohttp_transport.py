"""One exchange: what it asks of aiohttp, and how every error of aiohttp comes out."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import ssl
from types import SimpleNamespace
from typing import Any
from unittest import mock

import aiohttp
import pytest
from aioresponses import aioresponses

from partoo_async import (
    SANDBOX,
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
    PartooClient,
    PartooError,
)
from partoo_async._internal.secret import Secret
from partoo_async._protocol.http import Request, Response
from partoo_async._transport import AiohttpTransport, Exchange
from partoo_async._transport.body import TooLargeError, UnreadableError
from partoo_async._transport.exceptions import map_exception
from tests.support.common import FAST
from tests.support.raw_server import GROUP, answer, raw_server

URL = f"{SANDBOX.base_url}/sections/7/groups/42"
GET = Request("GET", "/sections/7/groups/42")


class MockedResponse(aiohttp.ClientResponse):
    """aioresponses 0.7.9 builds responses without the ``stream_writer`` that aiohttp 3.14 requires."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"stream_writer": mock.Mock(), **kwargs})


def exchange_of(request: Request = GET) -> Exchange:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    return Exchange(task, loop.time() + 5, SANDBOX, request, Secret("key"), lambda: True, latest=0.0)


async def answered(**answers: Any) -> Response:
    transport = AiohttpTransport()
    with aioresponses() as mocked:
        mocked.get(URL, response_class=MockedResponse, **answers)
        try:
            return await transport.send(exchange_of())
        finally:
            await transport.aclose()
            ((_, calls),) = mocked.requests.items()
            options = calls[0].kwargs
            # What keeps the key at home and the memory bounded.
            assert options["allow_redirects"] is False
            assert options["auto_decompress"] is False
            assert options["raise_for_status"] is False
            assert options["timeout"].total is None
            assert options["headers"]["x-APIKey"] == "key"


@pytest.mark.parametrize("status", [200, 204, 302, 404, 503])
async def test_every_status_is_an_answer(status: int) -> None:
    """The transport judges nothing: each status comes back with its headers and body."""
    response = await answered(status=status, body=GROUP, headers={"Retry-After": "3"})
    assert (response.status, response.body, response.headers["retry-after"]) == (status, GROUP, "3")


@pytest.mark.parametrize(
    ("error", "expected", "sent"),
    [
        (aiohttp.ServerDisconnectedError(), APIConnectionError, True),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), APIConnectionError, True),
        (aiohttp.ClientPayloadError("with the key in it"), APIConnectionError, True),
        (aiohttp.SocketTimeoutError(), APITimeoutError, True),
        (aiohttp.ConnectionTimeoutError(), APITimeoutError, False),
        (TimeoutError(), APITimeoutError, True),
        (aiohttp.InvalidURL("x"), APIConnectionError, True),
        (RuntimeError("with the key in it"), APIConnectionError, True),
        (asyncio.CancelledError("stop"), asyncio.CancelledError, None),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_every_error_is_translated(
    error: BaseException, expected: type[BaseException], sent: bool | None
) -> None:
    """Errors of aiohttp and of the system come out as ours, chained to nothing and quoting nothing."""
    with pytest.raises(expected) as caught:
        await answered(exception=error)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert getattr(caught.value, "request_sent", None) is sent
    assert "with the key" not in str(caught.value)


async def test_no_error_of_aiohttp_is_forgotten() -> None:
    """Each public exception of aiohttp's client is translated into one of ours, never let through."""
    session = SimpleNamespace(closed=False)
    kinds = [
        value
        for value in vars(aiohttp).values()
        if inspect.isclass(value) and issubclass(value, Exception) and not issubclass(value, Warning)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        error = kind.__new__(kind)
        assert isinstance(map_exception(error, exchange_of(), session), PartooError)  # type: ignore[arg-type]


async def test_tls_errors_are_final() -> None:
    """A certificate that does not verify is no matter of trying again; nothing was sent."""
    key = SimpleNamespace(host="x", port=443, ssl=True)
    wrong = ssl.SSLCertVerificationError(1, "certificate verify failed")
    wrong.verify_message = "certificate has expired"
    error = aiohttp.ClientConnectorCertificateError(key, wrong)  # type: ignore[arg-type]
    with pytest.raises(APIConnectionError, match="TLS failed.*certificate has expired") as caught:
        await answered(exception=error)
    assert not caught.value.transient
    assert not caught.value.request_sent


async def test_a_closed_transport_refuses() -> None:
    """After aclose no session is made."""
    transport = AiohttpTransport()
    await transport.aclose()
    with pytest.raises(ClientClosedError):
        await transport.open()


async def test_a_proxy_is_asked_for_the_whole_url() -> None:
    """proxy= sends the request to the proxy; with trust_env the environment names it."""
    async with raw_server(answer(200, GROUP)) as proxy:
        address = proxy.url.removesuffix("/v2")
        async with PartooClient("key", server="http://localhost:9/v2", proxy=address, retry=FAST) as client:
            assert (await client.groups.get(7, 42)).id == 42
    assert proxy.requests[0].startswith(b"GET http://localhost:9/v2/sections/7/groups/42 HTTP/1.1")


async def test_the_environment_names_a_proxy_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY counts with trust_env=True and not without."""
    async with raw_server(answer(200, GROUP)) as server, raw_server(answer(200, GROUP)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v2"))
        monkeypatch.delenv("no_proxy", raising=False)
        async with PartooClient("key", server=server.url) as client:
            await client.groups.get(7, 42)
        assert (len(server.requests), len(proxy.requests)) == (1, 0)
        async with PartooClient("key", server=server.url, trust_env=True) as client:
            await client.groups.get(7, 42)
        assert (len(server.requests), len(proxy.requests)) == (1, 1)


async def test_a_name_that_does_not_resolve() -> None:
    """A host that does not exist is a connection error for a request that was not sent."""
    async with PartooClient("key", server="https://partoo.invalid/v2", retry=FAST, timeout=20) as client:
        with pytest.raises(APIConnectionError, match="cannot connect") as caught:
            await client.groups.get(7, 42)
    assert not caught.value.request_sent


async def test_a_write_gets_the_whole_text_of_several_members() -> None:
    """What request() returns of a write is all of the members, and not the text of the first."""
    body = gzip.compress(b"first, ") + gzip.compress(b"second")
    async with raw_server(answer(200, body, "Content-Encoding: gzip")) as server:
        async with PartooClient("key", server=server.url) as client:
            assert await client.request("POST", "/sections", json={}) == "first, second"


PROXIES = ["http://", "https://", "http:///", "http://?x", "http://h:99999999", "http://h:0", "http://u:s3cr3t@[bad"]
PROXIES += ["proxy:3128", "ftp://proxy:21", "http://u:s3cr3t@", "http://h/path", "http://h?q=1", ""]


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_malformed_proxy_is_refused_at_once(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp goes past some of these in silence: each is refused when the client is made, password unseen, also where
    the environment names it."""
    with pytest.raises(ConfigurationError, match="^proxy: expected an http") as caught:
        PartooClient("key", proxy=proxy)
    assert "s3cr3t" not in str(caught.value)
    if proxy:
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(ConfigurationError, match="^trust_env: https_proxy in the environment") as caught:
            PartooClient("key", trust_env=True)
        assert "s3cr3t" not in str(caught.value)


def test_proxies_that_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, an address, a port, a password and a slash at the end are all right; https only as an argument."""
    for proxy in ("http://proxy", "http://proxy.example:3128/", "https://u:p@proxy:1", "http://[::1]:8080", "HTTP://P"):
        PartooClient("key", proxy=proxy)
    monkeypatch.setenv("https_proxy", "http://u:p@proxy.example:3128")
    PartooClient("key", trust_env=True)
    monkeypatch.setenv("https_proxy", "https://proxy.example:3128")
    with pytest.raises(ConfigurationError, match="'http://"):
        PartooClient("key", trust_env=True)


async def test_an_unreadable_body_is_transient_and_a_large_one_is_not() -> None:
    """Asking again may mend a cut body, but not a large one."""
    session: Any = SimpleNamespace(closed=False)
    cut = map_exception(UnreadableError("gzip data ends too early"), exchange_of(), session)
    large = map_exception(TooLargeError(), exchange_of(), session)
    assert isinstance(cut, APIResponseValidationError)
    assert isinstance(large, APIResponseValidationError)
    assert (cut.transient, large.transient) == (True, False)
    assert cut.problems == ("gzip data ends too early @ body",)


async def test_a_server_without_a_path() -> None:
    """A base URL that has no path of its own gives paths with one slash."""
    async with raw_server(answer(200, GROUP), answer(200, b'{"sections": []}')) as server:
        async with PartooClient("key", server=server.url.removesuffix("/v2")) as client:
            await client.groups.get(7, 42)
            await client.sections.list(page=2, group_name_query="x")
    paths = [request.split(b" ")[1] for request in server.requests]
    assert paths == [b"/sections/7/groups/42", b"/sections?page=2&group_name_query=x"]


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_key_in_an_error_is_not_passed_on(status: int) -> None:
    """A server that quotes the request in its error does not get the key into the error's text or body."""
    body = b'{"errors": {"json": "no such key: sk-quoted-secret"}}'
    async with raw_server(answer(status, body)) as server:
        async with PartooClient("sk-quoted-secret", server=server.url, retry=FAST) as client:
            with pytest.raises(APIStatusError) as caught:
                await client.groups.get(7, 42)
    assert "no such key: ***" in str(caught.value)
    assert "sk-quoted-secret" not in f"{caught.value} {caught.value.body!r} {vars(caught.value)!r}"


@pytest.mark.parametrize("length", [9, 69], ids=["corrupt", "cut"])
async def test_a_write_is_done_whatever_its_answer_holds(length: int) -> None:
    """A 2xx to a write says that it was done: a body that cannot be read is no error, and nothing is sent again."""
    spoiled = f"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\nno gzip!!".encode()
    async with raw_server(spoiled, answer(200, GROUP)) as server:
        async with PartooClient("key", server=server.url, retry=FAST) as client:
            deleting = asyncio.create_task(client.groups.delete(7, 42))
            while not server.requests:
                await asyncio.sleep(0)
            if length > 9:
                for writer in server.open:
                    writer.close()
            await deleting
            await client.groups.get(7, 42)
    assert [request.split(b" ")[0] for request in server.requests] == [b"DELETE", b"GET"]


async def test_what_a_middleware_has_sent_counts_as_sent() -> None:
    """A write that a middleware of yours sends twice is not repeated when only its second try found no server."""
    writes = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal writes
        await reader.readuntil(b"\r\n\r\n")
        writes += 1
        writer.write(answer(503, b"", "Connection: close"))
        writer.close()

    async def send_twice(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(request)
        response.close()
        server.close()
        return await handler(request)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    async with aiohttp.ClientSession(middlewares=(send_twice,)) as session:
        async with PartooClient("key", server=url, session=session, retry=FAST) as client:
            with pytest.raises(APIConnectionError) as caught:
                await client.sections.create(name="France")
            assert client.quota.used == 1
    assert caught.value.request_sent
    assert (writes, len(caught.value.attempts)) == (1, 1)


async def test_a_refused_connection_is_told_in_plain_words() -> None:
    """Its text has the reason of the operating system, and no name of a class of aiohttp."""
    async with PartooClient("key", server="http://127.0.0.1:9", retry=FAST) as client:
        with pytest.raises(APIConnectionError, match=r"at http://127\.0\.0\.1:9: cannot connect: Connection refused"):
            await client.groups.get(7, 42)
