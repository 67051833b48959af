"""Requests that no HTTP library would send, byte by byte on a socket: a 4xx for each, and the emulator lives on.

What is no HTTP at all never gets as far as the emulator: the framework refuses it with a plain 400.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging

import pytest

from partoo_async.emulator import Emulator
from tests.support.common import PATIENCE

KEY = b"Host: emulator\r\nx-APIKey: emulator-key\r\nConnection: close\r\n"
JSON = KEY + b"Content-Type: application/json\r\n"
BODY = b'{"name": "New"}'


async def exchange(emulator: Emulator, request: bytes) -> tuple[int, bytes]:
    """Send these bytes and return the status and the body of the answer."""
    port = int(emulator.url.rpartition(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(PATIENCE):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), body


def post(headers: bytes, body: bytes = BODY) -> bytes:
    return b"POST /v2/sections HTTP/1.1\r\n" + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


REFUSED = {
    "a body that is not gzip": (post(JSON + b"Content-Encoding: gzip\r\n"), 400),
    "a body that is not deflated": (post(JSON + b"Content-Encoding: deflate\r\n", b"\xff\xff\xff"), 400),
    "a name that is no text": (post(JSON, b'{"name": "\xff"}'), 400),
    "a body of NaN": (post(JSON, b"NaN"), 400),
    "an id that is no UTF-8": (b"GET /v2/sections/%ff HTTP/1.1\r\n" + KEY + b"\r\n", 400),
    "an id with a zero byte": (b"GET /v2/sections/7%00 HTTP/1.1\r\n" + KEY + b"\r\n", 400),
    "a page that is no UTF-8": (b"GET /v2/sections?page=%ff HTTP/1.1\r\n" + KEY + b"\r\n", 400),
    "a page that is half an escape": (b"GET /v2/sections?page=%z HTTP/1.1\r\n" + KEY + b"\r\n", 400),
    "a way out of the path": (b"GET /v2/sections/../../etc HTTP/1.1\r\n" + KEY + b"\r\n", 404),
    "a way out behind an escape": (b"GET /v2/business/%2e%2e%2f%2e%2e HTTP/1.1\r\n" + KEY + b"\r\n", 404),
    "a code that is no UTF-8": (b"GET /v2/business/c-%f0%9f HTTP/1.1\r\n" + KEY + b"\r\n", 404),
    "a slash too many": (b"GET //v2/sections HTTP/1.1\r\n" + KEY + b"\r\n", 404),
    "another method": (b"TRACE /v2/sections HTTP/1.1\r\n" + KEY + b"\r\n", 405),
    "the options of everything": (b"OPTIONS * HTTP/1.1\r\n" + KEY + b"\r\n", 404),
    "a key that is no ASCII": (
        b"GET /v2/sections HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-APIKey: \xff\r\n\r\n",
        401,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_with_a_documented_body(serve, name) -> None:
    """JSON under `errors`, as for every other mistake, and the next request is served."""
    api = await serve()
    request, expected = REFUSED[name]
    status, body = await exchange(api.emulator, request)
    assert status == expected
    assert list(json.loads(body)) == ["errors"]
    assert (await api.get("/sections/1/groups/1")).status == 200


async def test_a_body_that_never_comes_leaves_no_trace(serve, caplog) -> None:
    """A client that goes away in the middle of a write is no error of the emulator, and changes nothing."""
    api = await serve()
    port = int(api.emulator.url.rpartition(":")[2].partition("/")[0])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    with caplog.at_level(logging.WARNING):
        writer.write(b"POST /v2/sections HTTP/1.1\r\n" + JSON + b"Content-Length: 100\r\n\r\n" + BODY)
        await writer.drain()
        await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(PATIENCE):
            while not api.emulator.requests:
                await asyncio.sleep(0.01)
    assert (await api.get("/sections")).body["count"] == 6
    assert not caplog.records


async def test_a_body_too_large_is_413(serve) -> None:
    """Also when it is small before it is unpacked."""
    api = await serve()
    packed = gzip.compress(bytes(33 * 1024 * 1024), compresslevel=1)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await api.send("POST", "/sections", data=packed, headers=headers)
    assert answer.status == 413
    assert list(answer.body) == ["errors"]
