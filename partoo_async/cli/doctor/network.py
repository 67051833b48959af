"""Checks of the way to the server: its name, a connection, TLS. They send no request."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any

from attrs import frozen

from partoo_async._internal.callables import in_daemon
from partoo_async._transport.tls import default_context
from partoo_async.cli.doctor.certificate import Certificate
from partoo_async.cli.doctor.finding import Finding, failed, found, warning
from partoo_async.cli.exit_codes import UNREACHED
from partoo_async.cli.text import amount

__all__ = ["Place", "check_connection", "check_name", "check_tls"]

_MOST_ADDRESSES = 6  # that are tried
_SOON = 14  # days in which a certificate ends


@frozen
class Place:
    """Where a server listens. ``limit``: seconds for each check."""

    host: str
    port: int
    limit: float


async def check_name(place: Place) -> tuple[list[str], Finding]:
    """Return the addresses of the host."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(place.host))], found("name", f"{place.host} is an address")
    look_up = partial(socket.getaddrinfo, place.host, place.port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(place.limit):
            answers = await in_daemon(look_up)
    except TimeoutError:
        text = f"the name {place.host} was not resolved within {place.limit:g} s"
    except (OSError, UnicodeError) as error:
        text = f"the name {place.host} was not resolved: {getattr(error, 'strerror', None) or 'it is no host name'}"
    else:
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        return addresses, found("name", f"{place.host} is {', '.join(addresses)}", addresses=addresses)
    advice = "look at the spelling of the server, and at this machine's network and DNS"
    return [], failed("name", text, advice, UNREACHED)


async def check_connection(place: Place, addresses: list[str]) -> tuple[str | None, Finding]:
    """Return the first address that accepts connections."""
    tried = addresses[:_MOST_ADDRESSES]
    results = await asyncio.gather(*(_connect(place, address) for address in tried))
    reached = {address: result for address, result in zip(tried, results, strict=True) if isinstance(result, float)}
    if not reached:
        problems = "; ".join(f"{address}: {result}" for address, result in zip(tried, results, strict=True))
        text = f"port {place.port}: {problems}"
        advice = "look whether a firewall blocks it, or the network needs a proxy"
        if all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in tried):
            advice = "nothing listens there: start it, such as with 'partoo emulator'"
        return None, failed("connection", text, advice, UNREACHED)
    address, seconds = next(iter(reached.items()))
    text = f"{address} port {place.port} answers in {seconds * 1000:.1f} ms"
    silent = [address for address, result in zip(tried, results, strict=True) if result == _SILENT]
    if silent:
        advice = "connections may wait for it: remove the address, or let it through"
        return address, warning("connection", f"{text}, but {', '.join(silent)} is silent", advice)
    return address, found("connection", text, address=address, milliseconds=round(seconds * 1000, 1))


_SILENT = "no answer in time"


async def _connect(place: Place, address: str) -> float | str:
    start = perf_counter()
    try:
        async with asyncio.timeout(place.limit):
            _, writer = await asyncio.open_connection(address, place.port)
    except TimeoutError:
        return _SILENT
    except OSError as error:
        return os.strerror(error.errno) if error.errno else type(error).__name__
    writer.transport.abort()
    return perf_counter() - start


async def check_tls(place: Place, address: str, now: float) -> Finding:
    """Shake hands as the client does, and look at the certificate. ``now``: seconds since 1970."""
    authorities = _authorities()
    try:
        async with asyncio.timeout(place.limit):
            context = await in_daemon(default_context)
            connection = await _shake_hands(place, address, context)
    except ssl.SSLCertVerificationError as error:
        shown = await _shown_certificate(place, address)
        return _distrusted(error, shown, authorities)
    except TimeoutError:
        text, advice = f"no handshake within {place.limit:g} s", "something on the way may hold TLS up: ask who runs it"
    except (OSError, ValueError) as error:
        text = f"no handshake: {getattr(error, 'reason', None) or type(error).__name__}"
        advice = "the port may speak plain HTTP, or something on the way breaks TLS: look at the server's URL"
    else:
        return _trusted(connection, authorities, now)
    return failed("tls", text, advice, UNREACHED, authorities=authorities)


def _authorities() -> str:
    paths = ssl.get_default_verify_paths()
    for name in (paths.openssl_cafile_env, paths.openssl_capath_env):
        if name in os.environ:
            return f"{name}={os.environ[name]}"
    return paths.cafile or paths.capath or "those of the system"


async def _shake_hands(place: Place, address: str, context: ssl.SSLContext) -> ssl.SSLObject:
    reader, writer = await asyncio.open_connection(address, place.port, ssl=context, server_hostname=place.host)
    del reader
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return connection


def _trusted(connection: ssl.SSLObject, authorities: str, now: float) -> Finding:
    certificate = Certificate.of(connection.getpeercert())
    days = certificate.days_left(now)
    text = f"{connection.version()}, {certificate}, trusted by {authorities}"
    facts: dict[str, Any] = {
        "version": connection.version(),
        "issuer": certificate.issuer,
        "ends": certificate.ends,
        "days_left": days,
        "authorities": authorities,
    }
    if days is not None and days < _SOON:
        when = f"in {amount(days, 'day')}" if days >= 1 else "within a day"
        advice = f"it ends {when}: whoever runs the server should renew it"
        return warning("tls", text, advice, **facts)
    return found("tls", text, **facts)


def _distrusted(error: ssl.SSLCertVerificationError, shown: Certificate | None, authorities: str) -> Finding:
    text = f"the certificate is not trusted: {error.verify_message}" + (f" ({shown})" if shown else "")
    if error.verify_code in (9, 10):  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
        advice = "look at this machine's clock; if it is right, whoever runs the server has to renew the certificate"
    elif error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        advice = "look at the server's URL; a login page or a proxy may answer in its place"
    else:
        whose = f" of {shown.issuer}" if shown and shown.issuer else ""
        advice = (
            "if a proxy of your company reads TLS, or the server is your own: set SSL_CERT_FILE to a file with the"
            f" CA certificate{whose}"
        )
    facts = {} if shown is None else {"issuer": shown.issuer, "ends": shown.ends}
    return failed("tls", text, advice, UNREACHED, authorities=authorities, **facts)


async def _shown_certificate(place: Place, address: str) -> Certificate | None:
    """What the server shows, though nobody vouches for it. Nothing is sent to it."""
    with suppress(OSError, ValueError, TimeoutError):
        async with asyncio.timeout(place.limit):
            unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
            raw = (await _shake_hands(place, address, unverified)).getpeercert(binary_form=True)
            # The library tells the fields of a certificate only if it is trusted: it is made its own authority.
            itself = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            itself.check_hostname, itself.verify_flags = False, ssl.VERIFY_X509_PARTIAL_CHAIN
            itself.load_verify_locations(cadata=raw or b"")
            return Certificate.of((await _shake_hands(place, address, itself)).getpeercert())
    return None
