"""The transport over real connections: from a request to its complete response."""

from __future__ import annotations

import asyncio
import platform
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp

from partoo_async._internal.callables import guarded, in_daemon
from partoo_async._internal.version import get_version
from partoo_async._transport.attempt_timer import AttemptTimer
from partoo_async._transport.base import CLOSED, HeldBackError
from partoo_async._transport.connector import GuardedConnector
from partoo_async._transport.exceptions import map_exception
from partoo_async._transport.fast_path import FastPath
from partoo_async._transport.leftovers import Leftovers, close_without_loop
from partoo_async._transport.options import check_options
from partoo_async._transport.session_path import SessionPath
from partoo_async._transport.tls import Trust
from partoo_async.errors import APIConnectionError, APITimeoutError, ClientClosedError, ConfigurationError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from partoo_async._protocol.http import Response
    from partoo_async._transport.base import Exchange, Transport
    from partoo_async._transport.options import Quiet

__all__ = ["AiohttpTransport", "choose_transport"]


def _fixed_headers() -> dict[str, str]:
    """Return the headers of every request, without the key: no session is to hold it."""
    agent = f"partoo-async/{get_version()} aiohttp/{aiohttp.__version__} Python/{platform.python_version()}"
    return {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": agent}


class AiohttpTransport:
    """A ``Transport`` that owns an aiohttp session, made on first use in the running loop, or borrows the caller's.

    ``base_url``: where its first request goes to.
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
        base_url: str = "",
    ) -> None:
        check_options(session, proxy, trust_env, ssl_context)
        self._session, self._owned = session, session is None
        self._proxy = proxy
        self._trust_env = trust_env
        self._trust, self._base_url = Trust(ssl_context or (None if session is None else True), proxy), base_url
        self._warm_up = warm_up
        self._quiet: Quiet | None = None
        if hasattr(type(on_event), "quiet"):  # of the type: a mock has whatever it is asked for
            from partoo_async.observers import Emitter  # noqa: PLC0415 - for these alone

            self._quiet = partial(guarded, on_event.quiet, Emitter(on_event).note)
        self._opening = asyncio.Lock()
        self._timer = AttemptTimer()
        self._fast_path: FastPath | None = None
        self._loop_end: AsyncGenerator[None] | None = None
        self._leftovers: Leftovers | None = None
        if session is not None:
            warm_up()
            self._session_path = self._make_session_path(session)
            if proxy is None:
                from partoo_async._transport.borrowed_path import BorrowedPath  # noqa: PLC0415 - for these alone

                self._fast_path = BorrowedPath(session, _fixed_headers(), self._trust, self._timer)
        self.closed: bool = False

    @property
    def pool(self) -> int:
        """How many connections a borrowed session allows to one server; 0: no limit, as for our own."""
        connector = None if self._owned or self._session is None else self._session.connector
        limits = () if connector is None else (connector.limit, connector.limit_per_host)
        return min((limit for limit in limits if limit), default=0)

    def __del__(self) -> None:
        leftovers = getattr(self, "_leftovers", None)  # nothing is set where __init__ raised
        if leftovers is not None:
            leftovers.complain(self)

    async def open(self) -> aiohttp.ClientSession:
        """Return the session; make it if there is none."""
        async with self._opening:
            if not self.closed and self._session is None:
                # Without ``self``: a thread that ends late would keep an unclosed client from warning.
                await in_daemon(_prepare, self._trust, self._base_url, self._warm_up)
                if not self.closed:
                    await self._make_session()
            if self.closed or self._session is None:
                raise ClientClosedError(CLOSED)
            return self._session

    async def _make_session(self) -> None:
        connector = GuardedConnector()
        session = aiohttp.ClientSession(
            connector=connector, trust_env=self._trust_env, cookie_jar=aiohttp.DummyCookieJar()
        )
        # A client outlives its event loop, its sockets do not. A loop that shuts down, as in `asyncio.run`, closes the
        # generators that were begun in it.
        self._loop_end = _close_at_loop_end(session)
        await anext(self._loop_end)
        self._session_path = self._make_session_path(session)
        self._fast_path = None if self._proxy else FastPath(session, connector, _fixed_headers(), self._trust)
        self._session, self._leftovers = session, Leftovers(self, session, self._loop_end)

    def _make_session_path(self, session: aiohttp.ClientSession) -> SessionPath:
        return SessionPath(
            session, _fixed_headers(), self._trust, self._timer, owned=self._owned, proxy=self._proxy, quiet=self._quiet
        )

    @property
    def is_ready(self) -> bool:
        return self._session is not None

    async def get_ready(self, until: float, route: str) -> None:
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
        """Let go of a session whose event loop is closed. Raises ``ClientClosedError`` for a borrowed one."""
        if not self._owned:
            raise ClientClosedError("the aiohttp session of this client belongs to an event loop that was closed")
        if self._session is not None and not self._session.closed:
            close_without_loop(self._session)
        self._disown()
        self._session = self._loop_end = None
        self._opening = asyncio.Lock()
        self._timer = AttemptTimer()

    def discard_idle(self) -> None:
        """Reuse no connection that exists now. A borrowed session is left to its owner."""
        connector = None if self._session is None else self._session.connector
        if isinstance(connector, GuardedConnector):
            connector.discard_idle()

    async def aclose(self) -> None:
        """Close our own session; a borrowed one stays open."""
        self.closed = True
        self._timer.close()  # aiohttp does not wake who connects, or reads a body
        if self._owned and self._session is not None:
            self._disown()
            await _close(self._session)

    def _disown(self) -> None:
        if self._leftovers is not None:
            self._leftovers.disown()
            self._leftovers = None

    async def send(self, exchange: Exchange) -> Response:
        session = self._session or await self.open()
        failure: BaseException
        self._timer.start(exchange)
        try:
            if self._fast_path is not None and self._fast_path.is_safe():
                return await self._fast_path.send(exchange)
            return await self._session_path.send(exchange)
        except asyncio.CancelledError as error:
            if not exchange.timed_out():
                failure = asyncio.CancelledError(*error.args)
            elif self.closed:
                route = exchange.request.route
                failure = ClientClosedError(
                    f"{route}: the client was closed before the response came", request_sent=exchange.sent
                )
            else:
                failure = map_exception(TimeoutError(), exchange, session)
        except HeldBackError:
            failure = HeldBackError()
        except Exception as error:
            failure = map_exception(error, exchange, session)
        finally:
            self._timer.stop(exchange)
        if exchange.reused and isinstance(session.connector, GuardedConnector):
            session.connector.found_closed()
        try:
            raise failure
        finally:
            del failure  # or the traceback would hold the frame that holds the error


def _prepare(trust: Trust, base_url: str, warm_up: Callable[[], object]) -> None:
    """Get ready for the first request. In a thread: to read the certificates takes milliseconds."""
    warm_up()  # imports what a first error needs, while there are file handles to do so
    trust.prepare(base_url)


async def _close(session: aiohttp.ClientSession) -> None:
    if isinstance(session.connector, GuardedConnector):
        session.connector.abort_unsent()
    await session.close()


async def _close_at_loop_end(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await _close(session)


def choose_transport(
    given: Transport | None, *, on_event: Any, warm_up: Callable[[], object], base_url: str, **own: Any
) -> Transport:
    """Return the given transport, else a new one with ``own`` options, which do not go together with a given one."""
    if given is None:
        return AiohttpTransport(**own, on_event=on_event, warm_up=warm_up, base_url=base_url)
    if not callable(getattr(given, "send", None)):
        raise ConfigurationError(f"transport: expected a transport, such as MockTransport, not {type(given).__name__}")
    for name, value in own.items():
        if value is not None and value is not False:
            raise ConfigurationError(f"{name}: belongs to the client's own transport; leave it out, or leave transport")
    return given
