"""The TLS context of clients that are given none: read once for a process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from partoo_async import APIConnectionError, PartooClient, RetryPolicy
from partoo_async._transport import AiohttpTransport, tls
from partoo_async.emulator import Emulator

ONCE = RetryPolicy(max_retries=0)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ssl.SSLContext]]:
    """The contexts that were made since the test began."""
    made: list[ssl.SSLContext] = []

    def make() -> ssl.SSLContext:
        made.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", make)
    tls._read.cache_clear()
    yield made
    tls._read.cache_clear()


async def test_clients_share_one_context(reads: list[ssl.SSLContext]) -> None:
    """Twenty clients that start together, and one later, read the system's certificates once between them."""
    transports = [AiohttpTransport() for _ in range(21)]
    await asyncio.gather(*(transport.open() for transport in transports[:20]))
    await transports[20].open()
    assert len(reads) == 1
    for transport in transports:
        await transport.aclose()


def test_other_certificates_are_another_context(reads: list[ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    """``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count for clients that start after they were set."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    first = tls.default_context()
    for name in names:
        monkeypatch.setenv(name, "/elsewhere")
        assert tls.default_context() is not first
        monkeypatch.delenv(name)
    assert tls.default_context() is first
    assert len(reads) == 3


def test_a_forked_process_does_not_wait_for_a_thread_of_its_parent(reads: list[ssl.SSLContext]) -> None:
    """A fork while a thread reads the certificates leaves no lock that nobody would release."""
    held = tls._lock
    with held:
        tls._renew_lock()  # what a child does first
        assert tls.default_context() is reads[0]


async def test_http_needs_no_certificates(reads: list[ssl.SSLContext]) -> None:
    """A client of an ``http://`` server reads none; its copy for an ``https://`` server does, at its first request."""
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server, retry=ONCE) as client:
        await client.groups.get(7, 42)
        assert reads == []
        copy = client.with_options(server=emulator.url.replace("http:", "https:"))
        with pytest.raises(APIConnectionError, match="TLS"):
            await copy.groups.get(7, 42)
        assert len(reads) == 1
        await client.groups.get(7, 43)
    assert len(reads) == 1


async def test_https_clients_share_certificates_unless_they_bring_some(reads: list[ssl.SSLContext]) -> None:
    """Two clients of an ``https://`` server read them once between them, and one with ``ssl_context`` not at all."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    given: tuple[ssl.SSLContext | None, ...] = (own, None, None)
    for context, count in zip(given, (0, 1, 1), strict=True):
        options: dict[str, Any] = {"server": "https://127.0.0.1:9", "retry": ONCE, "ssl_context": context}
        async with PartooClient("key", **options) as client:
            assert len(reads) <= count  # none before the first request
            with pytest.raises(APIConnectionError):
                await client.groups.get(7, 42)
        assert len(reads) == count


@pytest.mark.parametrize(
    ("given", "proxy", "base_url", "needs"),
    [
        (None, None, "http://localhost/v2", False),
        (None, None, "https://api.partoo.co/v2", True),
        (None, "http://proxy.example:3128", "http://localhost/v2", False),
        (None, "HTTPS://proxy.example:3128", "http://localhost/v2", True),
        (True, "https://proxy.example:3128", "https://api.partoo.co/v2", False),
    ],
)
async def test_what_is_spoken_to_by_https_needs_certificates(
    reads: list[ssl.SSLContext], given: bool | None, proxy: str | None, base_url: str, needs: bool
) -> None:
    """That is the server or the proxy, unless a borrowed session (``given``) has its own."""
    trust = tls.Trust(given, proxy)
    assert await trust.context(base_url) is (reads[0] if needs else True)
    trust.prepare(base_url)
    assert len(reads) == needs
