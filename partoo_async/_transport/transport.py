"""One HTTP exchange, from a request to its complete answer."""

from __future__ import annotations

import asyncio
import platform
import ssl
import warnings
from typing import TYPE_CHECKING

import aiohttp

from partoo_async._transport.connector import CancelledUnsentError, HeldBackError, SoundConnector
from partoo_async._transport.deadlines import Deadlines
from partoo_async._transport.detour import SessionRoute
from partoo_async._transport.direct import DirectRoute
from partoo_async._transport.options import check_options
from partoo_async._transport.translation import translate
from partoo_async._version import get_version
from partoo_async.errors import APIConnectionError, APITimeoutError, ClientClosedError

if TYPE_CHECKING:
    from partoo_async._http import Request, Response
    from partoo_async._secret import Secret
    from partoo_async.servers import Server

__all__ = ["Transport"]


def fixed_headers() -> dict[str, str]:
    """Return the headers that all requests have; the key is not among them, which no session is to hold."""
    agent = f"partoo-async/{get_version()} aiohttp/{aiohttp.__version__} Python/{platform.python_version()}"
    return {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": agent}


class Transport:
    """Owns one aiohttp session, made on first use inside the running loop, or borrows the caller's."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        check_options(session, proxy, trust_env, ssl_context)
        self._session = session
        self._owned = session is None
        self._proxy = proxy
        self._trust_env = trust_env
        self._ssl = ssl_context
        self._opening = asyncio.Lock()
        self._deadlines = Deadlines()
        self._direct: DirectRoute | None = None
        if session is not None:
            self._detour = self._make_detour(session)
        self.closed: bool = False

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
                context = self._ssl if self._ssl else await asyncio.to_thread(ssl.create_default_context)
                if self.closed:
                    raise ClientClosedError("this client is closed; make a new one")
                # No limit on connections: the client's own cap on requests in flight stands before this one. The
                # threaded resolver asks the system, as every other program on the machine does.
                connector = SoundConnector(limit=0, ssl=context, resolver=aiohttp.ThreadedResolver())
                session = aiohttp.ClientSession(
                    connector=connector, trust_env=self._trust_env, cookie_jar=aiohttp.DummyCookieJar()
                )
                self._detour = self._make_detour(session)
                self._direct = None if self._proxy else DirectRoute(session, fixed_headers(), self._ssl or True)
                self._session = session
            return self._session

    def _make_detour(self, session: aiohttp.ClientSession) -> SessionRoute:
        return SessionRoute(session, fixed_headers(), self._ssl or True, owned=self._owned, proxy=self._proxy)

    async def ready(self, until: float, route: str) -> None:
        """Open the session if that was not done yet; raises ``APITimeoutError`` when that takes too long."""
        if self._session is not None:
            return
        try:
            async with asyncio.timeout_at(until):
                await self.open()
        except TimeoutError:
            pass
        else:
            return
        # Reading certificates takes a thread of the loop's executor, and all may be busy.
        raise APITimeoutError(f"{route}: no thread was free to read the certificates in", False, route)

    def forget(self) -> None:
        """Let go of a session whose event loop was closed; a borrowed one cannot be made anew.

        Raises ``ClientClosedError`` for that.
        """
        if not self._owned:
            raise ClientClosedError("the aiohttp session of this client belongs to an event loop that was closed")
        self._session = None
        self._opening = asyncio.Lock()
        self._deadlines = Deadlines()

    def distrust(self) -> None:
        """Use no connection again that there is now. On a borrowed session that is its owner's affair."""
        connector = None if self._session is None else self._session.connector
        if isinstance(connector, SoundConnector):
            connector.distrust()

    async def aclose(self) -> None:
        """Close what is ours; a borrowed session stays open. Safe to call twice."""
        self.closed = True
        try:
            if self._owned and self._session is not None:
                await self._session.close()
        finally:
            self._deadlines.close()  # aiohttp tells nobody who is connecting, or in the middle of a body

    async def exchange(self, server: Server, request: Request, key: Secret, until: float) -> Response:
        """Send one request and return its complete answer, whatever its status.

        ``until`` is the event loop time at which the attempt ends. Raises ``APIConnectionError``,
        ``APITimeoutError``, ``APIResponseValidationError`` for an answer that is too large or cannot be decompressed,
        and ``ClientClosedError`` when the session was closed. Cancelled before there was a connection, it raises
        ``CancelledUnsentError``, and ``HeldBackError`` when ``request.may_leave`` denies it.
        """
        session = self._session or await self.open()
        connector = session.connector  # which a session that is closed meanwhile has no longer
        failure: BaseException
        watch = self._deadlines.start(until)
        try:
            if self._direct is not None and self._direct.open():
                return await self._direct.ask(server.base_url, request, key, until, watch)
            return await self._detour.ask(server.base_url, request, key, until)
        except asyncio.CancelledError as error:
            failure = asyncio.CancelledError(*error.args)
            if watch.was_it():
                failure = translate(TimeoutError(), request.route, server, session)
                if self.closed:
                    failure = ClientClosedError(f"{request.route}: the client was closed before the answer came")
                    failure.request_sent = True
        except HeldBackError:
            failure = HeldBackError()
        except Exception as error:
            failure = translate(error, request.route, server, session)
        finally:
            self._deadlines.stop(watch)
        if watch.unsent or (isinstance(connector, SoundConnector) and connector.gave_up()):
            # The key and the request have not left.
            if isinstance(failure, (APIConnectionError, ClientClosedError)):
                failure.request_sent = False
            elif isinstance(failure, asyncio.CancelledError):
                failure = CancelledUnsentError(*failure.args)
        try:
            raise failure
        finally:
            del failure  # or the traceback would hold the frame that holds the error
