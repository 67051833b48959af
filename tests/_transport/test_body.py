"""Reading a body under a cap: decompressed, whole, and without holding up others."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from partoo_async._transport.body import TooLargeError, UnreadableError, read_body
from tests.support.raw_server import GROUP


class Stream:
    """A body that comes in given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    async def readany(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize(
    ("pieces", "encoding", "expected"),
    [
        ([b"abc"], "", b"abc"),
        ([b"ab", b"c"], "identity", b"abc"),
        ([], "gzip", b""),
        ([b"abcdef"], "deflate", UnreadableError),
        ([b"ab", b"cdefghijk"], "", TooLargeError),
        ([b"\x1f\x8b"], " GZIP ", UnreadableError),
        ([b"nonsense"], "x-gzip", UnreadableError),
    ],
)
async def test_bodies(pieces: list[bytes], encoding: str, expected: bytes | type[Exception]) -> None:
    """Bodies are read in pieces under the cap; what cannot be read whole is an error, never a part."""
    if isinstance(expected, bytes):
        assert await read_body(Stream(*pieces), encoding, None, cap=10) == expected
    else:
        with pytest.raises(expected):
            await read_body(Stream(*pieces), encoding, None, cap=10)


HALVES = gzip.compress(GROUP[:20]), gzip.compress(GROUP[20:])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"".join(HALVES), GROUP),
        (HALVES[0] + gzip.compress(b"") + HALVES[1], GROUP),
        (b"".join(HALVES) + b"\0" * 9, GROUP),
        (HALVES[0] + b"\0\0" + HALVES[1], GROUP[:20]),
        (HALVES[0] + b"\x1fpadding", GROUP[:20]),
        (b"".join(HALVES)[:-1], UnreadableError),
        (HALVES[0] + b"\x1f", UnreadableError),
        (HALVES[0] + b"\x1f\x8bnonsense", UnreadableError),
        (gzip.compress(b"") * 1025, UnreadableError),
        (gzip.compress(b"x" * 600) * 2, TooLargeError),
    ],
    ids=[
        "two",
        "empty",
        "padded",
        "behind padding",
        "like a header",
        "cut",
        "begun",
        "corrupt",
        "too many",
        "too large",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000], ids=["bytes", "pieces", "whole"])
async def test_gzip_of_several_members(data: bytes, expected: bytes | type[Exception], size: int) -> None:
    """Members of gzip that follow each other are one text (RFC 1952, 2.2), however they are cut into pieces."""
    stream = Stream(*(data[place : place + size] for place in range(0, len(data), size)))
    if isinstance(expected, bytes):
        assert await read_body(stream, "gzip", None, cap=1000) == expected
    else:
        with pytest.raises(expected):
            await read_body(stream, "gzip", None, cap=1000 if expected is TooLargeError else 100_000)


async def test_unpacking_lets_others_have_their_turn() -> None:
    """A few bytes that become megabytes do not hold up the event loop: it turns once in a quarter of one."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    text = await read_body(Stream(gzip.compress(b" " * 2**23)), "gzip", None)
    counting.cancel()
    assert len(text) == 2**23
    assert turns > 25


async def test_a_declared_length_above_the_cap() -> None:
    """A Content-Length above the cap is refused before anything is read."""
    with pytest.raises(TooLargeError):
        await read_body(Stream(b"a"), "", 11, cap=10)


async def test_a_body_of_known_length() -> None:
    """It is joined once, by the stream itself; this side sees no piece of it."""

    class Whole(Stream):
        async def read(self) -> bytes:
            return b"".join(self.pieces)

        async def readany(self) -> bytes:
            raise AssertionError("it was read in pieces")

    body = b"abc"
    whole = Whole(body)
    assert await read_body(whole, "", 3) is body
    assert await read_body(whole, "identity", 3) is body


@pytest.mark.parametrize("size", [1, 5000])
async def test_a_body_of_unknown_length(size: int) -> None:
    """It is the same of many small pieces and of few large ones."""
    parts = [bytes([number % 256]) * size for number in range(3000)]
    assert await read_body(Stream(*parts), "", None) == b"".join(parts)
