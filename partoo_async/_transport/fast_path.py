"""Send requests straight over pooled connections, without ``ClientSession.request``."""

# That function takes most of a call's CPU time. What is used instead is public in aiohttp but not documented: it is
# used only while ``fast_path_guard`` finds it unchanged and unhooked.

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import aiohttp
from aiohttp.hdrs import CONTENT_ENCODING
from yarl import URL

from partoo_async._protocol.http import Response
from partoo_async._transport.fast_path_guard import is_plain, is_unhooked
from partoo_async._transport.response_reader import LENIENT, ResponseReader
from partoo_async._transport.sockets import abort, has_unsent, is_stale

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request
    from partoo_async._transport.base import Exchange
    from partoo_async._transport.connector import Kept
    from partoo_async._transport.tls import Trust

__all__ = ["FastPath"]

_STRICT = not LENIENT


class _Origin:
    """What all requests to one base URL share."""

    __slots__ = ("head", "prefix", "request")

    def __init__(self, base_url: str, headers: Mapping[str, str], context: ssl.SSLContext | bool) -> None:
        url = URL(base_url, encoded=True)
        loop = asyncio.get_running_loop()
        # Never sent: it tells the connector where to connect.
        self.request = aiohttp.ClientRequest("GET", url, headers=headers, loop=loop, ssl=context)
        self.prefix: str = url.raw_path.rstrip("/")
        # Its headers include the host.
        self.head: str = " HTTP/1.1\r\n" + "".join(f"{name}: {text}\r\n" for name, text in self.request.headers.items())


class Pool(Protocol):
    """Where connections come from, and go to after a whole response."""

    closed_in_a_row: int

    def take(self, server: str, *, trusting: bool) -> Kept | None:
        """Return a connection that can carry a request, if that takes no waiting."""

    async def open(self, exchange: Exchange, request: aiohttp.ClientRequest, *, trusting: bool) -> tuple[Kept, bool]:
        """Return another one, and whether it was used before."""

    def keep(self, server: str, kept: Kept) -> None:
        """Take a connection back."""


class FastPath:
    """Sends requests over the connections of a session. ``headers``: those of every request."""

    def __init__(
        self, session: aiohttp.ClientSession, connector: Pool, headers: Mapping[str, str], trust: Trust
    ) -> None:
        self._session, self._connector = session, connector
        self._headers = headers
        self._trust = trust
        self._origins: dict[str, _Origin] = {}
        self._is_plain = is_plain(session)

    def is_safe(self) -> bool:
        """Whether a request can be sent here now."""
        return self._is_plain and is_unhooked(self._session)

    async def send(self, exchange: Exchange) -> Response:
        """Send a request and return its complete response. Raises errors of aiohttp and ``HeldBackError``."""
        request, base_url = exchange.request, exchange.server.base_url
        origin, connector = self._origins.get(base_url), self._connector
        if origin is None:
            context = await self._trust.context(base_url)
            origin = self._origins[base_url] = _Origin(base_url, self._headers, context)
        exchange.sent = False
        trusting = exchange.repeatable and request.method == "GET"
        kept = None if exchange.fresh else connector.take(base_url, trusting=trusting)
        reused = True
        if kept is None:
            kept, reused = await connector.open(exchange, origin.request, trusting=trusting)
        connection, protocol, transport = kept.connection, kept.protocol, kept.transport
        try:
            head_and_body = _serialize(origin, request, exchange.key)
            exchange.sent, exchange.reused = True, reused
            transport.write(head_and_body)
            message, stream = await protocol.read()
            exchange.reused = False
            if reused:
                connector.closed_in_a_row = 0
            while 100 <= message.code < 200 and message.code != 101:
                message, stream = await protocol.read()  # 100 and 103 come before the response
            code, headers = message.code, message.headers
            if _STRICT and 200 <= code < 300 and stream.is_eof() and CONTENT_ENCODING not in headers:
                # Nearly all: the body arrived with its head, and is much smaller than any cap.
                response = Response(code, headers, stream.read_nowait())
            else:
                reader = ResponseReader(code, headers, stream, protocol)
                response = await reader.read(request, exchange.key, exchange.until)
        except BaseException as error:
            exchange.reused = exchange.reused and is_stale(error)
            abort(connection)  # the next request must not get the rest of this response
            raise
        if request.body is not None and has_unsent(transport, len(request.body), code):
            abort(connection)  # the response came early: the rest of the body would precede the next request
        elif response.cut or code == 101 or message.should_close:
            connection.close()  # after a 101 the server no longer speaks HTTP
        else:
            connector.keep(base_url, kept)
        return response


def _serialize(origin: _Origin, request: Request, key: Secret) -> bytes:
    # The path and the key were checked where they came in: they have no line breaks.
    start = f"{request.method} {origin.prefix}{request.path}{origin.head}x-APIKey: {key.reveal()}\r\n"
    if request.method == "GET" and request.body is None:
        return f"{start}\r\n".encode("ascii")
    body = request.body or b""
    # The API refuses any other type with a 415.
    kind = "Content-Type: application/json\r\n" if request.body is not None else ""
    return f"{start}{kind}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body
