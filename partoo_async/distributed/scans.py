"""``distributed_scan``: the workers of a cluster send the requests of many scans."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from partoo_async._call.quotas import hide_url
from partoo_async.distributed.cluster import Cluster
from partoo_async.distributed.fetcher import KEYS_IN_FLIGHT
from partoo_async.policy import RateLimit
from partoo_async.quota import Quota
from partoo_async.scan.many import ManyScans
from partoo_async.scan.scan import Scan

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Mapping

    from partoo_async.errors import PartooError
    from partoo_async.policy import RetryPolicy
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.many import ManyProgress, Organization
    from partoo_async.scan.many.progress import OrganizationRun
    from partoo_async.scan.many.scans import SessionOptions
    from partoo_async.scan.scope import Scope
    from partoo_async.servers import Server
    from partoo_async.session import PartooSession

__all__ = ["DistributedScans", "cluster_scan", "distributed_scan"]

# Seconds. A driver that died is started again soon, and a section that it has read need not be read again.
LISTS_HOLD_FOR = 3600.0


class Options(TypedDict, total=False):
    """The options that ``distributed_scan`` shares with ``scan_many``."""

    at_once: int
    on_progress: Callable[[ManyProgress], object] | None
    retry_failed: bool
    max_failures: float | None
    max_outage: float
    timeout: float
    attempt_timeout: float
    retry: RetryPolicy
    rate_limit: RateLimit | None


def distributed_scan(
    organizations: Mapping[str, Organization],
    *,
    client: Any,
    server: Server | str | None = None,
    quota: Any = None,
    journals: str | os.PathLike[str] | None = None,
    resume: bool = False,
    **options: Unpack[Options],
) -> AsyncGenerator[tuple[str, ScanItem | PartooError], None]:
    """Scan many organizations on a Dask cluster that is there already. Needs the extra ``dask``, on each machine.

    Its workers send the requests; this process writes the journals. A task whose worker dies is done by another one: no
    outcome is lost, and none comes twice.

    Args:
        organizations: As for ``scan_many``. Keys travel to the workers, so use ``tls://``; or give an async callable
            instead, which fetches the key there; in Redis its quota has the name of the organization.
        client: A ``distributed.Client``, asynchronous or not, which you close.
        server: As for ``PartooClient``.
        quota: Where the workers share the quotas: a description or a URL that each of them reaches, such as Redis.
            Default: ``PARTOO_QUOTA``, else an equal share for each worker that is there at the start.
        journals: A directory of this machine, with a journal for each organization.
        resume: Continue the journals, or begin them. Sections that were read within the last hour are not read again.
        options: ``at_once``, ``on_progress``, ``retry_failed``, ``max_failures``, ``max_outage``, ``timeout``,
            ``attempt_timeout``, ``retry`` and ``rate_limit``, as for ``scan_many``.

    Returns:
        An async iterator of name and outcome, as that of ``scan_many``.

    Raises:
        ConfigurationError: An argument cannot be used, or a worker lacks this package.
    """
    several: dict[str, Any] = {"server": server, "journals": journals, "resume": resume}
    quota = hide_url(quota)  # whatever is raised from here, no frame has a password
    cluster = Cluster(client, quota, options.get("rate_limit", RateLimit()))
    return DistributedScans(cluster, organizations, **several, **options).items()


class DistributedScans(ManyScans):
    """The scans of several organizations on a cluster. ``items`` runs them, once."""

    def __init__(
        self,
        cluster: Cluster,
        organizations: Mapping[str, Organization],
        *,
        server: Server | str | None = None,
        journals: str | os.PathLike[str] | None = None,
        resume: bool = False,
        at_once: int = 64,
        on_progress: Callable[[ManyProgress], object] | None = None,
        retry_failed: bool = True,
        max_failures: float | None = None,
        max_outage: float = 600.0,
        **session: Unpack[SessionOptions],
    ) -> None:
        for name in session.keys() - Options.__annotations__.keys():
            raise TypeError(f"distributed_scan() got an unexpected keyword argument {name!r}")
        self._cluster = cluster
        scan = {"retry_failed": retry_failed, "max_failures": max_failures, "max_outage": max_outage}
        local: Any = Quota(None)  # nothing is sent from here, so that no store is connected to
        super().__init__(
            organizations,
            server=server,
            at_once=at_once,
            journals=journals,
            resume=resume,
            quota=local,
            max_concurrency=KEYS_IN_FLIGHT,
            on_progress=on_progress,
            scan={**scan, "lists_hold_for": LISTS_HOLD_FOR},
            session=session,
        )

    def _checked_quota(self, quota: object, session: SessionOptions) -> None:
        self._refuse_name(self._cluster.quota)

    def _scan_of(self, run: OrganizationRun, session: PartooSession) -> Scan:
        self._options = {**self._options, "fetcher": partial(self._cluster.fetcher, name=run.name)}
        return super()._scan_of(run, session)

    async def items(self) -> AsyncGenerator[tuple[str, ScanItem | PartooError], None]:
        """Yield outcomes with the name of the organization."""
        async with self._cluster, aclosing(super().items()) as items:
            async for named in items:
                yield named


def cluster_scan(cluster: Cluster, session: PartooSession, scope: Scope, **options: Any) -> Scan:
    """Return the scan of one organization on a cluster that was entered. ``options``: as for ``Scan``."""
    return Scan(session, scope, fetcher=cluster.fetcher, lists_hold_for=LISTS_HOLD_FOR, **options)
