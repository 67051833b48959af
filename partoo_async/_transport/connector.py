"""Which connections may carry a request: none that the other side has closed, and none on which it spoke unasked."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aiohttp

from partoo_async._transport.base import HeldBackError
from partoo_async._transport.sockets import Line, drop, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

__all__ = ["GuardedConnector", "check_may_leave"]


# After so many reads in a row that met a closed connection, only one request in so many uses one again: the server
# closes behind each answer without saying so, and each attempt costs a slot of the quota.
_ENOUGH, _ONE_IN = 3, 32

# To look whether an idle connection was closed is a system call: with 200 of them, a tenth of a request's CPU time. A
# read does without when it was used less than a second ago and the server has kept the last hundred. Should it close
# one without a word from now on, that costs one read a second request, and all are looked at again.
_KEPT_BEFORE_TRUST = 100
_RECENT = 1.0  # seconds


def check_may_leave(connection: Connection, may_leave: Callable[[], bool]) -> None:
    """Release the connection and raise ``HeldBackError`` if the gate closed while it was being made."""
    if not may_leave():
        connection.release()
        raise HeldBackError


def _always() -> bool:
    return True


class GuardedConnector(aiohttp.TCPConnector):
    """Gives out idle connections only while they are open and silent, and nothing speaks against them.

    aiohttp keeps what arrives on an idle connection, and gives it to the next request as its answer: a second answer
    that was smuggled behind the first, say. And it takes a connection for open until the event loop has read its end,
    which a program that computes keeps it from.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The protocol is what stays the same when a connection is used again.
        self._lines: WeakKeyDictionary[ResponseHandler, Line] = WeakKeyDictionary()
        self._generation = 0
        self._spared = 0
        self._kept = 0  # how many connections in a row were found open
        self.stale: int = 0
        """How many requests in a row met a connection that had been closed since it was used."""

    def met_closed(self) -> None:
        """Note that a request met a connection that had been closed since it was used."""
        self.stale += 1
        self._kept = 0

    def discard_idle(self) -> None:
        """Use no connection again that there is now: the answer to another question came on one of them."""
        self._generation += 1

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection for a request."""
        return (await self.acquire(req, traces, timeout, _always))[0]

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

        ``fresh``: not one that was. ``trusting``: the request can be sent again if the connection turns out closed.
        Raises ``HeldBackError`` if it took time to get one, and ``may_leave`` says no by then.
        """
        if self.stale >= _ENOUGH:
            self._spared += 1
            fresh = fresh or self._spared % _ONE_IN > 0
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            line = self._lines.get(protocol) if protocol is not None else None
            if protocol is None or line is None:
                break
            if line.since == self._generation and not fresh and not protocol.should_close:
                before, line.used = line.used, monotonic()
                if trusting and self._kept >= _KEPT_BEFORE_TRUST and line.used - before < _RECENT:
                    return connection, True
                if not line.speaks():
                    self._kept += 1
                    return connection, True
                self._kept = 0
                if await self._settled(connection, line):
                    check_may_leave(connection, may_leave)
                    return connection, True
            drop(connection)
        # A new one, and it is taken as it is: with a server that speaks unasked this would never end.
        if protocol is not None and protocol.transport is not None:
            self._lines[protocol] = Line(protocol.transport, self._generation)
        check_may_leave(connection, may_leave)
        return connection, False

    async def _settled(self, connection: Connection, line: Line) -> bool:
        """Let the event loop read what has come on an idle connection, and return whether it can be used still."""
        try:
            await settle()
        except BaseException:
            drop(connection)
            raise
        protocol = connection.protocol
        return not (connection.closed or protocol is None or protocol.should_close or line.speaks())

    def abort_unsent(self) -> None:
        """Close the connections on which something is unsent: to wait until it is sent may take for ever."""
        for protocol in list(self._lines):
            if protocol.transport is not None and protocol.transport.get_write_buffer_size():
                protocol.transport.abort()

    def abandon(self) -> None:
        """Close the sockets when the event loop that they belong to is closed, and can do it no more."""
        for line in self._lines.values():
            line.abandon()
