"""``scan_many``: runs the scans of many organizations, some at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack
from weakref import WeakSet

from partoo_async._call.quotas import hide_url, named_after, resolve_quota
from partoo_async._internal.checks import check_callback, check_count, check_flag
from partoo_async._internal.reprs import total_repr
from partoo_async._internal.secret import hide
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.policy import RateLimit
from partoo_async.quota import Quota
from partoo_async.scan.items import ScanItem
from partoo_async.scan.many.journals import JournalDirectory
from partoo_async.scan.many.organization import check_organizations
from partoo_async.scan.many.progress import ManyCounter, ManyProgress, OrganizationRun
from partoo_async.scan.scan import Scan
from partoo_async.scan.worker_pool import LoopYield, WorkerPool
from partoo_async.session import PartooSession

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import AsyncGenerator, Callable, Mapping

    import aiohttp

    from partoo_async._transport import Transport
    from partoo_async.events import Event
    from partoo_async.policy import RetryPolicy
    from partoo_async.quota.shared.descriptions import FileQuota, RedisQuota
    from partoo_async.scan.inference import Strategy, Verify
    from partoo_async.scan.many.organization import Organization
    from partoo_async.servers import Server

__all__ = ["ManyScans", "SessionOptions", "scan_many"]

_Handed: TypeAlias = "tuple[OrganizationRun, ScanItem | Exception | None]"


_runs: WeakSet[ManyScans] = WeakSet()  # those with journals


class SessionOptions(TypedDict, total=False):
    """The options of ``PartooClient`` that ``scan_many`` takes, too."""

    timeout: float
    attempt_timeout: float
    retry: RetryPolicy
    rate_limit: RateLimit | None
    session: aiohttp.ClientSession | None
    proxy: str | None
    trust_env: bool
    ssl_context: ssl.SSLContext | None
    on_event: Callable[[Event], object] | None
    strict: bool
    transport: Transport | None


@total_repr
class ManyScans:
    """The scans of several organizations. ``items`` runs them, once."""

    def __init__(
        self,
        organizations: Mapping[str, Organization],
        *,
        server: Server | str | None,
        at_once: int,
        journals: str | os.PathLike[str] | None,
        resume: bool,
        quota: FileQuota | RedisQuota | str | None = None,
        max_concurrency: int,
        on_progress: Callable[[ManyProgress], object] | None = None,
        scan: Mapping[str, Any],
        session: SessionOptions,
    ) -> None:
        self.runs: list[OrganizationRun] = [
            OrganizationRun(name, *checked) for name, checked in check_organizations(organizations).items()
        ]
        """What came of each organization, in the order given."""
        self._workers = min(check_count("at_once", at_once, least=1), len(self.runs))
        check_count("max_concurrency", max_concurrency, least=1)
        check_callback("on_progress", on_progress)
        if check_flag("resume", resume) and journals is None:
            raise ConfigurationError("resume: goes with journals=..., the directory that an earlier run recorded in")
        self._journals = None if journals is None else JournalDirectory.checked(journals, resume=resume)
        self._quota = self._checked_quota(quota, session)
        # A client leaves an eighth of its requests to interactive calls, of which there are none here.
        in_flight = max_concurrency + max(1, max_concurrency // 7)
        self._options = scan
        # Whose key it has does not matter: each organization has a copy, which shares the connections.
        key, first = self._key_and_quota(self.runs[0])
        given = quota if first is None else first
        self._session = PartooSession(key, server=server, quota=given, max_concurrency=in_flight, **session)
        self._in_flight = in_flight
        self._scan_of(self.runs[0], self._session)  # now, since it checks the options
        self._counter = ManyCounter(self.runs, at_once, on_progress)
        self._pool: WorkerPool[OrganizationRun, _Handed] | None = None
        self._closing: asyncio.Future[None] | None = None

    def _checked_quota(self, quota: object, session: SessionOptions) -> FileQuota | RedisQuota | None:
        described = resolve_quota(quota, session.get("rate_limit", RateLimit()))
        if isinstance(described, Quota):
            raise ConfigurationError("quota: each organization has its own; expected a description or a URL")
        self._refuse_name(described)
        return described

    def _refuse_name(self, quota: object) -> None:
        if getattr(quota, "name", None) is not None and len(self.runs) > 1:
            raise ConfigurationError("quota: one name would join all organizations to one quota; leave it out")

    def _key_and_quota(self, run: OrganizationRun) -> tuple[Any, FileQuota | RedisQuota | None]:
        return run.key, named_after(run.name, run.key, self._quota)

    def __repr__(self) -> str:
        return f"<ManyScans of {len(self.runs)} organizations, {self.progress.ended} ended>"

    @property
    def progress(self) -> ManyProgress:
        """How far they are."""
        return self._counter.progress

    @property
    def seconds(self) -> float:
        """How long they have taken."""
        return self._counter.seconds

    def _scan_of(self, run: OrganizationRun, session: PartooSession) -> Scan:
        options = {**self._options}
        if run.scope.sections is not None:  # of some sections the list of businesses tells no less, and no more
            options["strategy"] = "groups"
        if self._journals is not None:
            options |= {"journal": self._journals.path_of(run.name), "resume": self._journals.resume}
        return Scan(session, run.scope, **options)

    async def items(self) -> AsyncGenerator[tuple[str, ScanItem | PartooError], None]:
        """Yield outcomes with the name of the organization."""
        if self._pool is not None:
            raise ConfigurationError("scan_many: iterate it once; call it again for another run")
        pool = self._pool = WorkerPool(self.runs, self._run, self._workers)
        loop_yield = LoopYield()
        try:
            self._counter.begin()
            # A store of quotas that cannot be used is one error, not one for each organization.
            await self._session.__aenter__()
            if self._journals is not None:
                await self._journals.prepare([run.name for run in self.runs])
                await self._outwait(self._journals)
            pool.start()
            while True:
                if loop_yield.is_due(pool.waited):
                    await loop_yield.suspend()
                try:
                    run, item = await pool.next()
                except StopAsyncIteration:
                    return
                if isinstance(item, ScanItem):
                    self._counter.add(run, item)
                    yield run.name, item
                    continue
                if item is not None and not isinstance(item, PartooError):
                    raise item  # a fault of this package, or of the machine
                self._counter.add_end(run, item)
                if item is not None:
                    yield run.name, item
        finally:
            self._closing = closing = asyncio.get_running_loop().create_future()
            try:
                await pool.aclose()
            finally:
                self._counter.end()
                closing.set_result(None)
                await self._session.aclose()

    async def _outwait(self, journals: JournalDirectory) -> None:
        """Wait for runs that are about to close the same journals."""
        # A ``break`` closes an iterator by a task, and the next statement may be another run. That task has begun by
        # now, since the directory was prepared meanwhile.
        loop = asyncio.get_running_loop()
        ours = [run._closing for run in _runs if run._journals is not None and run._journals.path == journals.path]
        closing = [one for one in ours if one is not None and one.get_loop() is loop]
        if closing:
            await asyncio.wait(closing)
        _runs.add(self)

    async def _run(self, run: OrganizationRun) -> _Handed:
        """Scan one organization, and return how it ended."""
        loop = asyncio.get_running_loop()
        run.began = loop.time()
        try:
            key, quota = self._key_and_quota(run)
            session = self._session.with_quota(quota, api_key=key, max_concurrency=self._in_flight)
            async with session:
                await self._read(run, self._scan_of(run, session))
        except PartooError as error:
            return run, error.with_traceback(None)  # its frames would keep the scan alive
        except Exception as error:
            return run, error
        finally:
            run.scan, run.ended = None, loop.time()
        return run, None

    async def _read(self, run: OrganizationRun, scan: Scan) -> None:
        pool, run.scan = self._pool, scan
        assert pool is not None  # noqa: S101 - it runs this
        try:
            async with scan:
                if refused := scan._work.refused:
                    raise refused
                self._counter.planned(run, scan.progress.total)
                async for item in scan:
                    await pool.hand_over((run, item))
        finally:
            run.requests, run.retries = scan.report().requests, scan.report().retries


def scan_many(
    organizations: Mapping[str, Organization],
    *,
    server: Server | str | None = None,
    at_once: int = 64,
    journals: str | os.PathLike[str] | None = None,
    resume: bool = False,
    quota: FileQuota | RedisQuota | str | None = None,
    on_progress: Callable[[ManyProgress], object] | None = None,
    retry_failed: bool = True,
    max_concurrency: int = 8,
    max_failures: float | None = None,
    max_outage: float = 600.0,
    businesses: bool = False,
    strategy: Strategy = "groups",
    verify: Verify = 20,
    **options: Unpack[SessionOptions],
) -> AsyncGenerator[tuple[str, ScanItem | PartooError], None]:
    """Scan many organizations in this process, each with its own key, at the full speed of its own quota.

    They share connections and the event loop. Closing the iterator, or leaving its loop, ends all scans.

    Args:
        organizations: Each by a name of your choice, in the order in which they begin.
        server: As for ``PartooClient``.
        at_once: The most organizations at a time. Each takes a thread and a few files if it has a journal.
        journals: A directory, which is made if there is none. Each organization has its own journal there.
        resume: Continue the journals, or begin them.
        quota: Where processes share the quotas: a description or a URL, for all. Each organization has its own there.
            In Redis one whose key is a callable is known by its name.
        on_progress: A plain callable that gets a ``ManyProgress`` after each outcome.
        retry_failed: With ``resume``, try recorded failures again.
        max_concurrency: Requests in flight for one organization. With 8, five a second are reached if the server
            responds within 1.6 seconds.
        max_failures: As for ``PartooClient.scan``: how many failed groups of one organization are tolerated.
        max_outage: Likewise: seconds to hold during an outage.
        businesses: Likewise: look up the names of businesses.
        strategy: As for ``PartooClient.scan_all``, for organizations with all sections.
        verify: Likewise.
        options: ``timeout``, ``attempt_timeout``, ``retry``, ``rate_limit``, ``session``, ``proxy``, ``trust_env``,
            ``ssl_context``, ``on_event``, ``strict`` and ``transport``, as for ``PartooClient``.

    Returns:
        An async iterator of name and outcome. The last of an organization that failed as a whole, such as by a wrong
        key, or ended early is its error; the others go on.

    Raises:
        ConfigurationError: An argument cannot be used; the message names the organization.
    """
    # First of all: no frame of a later error may hold a password.
    quota, options["proxy"] = hide_url(quota), hide(options.get("proxy"))
    bounds = {"retry_failed": retry_failed, "max_failures": max_failures, "max_outage": max_outage}
    scan = bounds | {"businesses": businesses, "strategy": strategy, "verify": verify}
    several: dict[str, Any] = {"server": server, "at_once": at_once, "journals": journals, "resume": resume}
    several |= {"quota": quota, "max_concurrency": max_concurrency, "on_progress": on_progress}
    return ManyScans(organizations, **several, scan=scan, session=options).items()
