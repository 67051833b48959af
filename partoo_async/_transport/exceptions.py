"""The one seam where errors of aiohttp and of the operating system become ours."""

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
    from partoo_async.servers import Server

__all__ = ["translate"]


def translate(  # noqa: PLR0911 - a table: one row, one return
    error: Exception, route: str, server: Server, session: aiohttp.ClientSession
) -> PartooError:
    """Return our error for one of aiohttp's or of the operating system. Texts name the kind, never the request."""
    where = f"{route} at {server.name}"
    match error:
        case TooLargeError():
            return APIResponseValidationError((f"body larger than {MAX_BODY} bytes",), route=route)
        case UnreadableError():
            unreadable = APIResponseValidationError((f"{error} @ body",), route=route)
            unreadable.transient = True
            return unreadable
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            # Final: asking again cannot mend a certificate, and verification is never switched off.
            refused = APIConnectionError(f"{where}: TLS failed: {_reason(error)}", False, route)
            refused.transient = False
            return refused
        case aiohttp.ConnectionTimeoutError():
            return APITimeoutError(f"{where}: no connection within {CONNECT_TIMEOUT:g} s", False, route)
        case aiohttp.ClientHttpProxyError():
            # It comes before the request is sent. What a 407 wants, a password say, no repeat will bring.
            status = getattr(error, "status", 0)
            refused = APIConnectionError(f"{where}: the proxy answered {status}", False, route)
            refused.transient = retryable_status(status)
            return refused
        case aiohttp.ClientConnectorError():
            return APIConnectionError(f"{where}: cannot connect: {_reason(error)}", False, route)
        case TimeoutError():
            return APITimeoutError(f"{where}: no complete answer in time", True, route)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            malformed = APIConnectionError(f"{where}: the answer is not valid HTTP", True, route)
            malformed.repeats = 2
            return malformed
    if session.closed:
        closed = ClientClosedError(f"{where}: the aiohttp session is closed")
        closed.request_sent = not isinstance(error, RuntimeError)  # which aiohttp raises before it does anything
        return closed
    return APIConnectionError(f"{where}: {_reason(error)}", True, route)


def _reason(error: BaseException) -> str:
    """The operating system's words where there are some, else the name of the error: never aiohttp's own text."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    if isinstance(inner, ConnectionError) and inner.errno:
        text = os.strerror(inner.errno)  # asyncio's text has the address in it, and not the reason
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
