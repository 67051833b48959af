"""What one writes first: aiohttp, a retry decorator around each read, cattrs with its JSON defaults."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from attrs import frozen
from cattrs.preconf.orjson import make_converter
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from benchmarks.clients import KEY, Run, closed_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@frozen
class Group:
    id: int
    name: str
    has_puller: bool
    business_ids: list[str]


@asynccontextmanager
async def connect(url: str, concurrency: int) -> AsyncIterator[Run]:
    converter = make_converter()
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(
        connector=connector, headers={"x-APIKey": KEY}, raise_for_status=True, timeout=aiohttp.ClientTimeout(15)
    ) as session:

        @retry(
            retry=retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
            stop=stop_after_attempt(5),
            wait=wait_exponential_jitter(0.5, 20),
            reraise=True,
        )
        async def read(section: int, group: int) -> Group:
            async with session.get(f"{url}/sections/{section}/groups/{group}") as response:
                return converter.loads(await response.read(), Group)

        async def get(section: int, group: int) -> int:
            return len((await read(section, group)).business_ids)

        yield closed_loop(get, concurrency)
