"""The emulator itself: its arguments, its life on a socket, and what tests can ask of it."""

from __future__ import annotations

import ipaddress
import logging
import time
from random import Random
from typing import TYPE_CHECKING, Literal

from aiohttp import web

from partoo_async.emulator import checks
from partoo_async.emulator.demo import demo_sections
from partoo_async.emulator.handlers import BASE_PATH, Operations
from partoo_async.emulator.middlewares import authenticate, explain, hold_back, limit, record
from partoo_async.emulator.quota import Quota
from partoo_async.emulator.requestlog import RequestLog, SeenRequest, busiest_window
from partoo_async.emulator.store import EmulatedSection, Store
from partoo_async.emulator.windows import WINDOWS
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit, check_count, check_seconds
from partoo_async.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from aiohttp.typedefs import Middleware

__all__ = ["Emulator"]

_logger = logging.getLogger("partoo_async.emulator")

# Tests stop hundreds of emulators, often with slow answers under way.
_SHUTDOWN_TIMEOUT = 0.1
# The framework's default of 1 MiB would refuse a group of 40,000 businesses.
_MAX_BODY = 32 * 1024 * 1024


def _quota(rate_limit: RateLimit | None, window: str, retry_after: str | float) -> Quota | None:
    checks.check_choice("window", window, WINDOWS)
    style = checks.check_retry_after(retry_after)
    if rate_limit is None:
        return None
    return Quota(WINDOWS[window](rate_limit, time.monotonic), rate_limit.per, style)


class Emulator:
    """A Partoo in memory, listening on a real socket for as long as its ``async with`` block lasts.

    - ``sections``: the data, or None for ``demo_sections(seed)``.
    - ``api_key``, ``api_keys``: the keys that it accepts; all belong to one organization and share its quota.
    - ``rate_limit``: ``requests`` per ``per`` seconds, the documented 300 a minute unless changed; None for no limit.
      The other fields of a ``RateLimit`` are the client's affair.
    - ``window``: how the quota is counted, an open question: "sliding", "fixed", "token_bucket" or
      "sliding_counts_rejects" (see the module ``windows``).
    - ``retry_after``: what a 429 says: "remaining" whole seconds, the same as a "date", "absent", or a constant number.
      A window below ten seconds, which only tests have, gets "remaining" with a fraction.
    - ``error_key``: "errors" or "error", the top-level key of error bodies; the documentation has both.
    - ``unknown_status``: 404 or 403 for an unknown section or group, an open question.
    - ``latency``: by how many seconds each answer is late, a number or a (low, high) pair to draw from with ``seed``.
    - ``host``, ``port``: where to listen; port 0 takes a free one. Any host but loopback logs a warning.

    Raises ``ConfigurationError`` for a bad argument here, and for an address that cannot be listened on at the start.
    """

    def __init__(
        self,
        *,
        sections: Iterable[EmulatedSection] | None = None,
        api_key: str = "emulator-key",
        api_keys: Iterable[str] | None = None,
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - a frozen value, shared on purpose
        window: Literal["sliding", "fixed", "token_bucket", "sliding_counts_rejects"] = "sliding",
        retry_after: Literal["remaining", "date", "absent"] | float = "remaining",
        error_key: Literal["errors", "error"] = "errors",
        unknown_status: Literal[404, 403] = 404,
        latency: float | tuple[float, float] = 0.0,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        checks.check_choice("error_key", error_key, ("errors", "error"))
        checks.check_choice("unknown_status", unknown_status, (404, 403))
        check_count("seed", seed, least=0)
        self._host, self._port = checks.check_host(host), checks.check_port(port)
        self._store = Store(checks.check_sections(demo_sections(seed) if sections is None else sections))
        self._log = RequestLog()
        self._runner: web.AppRunner | None = None
        self._url: str | None = None
        self._api_key = api_key
        self._rate_limit = checks.check_rate_limit(rate_limit)
        quota = _quota(self._rate_limit, window, retry_after)
        low, high = checks.check_latency(latency)
        # Made once, not at each start, so that a restart does not hand out a fresh quota. Outermost first: a
        # middleware that answers for a request, or cuts it off, goes in after `record`.
        self._middlewares: list[Middleware] = [hold_back((low, high), Random(seed))] if high else []
        self._middlewares += [record(self._log), explain(error_key, unknown_status)]
        self._middlewares += [authenticate(checks.check_keys(api_key, api_keys))]
        self._middlewares += [limit(quota)] if quota is not None else []

    @property
    def api_key(self) -> str:
        """The key that it was given, or the default one."""
        return self._api_key

    @property
    def url(self) -> str:
        """The base URL, such as ``http://127.0.0.1:40123/v2``; kept after the stop.

        Raises ``RuntimeError`` before the first start, when the port is not known yet.
        """
        if self._url is None:
            raise RuntimeError("the emulator has no address yet: enter `async with Emulator()`, or await start()")
        return self._url

    @property
    def server(self) -> Server:
        """The emulator as a ``Server``, for ``PartooClient(server=...)``.

        Raises like ``url``, and ``ConfigurationError`` when it listens on one outer address only, because a client
        sends no key over plain http to another machine.
        """
        return Server("emulator", self.url)

    @property
    def sections(self) -> dict[int, EmulatedSection]:
        """The data by section id; live, edit it while the emulator runs."""
        return self._store.sections

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """What was received so far, in the order of the answers; the last 200,000 requests are kept."""
        return tuple(self._log)

    def busiest_window(self, per: float | None = None) -> int:
        """Return the most requests received in any window of ``per`` seconds, refused ones included.

        None stands for the window of ``rate_limit``, or a minute if there is none.
        """
        if per is None:
            per = 60.0 if self._rate_limit is None else self._rate_limit.per
        return busiest_window((seen.time for seen in self._log), check_seconds("per", per))

    async def start(self) -> None:
        """Begin to listen; after a stop on the same port again, as a server that comes back.

        Raises ``RuntimeError`` if it is running already.
        """
        if self._runner is not None:
            raise RuntimeError("the emulator is running already")
        # A new one each time: the framework freezes an application once it has run.
        app = web.Application(middlewares=self._middlewares, client_max_size=_MAX_BODY)
        app.add_routes(Operations(self._store).routes())
        # No access log: it would flood the log of whoever runs this inside a test, and `requests` says more.
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except (OSError, UnicodeError) as error:
            await runner.cleanup()
            raise ConfigurationError(
                f"host, port: cannot listen on {self._host!r} port {self._port} ({error}); choose another port, or"
                " port=0 for a free one, and a host of this machine such as '127.0.0.1'"
            ) from error
        self._runner = runner
        self._announce(runner.addresses)

    def _announce(self, addresses: list[tuple[str, int]]) -> None:
        # From the sockets, not from the arguments: only they know the free port and what a name resolved to.
        host, self._port = addresses[0][:2]
        if not all(ipaddress.ip_address(address[0]).is_loopback for address in addresses):
            _logger.warning("the emulator listens on %s: it is reachable from the network", self._host)
        if ipaddress.ip_address(host).is_unspecified:
            # No address to connect to; loopback is one of those it stands for.
            host = "::1" if ":" in host else "127.0.0.1"
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{self._port}{BASE_PATH}"

    async def stop(self) -> None:
        """Stop listening and close every connection; requests in progress get a tenth of a second. Safe to repeat."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Emulator:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        groups = sum(len(section.groups) for section in self.sections.values())
        state = f"running at {self.url}" if self._runner is not None else "stopped"
        return f"<Emulator {state}, {len(self.sections)} sections, {groups} groups>"
