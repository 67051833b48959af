"""niquests with orjson. No check of the status, no retry, no types."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import niquests
import orjson

from benchmarks.clients import KEY, Run, closed_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connect(url: str, concurrency: int) -> AsyncIterator[Run]:
    async with niquests.AsyncSession(headers={"x-APIKey": KEY}, pool_maxsize=concurrency) as session:

        async def get(section: int, group: int) -> int:
            response = await session.get(f"{url}/sections/{section}/groups/{group}")
            assert response.content is not None
            return len(orjson.loads(response.content)["business_ids"])

        yield closed_loop(get, concurrency)
