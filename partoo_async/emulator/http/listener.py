"""Listening on an address: start, stop, and start again on the same port."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from attrs import define, field

from partoo_async.emulator.http.connection import Connection
from partoo_async.emulator.http.http_io import REUSED
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

__all__ = ["Listener"]

_logger = logging.getLogger("partoo_async.emulator")

# Short: tests stop hundreds of emulators, often with slow responses in progress.
_SHUTDOWN_TIMEOUT = 0.1  # seconds
# A day. The framework knows nothing of the requests that are answered before it, and would end a busy connection.
_KEEPALIVE_TIMEOUT = 86_400.0  # seconds
# Connections that wait to be accepted; as many as with the framework.
_BACKLOG = 128


@define(eq=False)
class Listener:
    """One address to listen on; port 0 takes a free port at the first start and keeps it."""

    host: str
    port: int
    answer: Callable[[bytes], bytes | None]  # as in Connection
    _runner: web.AppRunner | None = field(init=False, default=None)
    _server: asyncio.Server | None = field(init=False, default=None)
    _origin: str | None = field(init=False, default=None)
    _in_progress: set[asyncio.Task[object]] = field(init=False, factory=set)
    _stopping: bool = field(init=False, default=False)

    @property
    def is_open(self) -> bool:
        """Whether it listens now."""
        return self._runner is not None

    @property
    def origin(self) -> str:
        """Such as ``http://127.0.0.1:40123``; ``RuntimeError`` before the first start."""
        if self._origin is None:
            raise RuntimeError("the emulator has no address yet: use `async with Emulator()`, or await start()")
        return self._origin

    async def start(self, app: web.Application) -> None:
        """Serve an application; raise ``ConfigurationError`` if the address cannot be listened on."""
        if self._runner is not None:
            raise RuntimeError("the emulator is running already")
        app.middlewares.insert(0, self._track)
        app.on_shutdown.append(self._finish_requests)
        self._stopping = False
        # No access log: it would flood the log of a test run, and `requests` says more.
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_TIMEOUT,
            keepalive_timeout=_KEEPALIVE_TIMEOUT,
        )
        await runner.setup()
        try:
            server = await asyncio.get_running_loop().create_server(
                partial(self._connection, runner), self.host, self.port, backlog=_BACKLOG
            )
        except (OSError, UnicodeError) as error:
            await runner.cleanup()
            raise ConfigurationError(
                f"host, port: cannot listen on {self.host!r} port {self.port} ({error}); choose another port, or"
                " port=0 for a free one, and a host of this machine such as '127.0.0.1'"
            ) from error
        self._runner, self._server = runner, server
        self.announce([socket.getsockname() for socket in server.sockets])

    def announce(self, addresses: list[tuple[str, int]]) -> None:
        """Set the origin from the sockets' addresses; warn if other machines can reach it."""
        # Only the sockets know the free port, and what a name resolved to.
        host, self.port = addresses[0][:2]
        if not all(ipaddress.ip_address(address[0]).is_loopback for address in addresses):
            _logger.warning("the emulator listens on %s: it is reachable from the network", self.host)
        if ipaddress.ip_address(host).is_unspecified:
            # A client cannot connect to the unspecified address. Loopback is one of those it stands for.
            host = "::1" if ":" in host else "127.0.0.1"
        self._origin = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def stop(self) -> None:
        """Stop listening and close every connection. Safe to repeat."""
        runner, self._runner = self._runner, None
        server, self._server = self._server, None
        if server is not None:
            server.close()
        if runner is not None:
            await runner.cleanup()

    def _connection(self, runner: web.AppRunner) -> Connection:
        assert runner.server is not None  # noqa: S101 - for the type: it is set up
        return Connection(runner.server(), self.answer)

    @web.middleware
    async def _track(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        task = asyncio.current_task()
        if task is None or self._stopping:
            raise asyncio.CancelledError  # which closes the connection
        self._in_progress.add(task)  # the framework runs each request in a task, until its response is sent
        task.add_done_callback(self._in_progress.discard)
        connection = None if request.transport is None else request.transport.get_protocol()
        if isinstance(connection, Connection):
            request[REUSED], connection.used = connection.used, True
            task.add_done_callback(connection.done)
        return await handler(request)

    async def _finish_requests(self, _: web.Application) -> None:
        # Before the framework does it. aiohttp logs an unhandled InvalidStateError if a request ends in the same
        # event-loop iteration as its own shutdown timeout.
        self._stopping = True
        if self._in_progress:
            await asyncio.wait(self._in_progress, timeout=_SHUTDOWN_TIMEOUT)
        for task in self._in_progress:
            task.cancel()
        await asyncio.gather(*self._in_progress, return_exceptions=True)
