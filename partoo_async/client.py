"""The client: what an application holds on to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from partoo_async._internal.secret import hide, protect
from partoo_async._protocol.operations import custom
from partoo_async.policy import RateLimit, RetryPolicy
from partoo_async.resources import Groups, Sections
from partoo_async.session import PartooSession

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    import aiohttp

    from partoo_async._transport import Transport
    from partoo_async.events import Event
    from partoo_async.quota import Quota, QuotaSnapshot
    from partoo_async.scan import Scan, ScanProgress
    from partoo_async.servers import Server

__all__ = ["PartooClient"]


class PartooClient:
    """An asyncio client of the Partoo REST API. Make one, keep it for the life of the application, and close it.

    ``api_key``: a string, or an async callable that returns one; else ``PARTOO_API_KEY``. ``server``: a ``Server``,
    ``"production"``, ``"sandbox"`` or a URL; else ``PARTOO_SERVER``, else production. ``timeout``: seconds for a
    whole call, with its waits and retries; ``attempt_timeout``: seconds for one try. ``rate_limit``: None switches
    the local limiter off, but a 429 still pauses every call. ``max_concurrency``: the most requests in flight; scans
    leave an eighth of them to other calls. ``session``: an aiohttp session of yours, which is never closed here.
    ``on_event``: a plain callable that gets one frozen event at a time. ``strict``: answers that differ from the
    documentation are errors. ``cache_ttl``: for how many seconds the answer of a ``get`` or ``list`` is used again, of
    a thousand at most; writes through this client drop what they change. ``quota``: share one explicitly; clients of
    the same server, key and limit do anyway.

    Raises ``ConfigurationError`` for a bad argument. No request is made and no connection opened until the first call.
    """

    def __init__(
        self,
        api_key: str | Callable[[], Awaitable[str]] | None = None,
        *,
        server: Server | str | None = None,
        timeout: float = 90.0,
        attempt_timeout: float = 15.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - frozen
        max_concurrency: int = 32,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        on_event: Callable[[Event], object] | None = None,
        strict: bool = False,
        cache_ttl: float | None = None,
        quota: Quota | None = None,
        transport: Transport | None = None,
    ) -> None:
        api_key, proxy = protect(api_key), hide(proxy)
        self._use(
            PartooSession(
                api_key,
                server=server,
                timeout=timeout,
                attempt_timeout=attempt_timeout,
                retry=retry,
                rate_limit=rate_limit,
                max_concurrency=max_concurrency,
                session=session,
                proxy=proxy,
                trust_env=trust_env,
                ssl_context=ssl_context,
                on_event=on_event,
                strict=strict,
                cache_ttl=cache_ttl,
                quota=quota,
                transport=transport,
            )
        )

    def _use(self, session: PartooSession) -> None:
        self.session: PartooSession = session
        self.groups: Groups = Groups(session)
        self.sections: Sections = Sections(session)

    def __repr__(self) -> str:
        if not hasattr(self, "session"):
            return "<PartooClient being made>"  # a debugger may ask for it in the middle of a construction error
        return f"<PartooClient {self.session.settings.server.name} {'closed' if self.closed else 'open'}>"

    def with_options(self, **changes: Any) -> PartooClient:
        """Return a client with some options changed that shares this one's connections and quota.

        Takes every option but ``session``, ``proxy``, ``trust_env``, ``ssl_context``, ``transport`` and ``quota``.
        Closing this client closes both; closing the copy leaves this one open.
        """
        if "api_key" in changes:
            changes["api_key"] = protect(changes["api_key"])
        client = PartooClient.__new__(type(self))
        client._use(self.session.with_options(**changes))
        return client

    @property
    def server(self) -> Server:
        """The server that this client talks to."""
        return self.session.settings.server

    @property
    def quota(self) -> QuotaSnapshot:
        """The state of the quota at this moment: used, available, waiting, paused."""
        return self.session.quota.snapshot()

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self.session.closed

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotent: bool | None = None,
    ) -> Any:
        """Call any endpoint of the API, with the same retries, quota and errors; return the decoded JSON or None.

        ``path`` is relative to the server's base URL, such as ``"/business/search"``; parts of it that come from
        elsewhere are to be escaped with ``urllib.parse.quote(part, safe="")``. Lists in ``params`` are sent
        comma-separated. ``idempotent``: whether it may be repeated after a fault that leaves open whether the server
        processed it; by default only GET is.
        """
        return await self.session.send(custom(method, path, params=params, json=json, idempotent=idempotent))

    def scan(
        self,
        section_ids: int | str | Iterable[int | str],
        *,
        group_ids: Iterable[int | str] | None = None,
        max_concurrency: int | None = None,
        max_failures: float | None = None,
        journal: str | os.PathLike[str] | None = None,
        resume: bool = False,
        retry_failed: bool = True,
        max_outage: float = 600.0,
        on_progress: Callable[[ScanProgress], object] | None = None,
    ) -> Scan:
        """Return a bulk scan of every group of the sections, to be used with ``async with`` or ``collect()``.

        ``group_ids``: only these groups of one section, which is then not read. ``max_concurrency``: workers, at most
        those that the client leaves to bulk work. ``max_failures``: how many failed groups are tolerated, or as a float
        which fraction of all. ``max_outage``: for how many seconds it holds while the server answers nobody (before any
        answer, at most the client's ``timeout``). ``on_progress``: a plain callable, called after each outcome. One
        failure more, or a longer outage, ends the scan with a ``ScanError``.

        ``journal``: the path of an SQLite file that has every outcome before you do. ``resume=True`` goes on with it
        after a crash, or begins it: what it has is replayed without a request, ``recorded`` set, except failures,
        which are tried again unless ``retry_failed`` is False. Raises ``ConfigurationError`` when the scan starts if
        the file is of another scan or server, is damaged or in use, or exists without ``resume=True``.
        """
        from partoo_async.scan import Scan  # noqa: PLC0415 - here and below: who only makes calls need not wait for it
        from partoo_async.scan.scope import Scope  # noqa: PLC0415

        return Scan(
            self.session,
            Scope.of_sections(section_ids, group_ids),
            max_concurrency=max_concurrency,
            max_failures=max_failures,
            journal=journal,
            resume=resume,
            retry_failed=retry_failed,
            max_outage=max_outage,
            on_progress=on_progress,
        )

    def scan_all(self, org_id: int | str | None = None, **options: Any) -> Scan:
        """Return a bulk scan of every section of the organization, found by walking all pages of ``GET /sections``.

        ``org_id``: another organization's, for keys of the PROVIDER role. ``options``: those of ``scan``, without
        ``group_ids``. Each section is read by itself too, since it is not documented that the list has all its groups.
        """
        from partoo_async.scan import Scan  # noqa: PLC0415 - see scan()
        from partoo_async.scan.scope import Scope  # noqa: PLC0415

        return Scan(self.session, Scope.of_organization(org_id), **options)

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Close the connections. Safe to call twice; calls after it raise ``ClientClosedError``.

        ``grace``: how many seconds calls under way get to finish; those that have not by then raise
        ``ClientClosedError``.
        """
        await self.session.aclose(grace=grace)

    async def __aenter__(self) -> Self:
        await self.session.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
