"""httpx with orjson. No check of the status, no retry, no types."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import orjson

from benchmarks.clients import KEY, Run, closed_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connect(url: str, concurrency: int) -> AsyncIterator[Run]:
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    # Its default of five seconds is too short for 200 at once on a slow machine.
    async with httpx.AsyncClient(headers={"x-APIKey": KEY}, limits=limits, timeout=60) as client:

        async def get(section: int, group: int) -> int:
            response = await client.get(f"{url}/sections/{section}/groups/{group}")
            return len(orjson.loads(response.content)["business_ids"])

        yield closed_loop(get, concurrency)
