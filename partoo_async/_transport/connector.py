"""Which pooled connections may carry a request, and how host names are looked up for new ones."""

from __future__ import annotations

import functools
import socket
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler

from partoo_async._internal.callables import in_daemon
from partoo_async._transport.base import HeldBackError
from partoo_async._transport.options import TIMEOUT
from partoo_async._transport.sockets import SocketProbe, abort

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from partoo_async._transport.base import Exchange

__all__ = ["GuardedConnector", "Kept", "check_may_leave"]

# Some servers close behind each response without saying so, and each read that meets this costs a slot of the quota.
# After three in a row, only one request in 32 uses a connection again.
_MAX_CLOSED_IN_A_ROW, _REUSE_ONE_IN = 3, 32

# To look at an idle connection is a system call: with 200 of them, a tenth of a request's CPU time. A read skips it if
# the connection was used less than a second ago and the last hundred were open. A server that starts to close them
# costs one more read, and all are looked at again.
_OPEN_BEFORE_TRUST = 100
_RECENT = 1.0  # seconds
# Seconds after which an idle connection is closed: aiohttp's default.
_IDLE = 15.0


def check_may_leave(connection: Connection, may_leave: Callable[[], bool]) -> None:
    """Release the connection and raise ``HeldBackError`` if the request may not leave any more."""
    if not may_leave():
        connection.release()
        raise HeldBackError


class _Protocol(ResponseHandler):
    """aiohttp's, but it resumes only what it paused: aiohttp would have it parse nothing after each small body."""

    _is_held = False

    def pause_reading(self) -> None:
        self._is_held = True
        super().pause_reading()

    def resume_reading(self, *arguments: Any, **options: Any) -> None:
        if self._is_held:
            self._is_held = options.get("resume_parser") is False  # the end of a body: the parser has to go on later
            super().resume_reading(*arguments, **options)


class Kept:
    """A connection between two requests of the fast path, which got a whole response over it."""

    __slots__ = ("connection", "probe", "protocol", "since", "transport")

    def __init__(
        self, connection: Connection, protocol: ResponseHandler, transport: asyncio.Transport, probe: SocketProbe
    ) -> None:
        self.connection, self.protocol, self.transport, self.probe = connection, protocol, transport, probe
        self.since: float = 0.0


class GuardedConnector(aiohttp.TCPConnector):
    """Reuses only connections that are open, without unexpected input, and not discarded."""

    # aiohttp hands input that arrived on an idle connection to the next request as its response, such as a second
    # response smuggled behind the first. And it takes a connection for open until the event loop has read its end.

    def __init__(self, **options: Any) -> None:
        # The system's resolver, as in every other program. aiohttp would call it in threads of the loop's pool.
        lookups: Any = _ResolverThreads()
        # No limit on connections: the client caps its requests in flight.
        super().__init__(limit=0, keepalive_timeout=_IDLE, resolver=aiohttp.ThreadedResolver(loop=lookups), **options)
        factory = getattr(self, "_factory", None)  # private: it may go
        if isinstance(factory, functools.partial) and factory.func is ResponseHandler:
            self._factory: Any = functools.partial(_Protocol, *factory.args, **factory.keywords)
        # By server. To give a connection back to aiohttp and to get it again takes as long as all checks here.
        self._kept: dict[str, deque[Kept]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        # By protocol: each use of a connection makes a new ``Connection``.
        self._probes: WeakKeyDictionary[ResponseHandler, SocketProbe] = WeakKeyDictionary()
        self._generation = 0
        self._since_trouble = 0
        self._open_in_a_row = 0
        self.closed_in_a_row: int = 0
        """Requests in a row that met a connection which the server had closed."""

    def found_closed(self) -> None:
        """Count a request that met a connection which the server had closed."""
        self.closed_in_a_row += 1
        self._open_in_a_row = 0

    def discard_idle(self) -> None:
        """Reuse none of the connections that exist now."""
        self._generation += 1

    def take(self, server: str, *, trusting: bool) -> Kept | None:
        """Return a kept connection that can carry a request, if that takes no waiting."""
        idle = self._kept.get(server)
        while idle:
            kept = idle.popleft()
            now, probe, protocol = monotonic(), kept.probe, kept.protocol
            if now - kept.since > _IDLE or kept.transport.is_closing():
                kept.connection.close()
            elif (
                self.closed_in_a_row >= _MAX_CLOSED_IN_A_ROW
                or probe.generation != self._generation
                or protocol.should_close
            ):
                kept.connection.release()  # `acquire` decides
            elif trusting and self._open_in_a_row >= _OPEN_BEFORE_TRUST and now - probe.last_used < _RECENT:
                probe.last_used = now
                return kept
            elif probe.has_input():
                kept.connection.release()
            else:
                self._open_in_a_row += 1
                probe.last_used = now
                return kept
        return None

    def keep(self, server: str, kept: Kept) -> None:
        """Keep a connection for the next request to that server."""
        if self.closed:
            kept.connection.close()
            return
        kept.since = monotonic()
        idle = self._kept.get(server)
        if idle is None:
            idle = self._kept[server] = deque()
        idle.append(kept)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_IDLE, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long."""
        self._sweeper, oldest = None, monotonic() - _IDLE
        for idle in self._kept.values():
            while idle and idle[0].since <= oldest:
                idle.popleft().connection.close()
        if any(self._kept.values()):
            self._sweeper = self._loop.call_later(_IDLE, self._sweep)

    def _return_kept(self) -> None:
        """Give all connections back to aiohttp."""
        for idle in self._kept.values():
            while idle:
                idle.popleft().connection.release()

    def close(self, *, abort_ssl: bool = False) -> Any:
        closing = super().close(abort_ssl=abort_ssl)
        self._forget_kept()
        return closing

    def _forget_kept(self) -> None:
        # Called when the connector is closed, and so are they.
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._return_kept()

    async def open(self, exchange: Exchange, request: aiohttp.ClientRequest, *, trusting: bool) -> tuple[Kept, bool]:
        """Return a connection that is not at hand, and whether it was used before."""
        if self.closed:
            raise RuntimeError("the session is closed")
        try:
            connection, reused = await self.acquire(request, [], TIMEOUT, exchange.may_leave, exchange.fresh, trusting)
        except TimeoutError:
            raise aiohttp.ConnectionTimeoutError from None
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None or transport.is_closing():
            abort(connection)
            raise aiohttp.ServerDisconnectedError
        # Once for all responses: the parser goes on to the next one where the last one ended.
        protocol.set_response_params(read_until_eof=True, auto_decompress=False)
        return Kept(connection, protocol, transport, self._probes.get(protocol) or SocketProbe(transport)), reused

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        self._return_kept()
        return (await self.acquire(req, traces, timeout, lambda: True))[0]

    async def acquire(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
        may_leave: Callable[[], bool],
        fresh: bool = False,
        trusting: bool = False,
    ) -> tuple[Connection, bool]:
        """Like ``connect``, and return whether the connection was used before.

        ``fresh``: reuse none. ``trusting``: the request can be sent again if the connection turns out closed. Raises
        ``HeldBackError`` if it took time and ``may_leave()`` is false by then.
        """
        if self.closed_in_a_row >= _MAX_CLOSED_IN_A_ROW:
            self._since_trouble += 1
            fresh = fresh or self._since_trouble % _REUSE_ONE_IN > 0
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            probe = self._probes.get(protocol) if protocol is not None else None
            if protocol is None or probe is None:
                break
            if probe.generation == self._generation and not fresh and not protocol.should_close:
                before, probe.last_used = probe.last_used, monotonic()
                if trusting and self._open_in_a_row >= _OPEN_BEFORE_TRUST and probe.last_used - before < _RECENT:
                    return connection, True
                if not probe.has_input():
                    self._open_in_a_row += 1
                    return connection, True
                self._open_in_a_row = 0
                try:
                    usable = await probe.is_usable(protocol)
                except BaseException:
                    abort(connection)
                    raise
                if usable:
                    check_may_leave(connection, may_leave)
                    return connection, True
            abort(connection)
        # A new one is used unseen: with a server that speaks first, looking would never end.
        if protocol is not None and protocol.transport is not None:
            self._probes[protocol] = SocketProbe(protocol.transport, self._generation)
        check_may_leave(connection, may_leave)
        return connection, False

    def abort_unsent(self) -> None:
        """Close the connections with unsent output: to send it may take forever."""
        for protocol in list(self._probes):
            if protocol.transport is not None and protocol.transport.get_write_buffer_size():
                protocol.transport.abort()

    def let_go(self) -> None:
        """Close without waiting for the event loop, which does not run and may never do so again."""
        # Its close() would leave a task behind, of which Python tells when the interpreter exits.
        self._close(abort_ssl=True)
        self._forget_kept()

    def close_sockets(self) -> None:
        """Close the sockets of an event loop that is closed."""
        for probe in self._probes.values():
            probe.close_socket()


class _ResolverThreads:
    """What ``ThreadedResolver`` calls of an event loop, with a new daemon thread for each lookup."""

    async def getaddrinfo(self, host: str, port: int, **options: Any) -> Any:
        return await in_daemon(functools.partial(socket.getaddrinfo, host, port, **options))

    async def getnameinfo(self, address: Any, flags: int = 0) -> Any:
        return await in_daemon(socket.getnameinfo, address, flags)
