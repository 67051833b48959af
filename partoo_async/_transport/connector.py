"""Which connections may carry a request: none on which something came that nobody asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

__all__ = ["CancelledUnsentError", "HeldBackError", "SoundConnector", "hold_back"]


def hold_back(connection: Connection, may_leave: Callable[[], bool] | None) -> None:
    """Give a connection back and raise ``HeldBackError`` when the request may not leave: connecting took its time."""
    if may_leave is not None and not may_leave():
        connection.release()
        raise HeldBackError


class CancelledUnsentError(asyncio.CancelledError):
    """An attempt was cancelled before it had a connection, so that nothing was sent."""


class HeldBackError(Exception):
    """The request had a connection, and was not to leave any more when it had it: nothing was sent."""


class SoundConnector(aiohttp.TCPConnector):
    """Gives out idle connections only while they are silent and nothing speaks against them.

    aiohttp keeps what arrives on an idle connection, and gives it to the next request as its answer: a second answer
    that was smuggled behind the first, say.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The protocol is what stays the same when a connection is used again.
        self._since: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._generation = 0
        self._connecting: set[asyncio.Task[Any] | None] = set()
        self.may_leave: dict[asyncio.Task[Any] | None, Callable[[], bool] | None] = {}

    def distrust(self) -> None:
        """Use no connection again that there is now: an answer that was not the right one came on one of them."""
        self._generation += 1

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Return a connection for a request."""
        task = asyncio.current_task()
        self._connecting.add(task)
        connection = await self.sound(req, traces, timeout)
        hold_back(connection, self.may_leave.get(task))
        self._connecting.discard(task)
        return connection

    def gave_up(self) -> bool:
        """Whether the running task has failed, or was cancelled, before it had a connection. Says so once."""
        task = asyncio.current_task()
        if task not in self._connecting:
            return False
        self._connecting.discard(task)
        return True

    async def sound(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """The same for who keeps himself in mind whether there is one yet."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            since = self._since.get(protocol)
            if protocol is None or since is None:
                break
            if since == self._generation and not protocol.should_close:
                return connection
            connection.close()
        # A new one, and it is taken as it is: with a server that speaks unasked this would never end.
        if protocol is not None:
            self._since[protocol] = self._generation
        return connection
