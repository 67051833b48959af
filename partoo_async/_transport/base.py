"""What a call asks of a transport, and what it is told. Stand-ins for the network implement ``Transport``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from partoo_async._transport.attempt_timer import TimedTask

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request, Response
    from partoo_async.servers import Server

__all__ = ["Exchange", "HeldBackError", "Transport"]


class HeldBackError(Exception):
    """The request had a connection, and was not to leave any more when it had it: nothing was sent."""


class Exchange(TimedTask):
    """One request on its way to one response.

    Attributes:
        until: The event-loop time at which the attempt ends.
        latest: The one at which it ends if it has to wait for a place in a borrowed session's pool.
        may_leave: Asked right before the first byte is written. False: raise ``HeldBackError``.
        fresh: Use a new connection.
        sent: Whether a byte of the request may have left. The one place that says so: the quota, the retries and
            ``request_sent`` of errors read it here. What is not known is taken for sent: a transport that knows sets
            it to False first, and to True before it writes.
        reused: While no byte of the response has come: whether the connection was used before.
    """

    __slots__ = ("fresh", "key", "latest", "may_leave", "request", "reused", "sent", "server")

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
    ) -> None:
        super().__init__(task, until)
        self.server: Server = server
        self.request: Request = request
        self.key: Secret = key
        self.may_leave: Callable[[], bool] = may_leave
        self.latest: float = latest
        self.fresh: bool = fresh
        self.sent: bool = True
        self.reused: bool = False


class Transport(Protocol):
    """Carries requests to a server and responses back."""

    closed: bool
    """Whether ``aclose`` was called."""

    @property
    def is_ready(self) -> bool:
        """Whether ``send`` can begin at once."""

    @property
    def pool(self) -> int:
        """How many requests it can carry at once; 0 without a limit."""

    async def get_ready(self, until: float, route: str) -> None:
        """Do what takes time before a first request, until an event-loop time. Raises ``APIConnectionError``."""

    async def send(self, exchange: Exchange) -> Response:
        """Send a request and return the complete response, whatever its status.

        Raises:
            APIConnectionError: There is none. ``request_sent`` is ``exchange.sent``.
            APIResponseValidationError: It is too large, or cannot be decompressed.
            ClientClosedError: The transport was closed.
            HeldBackError: ``may_leave`` said no.
        """

    def discard_idle(self) -> None:
        """Use no connection again that there is now: the response to another request came on one of them."""

    def forget_loop(self) -> None:
        """Let go of what belongs to an event loop that was closed."""

    async def aclose(self) -> None:
        """Close every connection of its own. Safe to call twice."""
