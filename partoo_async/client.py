"""The client, which an application makes once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from partoo_async._call.quotas import hide_url
from partoo_async._internal.hints import AsyncOnly, hint_at_keywords
from partoo_async._internal.secret import hide, protect, refuse_key_in_path
from partoo_async._protocol.operations import custom
from partoo_async.policy import RateLimit, RetryPolicy
from partoo_async.resources import Resources
from partoo_async.session import PartooSession

if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    import aiohttp

    from partoo_async._call.changes import Changes
    from partoo_async._protocol.raw import RawResponse
    from partoo_async._transport import Transport
    from partoo_async.events import Event
    from partoo_async.quota import Quota, QuotaSnapshot
    from partoo_async.quota.shared.descriptions import FileQuota, RedisQuota
    from partoo_async.scan import Scan, ScanProgress
    from partoo_async.scan.inference import Strategy, Verify
    from partoo_async.servers import Server

__all__ = ["PartooClient"]


class PartooClient(Resources, AsyncOnly):
    """An asyncio client of the Partoo REST API, made once for an application. It connects at the first call.

    Args:
        api_key: The key, or an async callable that returns it. Default: ``PARTOO_API_KEY``.
        server: A ``Server``, ``"production"``, ``"sandbox"`` or an http(s) URL. Default: ``PARTOO_SERVER``, else
            production.
        timeout: Seconds for a whole call, waits and retries included.
        attempt_timeout: Seconds for one attempt, the response body included.
        retry: How often a failed call is tried again.
        rate_limit: The quota to keep. None: no limit, but a 429 still pauses every call.
        max_concurrency: The most requests in flight. Scans leave an eighth of them to other calls.
        session: Your own aiohttp session, which is never closed here.
        proxy: URL of a proxy.
        trust_env: Take the proxy from the environment.
        ssl_context: For TLS. Default: the system's certificates.
        on_event: A plain callable that gets each ``Event``, or an ``Observer``, which is told of whole calls too.
        strict: Make every difference from the documentation an error.
        cache_ttl: Seconds for which results of ``get`` and ``list`` are reused, a thousand at most. Writes through this
            client drop what they change. None: no cache.
        quota: A quota to share: between clients a ``Quota``, between processes a ``FileQuota``, a ``RedisQuota`` or the
            URL of one: ``redis://host/0``, ``file:///var/lib/app/partoo.quota``. Default: ``PARTOO_QUOTA``, else
            clients of one process with the same server, key and ``rate_limit`` share one.
        transport: What carries requests in place of the network, such as ``testing.MockTransport``.

    Attributes:
        groups (Groups): The groups of sections.
        sections (Sections): The sections of the organization.
        businesses (Businesses): Its businesses.

    Raises:
        ConfigurationError: An argument cannot be used.
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
        quota: Quota | FileQuota | RedisQuota | str | None = None,
        transport: Transport | None = None,
    ) -> None:
        # First of all: no frame of a later error may hold the key or a password.
        api_key, proxy, quota = protect(api_key), hide(proxy), hide_url(quota)
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

    def __repr__(self) -> str:
        if not hasattr(self, "session"):
            return "<PartooClient being made>"  # a debugger may ask for it in the middle of a construction error
        return f"<PartooClient {self.session.settings.server.name} {'closed' if self.closed else 'open'}>"

    def with_options(self, **changes: Unpack[Changes]) -> PartooClient:
        """Return a client with other options that shares this one's connections and quota.

        Closing this client closes both; closing the copy leaves this one open.

        Args:
            changes: What is to be another: ``api_key``, ``server``, ``timeout``, ``attempt_timeout``, ``retry``,
                ``rate_limit``, ``max_concurrency``, ``on_event``, ``strict`` and ``cache_ttl``, as for the client.

        Raises:
            ConfigurationError: An option cannot be used or changed.
        """
        if "api_key" in changes:
            changes["api_key"] = protect(changes["api_key"])
        client = PartooClient.__new__(type(self))  # a subclass may have other arguments
        client._use(self.session.with_options(**changes))
        return client

    @property
    def server(self) -> Server:
        """The server that this client talks to."""
        return self.session.settings.server

    @property
    def quota(self) -> QuotaSnapshot:
        """The quota at this moment: used, available, waiting, paused."""
        return self.session.quota.snapshot()

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self.session.closed

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotent: bool | None = None,
        raw: Literal[False] = False,
    ) -> Any: ...

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotent: bool | None = None,
        raw: Literal[True],
    ) -> RawResponse: ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotent: bool | None = None,
        raw: bool = False,
    ) -> Any:
        """Call any endpoint of the API, with the same retries, quota and errors.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: Path below the base URL, such as ``"/business/search"``. Escape parts that come from elsewhere:
                ``urllib.parse.quote(part, safe="")``.
            params: The query. Lists are sent comma-separated.
            json: The body, or None.
            idempotent: Whether to repeat the call when the server may have processed it. Default: only a GET.
            raw: Return a success as it came: a body that is no JSON, say, or headers. Other statuses raise as ever.

        Returns:
            The decoded JSON. For a write also the text of another body, or None for an empty one. With ``raw`` a
            ``RawResponse``.

        Raises:
            ConfigurationError: An argument cannot be sent, or the path or query holds the API key.
            PartooError: As for every call.
        """
        operation = custom(method, path, params=params, json=json, idempotent=idempotent, raw=raw)
        refuse_key_in_path(self.session.settings.api_key, operation.request.path)
        return await self.session.send(operation)

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
        businesses: bool = False,
    ) -> Scan:
        """Return a scan of every group of some sections, for ``async with`` or ``collect()``.

        Args:
            section_ids: One id, or several.
            group_ids: Only these groups of one section, which is then not read.
            max_concurrency: Requests in flight, at most those that the client leaves to scans.
            max_failures: How many failed groups are tolerated, or as a float, which fraction. Default: any.
            journal: Path of an SQLite file that records each outcome before you get it.
            resume: Continue the journal, or begin it. Recorded groups are yielded without a request.
            retry_failed: With ``resume``, try recorded failures again.
            max_outage: Seconds to hold during an outage of the server; until its first response, at most the client's
                ``timeout``.
            on_progress: A plain callable that gets a ``ScanProgress`` after each outcome.
            businesses: Look up the names of businesses too: a request for each hundred.

        Raises:
            ConfigurationError: An argument cannot be used. When the scan starts: the journal is that of another scan,
                damaged, in use, or exists without ``resume``.
            ScanError: While it runs: one failure too many, too long an outage, or an outcome of the journal is damaged.
        """
        from partoo_async.scan import Scan  # noqa: PLC0415 - here and below: slow to import, and not needed for calls
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
            businesses=businesses,
        )

    def scan_all(
        self,
        org_id: int | str | None = None,
        *,
        max_concurrency: int | None = None,
        max_failures: float | None = None,
        journal: str | os.PathLike[str] | None = None,
        resume: bool = False,
        retry_failed: bool = True,
        max_outage: float = 600.0,
        on_progress: Callable[[ScanProgress], object] | None = None,
        businesses: bool = False,
        strategy: Strategy = "groups",
        verify: Verify = 20,
    ) -> Scan:
        """Return a scan of every group of every section of the organization. Its options are those of ``scan``.

        Args:
            org_id: Another organization, for keys of the PROVIDER role.
            max_concurrency: Requests in flight, at most those that the client leaves to scans.
            max_failures: How many failed groups are tolerated, or as a float, which fraction. Default: any.
            journal: Path of an SQLite file that records each outcome before you get it.
            resume: Continue the journal, or begin it. Recorded groups are yielded without a request.
            retry_failed: With ``resume``, try recorded failures again.
            max_outage: Seconds to hold while the server answers nobody; until its first response, at most the client's
                ``timeout``.
            on_progress: A plain callable that gets a ``ScanProgress`` after each outcome.
            businesses: Look up the names of businesses too: a request for each hundred.
            strategy: "groups" reads each group by itself. "businesses" reads the list of businesses, infers the groups,
                and reads some of them to verify that; if anything differs, each one. "auto": what takes fewer requests.
            verify: How many groups to read at least, or "all". The report tells how sure that makes the others.

        Raises:
            ConfigurationError: As ``scan``.
            ScanError: While it runs: one failure too many, too long an outage, or an outcome of the journal is damaged.
        """
        # All pages of GET /sections are walked, and each section is read by itself too: it is not documented that the
        # list holds all groups of a section.
        from partoo_async.scan import Scan  # noqa: PLC0415 - see scan()
        from partoo_async.scan.scope import Scope  # noqa: PLC0415

        return Scan(
            self.session,
            Scope.of_organization(org_id),
            max_concurrency=max_concurrency,
            max_failures=max_failures,
            journal=journal,
            resume=resume,
            retry_failed=retry_failed,
            max_outage=max_outage,
            on_progress=on_progress,
            businesses=businesses,
            strategy=strategy,
            verify=verify,
        )

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Close the connections. Safe to call twice; later calls raise ``ClientClosedError``.

        Args:
            grace: Seconds for calls in flight to end. Then they raise it, too.
        """
        await self.session.aclose(grace=grace)

    async def __aenter__(self) -> Self:
        await self.session.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


if not TYPE_CHECKING:  # which would lose sight of the keywords
    PartooClient.__init__ = hint_at_keywords(
        PartooClient.__init__, {"api_key": protect, "proxy": hide, "quota": hide_url}
    )
