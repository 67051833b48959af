"""An emulator on a real socket, and a bare HTTP client for it: no code of the SDK in between."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from attrs import define, frozen

from partoo_async.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@frozen
class Answer:
    """A complete answer."""

    status: int
    body: Any
    headers: Mapping[str, str]


@define
class Api:
    """A running emulator and a session for it, with its key set."""

    emulator: Emulator
    session: aiohttp.ClientSession

    async def send(self, method: str, path: str, **options: Any) -> Answer:
        """Send one request and return its decoded answer."""
        async with self.session.request(method, self.emulator.url + path, **options) as response:
            return Answer(response.status, await response.json(), response.headers)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.send("GET", path, **options)

    async def post(self, path: str, body: Any) -> Answer:
        return await self.send("POST", path, json=body)

    async def delete(self, path: str) -> Answer:
        return await self.send("DELETE", path)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Api]]]:
    """A function that starts an emulator with its arguments and returns an ``Api`` for it."""
    async with AsyncExitStack() as stack:

        async def start(**arguments: Any) -> Api:
            emulator = await stack.enter_async_context(Emulator(**arguments))
            session = aiohttp.ClientSession(headers={"x-APIKey": emulator.api_key})
            return Api(emulator, await stack.enter_async_context(session))

        yield start


@pytest.fixture
async def api(serve: Callable[..., Awaitable[Api]]) -> Api:
    """An emulator with the demo data and no limit."""
    return await serve(rate_limit=None)
