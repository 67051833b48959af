"""One HTTP exchange, from a request to its complete answer."""

from __future__ import annotations

import asyncio
import platform
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp

from partoo_async._internal.version import get_version
from partoo_async._transport.attempt_timer import AttemptTimer
from partoo_async._transport.base import HeldBackError
from partoo_async._transport.connector import GuardedConnector
from partoo_async._transport.exceptions import map_exception
from partoo_async._transport.fast_path import FastPath
from partoo_async._transport.options import check_options
from partoo_async._transport.session_path import SessionPath
from partoo_async._transport.sessions import abandon, close, ends_with_its_loop, prepare
from partoo_async._transport.threads import in_own_thread, make_resolver
from partoo_async.errors import APIConnectionError, APITimeoutError, ClientClosedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from partoo_async._protocol.http import Response
    from partoo_async._transport.base import Exchange
    from partoo_async._transport.options import Quiet

__all__ = ["AiohttpTransport"]


def fixed_headers() -> dict[str, str]:
    """Return the headers that all requests have; the key is not among them, which no session is to hold."""
    agent = f"partoo-async/{get_version()} aiohttp/{aiohttp.__version__} Python/{platform.python_version()}"
    return {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": agent}


class AiohttpTransport:
    """Owns one aiohttp session, made on first use inside the running loop, or borrows the caller's.

    ``warm_up`` is called, in a thread, before the first connection: it imports what a first error would import, when
    perhaps no file handle is left to do so.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        on_event: Any = None,
        warm_up: Callable[[], object] = lambda: None,
    ) -> None:
        check_options(session, proxy, trust_env, ssl_context)
        self._session, self._owned = session, session is None
        self._proxy = proxy
        self._trust_env = trust_env
        self._ssl = ssl_context
        self._warm_up = warm_up
        # Of the type: a mock has whatever it is asked for.
        self._quiet: Quiet | None = on_event.quiet if hasattr(type(on_event), "quiet") else None
        self._opening = asyncio.Lock()
        self._timer = AttemptTimer()
        self._fast_path: FastPath | None = None
        self._ending: AsyncGenerator[None] | None = None
        if session is not None:
            warm_up()
            self._session_path = self._make_session_path(session)
        self.closed: bool = False

    @property
    def pool(self) -> int:
        """How many connections a borrowed session allows to one server; 0 without a limit, as for our own."""
        connector = None if self._owned or self._session is None else self._session.connector
        limits = () if connector is None else (connector.limit, connector.limit_per_host)
        return min((limit for limit in limits if limit), default=0)

    def __del__(self) -> None:
        # A warning only: closing sockets takes a running loop, and there may be none. Nothing is set yet where
        # __init__ raised.
        session = getattr(self, "_session", None)
        if session is not None and self._owned and not session.closed:
            warnings.warn(
                "a PartooClient was never closed; use 'async with PartooClient(...)' or 'await client.aclose()'",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    async def open(self) -> aiohttp.ClientSession:
        """Return the session. The TLS context is built in a thread: reading the certificates takes milliseconds."""
        async with self._opening:
            if self.closed:
                raise ClientClosedError("this client is closed; make a new one")
            if self._session is None:
                # Without ``self``: a thread that ends late would keep an unclosed client from warning.
                context = await in_own_thread(partial(prepare, self._ssl, self._warm_up))
                if self.closed:
                    raise ClientClosedError("this client is closed; make a new one")
                # No limit on connections: the client's own cap on requests in flight stands before this one.
                connector = GuardedConnector(limit=0, ssl=context, resolver=make_resolver())
                session = aiohttp.ClientSession(
                    connector=connector, trust_env=self._trust_env, cookie_jar=aiohttp.DummyCookieJar()
                )
                self._ending = await ends_with_its_loop(session)
                self._session_path = self._make_session_path(session)
                self._fast_path = None if self._proxy else FastPath(session, fixed_headers(), self._ssl or True)
                self._session = session
            return self._session

    def _make_session_path(self, session: aiohttp.ClientSession) -> SessionPath:
        return SessionPath(
            session,
            fixed_headers(),
            self._ssl or True,
            self._timer,
            owned=self._owned,
            proxy=self._proxy,
            quiet=self._quiet,
        )

    @property
    def is_ready(self) -> bool:
        """Whether the session is open already."""
        return self._session is not None

    async def get_ready(self, until: float, route: str) -> None:
        """Open the session: building a TLS context takes its time.

        Raises ``APITimeoutError`` when it takes too long.
        """
        try:
            async with asyncio.timeout_at(until):
                await self.open()
        except TimeoutError:
            failure: APIConnectionError = APITimeoutError(f"{route}: not ready in time to connect", False, route)
        except OSError as error:
            failure = APIConnectionError(f"{route}: not ready to connect: {error.strerror}", False, route)
        else:
            return
        raise failure

    def forget_loop(self) -> None:
        """Let go of a session whose event loop was closed; a borrowed one cannot be made anew.

        Raises ``ClientClosedError`` for that.
        """
        if not self._owned:
            raise ClientClosedError("the aiohttp session of this client belongs to an event loop that was closed")
        abandon(self._session)
        self._session = self._ending = None
        self._opening = asyncio.Lock()
        self._timer = AttemptTimer()

    def discard_idle(self) -> None:
        """Use no connection again that there is now. On a borrowed session that is its owner's affair."""
        connector = None if self._session is None else self._session.connector
        if isinstance(connector, GuardedConnector):
            connector.discard_idle()

    async def aclose(self) -> None:
        """Close what is ours; a borrowed session stays open. Safe to call twice."""
        self.closed = True
        self._timer.close()  # aiohttp tells nobody who is connecting, or in the middle of a body
        if self._owned and self._session is not None:
            await close(self._session)

    async def send(self, exchange: Exchange) -> Response:
        """Send one request and return its complete response; see ``Transport.send``."""
        session = self._session or await self.open()
        failure: BaseException
        self._timer.start(exchange)
        try:
            if self._fast_path is not None and self._fast_path.is_open():
                return await self._fast_path.send(exchange)
            return await self._session_path.send(exchange)
        except asyncio.CancelledError as error:
            if not exchange.timed_out():
                failure = asyncio.CancelledError(*error.args)
            elif self.closed:
                route = exchange.request.route
                failure = ClientClosedError(f"{route}: the client was closed before the answer came", exchange.sent)
            else:
                failure = map_exception(TimeoutError(), exchange, session)
        except HeldBackError:
            failure = HeldBackError()
        except Exception as error:
            failure = map_exception(error, exchange, session)
        finally:
            self._timer.stop(exchange)
        if exchange.reused and isinstance(session.connector, GuardedConnector):
            session.connector.met_closed()
        try:
            raise failure
        finally:
            del failure  # or the traceback would hold the frame that holds the error
