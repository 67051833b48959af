"""The clients that are compared. Each module opens one, and says how it reads a group.

Like for like: each gets its group over a pool that is as large as there are requests in flight, sends the key, and
returns how many businesses the group has, which shows that it decoded the answer. Everything else is as its users
would write it.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import sys
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "benchmark-key"

Server: TypeAlias = tuple[str, str]
"""Its base URL, and what it is."""
Get: TypeAlias = "Callable[[int, int], Awaitable[int]]"
"""Reads a group, by its section and its own id, and returns the number of its businesses."""
Run: TypeAlias = "Callable[..., Awaitable[int]]"
"""Reads groups of a section for some seconds, or a number of ``calls``, and returns how many."""

# What a client is called in tables, and the module that opens it. The first is what the others are compared with.
CLIENTS = {
    "textbook": "aiohttp, textbook",
    "partoo_get": "partoo_async get",
    "partoo_session": "partoo_async get, own session",
    "partoo_scan": "partoo_async scan, per group",
    "naive": "aiohttp + tenacity + cattrs",
    "niquests_client": "niquests",
    "httpx_client": "httpx",
    "openapi_generator": "OpenAPI Generator",
    "openapi_generator_lean": "OpenAPI Generator, trust_env off",
    "openapi_python_client": "openapi-python-client",
}


def closed_loop(get: Get, concurrency: int) -> Run:
    """Return a load of that many workers, each of which asks for another group as soon as it has one."""
    numbers = itertools.count(1_000_000)  # all of one length

    async def run(section: int, seconds: float = math.inf, *, calls: int | None = None) -> int:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        last = next(numbers) + (sys.maxsize if calls is None else calls)

        async def work() -> int:
            done = 0
            # Never one twice: identical reads in flight would share a request.
            while loop.time() < end and (number := next(numbers)) <= last:
                assert await get(section, number) == section
                done += 1
            return done

        return sum(await asyncio.gather(*(work() for _ in range(concurrency))))

    return run
