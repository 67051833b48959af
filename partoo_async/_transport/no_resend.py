"""Keep ``ClientSession.request`` from sending one request twice: follow when it leaves, and on which connection."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.tracing import Trace

from partoo_async._transport.connector import check_may_leave
from partoo_async._transport.exceptions import BEFORE_SENDING
from partoo_async._transport.sockets import SocketProbe, is_stale

if TYPE_CHECKING:
    import asyncio
    from types import SimpleNamespace

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

    from partoo_async._transport.attempt_timer import AttemptTimer
    from partoo_async._transport.base import Exchange

__all__ = ["NoResend", "disable_resend", "make_trace"]

# The connections of borrowed sessions.
_probes: WeakKeyDictionary[ResponseHandler, SocketProbe] = WeakKeyDictionary()


class _UnfitError(Exception):
    """The connection cannot be used, and nothing was written to it."""


class NoResend:
    """Lets one request leave once, on a usable connection."""

    # aiohttp silently sends a GET again when its connection drops: the quota would not see the second request. And it
    # does not check whether the server has closed an idle connection.

    __slots__ = (
        "_error", "_exchange", "_guarded", "_large", "_left", "_names", "_reused", "_timer", "_trace", "_transport"
    )  # fmt: skip

    def __init__(
        self,
        timer: AttemptTimer,
        exchange: Exchange,
        trace: aiohttp.TraceConfig,
        names: frozenset[str],
        *,
        large: bool,
        guarded: bool,
    ) -> None:
        self._timer, self._exchange, self._trace = timer, exchange, trace
        self._names = names  # of headers that may be sent, as they are spelled and in lower case
        self._large = large  # the body may not leave at once
        self._guarded = guarded  # a `GuardedConnector` looks at the connections
        self._left = 0.0
        self._reused = False
        self._error: Exception | None = None
        self._transport: asyncio.Transport | None = None

    def __deepcopy__(self, _: object) -> NoResend:
        return self  # mocks of aiohttp copy all arguments of a request, the event loop included

    async def outer(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Run as the request's first middleware: refuse a resend, and drop headers that tracing added."""
        if self._error is not None:
            raise self._error
        if not self._names.issuperset(request.headers):
            # What the caller's own visitor sent is none of the API's business. Middlewares still add theirs.
            for name in [name for name in request.headers if name.lower() not in self._names]:
                del request.headers[name]
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, *BEFORE_SENDING) as error:
            # A new one, without the frames that lead to the request's headers.
            failure = aiohttp.ClientPayloadError(f"{type(error).__name__}: connection dropped before the response")
            self._error = failure
            if self._transport is None or not isinstance(error, BEFORE_SENDING):
                raise
        # A middleware of the caller's had sent it already, and tried once more: this error would say that nothing left.
        raise failure

    async def inner(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Run as the request's last middleware: repeat it until the connection is usable."""
        self._follow(request)
        while True:
            try:
                return await handler(request)
            except _UnfitError:
                continue
            except BaseException as error:
                self._exchange.reused = self._exchange.reused and is_stale(error)
                if self._transport is not None:
                    self._transport.abort()  # else the socket stays open until the rest of the body is sent
                raise

    def _follow(self, request: aiohttp.ClientRequest) -> None:
        traces, send = getattr(request, "_traces", None), getattr(request, "send", None)
        if not isinstance(traces, list) or send is None:
            return  # an unknown aiohttp: ``exchange.sent`` stays True
        traces.append(Trace(request.session, self._trace, self))  # type: ignore[arg-type]  # any object will do
        self._exchange.sent = self._transport is not None  # by a middleware of the caller's that sends twice
        request.send = functools.partial(self._send, send)  # type: ignore[method-assign]  # of this one request

    async def _send(self, send: Any, connection: Connection) -> aiohttp.ClientResponse:
        """Run by aiohttp when it has a connection."""
        protocol, transport = connection.protocol, connection.transport
        if self._reused and (self._exchange.fresh or not await self._is_fit(protocol, transport)):
            raise _UnfitError
        check_may_leave(connection, self._exchange.may_leave)
        self._transport = transport
        self._exchange.sent, self._exchange.reused = True, self._reused
        response: aiohttp.ClientResponse = await send(connection)
        if self._large and protocol is not None:
            protocol.force_close()  # aiohttp reuses a connection whose body an early response left half sent
        return response

    async def _is_fit(self, protocol: ResponseHandler | None, transport: asyncio.Transport | None) -> bool:
        if protocol is None or transport is None:
            return False
        if protocol.should_close or transport.is_closing() or transport.get_write_buffer_size():
            return False
        if self._guarded:
            return True
        probe = _probes.get(protocol)
        if probe is None:
            probe = _probes[protocol] = SocketProbe(transport)
        return not probe.has_input() or await probe.is_usable(protocol)

    def close(self, response: aiohttp.ClientResponse) -> None:
        """Close the connection of a response at once, without sending what is left."""
        # Without a connection the response is complete, and another request may use that connection already.
        if self._transport is not None and (self._large or response.connection is not None):
            self._transport.abort()
        response.close()

    def connected(self, *, reused: bool) -> None:
        """Note whether the connection was used before. The last call counts."""
        self._reused = reused

    def pause(self) -> None:
        """Stop the attempt's clock while it waits for a place in a borrowed session's pool."""
        exchange = self._exchange
        self._left = exchange.until - self._timer.now()
        self._timer.move(exchange, max(exchange.until, exchange.latest))

    def resume(self) -> None:
        self._timer.move(self._exchange, min(self._exchange.until, self._timer.now() + self._left))


def make_trace() -> aiohttp.TraceConfig:
    """Return the trace that tells a ``NoResend`` of its connection."""

    async def reused(_: object, guard: SimpleNamespace, __: object) -> None:
        guard.connected(reused=True)

    async def created(_: object, guard: SimpleNamespace, __: object) -> None:
        guard.connected(reused=False)

    async def queued(_: object, guard: SimpleNamespace, __: object) -> None:
        guard.pause()

    async def admitted(_: object, guard: SimpleNamespace, __: object) -> None:
        guard.resume()

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(reused)
    trace.on_connection_create_end.append(created)
    trace.on_connection_queued_start.append(queued)
    trace.on_connection_queued_end.append(admitted)
    trace.freeze()
    return trace


def disable_resend(session: aiohttp.ClientSession) -> None:
    """Switch off aiohttp's own resend. Not for a borrowed session: others use it, too."""
    if hasattr(session, "_retry_connection"):  # private: it may go
        session._retry_connection = False
