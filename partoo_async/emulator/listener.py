"""A server's place on the network: it listens there, leaves, and comes back to the same port."""

from __future__ import annotations

import ipaddress
import logging

from aiohttp import web
from attrs import define, field

from partoo_async.errors import ConfigurationError

__all__ = ["Listener"]

_logger = logging.getLogger("partoo_async.emulator")

# Tests stop hundreds of emulators, often with slow answers under way.
_SHUTDOWN_TIMEOUT = 0.1


@define(eq=False)
class Listener:
    """One address to listen on; port 0 takes a free one at the first start and keeps it."""

    host: str
    port: int
    _runner: web.AppRunner | None = field(init=False, default=None)
    _origin: str | None = field(init=False, default=None)

    @property
    def is_open(self) -> bool:
        """Whether it listens now."""
        return self._runner is not None

    @property
    def origin(self) -> str:
        """Such as ``http://127.0.0.1:40123``; kept after the stop. Raises ``RuntimeError`` before the first start."""
        if self._origin is None:
            raise RuntimeError("the emulator has no address yet: enter `async with Emulator()`, or await start()")
        return self._origin

    async def start(self, app: web.Application) -> None:
        """Begin to serve an application.

        Raises ``RuntimeError`` if it is open already, ``ConfigurationError`` for an address that cannot be listened on.
        """
        if self._runner is not None:
            raise RuntimeError("the emulator is running already")
        # No access log: it would flood the log of whoever runs this inside a test, and `requests` says more.
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except (OSError, UnicodeError) as error:
            await runner.cleanup()
            raise ConfigurationError(
                f"host, port: cannot listen on {self.host!r} port {self.port} ({error}); choose another port, or"
                " port=0 for a free one, and a host of this machine such as '127.0.0.1'"
            ) from error
        self._runner = runner
        self.announce(runner.addresses)

    def announce(self, addresses: list[tuple[str, int]]) -> None:
        """Take down where clients find it, and warn if those of other machines do, too."""
        # From the sockets, not from the arguments: only they know the free port and what a name resolved to.
        host, self.port = addresses[0][:2]
        if not all(ipaddress.ip_address(address[0]).is_loopback for address in addresses):
            _logger.warning("the emulator listens on %s: it is reachable from the network", self.host)
        if ipaddress.ip_address(host).is_unspecified:
            # No address to connect to; loopback is one of those it stands for.
            host = "::1" if ":" in host else "127.0.0.1"
        self._origin = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def stop(self) -> None:
        """Stop listening and close every connection; requests in progress get a tenth of a second. Safe to repeat."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
