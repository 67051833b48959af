"""A transport without a network, for tests: ``partoo_async.testing`` exports it."""

from __future__ import annotations

import asyncio
import inspect
import json as jsonlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from attrs import Factory, frozen
from multidict import CIMultiDict

from partoo_async._internal.reprs import total_repr
from partoo_async._protocol.http import Response
from partoo_async._transport.base import CLOSED, HeldBackError
from partoo_async.errors import APIConnectionError, APITimeoutError, ClientClosedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from partoo_async._transport.base import Exchange

__all__ = ["MockRequest", "MockResponse", "MockTransport"]


@frozen
class MockRequest:
    """A request that a ``MockTransport`` got.

    Attributes:
        method: Such as ``"GET"``.
        path: Below the server's base URL, without the query: ``"/sections/7/groups/42"``.
        params: The query.
        json: The decoded body; None: no body.
    """

    method: str
    path: str
    params: dict[str, str]
    json: Any


@frozen
class MockResponse:
    """A response of a ``MockTransport``.

    Attributes:
        status: The HTTP status.
        json: The body, encoded for you.
        headers: Such as ``{"Retry-After": "3"}``, in any case.
        body: Bytes to send instead of ``json``, such as HTML or broken JSON.
    """

    status: int = 200
    json: Any = None
    headers: Mapping[str, str] = Factory(dict)
    body: bytes | None = None


@total_repr
class MockTransport:
    """Lets your function respond to requests, for ``PartooClient(transport=...)``.

    All else is real: quota, retries, deadlines, decoding. For a whole Partoo over HTTP, use ``make_emulator``.

    Attributes:
        requests: All requests so far.
    """

    is_ready = True
    pool = 0

    def __init__(self, handler: Callable[[MockRequest], MockResponse | Awaitable[MockResponse]]) -> None:
        """Make a transport without a network.

        Args:
            handler: A function or coroutine function from request to response. It may raise ``APIConnectionError`` or
                ``APITimeoutError`` for a network fault. Other errors reach the test.
        """
        self._handler = handler
        self.requests: list[MockRequest] = []
        self.closed: bool = False

    def __repr__(self) -> str:
        return f"<MockTransport {len(self.requests)} requests>"

    async def get_ready(self, until: float, route: str) -> None:
        """Do nothing."""

    async def send(self, exchange: Exchange) -> Response:
        """Return the handler's response. A handler that takes too long is cancelled, as a request is."""
        exchange.sent = False
        if self.closed:
            raise ClientClosedError(CLOSED)
        if not exchange.may_leave():
            raise HeldBackError
        exchange.sent = True
        request = _recorded(exchange)
        self.requests.append(request)
        try:
            async with asyncio.timeout_at(exchange.until):
                result = self._handler(request)
                response = await result if inspect.isawaitable(result) else result
        except APIConnectionError as error:
            exchange.sent = error.request_sent
            raise
        except TimeoutError:
            raise APITimeoutError(f"{exchange.request.route}: no complete response in time") from None
        body = jsonlib.dumps(response.json).encode() if response.body is None else response.body
        return Response(response.status, CIMultiDict(response.headers), body)

    def discard_idle(self) -> None:
        """Do nothing."""

    def forget_loop(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Refuse further requests."""
        self.closed = True


def _recorded(exchange: Exchange) -> MockRequest:
    request, url = exchange.request, urlsplit(exchange.request.path)
    body = None if request.body is None else jsonlib.loads(request.body)
    return MockRequest(request.method, url.path, dict(parse_qsl(url.query)), body)
