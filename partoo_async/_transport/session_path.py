"""The long way of a request, through ``ClientSession.request``: with a caller's session, a proxy, tracing or mocks."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from yarl import URL

from partoo_async._transport.connector import SoundConnector
from partoo_async._transport.no_resend import Sending, make_trace, stop_resends
from partoo_async._transport.options import TIMEOUT
from partoo_async._transport.response_reader import Answer
from partoo_async._transport.sockets import SMALL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import aiohttp

    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request, Response
    from partoo_async._transport.attempt_timer import Deadlines, Watch
    from partoo_async._transport.options import Quiet

__all__ = ["SessionRoute"]

# The headers that aiohttp adds to a request by itself.
_OWN_NAMES = frozenset(
    ("authorization", "connection", "content-length", "content-type", "cookie", "host", "proxy-authorization")
)

_MOST_AT_ONCE = 2**20  # bytes


class SessionRoute:
    """Sends requests by a session. ``headers``: those that every request has. ``owned``: nobody else uses it.

    ``quiet``: makes a context in which tracing tools let aiohttp's requests be.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        context: ssl.SSLContext | bool,
        deadlines: Deadlines,
        *,
        owned: bool,
        proxy: str | None,
        quiet: Quiet | None,
    ) -> None:
        self._session = session
        self._headers = headers
        self._context = context
        self._deadlines = deadlines
        self._proxy = proxy
        self._quiet = quiet or contextlib.nullcontext
        self._trace = make_trace()
        self._names = _OWN_NAMES | {name.lower() for name in (*headers, *session.headers, "x-APIKey")}
        if owned:
            stop_resends(session)  # a borrowed one keeps its ways for the others who use it

    async def ask(
        self, base_url: str, request: Request, key: Secret, watch: Watch, latest: float, fresh: bool
    ) -> Response:
        """Send a request and return its complete answer; see ``Transport.exchange``. Raises errors of aiohttp."""
        large = request.body is not None and len(request.body) > SMALL
        sending = Sending(
            self._deadlines, watch, self._trace, self._names, request.may_leave, latest=latest, fresh=fresh, large=large
        )
        with self._quiet():
            response = await self._request(base_url, request, key, sending)
        connector = self._session.connector
        if watch.reused and isinstance(connector, SoundConnector):
            connector.stale = 0
        watch.reused = False
        try:
            connection = response.connection
            protocol = None if connection is None else connection.protocol
            answer = Answer(response.status, response.headers, response.content, protocol)
            whole = await answer.read(request, key, watch.until)
        except BaseException:
            sending.drop(response)  # what is left of the answer must not meet the next request on this connection
            raise
        # The last two: a 101, after which something else than HTTP is spoken.
        if large or answer.broken or response.connection is not None or response.status == 101:
            sending.drop(response)
        return whole

    async def _request(self, base_url: str, request: Request, key: Secret, sending: Sending) -> aiohttp.ClientResponse:
        headers = {**self._headers, "x-APIKey": key.reveal()}
        if request.body is not None:
            headers["Content-Type"] = "application/json"  # the API answers 415 to anything else
        return await self._session.request(
            request.method,
            # Paths are built and checked by `operations`; yarl would fold and quote them once more.
            URL(base_url + request.path, encoded=True),
            data=_payload(request.body),
            headers=headers,
            allow_redirects=False,  # aiohttp would take the key along to any host
            auto_decompress=False,  # aiohttp has no cap on what a small body unpacks to
            raise_for_status=False,
            proxy=self._proxy,
            timeout=TIMEOUT,
            ssl=self._context,
            middlewares=(sending.outer, *getattr(self._session, "_middlewares", ()), sending.inner),
        )


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """The body as aiohttp wants it: large bytes it writes at once, with a warning."""
    return body if body is None or len(body) <= _MOST_AT_ONCE else io.BytesIO(body)
