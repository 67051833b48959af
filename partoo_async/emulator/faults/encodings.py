"""A success whose bytes are not what its headers say: content type, charset, encoding, compression."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from typing import TYPE_CHECKING

from partoo_async.emulator.faults.exchange import ScriptedResponse, send_bytes
from partoo_async.emulator.faults.kinds import Kind, Option, check_at_least_one, check_header

if TYPE_CHECKING:
    from aiohttp import web

    from partoo_async.emulator.faults.exchange import Exchange

__all__ = ["KINDS", "bomb"]

_MEBIBYTE = 1024 * 1024


def _wrong_content_type(exchange: Exchange, value: str) -> web.Response:
    return exchange.with_body(exchange.body, ("Content-Type", value))


def _no_content_type(exchange: Exchange) -> ScriptedResponse:
    whole = exchange.head(f"Content-Length: {len(exchange.body)}", content_type=False) + exchange.body
    return send_bytes([whole], exchange.response.status, keep_open=True)


def _lying_charset(exchange: Exchange, charset: str) -> web.Response:
    return exchange.with_body(exchange.body, ("Content-Type", f"application/json; charset={charset}"))


def _unknown_encoding(exchange: Exchange, name: str) -> web.Response:
    # Every bit inverted: a client that ignores the header gets nothing that decodes.
    return exchange.with_body(bytes(byte ^ 0xFF for byte in exchange.body), ("Content-Encoding", name))


def _zipped(exchange: Exchange, body: bytes) -> web.Response:
    return exchange.with_body(body, ("Content-Encoding", "gzip"))


def _cut_gzip(exchange: Exchange) -> web.Response:
    whole = gzip.compress(exchange.body, mtime=0)
    return _zipped(exchange, whole[: len(whole) // 2])


def _corrupt_gzip(exchange: Exchange) -> web.Response:
    whole = bytearray(gzip.compress(exchange.body, mtime=0))
    whole[len(whole) // 2] ^= 0xFF
    # The checksum too: decompression alone does not notice every changed bit.
    whole[-8] ^= 0xFF
    return _zipped(exchange, bytes(whole))


def bomb(start: bytes, size: int) -> bytes:
    """Return ``start`` and at least ``size`` spaces, in whole MiB, as a gzip file."""
    spaces = b" " * _MEBIBYTE
    count = -(-size // _MEBIBYTE)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # A full flush makes the compressor forget what came before, so one compressed block can be repeated.
    first = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(spaces) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.crc32(start)
    for _ in range(count):
        checksum = zlib.crc32(spaces, checksum)
    length = (len(start) + count * _MEBIBYTE) % 2**32
    header = b"\x1f\x8b\x08" + bytes(7)
    trailer = checksum.to_bytes(4, "little") + length.to_bytes(4, "little")
    return header + first + block * count + packer.flush() + trailer


def _gzip_bomb(exchange: Exchange, size: int) -> web.Response:
    # Spaces after JSON are valid: only the size is wrong, and a client without a cap reads and accepts it all.
    return _zipped(exchange, bomb(exchange.body, size))


_success = partial(Kind, on_success=True)

KINDS = (
    _success(
        "wrong_content_type",
        "the JSON as another content type",
        _wrong_content_type,
        (Option("value", "text/plain", check_header),),
    ),
    _success("no_content_type", "the JSON without `Content-Type`", _no_content_type),
    _success(
        "lying_charset",
        "UTF-8 that claims to be another charset",
        _lying_charset,
        (Option("charset", "utf-16", check_header),),
    ),
    _success(
        "unknown_encoding",
        "a `Content-Encoding` that nobody knows",
        _unknown_encoding,
        (Option("name", "x-unknown", check_header),),
    ),
    _success("cut_gzip", "half of a gzip file, well framed", _cut_gzip),
    _success("corrupt_gzip", "a gzip file with wrong bits in it", _corrupt_gzip),
    _success(
        "gzip_bomb",
        "the response, filled up with spaces to `size` bytes, in a gzip file of a thousandth of that",
        _gzip_bomb,
        (Option("size", 300 * _MEBIBYTE, check_at_least_one),),
    ),
)
