"""aiohttp as its own documentation shows it, with orjson. No check of the status, no retry, no types."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import orjson

from benchmarks.clients import KEY, Run, closed_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connect(url: str, concurrency: int) -> AsyncIterator[Run]:
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"x-APIKey": KEY}) as session:

        async def get(section: int, group: int) -> int:
            async with session.get(f"{url}/sections/{section}/groups/{group}") as response:
                return len(orjson.loads(await response.read())["business_ids"])

        yield closed_loop(get, concurrency)
