"""The TLS context of clients that are given none: read once for a process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import pytest

from partoo_async._transport import AiohttpTransport, tls


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
