"""Bytes that are not what their headers say."""

from __future__ import annotations

import gzip
import zlib

import pytest

from partoo_async.emulator.faults.encodings import bomb
from tests.emulator.wire import GROUP, hit, shows
from tests.support.each import each

MEBIBYTE = 1024 * 1024


@shows("wrong_content_type", "lying_charset")
@pytest.mark.parametrize(
    ("kind", "options", "content_type"),
    [
        ("wrong_content_type", {}, "text/plain"),
        ("wrong_content_type", {"value": "image/png"}, "image/png"),
        ("lying_charset", {}, "application/json; charset=utf-16"),
        ("lying_charset", {"charset": "x-none"}, "application/json; charset=x-none"),
    ],
)
async def test_the_right_json_under_a_wrong_name(kind, options, content_type) -> None:
    """Only the header is wrong."""
    received = await hit(kind, **options)
    assert (received.header("Content-Type"), received.body) == ([content_type], GROUP)


@shows("no_content_type")
async def test_the_right_json_under_no_name() -> None:
    """There is no such header."""
    received = await hit("no_content_type")
    assert (received.header("Content-Type"), received.body) == ([], GROUP)


@shows("unknown_encoding")
async def test_an_encoding_that_nobody_knows() -> None:
    """The body is encoded indeed, with its length."""
    received = await hit("unknown_encoding")
    assert received.header("Content-Encoding") == ["x-unknown"]
    assert received.header("Content-Length") == ["71"]
    assert bytes(byte ^ 0xFF for byte in received.body) == GROUP
    assert (await hit("unknown_encoding", name="zz")).header("Content-Encoding") == ["zz"]


@shows("cut_gzip")
async def test_half_a_gzip_file() -> None:
    """What there is of it is sound, and its end never comes."""
    received = await hit("cut_gzip")
    assert received.header("Content-Encoding") == ["gzip"]
    assert received.header("Content-Length") == [str(len(received.body))]
    unpacker = zlib.decompressobj(wbits=31)
    assert GROUP.startswith(unpacker.decompress(received.body))
    assert not unpacker.eof


@shows("corrupt_gzip")
async def test_a_corrupt_gzip_file() -> None:
    """It is as long as it should be, and cannot be unpacked."""
    received = await hit("corrupt_gzip")
    assert received.header("Content-Encoding") == ["gzip"]
    assert received.header("Content-Length") == [str(len(received.body))]
    with pytest.raises((zlib.error, gzip.BadGzipFile)):
        gzip.decompress(received.body)


@shows("gzip_bomb")
async def test_a_gzip_bomb() -> None:
    """The sound JSON, with spaces behind it, of a thousand times its size on the wire."""
    received = await hit("gzip_bomb", size=20 * MEBIBYTE)
    assert received.header("Content-Encoding") == ["gzip"]
    unpacked = gzip.decompress(received.body)
    assert len(unpacked) == 71 + 20 * MEBIBYTE
    assert unpacked.rstrip() == GROUP
    assert len(received.body) < len(unpacked) / 900


@each(("size", "packed"), [(1, 71 + MEBIBYTE), (MEBIBYTE + 1, 71 + 2 * MEBIBYTE)])
def test_a_bomb_of_any_size_is_a_sound_gzip_file(size, packed) -> None:
    """Its checksum and its length are right; the spaces are a whole number of MiB."""
    assert len(gzip.decompress(bomb(GROUP, size))) == packed
