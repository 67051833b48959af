"""Scans on a Dask cluster, for the commands that have ``--dask``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from partoo_async import Organization, PartooClient, RateLimit, Scan
from partoo_async.distributed.cluster import Cluster, connected
from partoo_async.distributed.fetcher import KEYS_IN_FLIGHT as KEYS_ON_DASK
from partoo_async.distributed.scans import DistributedScans, cluster_scan

__all__ = ["KEYS_ON_DASK", "lent_to_dask", "many_on_dask", "not_on_dask"]


def not_on_dask(address: str | None, strategy: str | None, *, with_businesses: bool) -> tuple[tuple[bool, str], ...]:
    """Return the cases that a scan on a cluster refuses, and why."""
    return (
        (address is not None and strategy not in (None, "groups"), "--dask: goes with --strategy groups only"),
        (address is not None and with_businesses, "--dask: does not go with --with-businesses"),
    )


@asynccontextmanager
async def lent_to_dask(
    address: str | None, quota: str | None, partoo: PartooClient, scan: Scan, **options: Any
) -> AsyncIterator[Scan]:
    """Lend a scan of the same, whose requests the cluster sends; without an address the scan itself."""
    if not address:
        yield scan
        return
    del options["businesses"]
    rate_limit = partoo.session.settings.rate_limit
    async with connected(address) as client, Cluster(client, quota, rate_limit) as cluster:
        yield cluster_scan(cluster, partoo.session, scan._work.scope, **options)


@asynccontextmanager
async def many_on_dask(
    address: str, quota: str | None, organizations: Mapping[str, Organization], **options: Any
) -> AsyncIterator[DistributedScans]:
    """Lend the scans of many organizations, likewise."""
    rate_limit = options.get("rate_limit", RateLimit())
    async with connected(address) as client:
        yield DistributedScans(Cluster(client, quota, rate_limit), organizations, **options)
