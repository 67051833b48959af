"""Map errors of aiohttp and the operating system to the client's own."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError

from partoo_async._protocol import statuses
from partoo_async._transport.body import MAX_BODY, TooLargeError, UnreadableError
from partoo_async._transport.options import CONNECT_TIMEOUT
from partoo_async._transport.tls_errors import refusal, tls_hint
from partoo_async.servers import CUSTOM

if TYPE_CHECKING:
    from partoo_async._transport.base import Exchange
    from partoo_async.errors import PartooError

__all__ = ["BEFORE_SENDING", "map_exception"]

# aiohttp raises these before it writes anything.
BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    ssl.SSLError,
)

_NAME = "; it wants a name and password that it knows: http://name:password@proxy.example:3128"
# Some say 401 where they mean 407. By neither is the API key meant, which no proxy sees.
_PROXY_HINTS = {401: _NAME, 403: "; it may not connect to this server", 407: _NAME}


def map_exception(  # noqa: C901 - a table: one case a row
    error: Exception, exchange: Exchange, session: aiohttp.ClientSession
) -> PartooError:
    """Return our error for a foreign one. Its text names the kind of fault, never the request."""
    # aiohttp raises RuntimeError for a closed session.
    if isinstance(error, BEFORE_SENDING) or (session.closed and isinstance(error, RuntimeError)):
        exchange.sent = False
    route = exchange.request.route
    server, sent = exchange.server, exchange.sent
    where = f"{route} at {server.base_url if server.name == CUSTOM else server.name}"
    rule: statuses.Rule[Any]
    match error:
        case TooLargeError():
            return statuses.UNUSABLE.make((f"body larger than {MAX_BODY} bytes",), route=route)
        case UnreadableError():
            return statuses.UNREADABLE.make((f"{error} @ body",), route=route)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            # Verification is never switched off.
            rule, text = statuses.TLS, _tls_text(error)
        case aiohttp.ConnectionTimeoutError():
            rule, text = statuses.CONNECT_TIMEOUT, f"no connection within {CONNECT_TIMEOUT:g} s"
        case aiohttp.ClientHttpProxyError():
            status = getattr(error, "status", 0)
            rule, text = statuses.proxy_rule(status), f"the proxy responded {status}{_PROXY_HINTS.get(status, '')}"
        case aiohttp.ClientConnectorError():
            rule, text = statuses.UNSENT, f"cannot connect{_to_proxy(error, server.base_url)}: {_os_reason(error)}"
        case TimeoutError():
            rule, text = statuses.ATTEMPT_TIMEOUT, "no complete response in time"
        case aiohttp.ClientResponseError() | HttpProcessingError():
            rule, text = statuses.MALFORMED, "the response is not valid HTTP"
        case _ if alert := refusal(error):
            rule, text = statuses.TLS, _tls_text(alert)
        case _ if session.closed:
            return statuses.CLOSED.make(f"{where}: the aiohttp session is closed", request_sent=sent)
        case _:
            rule, text = statuses.CUT, _reason(error)
    # Of a write nobody knows whether it was carried out.
    stale = exchange.reused and exchange.request.method == "GET"
    mapped: PartooError = rule.make(f"{where}: {text}", sent, route, stale=stale)
    return mapped


def _to_proxy(error: aiohttp.ClientConnectorError, base_url: str) -> str:
    # A proxy's name that does not resolve is no ClientProxyConnectionError.
    host = getattr(error, "host", None)
    proxied = isinstance(error, aiohttp.ClientProxyConnectionError) or host not in (None, urlsplit(base_url).hostname)
    return " to the proxy" if proxied else ""


def _tls_text(error: BaseException) -> str:
    hint = tls_hint(error)
    return f"TLS failed: {_reason(error)}{hint and f' ({hint})'}"


def _os_reason(error: aiohttp.ClientConnectorError) -> str:
    # That it failed to connect is said; the name of a class of aiohttp's adds nothing.
    return _reason(error).removeprefix(f"{type(error).__name__}: ")


def _reason(error: BaseException) -> str:
    # The operating system's text or the error's name, never aiohttp's text: it may quote the request.
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    if isinstance(inner, ConnectionError) and inner.errno:
        text = os.strerror(inner.errno)  # asyncio's text has the address, not the reason
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
