"""One request on the long way, followed from inside aiohttp: when it leaves, and on which connection."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.tracing import Trace

from partoo_async._transport.connector import check_may_leave
from partoo_async._transport.sockets import Line, is_stale, settle

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection
    from types import SimpleNamespace

    from aiohttp.connector import Connection

    from partoo_async._transport.attempt_timer import AttemptTimer
    from partoo_async._transport.base import Exchange

__all__ = ["NoResend", "make_trace", "stop_resends"]


class _UnfitError(Exception):
    """The connection cannot be used, and nothing was written to it."""


class NoResend:
    """Follows one request, and lets it leave once, on a connection that is fit for it.

    aiohttp sends a GET again by itself when its connection dropped, and in silence, so that the quota would not see
    the second request; and it does not look whether an idle connection was closed. ``large``: the body may not leave
    at once. ``names``: the headers that may go out, in lower case.
    """

    __slots__ = ("_error", "_exchange", "_large", "_left", "_names", "_reused", "_timer", "_trace", "_transport")

    def __init__(
        self,
        timer: AttemptTimer,
        exchange: Exchange,
        trace: aiohttp.TraceConfig,
        names: Collection[str],
        *,
        large: bool,
    ) -> None:
        self._timer, self._exchange, self._trace, self._names = timer, exchange, trace, names
        self._large = large
        self._left = 0.0
        self._reused = False
        self._error: Exception | None = None
        self._transport: asyncio.Transport | None = None

    def __deepcopy__(self, _: object) -> NoResend:
        return self  # mocks of aiohttp copy whatever a request was made with, the event loop and all

    async def outer(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """The first of the request's middlewares."""
        if self._error is not None:
            raise self._error
        for name in [name for name in request.headers if name.lower() not in self._names]:
            # Tracing put it there: what a visitor sent along is nothing for the API. Middlewares come after this.
            del request.headers[name]
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            # A new one, without the frames that lead to the request's headers.
            self._error = aiohttp.ClientPayloadError(f"{type(error).__name__}: connection dropped before the answer")
            raise

    async def inner(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """The last of the request's middlewares, right before aiohttp connects."""
        self._follow(request)
        while True:
            try:
                return await handler(request)
            except _UnfitError:
                continue
            except BaseException as error:
                self._exchange.reused = self._exchange.reused and is_stale(error)
                if self._transport is not None:
                    self._transport.abort()  # what is unsent of a body would keep the socket until it is sent
                raise

    def _follow(self, request: aiohttp.ClientRequest) -> None:
        traces, send = getattr(request, "_traces", None), getattr(request, "send", None)
        if not isinstance(traces, list) or send is None:
            return  # another aiohttp: what is not known is taken for sent
        traces.append(Trace(request.session, self._trace, self))  # type: ignore[arg-type]  # any object will do
        self._exchange.sent = False
        request.send = functools.partial(self._send, send)  # type: ignore[method-assign]  # of this one request

    async def _send(self, send: Any, connection: Connection) -> aiohttp.ClientResponse:
        """What aiohttp calls when it has a connection."""
        protocol, transport = connection.protocol, connection.transport
        if self._reused and (self._exchange.fresh or not await _is_fit(protocol, transport)):
            raise _UnfitError
        check_may_leave(connection, self._exchange.may_leave)
        self._transport = transport
        self._exchange.sent, self._exchange.reused = True, self._reused
        response: aiohttp.ClientResponse = await send(connection)
        if self._large and protocol is not None:
            protocol.force_close()  # an early answer leaves a part of the body unsent, and aiohttp does not look
        return response

    def drop(self, response: aiohttp.ClientResponse) -> None:
        """Close the connection of an answer, without waiting until what is unsent has left."""
        if self._transport is not None and (self._large or response.connection is not None):  # else it has moved on
            self._transport.abort()
        response.close()

    def took(self, *, used: bool) -> None:
        """Note whether the connection was used before; the last one that was taken counts."""
        self._reused = used

    def queued(self) -> None:
        """Let the time of the attempt stand still while it waits for a place in the pool."""
        exchange = self._exchange
        self._left = exchange.until - self._timer.now()
        self._timer.move(exchange, max(exchange.until, exchange.latest))

    def let_in(self) -> None:
        """Let the time of the attempt go on."""
        self._timer.move(self._exchange, min(self._exchange.until, self._timer.now() + self._left))


async def _is_fit(protocol: Any, transport: asyncio.Transport | None) -> bool:
    if protocol is None or transport is None:
        return False
    line = Line(transport, 0)
    if not transport.is_closing() and line.speaks():
        await settle()
    return not (protocol.should_close or transport.is_closing() or line.unsent() or line.speaks())


def make_trace() -> aiohttp.TraceConfig:
    """Return what tells each ``NoResend`` of its way to a connection."""

    async def reused(_: object, once: SimpleNamespace, __: object) -> None:
        once.took(used=True)

    async def created(_: object, once: SimpleNamespace, __: object) -> None:
        once.took(used=False)

    async def queued(_: object, once: SimpleNamespace, __: object) -> None:
        once.queued()

    async def let_in(_: object, once: SimpleNamespace, __: object) -> None:
        once.let_in()

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(reused)
    trace.on_connection_create_end.append(created)
    trace.on_connection_queued_start.append(queued)
    trace.on_connection_queued_end.append(let_in)
    trace.freeze()
    return trace


def stop_resends(session: aiohttp.ClientSession) -> bool:
    """Switch aiohttp's resend off, and return whether it could be: the attribute is private and may go.

    Not for a borrowed session, which others use, too.
    """
    if not hasattr(session, "_retry_connection"):
        return False
    session._retry_connection = False
    return True
