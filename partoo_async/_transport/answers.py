"""How much of an answer is read, and for how long: all of a success, of anything else what comes soon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from partoo_async._body import TooLargeError, UnreadableError, read_body

if TYPE_CHECKING:
    from aiohttp import ClientResponse

__all__ = ["read_answer"]

_MAX_ERROR = 1024 * 1024  # bytes
_ERROR_PATIENCE = 1.0  # seconds


async def read_answer(response: ClientResponse, until: float) -> bytes:
    """Return the body of a success, and of any other answer its body or b"".

    ``until``: the event loop time at which the attempt ends. Raises errors of aiohttp and those of ``_body``.
    """
    encoding, length = response.headers.get("Content-Encoding", ""), response.content_length
    if 200 <= response.status < 300:
        return await read_body(response.content, encoding, length)
    now = asyncio.get_running_loop().time()
    try:
        # The status alone decides. A 429 has to close the gate, and soon, whatever its body does.
        async with asyncio.timeout_at(min(now + _ERROR_PATIENCE, (now + until) / 2)):
            return await read_body(response.content, encoding, length, cap=_MAX_ERROR)
    except (TooLargeError, UnreadableError, aiohttp.ClientError, OSError):
        response.close()
        return b""
