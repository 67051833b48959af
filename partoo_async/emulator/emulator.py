"""The emulator itself: its arguments, put together, and what tests can ask of it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Literal, Self

from aiohttp import web

from partoo_async._internal.checks import check_count, check_fraction, check_seconds
from partoo_async._internal.reprs import total_repr
from partoo_async.emulator import arguments as checks
from partoo_async.emulator.data.business_index import Directory
from partoo_async.emulator.data.demo import demo_sections
from partoo_async.emulator.data.profiles import ProfileName, generated_sections
from partoo_async.emulator.data.store import EmulatedSection, Store
from partoo_async.emulator.faults import Faults
from partoo_async.emulator.faults.injection import inject, spare
from partoo_async.emulator.http.business_handlers import BusinessOperations
from partoo_async.emulator.http.error_responses import Refusals
from partoo_async.emulator.http.handlers import BASE_PATH, Operations
from partoo_async.emulator.http.hosts import check_allowed_hosts, refuse_strangers
from partoo_async.emulator.http.listener import Listener
from partoo_async.emulator.http.middlewares import authenticate, explain, hold_back, limit, record
from partoo_async.emulator.http.requestlog import RequestLog, SeenRequest, busiest_window
from partoo_async.emulator.http.statuspage import show_status
from partoo_async.emulator.rate_limits.quota import make_quotas
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit
from partoo_async.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from aiohttp.typedefs import Middleware

    from partoo_async.emulator.behaviour import Behaviour
    from partoo_async.emulator.data.businesses import EmulatedBusiness
    from partoo_async.emulator.data.keys import Caller, EmulatedKey, Role
    from partoo_async.emulator.rate_limits.quota import Quota

__all__ = ["Emulator"]

# The framework's default of 1 MiB would refuse a group of 40,000 businesses.
_MAX_BODY = 32 * 1024 * 1024


@total_repr
class Emulator:
    """A Partoo in memory, listening on a real socket for as long as its ``async with`` block lasts.

    A page at the root of its address shows what it is asked, as it happens; that page is no part of the API.

    - ``sections``: the data, or None for ``demo_sections(seed)``.
    - ``businesses``: what is known of the businesses in the groups, and others; the rest are made up from ``seed``.
    - ``api_key``, ``api_keys``: the keys that it accepts, an administrator's unless ``api_keys`` maps them to another
      role or to an ``EmulatedKey``. The keys of one organization share its quota.
    - ``rate_limit``: ``requests`` per ``per`` seconds, the documented 300 a minute unless changed; None for no limit.
      The other fields of a ``RateLimit`` are the client's affair.
    - ``window``: how the quota is counted, an open question: "sliding", "fixed", "token_bucket" or
      "sliding_counts_rejects" (see the module ``windows``).
    - ``retry_after``: what a 429 says: "remaining" whole seconds, the same as a "date", "absent", or a constant number.
      A window below ten seconds, which only tests have, gets "remaining" with a fraction.
    - ``error_key``: "errors" or "error", the top-level key of error bodies; the documentation has both.
    - ``unknown_status``: 404, 403 or 400 for an unknown section, group or business, an open question.
    - ``behaviour``: what other open questions are answered with, a ``Behaviour``.
    - ``latency``: by how many seconds each answer is late, a number or a (low, high) pair to draw from with ``seed``.
    - ``chaos``: the share of GET requests, 0 to 1, hit by faults that trying again gets over; see ``faults.chaos``.
    - ``host``, ``port``: where to listen; port 0 takes a free one. Any host but loopback logs a warning.
    - ``allowed_hosts``: the names, beside ``host``, localhost, addresses and names without a dot, by which it may be
      asked; others get a 403 and are not in ``requests``, so that no web site reaches it by way of a browser.

    Raises ``ConfigurationError`` for a bad argument here, and for an address that cannot be listened on at the start.
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
        behaviour = checks.check_behaviour(behaviour)
        refusals = Refusals(error_key, unknown_status, behaviour)
        callers = checks.check_keys(api_key, api_keys)
        self._listener = Listener(checks.check_host(host), checks.check_port(port))
        names = check_allowed_hosts(allowed_hosts) | {self._listener.host.lower()}
        by_id = checks.check_sections(demo_sections(seed) if sections is None else sections)
        self._store = Store(by_id, checks.check_businesses(businesses), behaviour)
        self._directory = Directory(self._store, seed)
        self._log = RequestLog()
        self._faults = Faults(seed)
        self._faults.chaos(check_fraction("chaos", chaos))
        self._api_key = api_key
        self._rate_limit = checks.check_rate_limit(rate_limit)
        organizations = {caller.key.org_id for caller in callers.values()}
        quotas = make_quotas(organizations, self._rate_limit, window, retry_after)
        late = hold_back(checks.check_latency(latency), Random(seed))
        # Made once, not at each start, so that a restart does not hand out a fresh quota.
        strangers = refuse_strangers(names, refusals.error_key)
        self._middlewares = [strangers, *self._stack(late, refusals, callers, quotas)]

    def _stack(
        self, late: Middleware, refusals: Refusals, callers: Mapping[str, Caller], quotas: Mapping[int, Quota]
    ) -> list[Middleware]:
        # Outermost first: a middleware that answers for a request, or cuts it off, goes in after `record`.
        return [
            show_status(self._log, quotas.get(callers[self._api_key].key.org_id)),
            late,
            record(self._log),
            inject(self._faults, refusals.error_key),
            explain(refusals),
            authenticate(callers, refusals.behaviour),
            *([limit(quotas)] if quotas else []),
            spare,
        ]

    @classmethod
    def with_profile(
        cls, profile: ProfileName = "typical", *, groups: int | None = None, seed: int = 0, **options: Any
    ) -> Self:
        """Return an emulator of a "small", "typical", "large" or "extreme" organization instead of the demo data.

        ``profile``, ``groups`` and ``seed`` are those of ``generated_sections``, ``options`` those of ``Emulator``.
        Raises ``ConfigurationError`` like both.
        """
        if "sections" in options:
            raise ConfigurationError("sections: a profile makes them; give Emulator(sections=...) your own instead")
        return cls(sections=generated_sections(profile, seed=seed, groups=groups), seed=seed, **options)

    @property
    def api_key(self) -> str:
        """The key that it was given, or the default one."""
        return self._api_key

    @property
    def url(self) -> str:
        """The base URL, such as ``http://127.0.0.1:40123/v2``; kept after the stop.

        Raises ``RuntimeError`` before the first start, when the port is not known yet.
        """
        return self._listener.origin + BASE_PATH

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
    def businesses(self) -> dict[str, EmulatedBusiness]:
        """What is known of each business by id, those in the groups made up; live, edit it while the emulator runs."""
        return self._directory.everything()

    @property
    def faults(self) -> Faults:
        """The faults that it plays: ``faults.add("reset", match="GET /sections/{section_id}", times=1)``."""
        return self._faults

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
        # A new one each time: the framework freezes an application once it has run.
        app = web.Application(middlewares=self._middlewares, client_max_size=_MAX_BODY)
        app.add_routes(Operations(self._store, self._directory).routes())
        app.add_routes(BusinessOperations(self._store, self._directory).routes())
        await self._listener.start(app)

    async def stop(self) -> None:
        """Stop listening and close every connection; requests in progress get a tenth of a second. Safe to repeat."""
        await self._listener.stop()

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
        state = f"running at {self.url}" if self._listener.is_open else "stopped"
        return f"<Emulator {state}, {len(self.sections)} sections, {groups} groups>"
