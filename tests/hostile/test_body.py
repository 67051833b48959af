"""The body: none, too much of it, something else than JSON, or compressed in ways that hurt."""

from __future__ import annotations

import functools
import gzip
import os
from itertools import repeat

import pytest

from partoo_async import APIResponseValidationError, InternalServerError, PartooError
from partoo_async.emulator.faults.encodings import bomb
from tests.hostile.check import FINAL, FRANCE, LINE, UNREADABLE, Played, check, named, played, row
from tests.hostile.server import Line, Script
from tests.support.raw_server import GROUP, answer

pytestmark = pytest.mark.usefixtures("way")

GZIP = "Content-Encoding: gzip"
PAGE = b"<html><body><h1>Bad gateway</h1></body></html>"
PACKED = gzip.compress(GROUP, mtime=0)
MEBIBYTE = 2**20


@row(15, 16, 17)
@pytest.mark.parametrize(
    "fault",
    [answer(200, GROUP[:-9]), answer(200), answer(200, b" \r\n"), answer(200, PAGE, "Content-Type: text/html")]
    + [played(kind) for kind in ("truncated_json", "empty", "html")],
    ids=named,
)
async def test_no_json(fault: Script | Played) -> None:
    """A success without whole JSON is asked for again, twice, and then an error: never None, never a part."""
    await check(fault, APIResponseValidationError, UNREADABLE)


@row(18)
@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_gateway_page(status: int) -> None:
    """The status counts; of the page no more than an excerpt is kept, and nothing shown in the message."""
    page = PAGE * 1000
    for fault in (answer(status, page, "Content-Type: text/html"), played("gateway_page", status=status)):
        error = await check(fault, InternalServerError, LINE)
        assert isinstance(error, InternalServerError)
        assert error.status == status
        assert len(str(error.body)) <= 2000
        assert "<" not in str(error)


async def gzip_bomb(line: Line) -> None:
    await line.stream([answer(200, bomb(GROUP, 300 * MEBIBYTE), GZIP)])


async def endless_gzip_tail(line: Line) -> None:
    """A whole gzip file, and then zeros without end."""
    await line.stream([b"HTTP/1.1 200 OK\r\n" + GZIP.encode() + b"\r\n\r\n" + PACKED])
    await line.stream(repeat(bytes(65536)))


async def endless(line: Line) -> None:
    await line.stream([b"HTTP/1.1 200 OK\r\n\r\n"])
    await line.stream(repeat(b" " * 65536))


async def endless_small_chunks(line: Line) -> None:
    """The overhead of many small things is memory, too."""
    await line.stream([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])
    await line.stream(repeat((b"200\r\n" + b" " * 512 + b"\r\n") * 64))


@row(21, 26)
@pytest.mark.parametrize(
    "fault",
    [gzip_bomb, endless_gzip_tail, endless, endless_small_chunks]
    + [played(kind) for kind in ("gzip_bomb", "huge_body", "endless_body")],
    ids=named,
)
async def test_too_much(fault: Script | Played) -> None:
    """An answer above 32 MiB, as it comes or unpacked, is refused as soon as that shows, and not asked for again."""
    error = await check(fault, APIResponseValidationError, FINAL, attempt_timeout=60.0, timeout=60.0)
    assert "larger than 33554432 bytes" in str(error)


@row(26)
async def test_an_endless_error() -> None:
    """What an error says about itself is read for a moment; its status counts."""

    async def script(line: Line) -> None:
        await line.stream([b"HTTP/1.1 500 Oh\r\n\r\n"])
        await line.stream(repeat(b"x" * 65536))

    await check(script, InternalServerError, LINE)


@row(22, 23, 24)
@pytest.mark.parametrize(
    "fault",
    [answer(200, PACKED[:cut], GZIP) for cut in (1, 10, 30, len(PACKED) - 8, len(PACKED) - 1)]
    + [answer(200, PACKED[:20] + b"\xff\xff" + PACKED[22:], GZIP), answer(200, b"\0" * 50, GZIP)]
    + [answer(200, GROUP, f"Content-Encoding: {name}") for name in ("br", "deflate", "gzip, gzip")]
    + [played(kind) for kind in ("cut_gzip", "corrupt_gzip", "unknown_encoding")],
    ids=named,
)
async def test_an_encoding_that_cannot_be_undone(fault: Script | Played) -> None:
    """A cut or corrupt gzip file, and an encoding that was not asked for, are unreadable answers."""
    await check(fault, APIResponseValidationError, UNREADABLE)


@row(19, 20)
@pytest.mark.parametrize(
    "fault",
    [answer(200, GROUP, f"Content-Type: {value}") for value in ("text/html", "application/json; charset=utf-16", ";;")]
    + [played(kind) for kind in ("wrong_content_type", "no_content_type", "lying_charset")]
    + [answer(200, PACKED, GZIP), answer(200, PACKED, "Content-Encoding: x-gzip"), answer(200, GROUP)],
    ids=named,
)
async def test_what_is_said_of_the_content_does_not_matter(fault: Script | Played) -> None:
    """JSON in UTF-8 is read as such, whatever its content type and charset say."""
    await check(fault, FRANCE, 1)


@row(27)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (answer(200, b"\xef\xbb\xbf" + GROUP), FRANCE),
        (played("bom"), FRANCE),
        (answer(200, GROUP.replace(b"France", b"Fran\xe7ais")), APIResponseValidationError),
        (played("invalid_utf8"), APIResponseValidationError),
        (answer(200, GROUP.decode().encode("utf-16")), APIResponseValidationError),
    ],
    ids=named,
)
async def test_utf8(fault: Script | Played, expected: type[PartooError]) -> None:
    """A byte order mark is skipped; what is not UTF-8 is unreadable."""
    await check(fault, expected, 1 if expected is FRANCE else UNREADABLE)


@functools.cache
def large_answers() -> tuple[bytes, bytes]:
    """A body just below the cap, and the same packed."""
    noise = os.urandom(MEBIBYTE).hex().encode()
    large = b'{"id":42,"name":"France","has_puller":false,"business_ids":["a","b"],"x":"' + noise * 14 + b'"}'
    return large, gzip.compress(large, 1)


async def test_a_large_answer_is_read() -> None:
    """Just below the cap is a success, packed or not."""
    large, packed = large_answers()
    # The server's copy, what the system has of it, the body, and the text in it: no fault, and no bound to hold.
    memory = 8 * len(large)
    await check(answer(200, large), FRANCE, 1, timeout=30.0, memory=memory)
    await check(answer(200, packed, GZIP), FRANCE, 1, timeout=30.0, memory=memory)
