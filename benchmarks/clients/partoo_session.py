"""This package over a session of the caller's own, as an application that has one already would use it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.clients import KEY, Run, closed_loop
from benchmarks.clients.partoo_get import QUOTA
from partoo_async import PartooClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connect(url: str, concurrency: int) -> AsyncIterator[Run]:
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        PartooClient(KEY, server=url, rate_limit=QUOTA, max_concurrency=concurrency, session=session) as partoo,
    ):

        async def get(section: int, group: int) -> int:
            return len((await partoo.groups.get(section, group)).business_ids)

        yield closed_loop(get, concurrency)
