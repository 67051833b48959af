"""Send requests by ``ClientSession.request``: with a borrowed session, a proxy, tracing or mocks."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from yarl import URL

from partoo_async._transport.connector import GuardedConnector
from partoo_async._transport.no_resend import NoResend, disable_resend, make_trace
from partoo_async._transport.options import TIMEOUT
from partoo_async._transport.response_reader import ResponseReader
from partoo_async._transport.sockets import SENT_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

    from partoo_async._protocol.http import Response
    from partoo_async._transport.attempt_timer import AttemptTimer
    from partoo_async._transport.base import Exchange
    from partoo_async._transport.options import Quiet
    from partoo_async._transport.tls import Trust

__all__ = ["SessionPath"]

# The headers that aiohttp itself adds.
_AIOHTTP_HEADERS = (
    "Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Host", "Proxy-Authorization"
)  # fmt: skip

_MAX_AS_BYTES = 2**20  # aiohttp warns of larger ``bytes``, which it writes in one go


class SessionPath:
    """Sends requests by a session. ``headers``: those of every request. ``owned``: the session is the client's own."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        trust: Trust,
        timer: AttemptTimer,
        *,
        owned: bool,
        proxy: str | None,
        quiet: Quiet | None,
    ) -> None:
        self._session = session
        self._headers = headers
        self._trust = trust
        self._owned = owned
        self._timer = timer
        self._proxy = proxy
        self._quiet = quiet or contextlib.nullcontext
        self._trace = make_trace()
        names = (*_AIOHTTP_HEADERS, *headers, *session.headers, "x-APIKey")
        self._names = frozenset(names) | {name.lower() for name in names}
        if owned:
            disable_resend(session)

    async def send(self, exchange: Exchange) -> Response:
        """Send a request and return its complete response. Raises errors of aiohttp and ``HeldBackError``."""
        request, key = exchange.request, exchange.key
        large = request.body is not None and len(request.body) > SENT_AT_ONCE
        guard = NoResend(self._timer, exchange, self._trace, self._names, large=large, guarded=self._owned)
        with self._quiet():
            response = await self._request(exchange, guard)
        connector = self._session.connector
        if exchange.reused and isinstance(connector, GuardedConnector):
            connector.closed_in_a_row = 0
        exchange.reused = False
        try:
            connection = response.connection
            protocol = None if connection is None else connection.protocol
            reader = ResponseReader(response.status, response.headers, response.content, protocol)
            whole = await reader.read(request, key, exchange.until)
        except BaseException:
            guard.close(response)  # the next request must not get the rest of this response
            raise
        # The last two are a 101: the server no longer speaks HTTP.
        if large or reader.broken or response.connection is not None or response.status == 101:
            guard.close(response)
        return whole

    async def _request(self, exchange: Exchange, guard: NoResend) -> aiohttp.ClientResponse:
        request = exchange.request
        headers = {**self._headers, "x-APIKey": exchange.key.reveal()}
        if request.body is not None:
            headers["Content-Type"] = "application/json"  # the API refuses anything else with a 415
        return await self._session.request(
            request.method,
            URL(exchange.server.base_url + request.path, encoded=True),  # checked already; yarl would quote it again
            data=_payload(request.body),
            headers=headers,
            allow_redirects=False,  # aiohttp would take the key along to any host
            auto_decompress=False,  # aiohttp has no cap on what a small body unpacks to
            raise_for_status=False,
            proxy=self._proxy,
            timeout=TIMEOUT,
            ssl=await self._trust.context(exchange.server.base_url),
            middlewares=(guard.outer, *getattr(self._session, "_middlewares", ()), guard.inner),
        )


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    return body if body is None or len(body) <= _MAX_AS_BYTES else io.BytesIO(body)
