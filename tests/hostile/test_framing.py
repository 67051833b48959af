"""Broken HTTP around an answer, and what request smuggling is made of."""

from __future__ import annotations

import asyncio
from itertools import repeat

import pytest
from aiohttp.http_parser import HttpResponseParser, HttpResponseParserPy
from attrs import define, field

from partoo_async import APIConnectionError, APIResponseValidationError, APIStatusError
from tests.hostile.check import FINAL, FRANCE, UNREADABLE, Played, check, named, played, row
from tests.hostile.server import HostileServer, Line, Script
from tests.support.raw_server import GROUP, answer

pytestmark = pytest.mark.usefixtures("way")

KINDS = ("length_and_chunked", "two_lengths", "negative_length", "bad_chunk_size", "nul_in_header", "status_0")
TOO_MUCH = ("huge_header", "header_flood", "endless_headers")

PURE = HttpResponseParser is HttpResponseParserPy
NEEDS_C = pytest.mark.skipif(PURE, reason="aiohttp's parser in Python drops what comes behind the end of an answer")


def framed(head: str, body: bytes = GROUP) -> bytes:
    return f"HTTP/1.1 {head}\r\n\r\n".encode("latin-1") + body


@row(44)
@pytest.mark.parametrize(
    "fault",
    [
        framed("200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
        framed(f"200 OK\r\nContent-Length: {len(GROUP)}\r\nContent-Length: 5"),
        framed("200 OK\r\nContent-Length: -1"),
        framed("200 OK\r\nContent-Length: +69"),
        framed("200 OK\r\nContent-Length: 0x45"),
        framed("200 OK\r\nTransfer-Encoding: chunked", b"xyz\r\n" + GROUP),
        framed("200 OK\r\nTransfer-Encoding: chunked", b"-5\r\n" + GROUP),
        framed("200 OK\r\nX: a\0b\r\nContent-Length: 69"),
        framed("200 OK\r\nX y: z\r\nContent-Length: 69"),
        framed("0 Odd\r\nContent-Length: 69"),
        framed("2000 Odd\r\nContent-Length: 69"),
        b"HTTP/2 200 OK\r\nContent-Length: 69\r\n\r\n" + GROUP,
        b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n",
        b"220 mail.example ESMTP\r\n\r\n",
        *(played(kind) for kind in KINDS),
        pytest.param(played("length_too_short"), marks=NEEDS_C),
    ],
    ids=named,
)
async def test_broken_http(fault: Script | Played) -> None:
    """What is no HTTP is asked for twice more, and then no complete answer: it is never half understood."""
    await check(fault, APIConnectionError, UNREADABLE)


@row(25)
@pytest.mark.parametrize("kind", TOO_MUCH)
async def test_headers_without_measure(kind: str) -> None:
    """Headers are bounded in length and number; the rest is not read."""
    await check(played(kind), APIConnectionError, UNREADABLE)


@row(25)
async def test_endless_headers_below_http() -> None:
    """The same from a server that sends as fast as it can."""

    async def script(line: Line) -> None:
        await line.send(b"HTTP/1.1 200 OK\r\n")
        await line.stream(repeat(b"X-Endless: x\r\n" * 1000))

    await check(script, APIConnectionError, UNREADABLE)


@row(42)
@pytest.mark.parametrize(
    "fault", [b"HTTP/1.1 100 Continue\r\n\r\n" + answer(200, GROUP), played("informational")], ids=named
)
async def test_informational_answers(fault: Script | Played) -> None:
    """100 and 103 come before the answer, and are skipped."""
    await check(fault, FRANCE, 1)


@row(42)
@pytest.mark.parametrize(
    "fault",
    [
        framed("101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket", b""),
        played("switching_protocols"),
    ],
    ids=named,
)
async def test_another_protocol(fault: Script | Played) -> None:
    """101 is an error, and its connection is closed: nobody speaks HTTP on it any more."""
    asyncio.get_running_loop().set_debug(True)  # then aiohttp warns of answers that were left open
    error = await check(fault, APIStatusError, FINAL)
    assert isinstance(error, APIStatusError)
    assert error.status == 101


@row(43)
@pytest.mark.parametrize("fault", [answer(204), answer(205), played("no_content"), played("reset_content")], ids=named)
async def test_no_content(fault: Script | Played) -> None:
    """A read needs a body: without one there is no result, whatever the status."""
    await check(fault, APIResponseValidationError, UNREADABLE)


@row(43)
@NEEDS_C
async def test_no_content_with_a_body() -> None:
    """A 204 has no body: what comes all the same breaks the line, and is nobody's answer."""
    await check(played("no_content_with_body"), APIConnectionError, UNREADABLE)


@row(44)
@pytest.mark.parametrize("fault", [framed("999 Odd\r\nContent-Length: 69"), played("status_999")], ids=named)
async def test_a_status_out_of_range(fault: Script | Played) -> None:
    """It is an error with this status; what came with it is data, and not for the message."""
    error = await check(fault, APIStatusError, FINAL)
    assert isinstance(error, APIStatusError)
    assert error.status == 999
    assert "France" not in str(error)


SMUGGLED = answer(200, GROUP.replace(b"France", b"Smuggled"))


@row(44)
@pytest.mark.parametrize("fault", [answer(200, GROUP) + SMUGGLED, played("extra_bytes")], ids=named)
async def test_bytes_behind_the_answer(fault: Script | Played) -> None:
    """A second answer right behind the first is never taken for that of the next request."""
    await check(fault, FRANCE, 1)


@define
class Smuggler(HostileServer):
    """Sends a second answer while nothing is asked, and is healed when it has arrived."""

    sent: asyncio.Event = field(factory=asyncio.Event)

    async def heal(self) -> None:
        await self.sent.wait()
        await asyncio.sleep(0.05)
        self.healed = True


@row(35, 44)
async def test_an_answer_that_comes_unasked() -> None:
    """What arrives on an idle connection is no answer to the next request: that one takes another connection."""
    server = Smuggler()

    async def script(line: Line) -> None:
        await line.send(answer(200, GROUP))
        await line.pause(0.02)
        await line.send(SMUGGLED)
        server.sent.set()
        await line.pause()

    server.scripts = (script,)
    await check(server.serve(), FRANCE, 1)
    assert server.connections == 2


@row(44)
async def test_a_chunk_that_breaks_later() -> None:
    """A later chunk without a valid size is broken HTTP like any other, though aiohttp would wait on."""

    async def script(line: Line) -> None:
        await line.send(framed("200 OK\r\nTransfer-Encoding: chunked", b"2\r\n{}\r\n"))
        await line.pause(0.02)
        await line.send(b"xyz\r\n")
        await line.pause()

    await check(script, APIConnectionError, UNREADABLE)
