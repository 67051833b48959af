"""TLS: who cannot prove to be the server gets no request."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl

import pytest

from partoo_async import APIConnectionError, APITimeoutError, ConfigurationError, PartooClient
from tests.hostile.check import FRANCE, KEY, POLICY, UNREADABLE, ask, check, row
from tests.hostile.server import HostileServer
from tests.support.raw_server import GROUP, answer

trustme = pytest.importorskip("trustme")

CA, STRANGER = trustme.CA(), trustme.CA()


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(context)
    return context


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def expired() -> trustme.LeafCert:
    return CA.issue_cert("127.0.0.1", not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))


@row(4)
@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (expired(), "certificate has expired"),
        (STRANGER.issue_cert("127.0.0.1"), "unable to get local issuer certificate|self-signed"),
        (CA.issue_cert("elsewhere.example"), "IP address mismatch"),
    ],
    ids=["expired", "unknown CA", "wrong host"],
)
async def test_who_cannot_prove_it_is_refused(certificate: trustme.LeafCert, reason: str) -> None:
    """Once, for good, and in words that say what is wrong; nothing was sent."""
    server = HostileServer(scheme="https")
    async with server.serve(serving(certificate)):
        async with PartooClient(KEY, server=server.url, retry=POLICY, ssl_context=trusting()) as client:
            outcome = await ask(client)
            assert client.quota.used == 0
    assert type(outcome.error) is APIConnectionError
    with pytest.raises(APIConnectionError, match=f"TLS failed: .*({reason})"):
        raise outcome.error
    assert not outcome.error.request_sent
    assert len(outcome.error.attempts) == 1
    assert server.requests == []


@row(4)
async def test_the_system_does_not_trust_a_stranger() -> None:
    """Without a context of one's own, the certificates of the system count."""
    server = HostileServer(scheme="https")
    async with server.serve(serving(CA.issue_cert("127.0.0.1"))):
        async with PartooClient(KEY, server=server.url, retry=POLICY) as client:
            outcome = await ask(client)
    assert type(outcome.error) is APIConnectionError
    assert "TLS failed" in str(outcome.error)
    assert server.requests == []


@row(4)
async def test_a_ca_of_ones_own() -> None:
    """An ``ssl_context`` that trusts it is all it takes; verification cannot be switched off."""
    server = HostileServer(scheme="https")
    async with server.serve(serving(CA.issue_cert("127.0.0.1"))):
        async with PartooClient(KEY, server=server.url, ssl_context=trusting()) as client:
            assert (await ask(client)).result == FRANCE
    with pytest.raises(ConfigurationError, match="ssl_context"):
        PartooClient(KEY, server=server.url, ssl_context=False)  # type: ignore[arg-type]


@row(5)
@pytest.mark.parametrize("speaks", [True, False], ids=["answers in plain text", "says nothing"])
@pytest.mark.usefixtures("hurried")
async def test_no_tls_on_a_tls_port(speaks: bool) -> None:
    """A server that does not speak TLS gets no request, and the call ends in time."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        if speaks:
            writer.write(answer(200, GROUP))
        else:
            await stopped.wait()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    received: list[bytes] = []
    stopped = asyncio.Event()
    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    server = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v2"
    context, patience = trusting(), 30.0 if speaks else 0.2
    async with PartooClient(KEY, server=server, retry=POLICY, attempt_timeout=patience, ssl_context=context) as client:
        outcome = await ask(client)
    stopped.set()
    listener.close()
    assert type(outcome.error) is (APIConnectionError if speaks else APITimeoutError)
    assert not any(KEY.encode() in data for data in received)


@row(5)
async def test_tls_on_a_plain_port() -> None:
    """What a TLS server says to plain text is no HTTP."""
    alert = b"\x15\x03\x03\x00\x02\x02\x0a\r\n\r\n"
    await check(alert, APIConnectionError, UNREADABLE)
