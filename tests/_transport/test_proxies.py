"""What a proxy gets to see, which one is taken, and what is said when it is in the way."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from yarl import URL

from partoo_async import APIConnectionError, PartooClient, RetryPolicy
from partoo_async.emulator import Emulator
from tests.support.tls_front import tls_front

CA = trustme.CA()
ONCE = RetryPolicy(max_retries=0)


class Proxy:
    """Makes tunnels, or refuses them with a status; keeps every byte of its clients."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.url = ""
        self.heads: list[str] = []
        self.received = b""
        self._handlers: list[asyncio.Task[None]] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.append(task)
        head = await reader.readuntil(b"\r\n\r\n")
        self.received += head
        self.heads.append(head.decode().strip())
        writer.write(f"HTTP/1.1 {self.status} X\r\n\r\n".encode())
        if self.status == 200:
            host, _, port = head.split()[1].decode().rpartition(":")
            upstream = await asyncio.open_connection(host, int(port))
            await asyncio.gather(self.pump(reader, upstream[1], True), self.pump(upstream[0], writer, False))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, keep: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                self.received += data if keep else b""
                target.write(data)
        target.close()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[Proxy]:
        async with await asyncio.start_server(self.handle, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self
            await asyncio.gather(*self._handlers)


@pytest.fixture
async def over_tls(emulator: Emulator) -> AsyncIterator[dict[str, Any]]:
    """Options of a client for an emulator that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("localhost").configure_cert(context)
    trust = ssl.create_default_context()
    CA.configure_trust(trust)
    with tls_front(context, URL(emulator.url).port or 0) as port:
        yield {
            "api_key": emulator.api_key,
            "server": f"https://localhost:{port}/v2",
            "ssl_context": trust,
            "retry": ONCE,
        }


async def test_a_proxy_sees_the_server_and_no_more(over_tls: dict[str, Any]) -> None:
    """Host, port and the proxy's own password: key, path and response are inside TLS."""
    async with Proxy().serve() as proxy:
        address = proxy.url.replace("//", "//me:s3cret@")
        async with PartooClient(**over_tls, proxy=address) as client:
            assert (await client.groups.get(7, 42)).name == "France"
    target, secret = over_tls["server"].split("/")[2], b64encode(b"me:s3cret").decode()
    lines = proxy.heads[0].splitlines()
    assert lines[0] == f"CONNECT {target} HTTP/1.1"
    names = {line.partition(":")[0] for line in lines[1:]}
    assert names == {"Accept", "Accept-Encoding", "Host", "Proxy-Authorization", "User-Agent"}
    assert f"Proxy-Authorization: Basic {secret}" in lines
    assert not any(text in proxy.received for text in (over_tls["api_key"].encode(), b"/sections", b"France"))


async def test_the_environment_names_the_proxy(over_tls: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``trust_env``, HTTPS_PROXY is taken, but not for hosts in NO_PROXY."""
    for name in ("https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with Proxy().serve() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for no_proxy, tunnels in (("", 1), ("example.com,localhost", 1), ("example.com", 2)):
            monkeypatch.setenv("NO_PROXY", no_proxy)
            async with PartooClient(**over_tls, trust_env=True) as client:
                await client.groups.get(7, 42)
            assert len(proxy.heads) == tunnels


async def test_clients_with_and_without_proxy_share_a_quota(over_tls: dict[str, Any]) -> None:
    """A proxy belongs to a client; the quota is that of the key."""
    async with (
        Proxy().serve() as proxy,
        PartooClient(**over_tls, proxy=proxy.url) as one,
        PartooClient(**over_tls) as other,
    ):
        await one.groups.get(7, 42)
        await other.groups.get(7, 42)
        assert one.quota.used == other.quota.used == 2
        assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the proxy responded 401; it wants a name and password that it knows: http://name:password@"),
        (403, "the proxy responded 403; it may not connect to this server"),
        (407, "the proxy responded 407; it wants a name and password that it knows: http://name:password@"),
        (502, "the proxy responded 502"),
    ],
)
async def test_a_refusal_in_words(over_tls: dict[str, Any], status: int, words: str) -> None:
    """What the proxy wants, and that it is the proxy: a 401 is not about the API key."""
    async with Proxy(status).serve() as proxy, PartooClient(**over_tls, proxy=proxy.url) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.groups.get(7, 42)
    assert words in str(caught.value)
    assert not caught.value.request_sent


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://proxy.invalid:3128"])
async def test_a_proxy_that_is_not_there(proxy: str) -> None:
    """The text says that it is the proxy which could not be reached, and not the server."""
    async with PartooClient("key", server="https://127.0.0.1:9/v2", proxy=proxy, retry=ONCE) as client:
        with pytest.raises(APIConnectionError, match="cannot connect to the proxy: "):
            await client.groups.get(7, 42)
    async with PartooClient("key", server="https://127.0.0.1:9/v2", retry=ONCE) as client:
        with pytest.raises(APIConnectionError, match="cannot connect: "):
            await client.groups.get(7, 42)


async def test_https_where_no_tls_is_spoken(emulator: Emulator) -> None:
    """A wrong scheme of a server's address says so."""
    async with PartooClient("key", server=emulator.url.replace("http:", "https:"), retry=ONCE) as client:
        with pytest.raises(APIConnectionError, match=r"TLS failed.*\(no TLS is spoken there: http:// instead"):
            await client.groups.get(7, 42)
