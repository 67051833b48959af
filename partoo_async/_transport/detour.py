"""The long way of a request, through ``ClientSession.request``: with a caller's session, a proxy, tracing or mocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from yarl import URL

from partoo_async._transport.answers import Answer
from partoo_async._transport.connector import HeldBackError, SoundConnector
from partoo_async._transport.options import TIMEOUT
from partoo_async._transport.resends import SendOnce, stop_resends

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import aiohttp

    from partoo_async._http import Request, Response
    from partoo_async._secret import Secret

__all__ = ["SessionRoute"]


class SessionRoute:
    """Sends requests by a session. ``headers``: those that every request has. ``owned``: nobody else uses it."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        context: ssl.SSLContext | bool,
        *,
        owned: bool,
        proxy: str | None,
    ) -> None:
        self._session = session
        self._headers = headers
        self._context = context
        self._proxy = proxy
        # A borrowed session keeps its ways for the others who use it.
        self._resends = not (owned and stop_resends(session))

    async def ask(self, base_url: str, request: Request, key: Secret, until: float) -> Response:
        """Send a request and return its complete answer; see ``Transport.exchange``. Raises errors of aiohttp."""
        headers = {**self._headers, "x-APIKey": key.reveal()}
        if request.body is not None:
            headers["Content-Type"] = "application/json"  # the API answers 415 to anything else
        if request.may_leave is not None and not request.may_leave():
            raise HeldBackError
        connector, task = self._session.connector, asyncio.current_task()
        if isinstance(connector, SoundConnector):  # a borrowed session connects and writes in one
            connector.may_leave[task] = request.may_leave
        try:
            response = await self._send(request, headers, base_url)
        finally:
            if isinstance(connector, SoundConnector):
                del connector.may_leave[task]
        try:
            connection = response.connection
            protocol = None if connection is None else connection.protocol
            answer = Answer(response.status, response.headers, response.content, protocol)
            whole = await answer.read(request, key, until)
        except BaseException:
            response.close()  # what is left of the answer must not meet the next request on this connection
            raise
        # The last two: a 101, after which something else than HTTP is spoken.
        if answer.broken or response.connection is not None or response.status == 101:
            response.close()
        return whole

    async def _send(self, request: Request, headers: Mapping[str, str], base_url: str) -> aiohttp.ClientResponse:
        return await self._session.request(
            request.method,
            # Paths are built and checked by _operations; yarl would fold and quote them once more.
            URL(base_url + request.path, encoded=True),
            data=request.body,
            headers=headers,
            allow_redirects=False,  # aiohttp would take the key along to any host
            auto_decompress=False,  # aiohttp has no cap on what a small body unpacks to
            raise_for_status=False,
            proxy=self._proxy,
            timeout=TIMEOUT,
            ssl=self._context,
            middlewares=(SendOnce(), *getattr(self._session, "_middlewares", ())) if self._resends else None,
        )
