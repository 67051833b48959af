"""This package with everything switched on: quota, retries, deadlines, validation, reads that share.

The quota is too large to be felt, since waiting for it would be all that there is to see.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.clients import KEY, Run, closed_loop
from partoo_async import PartooClient, RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from partoo_async import Event

QUOTA = RateLimit(10**9, 60.0)


@asynccontextmanager
async def connect(url: str, concurrency: int, on_event: Callable[[Event], object] | None = None) -> AsyncIterator[Run]:
    options = {"rate_limit": QUOTA, "max_concurrency": concurrency, "on_event": on_event}
    async with PartooClient(KEY, server=url, **options) as partoo:

        async def get(section: int, group: int) -> int:
            return len((await partoo.groups.get(section, group)).business_ids)

        yield closed_loop(get, concurrency)
