"""What a call asks of a transport. Real ones and test doubles implement ``Transport``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from partoo_async._transport.attempt_timer import TimedTask

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request, Response
    from partoo_async.servers import Server

__all__ = ["CLOSED", "Exchange", "HeldBackError", "Transport"]

CLOSED = "this client is closed; make a new one"
"""What a ``ClientClosedError`` says."""


class HeldBackError(Exception):
    """The request was not to leave any more when it had a connection: nothing was sent."""


class Exchange(TimedTask):
    """One attempt: a request, and what became of it.

    Attributes:
        until: Event-loop time at which the attempt ends.
        latest: The same for an attempt that waits for a place in a borrowed session's pool.
        may_leave: Call it right before the first byte is written. False: raise ``HeldBackError``.
        fresh: Use a new connection.
        repeatable: The request may be sent again if it met a closed connection.
        sent: Whether a byte of the request may have left. The quota, the retries and ``request_sent`` of errors read it
            here. True until a transport that knows sets it to False; it sets it to True before it writes.
        reused: Whether the connection was used before; False once a byte of the response has arrived.
    """

    __slots__ = ("fresh", "key", "latest", "may_leave", "repeatable", "request", "reused", "sent", "server")

    def __init__(
        self,
        task: asyncio.Task[object],
        until: float,
        server: Server,
        request: Request,
        key: Secret,
        may_leave: Callable[[], bool],
        *,
        latest: float,
        fresh: bool = False,
        repeatable: bool = True,
    ) -> None:
        # Not by the constructor that it inherits: each request makes one.
        self._task, self._cancelling, self._expired = task, task.cancelling(), False
        self.until: float = until
        self.server: Server = server
        self.request: Request = request
        self.key: Secret = key
        self.may_leave: Callable[[], bool] = may_leave
        self.latest: float = latest
        self.fresh: bool = fresh
        self.repeatable: bool = repeatable
        self.sent: bool = True
        self.reused: bool = False


class Transport(Protocol):
    """Carries requests to a server and responses back."""

    closed: bool
    """Whether ``aclose`` was called."""

    @property
    def is_ready(self) -> bool:
        """Whether ``send`` needs no ``get_ready`` first."""

    @property
    def pool(self) -> int:
        """How many requests it can carry at once; 0: no limit."""

    async def get_ready(self, until: float, route: str) -> None:
        """Prepare the first request, until an event-loop time. Raises ``APIConnectionError``."""

    async def send(self, exchange: Exchange) -> Response:
        """Send a request and return the complete response, whatever its status.

        Raises:
            APIConnectionError: No complete response. ``request_sent`` is ``exchange.sent``.
            APIResponseValidationError: The body is too large, or cannot be decompressed.
            ClientClosedError: The transport was closed.
            HeldBackError: ``may_leave()`` was false.
        """

    def discard_idle(self) -> None:
        """Reuse no connection that exists now: one of them gave a response to another request."""

    def forget_loop(self) -> None:
        """Let go of what belongs to a closed event loop."""

    async def aclose(self) -> None:
        """Close its own connections. Safe to call twice."""
