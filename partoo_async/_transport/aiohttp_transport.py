"""One HTTP exchange, from a request to its complete answer."""

from __future__ import annotations

import asyncio
import platform
import warnings
from typing import TYPE_CHECKING, Any

import aiohttp

from partoo_async._internal.version import get_version
from partoo_async._transport.attempt_timer import Deadlines
from partoo_async._transport.connector import CancelledUnsentError, HeldBackError, SoundConnector
from partoo_async._transport.exceptions import translate
from partoo_async._transport.fast_path import DirectRoute
from partoo_async._transport.options import check_options
from partoo_async._transport.session_path import SessionRoute
from partoo_async._transport.sessions import abandon, close, ends_with_its_loop, prepare
from partoo_async._transport.threads import in_own_thread, make_resolver
from partoo_async.errors import APIConnectionError, APITimeoutError, ClientClosedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request, Response
    from partoo_async._transport.attempt_timer import Watch
    from partoo_async._transport.options import Quiet
    from partoo_async.servers import Server

__all__ = ["Transport"]


def fixed_headers() -> dict[str, str]:
    """Return the headers that all requests have; the key is not among them, which no session is to hold."""
    agent = f"partoo-async/{get_version()} aiohttp/{aiohttp.__version__} Python/{platform.python_version()}"
    return {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": agent}


class Transport:
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
        self._deadlines = Deadlines()
        self._direct: DirectRoute | None = None
        self._ending: AsyncGenerator[None] | None = None
        if session is not None:
            warm_up()
            self._detour = self._make_detour(session)
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
                context = await in_own_thread(lambda: prepare(self._ssl, self._warm_up))
                if self.closed:
                    raise ClientClosedError("this client is closed; make a new one")
                # No limit on connections: the client's own cap on requests in flight stands before this one.
                connector = SoundConnector(limit=0, ssl=context, resolver=make_resolver())
                session = aiohttp.ClientSession(
                    connector=connector, trust_env=self._trust_env, cookie_jar=aiohttp.DummyCookieJar()
                )
                self._ending = await ends_with_its_loop(session)
                self._detour = self._make_detour(session)
                self._direct = None if self._proxy else DirectRoute(session, fixed_headers(), self._ssl or True)
                self._session = session
            return self._session

    def _make_detour(self, session: aiohttp.ClientSession) -> SessionRoute:
        return SessionRoute(
            session,
            fixed_headers(),
            self._ssl or True,
            self._deadlines,
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

    def forget(self) -> None:
        """Let go of a session whose event loop was closed; a borrowed one cannot be made anew.

        Raises ``ClientClosedError`` for that.
        """
        if not self._owned:
            raise ClientClosedError("the aiohttp session of this client belongs to an event loop that was closed")
        abandon(self._session)
        self._session = self._ending = None
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
        self._deadlines.close()  # aiohttp tells nobody who is connecting, or in the middle of a body
        if self._owned and self._session is not None:
            await close(self._session)

    async def exchange(
        self, server: Server, request: Request, key: Secret, until: float, latest: float = 0.0, fresh: bool = False
    ) -> Response:
        """Send one request and return its complete answer, whatever its status.

        ``until`` is the event loop time at which the attempt ends, and ``latest`` the last one if it has to wait for a
        place in a borrowed session's pool, which is no part of it. ``fresh``: on a new connection. Raises
        ``APIConnectionError``, ``APITimeoutError``, ``APIResponseValidationError`` for an answer that is too large or
        cannot be decompressed, and ``ClientClosedError`` when the session was closed. Cancelled before there was a
        connection, it raises ``CancelledUnsentError``.
        """
        session = self._session or await self.open()
        failure: BaseException
        watch = self._deadlines.start(until)
        try:
            if self._direct is not None and self._direct.open():
                return await self._direct.ask(server.base_url, request, key, watch, fresh)
            return await self._detour.ask(server.base_url, request, key, watch, latest, fresh)
        except asyncio.CancelledError as error:
            failure = asyncio.CancelledError(*error.args)
            if watch.was_it():
                failure = translate(TimeoutError(), request.route, server, session)
                if self.closed:
                    text = f"{request.route}: the client was closed before the answer came"
                    failure = ClientClosedError(text, request_sent=True)
        except HeldBackError:
            failure = HeldBackError()
        except Exception as error:
            failure = translate(error, request.route, server, session)
        finally:
            self._deadlines.stop(watch)
        if watch.reused and isinstance(session.connector, SoundConnector):
            session.connector.met_closed()
        failure = _marked(failure, request, watch)
        try:
            raise failure
        finally:
            del failure  # or the traceback would hold the frame that holds the error


def _marked(failure: BaseException, request: Request, watch: Watch) -> BaseException:
    """Say of a failure what is known of the connection that it befell."""
    if watch.unsent:  # the key and the request have not left
        if isinstance(failure, asyncio.CancelledError):
            return CancelledUnsentError(*failure.args)
        if isinstance(failure, (APIConnectionError, ClientClosedError)):
            failure.request_sent = False
    elif watch.reused and request.method == "GET" and isinstance(failure, APIConnectionError):
        failure.stale = True  # of a write nobody knows whether it was carried out
    return failure
