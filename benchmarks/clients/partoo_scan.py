"""This package's scan, everything switched on as for single reads."""

from __future__ import annotations

from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.clients import KEY, Run
from benchmarks.clients.partoo_get import QUOTA
from partoo_async import PartooClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connect(url: str, concurrency: int) -> AsyncIterator[Run]:
    # Bulk work leaves an eighth to others; with this, what is left is what the other clients have.
    most = concurrency + concurrency // 7 + 1
    async with PartooClient(KEY, server=url, rate_limit=QUOTA, max_concurrency=most) as partoo:
        # A scan knows its groups beforehand, so that it is told how many there are instead of when to end.
        rate = 1000.0

        async def run(section: int, seconds: float = 0.0, *, calls: int | None = None) -> int:
            nonlocal rate
            count = calls or max(4 * concurrency, int(rate * seconds))
            started = perf_counter()
            async with partoo.scan(
                section, group_ids=range(1_000_000, 1_000_000 + count), max_concurrency=concurrency
            ) as scan:
                async for item in scan:
                    assert item.group is not None, item.error
                    assert len(item.group.business_ids) == section
            rate = count / (perf_counter() - started)
            return count

        yield run
