"""The one seam where errors of aiohttp and of the operating system become ours."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http import HttpProcessingError

from partoo_async._protocol import statuses
from partoo_async._transport.body import MAX_BODY, TooLargeError, UnreadableError
from partoo_async._transport.options import CONNECT_TIMEOUT

if TYPE_CHECKING:
    from partoo_async.errors import PartooError
    from partoo_async.servers import Server

__all__ = ["translate"]


def translate(  # noqa: PLR0911 - a table: one row, one return
    error: Exception, route: str, server: Server, session: aiohttp.ClientSession
) -> PartooError:
    """Return our error for one of aiohttp's or of the operating system. Texts name the kind, never the request."""
    where = f"{route} at {server.name}"
    match error:
        case TooLargeError():
            return statuses.UNUSABLE.make((f"body larger than {MAX_BODY} bytes",), route=route)
        case UnreadableError():
            return statuses.UNREADABLE.make((f"{error} @ body",), route=route)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            # Verification is never switched off.
            return statuses.TLS.make(f"{where}: TLS failed: {_reason(error)}", False, route)
        case aiohttp.ConnectionTimeoutError():
            return statuses.CONNECT_TIMEOUT.make(f"{where}: no connection within {CONNECT_TIMEOUT:g} s", False, route)
        case aiohttp.ClientHttpProxyError():
            status = getattr(error, "status", 0)
            return statuses.proxy_rule(status).make(f"{where}: the proxy answered {status}", False, route)
        case aiohttp.ClientConnectorError():
            return statuses.UNSENT.make(f"{where}: cannot connect: {_reason(error)}", False, route)
        case TimeoutError():
            return statuses.ATTEMPT_TIMEOUT.make(f"{where}: no complete answer in time", True, route)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return statuses.MALFORMED.make(f"{where}: the answer is not valid HTTP", True, route)
    if session.closed:
        sent = not isinstance(error, RuntimeError)  # which aiohttp raises before it does anything
        return statuses.CLOSED.make(f"{where}: the aiohttp session is closed", request_sent=sent)
    return statuses.CUT.make(f"{where}: {_reason(error)}", True, route)


def _reason(error: BaseException) -> str:
    """The operating system's words where there are some, else the name of the error: never aiohttp's own text."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    if isinstance(inner, ConnectionError) and inner.errno:
        text = os.strerror(inner.errno)  # asyncio's text has the address in it, and not the reason
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
