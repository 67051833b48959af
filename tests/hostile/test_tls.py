"""TLS: who cannot prove to be the server gets no request."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from yarl import URL

from partoo_async import APIConnectionError, APITimeoutError, ConfigurationError, PartooClient
from partoo_async._transport import tls_errors
from partoo_async._transport.tls_errors import refusal, tls_hint
from tests.hostile.check import FRANCE, KEY, POLICY, UNREADABLE, ask, check, row
from tests.hostile.server import HostileServer
from tests.support.each import each
from tests.support.raw_server import GROUP, answer
from tests.support.tls_front import tls_front

if TYPE_CHECKING:
    from partoo_async.emulator import Emulator

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
        (expired(), r"certificate has expired \(the server's\)"),
        (
            STRANGER.issue_cert("127.0.0.1"),
            r"(unable to get local issuer certificate|self-signed).* \(for a private CA: ssl_context=",
        ),
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


def asking(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Of a server that wants a certificate of the client."""
    context = serving(CA.issue_cert("127.0.0.1"))
    CA.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    return context


def presenting(certificate: trustme.LeafCert | None) -> ssl.SSLContext:
    context = trusting()
    if certificate is not None:
        certificate.configure_cert(context)
    return context


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@row(4)
@VERSIONS
@pytest.mark.parametrize(
    ("certificate", "advice"),
    [
        (None, "the server asks for a client certificate: give ssl_context one by load_cert_chain()"),
        (expired(), "the client certificate of ssl_context has expired"),
        (STRANGER.issue_cert("app"), "the server does not know the CA of the client certificate of ssl_context"),
    ],
    ids=["none", "expired", "unknown CA"],
)
async def test_a_server_refuses_the_client_certificate(
    emulator: Emulator, version: ssl.TLSVersion, certificate: trustme.LeafCert | None, advice: str
) -> None:
    """The error says what is wrong and which option mends it, at once: a retry would change nothing."""
    with tls_front(asking(version), URL(emulator.url).port or 0) as port:
        options: dict[str, Any] = {"server": f"https://127.0.0.1:{port}/v2", "ssl_context": presenting(certificate)}
        async with PartooClient(emulator.api_key, retry=POLICY, **options) as client:
            for method, body in (("GET", None), ("POST", {"name": "Sud"})):
                with pytest.raises(APIConnectionError, match="TLS failed") as caught:
                    await client.request(method, "/sections/7/groups", json=body)
                assert advice in str(caught.value)
                assert not caught.value.transient
                assert len(caught.value.attempts) == 1
    assert emulator.requests == ()


@row(4)
@VERSIONS
async def test_a_client_certificate(emulator: Emulator, version: ssl.TLSVersion) -> None:
    """One in ``ssl_context`` is presented to a server that asks for it."""
    with tls_front(asking(version), URL(emulator.url).port or 0) as port:
        options: dict[str, Any] = {"ssl_context": presenting(CA.issue_cert("app"))}
        async with PartooClient(emulator.api_key, server=f"https://127.0.0.1:{port}/v2", **options) as client:
            assert (await client.groups.get(7, 42)).name == "France"


@row(4)
async def test_a_renewed_client_certificate(emulator: Emulator) -> None:
    """What is loaded into the context later counts for the next connection, without a new client."""
    context = presenting(expired())
    with tls_front(asking(ssl.TLSVersion.TLSv1_3), URL(emulator.url).port or 0) as port:
        server = f"https://127.0.0.1:{port}/v2"
        async with PartooClient(emulator.api_key, server=server, ssl_context=context) as client:
            with pytest.raises(APIConnectionError, match="has expired"):
                await client.groups.get(7, 42)
            CA.issue_cert("app").configure_cert(context)
            assert (await client.groups.get(7, 42)).name == "France"


def test_the_page_has_every_advice() -> None:
    """What the texts of errors say about certificates is in the table of the page, to the letter."""
    page = (Path(__file__).parent.parent.parent / "docs" / "how-to" / "mtls.md").read_text(encoding="utf-8")
    page = page.replace("`", "")  # code is shown as such
    advice = {*tls_errors._ALERTS.values(), tls_errors._PRIVATE_CA}
    assert [text for text in advice if f"| {text.removeprefix('perhaps ')} |" not in page] == []


@row(4)
@each(
    ("reason", "advice"),
    [
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "the client certificate of ssl_context was revoked"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "the server refuses the client certificate of ssl_context"),
        ("TLSV1_ALERT_ACCESS_DENIED", "the server refuses the client certificate of ssl_context"),
        ("SSLV3_ALERT_BAD_RECORD_MAC", ""),
        ("TLSV1_ALERT_INTERNAL_ERROR", ""),
        (None, ""),
    ],
)
def test_alerts_in_words(reason: str | None, advice: str) -> None:
    """Those about the client's certificate are final; by any other one the connection was cut."""
    alert = ssl.SSLError(1, "alert")
    alert.reason = reason  # type: ignore[assignment]
    lost = OSError("connection lost")
    lost.__cause__ = alert
    assert tls_hint(alert) == advice
    assert (refusal(lost) is alert) is bool(advice)
    assert refusal(OSError("by itself")) is None


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
