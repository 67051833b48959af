"""The long way of a request, through ``ClientSession.request``: with a caller's session, a proxy, tracing or mocks."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from yarl import URL

from partoo_async._transport.connector import GuardedConnector
from partoo_async._transport.no_resend import NoResend, make_trace, stop_resends
from partoo_async._transport.options import TIMEOUT
from partoo_async._transport.response_reader import ResponseReader
from partoo_async._transport.sockets import SMALL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import aiohttp

    from partoo_async._protocol.http import Response
    from partoo_async._transport.attempt_timer import AttemptTimer
    from partoo_async._transport.base import Exchange
    from partoo_async._transport.options import Quiet

__all__ = ["SessionPath"]

# The headers that aiohttp adds to a request by itself.
_OWN_NAMES = frozenset(
    ("authorization", "connection", "content-length", "content-type", "cookie", "host", "proxy-authorization")
)

_MOST_AT_ONCE = 2**20  # bytes


class SessionPath:
    """Sends requests by a session. ``headers``: those that every request has. ``owned``: nobody else uses it.

    ``quiet``: makes a context in which tracing tools let aiohttp's requests be.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        context: ssl.SSLContext | bool,
        timer: AttemptTimer,
        *,
        owned: bool,
        proxy: str | None,
        quiet: Quiet | None,
    ) -> None:
        self._session = session
        self._headers = headers
        self._context = context
        self._timer = timer
        self._proxy = proxy
        self._quiet = quiet or contextlib.nullcontext
        self._trace = make_trace()
        self._names = _OWN_NAMES | {name.lower() for name in (*headers, *session.headers, "x-APIKey")}
        if owned:
            stop_resends(session)  # a borrowed one keeps its ways for the others who use it

    async def send(self, exchange: Exchange) -> Response:
        """Send a request and return its complete response. Raises errors of aiohttp and ``HeldBackError``."""
        request, key = exchange.request, exchange.key
        large = request.body is not None and len(request.body) > SMALL
        once = NoResend(self._timer, exchange, self._trace, self._names, large=large)
        with self._quiet():
            response = await self._request(exchange, once)
        connector = self._session.connector
        if exchange.reused and isinstance(connector, GuardedConnector):
            connector.stale = 0
        exchange.reused = False
        try:
            connection = response.connection
            protocol = None if connection is None else connection.protocol
            reader = ResponseReader(response.status, response.headers, response.content, protocol)
            whole = await reader.read(request, key, exchange.until)
        except BaseException:
            once.drop(response)  # what is left of the response must not meet the next request on this connection
            raise
        # The last two: a 101, after which something else than HTTP is spoken.
        if large or reader.broken or response.connection is not None or response.status == 101:
            once.drop(response)
        return whole

    async def _request(self, exchange: Exchange, once: NoResend) -> aiohttp.ClientResponse:
        request = exchange.request
        headers = {**self._headers, "x-APIKey": exchange.key.reveal()}
        if request.body is not None:
            headers["Content-Type"] = "application/json"  # the API answers 415 to anything else
        return await self._session.request(
            request.method,
            # Paths are built and checked by `operations`; yarl would fold and quote them once more.
            URL(exchange.server.base_url + request.path, encoded=True),
            data=_payload(request.body),
            headers=headers,
            allow_redirects=False,  # aiohttp would take the key along to any host
            auto_decompress=False,  # aiohttp has no cap on what a small body unpacks to
            raise_for_status=False,
            proxy=self._proxy,
            timeout=TIMEOUT,
            ssl=self._context,
            middlewares=(once.outer, *getattr(self._session, "_middlewares", ()), once.inner),
        )


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """The body as aiohttp wants it: large bytes it writes at once, with a warning."""
    return body if body is None or len(body) <= _MOST_AT_ONCE else io.BytesIO(body)
