"""``Emulator``: puts the parts together, starts and stops them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Literal, Self

from aiohttp import web

from partoo_async._internal.checks import check_choice, check_count, check_fraction, check_seconds
from partoo_async._internal.hints import AsyncOnly
from partoo_async._internal.reprs import total_repr
from partoo_async.emulator import arguments
from partoo_async.emulator.data.business_index import BusinessIndex
from partoo_async.emulator.data.demo import demo_sections
from partoo_async.emulator.data.profiles import ProfileName, generated_sections
from partoo_async.emulator.data.store import Store
from partoo_async.emulator.faults import Faults
from partoo_async.emulator.faults.injection import inject, skip_operation
from partoo_async.emulator.http.business_handlers import BusinessHandlers
from partoo_async.emulator.http.error_responses import ErrorResponses
from partoo_async.emulator.http.hosts import check_allowed_hosts, check_host_header
from partoo_async.emulator.http.http_io import BASE_PATH, routes_of
from partoo_async.emulator.http.listener import Listener
from partoo_async.emulator.http.middlewares import authenticate, delay, limit_rate, record, respond_to_errors
from partoo_async.emulator.http.quick_reads import QuickReads
from partoo_async.emulator.http.request_log import RequestLog, SeenRequest, busiest_window
from partoo_async.emulator.http.section_handlers import SectionHandlers
from partoo_async.emulator.http.status_page import show_status
from partoo_async.emulator.rate_limiters import make_rate_limits
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit
from partoo_async.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from partoo_async.emulator.behaviour import Behaviour
    from partoo_async.emulator.data.entities import EmulatedBusiness, EmulatedSection
    from partoo_async.emulator.data.keys import EmulatedKey, Role

__all__ = ["Emulator"]

# 32 MiB. The framework's default of 1 MiB would refuse a group of 40,000 businesses.
_MAX_BODY = 32 * 1024 * 1024


def _answer_nothing(_: bytes) -> None:
    return None


@total_repr
class Emulator(AsyncOnly):
    """A Partoo in memory on a real socket. A page at the root of its address shows the requests as they come.

    Args:
        sections: The data. None: ``demo_sections(seed)``.
        businesses: Businesses with known fields. Others in the groups are generated from ``seed``.
        api_key: The key it accepts, an administrator's unless ``api_keys`` maps it.
        api_keys: More keys, or a mapping of keys to a role or an ``EmulatedKey``. The keys of one organization share
            its rate limit.
        rate_limit: ``requests`` per ``per`` seconds. None: no limit.
        window: How requests are counted, an open question: "sliding", "fixed", "token_bucket" or
            "sliding_counts_rejects".
        retry_after: What a 429 says: "remaining" whole seconds, the same as a "date", "absent", or a constant number
            of seconds. With windows below ten seconds "remaining" has a fraction.
        error_key: The top-level key of error bodies.
        unknown_status: The status for an unknown section, group or business.
        behaviour: How other open questions are decided. None: ``Behaviour()``.
        latency: The delay of each response in seconds, or a (low, high) pair to draw from with ``seed``.
        chaos: The share of GET requests, 0 to 1, hit by a fault that a retry recovers from.
        seed: The same seed gives the same data and faults.
        host: The address to listen on. Any but loopback logs a warning.
        port: The port to listen on. 0: a free one.
        allowed_hosts: Host names it accepts, besides ``host``, localhost, addresses and names without a dot.
            Others get a 403, so that no web site reaches it.

    Raises:
        ConfigurationError: For a bad argument; at the start, for an address that cannot be listened on.
    """

    def __init__(
        self,
        *,
        sections: Iterable[EmulatedSection] | None = None,
        businesses: Iterable[EmulatedBusiness] | None = None,
        api_key: str = "emulator-key",
        api_keys: Iterable[str] | Mapping[str, Role | EmulatedKey] | None = None,
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - a frozen value, shared on purpose
        window: Literal["sliding", "fixed", "token_bucket", "sliding_counts_rejects"] = "sliding",
        retry_after: Literal["remaining", "date", "absent"] | float = "remaining",
        error_key: Literal["errors", "error"] = "errors",
        unknown_status: Literal[404, 403, 400] = 404,
        behaviour: Behaviour | None = None,
        latency: float | tuple[float, float] = 0.0,
        chaos: float = 0.0,
        seed: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        check_count("seed", seed, least=0)
        behaviour = arguments.check_behaviour(behaviour)
        check_choice("error_key", error_key, ("errors", "error"))
        check_choice("unknown_status", unknown_status, (404, 403, 400))
        callers = arguments.check_keys(api_key, api_keys)
        host, port = arguments.check_host(host), arguments.check_port(port)
        names = check_allowed_hosts(allowed_hosts) | {host.lower()}
        by_id = arguments.check_sections(demo_sections(seed) if sections is None else sections)
        self._store = Store(by_id, arguments.check_businesses(businesses), behaviour)
        self._index = BusinessIndex(self._store, seed)
        self._log = RequestLog()
        self._faults = Faults(seed)
        self._faults.chaos(check_fraction("chaos", chaos))
        self._api_key = api_key
        self._rate_limit = arguments.check_rate_limit(rate_limit)
        organizations = {caller.key.org_id for caller in callers.values()}
        rate_limits = make_rate_limits(organizations, self._rate_limit, window, retry_after)
        delays = arguments.check_latency(latency)
        quick = QuickReads(self._store, self._index, self._log, callers, names, self._faults)
        # A limit and a delay are the business of the middlewares.
        self._listener = Listener(host, port, quick.answer if not rate_limits and not delays[1] else _answer_nothing)
        # Made once, not at each start: a restart must not give a fresh quota. Outermost first; a middleware that
        # responds to a request itself, or cuts it off, goes in after `record`.
        self._middlewares = [
            check_host_header(names, error_key),
            show_status(self._log, rate_limits.get(callers[api_key].key.org_id)),
            delay(delays, Random(seed)),
            record(self._log),
            inject(self._faults, error_key),
            respond_to_errors(ErrorResponses(error_key, unknown_status, behaviour)),
            authenticate(callers, behaviour),
            *([limit_rate(rate_limits)] if rate_limits else []),
            skip_operation,
        ]

    @classmethod
    def with_profile(
        cls, profile: ProfileName = "typical", *, groups: int | None = None, seed: int = 0, **options: Any
    ) -> Self:
        """Return an emulator with ``generated_sections`` instead of the demo data.

        Args:
            profile: "small", "typical", "large" or "extreme".
            groups: How many groups in all. None: the profile decides.
            seed: As in ``Emulator``.
            options: Other arguments of ``Emulator``.

        Returns:
            The emulator, not started.

        Raises:
            ConfigurationError: For a bad argument.
        """
        if "sections" in options:
            raise ConfigurationError("sections: a profile makes them; for your own, use Emulator(sections=...)")
        return cls(sections=generated_sections(profile, seed=seed, groups=groups), seed=seed, **options)

    @property
    def api_key(self) -> str:
        """The key to use it with."""
        return self._api_key

    @property
    def url(self) -> str:
        """The base URL, such as ``http://127.0.0.1:40123/v2``; kept after the stop.

        Raises:
            RuntimeError: Before the first start, when the port is not known yet.
        """
        return self._listener.origin + BASE_PATH

    @property
    def server(self) -> Server:
        """The emulator as a ``Server``, for ``PartooClient(server=...)``.

        Raises:
            RuntimeError: Before the first start.
            ConfigurationError: If it does not listen on loopback, since no client sends a key over plain http then.
        """
        return Server("emulator", self.url)

    @property
    def sections(self) -> dict[int, EmulatedSection]:
        """The data by section id. Edit it at any time."""
        return self._store.sections

    @property
    def businesses(self) -> dict[str, EmulatedBusiness]:
        """Every business by id. Edit them at any time."""
        return self._index.all_businesses()

    @property
    def faults(self) -> Faults:
        """The faults it plays: ``faults.add("reset", match="GET /sections/{section_id}", times=1)``."""
        return self._faults

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """The last 200,000 requests, in the order of their responses."""
        return tuple(self._log)

    def busiest_window(self, per: float | None = None) -> int:
        """Return the most requests received in any window, refused ones included.

        Args:
            per: The length of the window in seconds. None: that of ``rate_limit``, or 60.

        Returns:
            A number of requests.
        """
        if per is None:
            per = 60.0 if self._rate_limit is None else self._rate_limit.per
        return busiest_window(self._log.times(), check_seconds("per", per))

    async def start(self) -> None:
        """Start to listen; after a stop, on the same port again.

        Raises:
            RuntimeError: If it is running already.
        """
        # A new application each time: the framework freezes one once it has run.
        app = web.Application(middlewares=self._middlewares, client_max_size=_MAX_BODY)
        app.add_routes(routes_of(SectionHandlers(self._store, self._index)))
        app.add_routes(routes_of(BusinessHandlers(self._store, self._index)))
        await self._listener.start(app)

    async def stop(self) -> None:
        """Stop listening and close every connection; requests in progress get 0.1 seconds. Safe to repeat."""
        await self._listener.stop()

    async def __aenter__(self) -> Emulator:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __repr__(self) -> str:
        groups = sum(len(section.groups) for section in self.sections.values())
        state = f"running at {self.url}" if self._listener.is_open else "stopped"
        return f"<Emulator {state}, {len(self.sections)} sections, {groups} groups>"
