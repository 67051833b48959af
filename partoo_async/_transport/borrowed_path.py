"""The fast path over a borrowed session that adds nothing to a request: its connections, and its cookies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.hdrs import SET_COOKIE
from aiohttp.tracing import Trace
from yarl import URL

from partoo_async._transport.connector import Kept, check_may_leave
from partoo_async._transport.fast_path import FastPath
from partoo_async._transport.fast_path_guard import is_plain_borrowed
from partoo_async._transport.options import TIMEOUT
from partoo_async._transport.sockets import SocketProbe, abort

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from aiohttp.client_proto import ResponseHandler

    from partoo_async._protocol.http import Response
    from partoo_async._transport.attempt_timer import AttemptTimer
    from partoo_async._transport.base import Exchange
    from partoo_async._transport.tls import Trust

__all__ = ["BorrowedPath"]

_NO_SIGNALS = aiohttp.TraceConfig()
_NO_SIGNALS.freeze()


class _Watch(Trace):
    """Is told by aiohttp how a request gets its connection."""

    # One of aiohttp's own, with signals, would call three functions for each of these.

    def __init__(self, session: aiohttp.ClientSession, timer: AttemptTimer, exchange: Exchange) -> None:
        super().__init__(session, _NO_SIGNALS, None)  # type: ignore[arg-type]  # nobody looks at the context
        self._timer, self._exchange = timer, exchange
        self._left = 0.0
        self.reused: bool = False

    async def send_connection_reuseconn(self) -> None:
        self.reused = True

    async def send_connection_create_end(self) -> None:
        self.reused = False

    async def send_connection_queued_start(self) -> None:
        # A place in the pool of somebody else's session: the wait for it is no part of the attempt.
        self._left = self._exchange.until - self._timer.now()
        self._timer.move(self._exchange, max(self._exchange.until, self._exchange.latest))

    async def send_connection_queued_end(self) -> None:
        self._timer.move(self._exchange, min(self._exchange.until, self._timer.now() + self._left))


class BorrowedPool:
    """The connections of a borrowed session. Others use them too, so that each is given back at once."""

    def __init__(self, session: aiohttp.ClientSession, timer: AttemptTimer) -> None:
        self._session, self._timer = session, timer
        self._probes: WeakKeyDictionary[ResponseHandler, SocketProbe] = WeakKeyDictionary()
        self.closed_in_a_row: int = 0

    def take(self, _: str, *, trusting: bool) -> None:
        """Return None: nothing is kept."""

    async def open(self, exchange: Exchange, request: aiohttp.ClientRequest, *, trusting: bool) -> tuple[Kept, bool]:
        """Return a connection that can carry a request, and whether it was used before."""
        watch = _Watch(self._session, self._timer, exchange)
        while True:
            connector = self._session.connector
            if connector is None:
                raise RuntimeError("the session is closed")
            try:
                connection = await connector.connect(request, [watch], TIMEOUT)
            except TimeoutError:
                raise aiohttp.ConnectionTimeoutError from None
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                abort(connection)
                raise aiohttp.ServerDisconnectedError
            probe = self._probes.get(protocol)
            if probe is None:
                probe = self._probes[protocol] = SocketProbe(transport)
            if watch.reused:
                try:
                    fit = not exchange.fresh and await self._is_fit(protocol, transport, probe)
                except BaseException:
                    abort(connection)
                    raise
                if not fit:
                    abort(connection)
                    continue
            check_may_leave(connection, exchange.may_leave)
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            return Kept(connection, protocol, transport, probe), watch.reused

    async def _is_fit(self, protocol: ResponseHandler, transport: asyncio.Transport, probe: SocketProbe) -> bool:
        if protocol.should_close or transport.is_closing() or transport.get_write_buffer_size():
            return False
        return not probe.has_input() or await probe.is_usable(protocol)

    def keep(self, _: str, kept: Kept) -> None:
        """Give a connection back."""
        kept.connection.release()


class BorrowedPath(FastPath):
    """Sends requests over the connections of a borrowed session, as long as that adds nothing to them."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        trust: Trust,
        timer: AttemptTimer,
    ) -> None:
        super().__init__(session, BorrowedPool(session, timer), headers, trust)

    def is_safe(self) -> bool:
        """Whether a request can be sent here now: its session may have got headers or cookies meanwhile."""
        return is_plain_borrowed(self._session)

    async def send(self, exchange: Exchange) -> Response:
        """Send a request and return its complete response. Its cookies are the session's, as those of any request."""
        response = await super().send(exchange)
        if SET_COOKIE in response.headers:
            lines: Any = response.headers  # a multidict, as from any real connection
            url = URL(exchange.server.base_url + exchange.request.path, encoded=True)
            self._session.cookie_jar.update_cookies_from_headers(lines.getall(SET_COOKIE), url)
        return response
