"""Map errors of aiohttp and the operating system to the client's own."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http import HttpProcessingError

from partoo_async._protocol.http import retryable_status
from partoo_async._transport.body import MAX_BODY, TooLargeError, UnreadableError
from partoo_async._transport.options import CONNECT_TIMEOUT
from partoo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    ClientClosedError,
    PartooError,
)

if TYPE_CHECKING:
    from partoo_async._transport.base import Exchange

__all__ = ["map_exception"]

# aiohttp raises these before it writes anything.
_BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    ssl.SSLError,
)


def map_exception(  # noqa: C901 - a table: one case a row
    error: Exception, exchange: Exchange, session: aiohttp.ClientSession
) -> PartooError:
    """Return our error for a foreign one. Its text names the kind of fault, never the request."""
    # aiohttp raises RuntimeError for a closed session.
    if isinstance(error, _BEFORE_SENDING) or (session.closed and isinstance(error, RuntimeError)):
        exchange.sent = False
    route = exchange.request.route
    where, sent = f"{route} at {exchange.server.name}", exchange.sent
    failure: APIConnectionError
    match error:
        case TooLargeError():
            return APIResponseValidationError((f"body larger than {MAX_BODY} bytes",), route=route)
        case UnreadableError():
            unreadable = APIResponseValidationError((f"{error} @ body",), route=route)
            unreadable.transient = True
            return unreadable
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            # Final: asking again cannot mend a certificate, and verification is never switched off.
            failure = APIConnectionError(f"{where}: TLS failed: {_reason(error)}", sent, route)
            failure.transient = False
        case aiohttp.ConnectionTimeoutError():
            failure = APITimeoutError(f"{where}: no connection within {CONNECT_TIMEOUT:g} s", sent, route)
        case aiohttp.ClientHttpProxyError():
            # What a 407 wants, a password say, no repeat will bring.
            status = getattr(error, "status", 0)
            failure = APIConnectionError(f"{where}: the proxy answered {status}", sent, route)
            failure.transient = retryable_status(status)
        case aiohttp.ClientConnectorError():
            failure = APIConnectionError(f"{where}: cannot connect: {_reason(error)}", sent, route)
        case TimeoutError():
            failure = APITimeoutError(f"{where}: no complete answer in time", sent, route)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            failure = APIConnectionError(f"{where}: the answer is not valid HTTP", sent, route)
            failure.repeats = 2
        case _ if session.closed:
            return ClientClosedError(f"{where}: the aiohttp session is closed", sent)
        case _:
            failure = APIConnectionError(f"{where}: {_reason(error)}", sent, route)
    # Of a write nobody knows whether it was carried out.
    failure.stale = exchange.reused and exchange.request.method == "GET"
    return failure


def _reason(error: BaseException) -> str:
    # The operating system's text or the error's name, never aiohttp's text: it may quote the request.
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    if isinstance(inner, ConnectionError) and inner.errno:
        text = os.strerror(inner.errno)  # asyncio's text has the address, not the reason
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
