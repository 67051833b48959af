"""Read a body under a cap. aiohttp decompresses without one, and takes a cut gzip stream for complete."""

from __future__ import annotations

import asyncio
import zlib
from functools import cache
from typing import Any, Protocol

__all__ = ["MAX_BODY", "Stream", "TooLargeError", "UnreadableError", "read_body", "read_body_nowait"]

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a body, decompressed. A group of 10,000 businesses has about 270 kB."""

_STEP = 256 * 1024  # bytes to decompress at once
_MANY = 1024  # pieces that are collected before they are joined
_GZIP = b"\x1f\x8b"
_MAX_MEMBERS = 1024  # gzip made in blocks of 64 KiB has 512 of them in MAX_BODY
_LARGE = 128 * 1024  # from here on glibc maps a block for each body


class TooLargeError(Exception):
    """The body passed the cap."""


class UnreadableError(Exception):
    """The body arrived but cannot be read; the text says why."""


@cache
def _keep_freed_memory() -> None:
    # glibc takes the largest block that it unmapped for the size from which it maps blocks, and twice that for the free
    # memory that it keeps. Else it gives the memory of each large body back, and takes it anew page by page.
    bytes(4 * 1024 * 1024)


class _CappedBuffer:
    """Collects pieces of a body, up to ``cap`` bytes."""

    __slots__ = ("_blocks", "_cap", "_pieces", "_size")

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._size = 0
        self._blocks: list[bytes] = []
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._cap:
            raise TooLargeError
        self._pieces.append(piece)
        if len(self._pieces) >= _MANY:
            # Objects of one byte each would take forty times the memory. Large pieces are too few to be joined twice.
            self._blocks.append(b"".join(self._pieces))
            self._pieces = []

    def join(self) -> bytes:
        return b"".join([*self._blocks, *self._pieces])


class Stream(Protocol):
    """What is needed of aiohttp's ``StreamReader``."""

    def is_eof(self) -> bool:
        """Whether all of the body has arrived."""

    def read_nowait(self) -> bytes:
        """Return what has arrived."""

    async def read(self) -> bytes:
        """Return the whole body, however large."""

    async def readany(self) -> bytes:
        """Return what has arrived, at least one byte; b"" at the end."""


def read_body_nowait(stream: Stream, encoding: str | None, *, cap: int = MAX_BODY) -> bytes | None:
    """Return the body, or None if it has not arrived or needs decoding. Raises ``TooLargeError``."""
    if encoding is not None or not stream.is_eof():
        return None
    body = stream.read_nowait()
    if len(body) > cap:
        raise TooLargeError
    return body


async def read_body(stream: Stream, encoding: str, length: int | None, *, cap: int = MAX_BODY) -> bytes:
    """Return the whole body, decompressed, for a Content-Encoding and Content-Length.

    Raises ``TooLargeError`` as soon as it has more than ``cap`` bytes, and ``UnreadableError`` for gzip data that are
    corrupt or cut off, and for other encodings.
    """
    encoding = encoding.strip().lower()
    if (length or 0) > cap:
        raise TooLargeError
    if encoding in ("gzip", "x-gzip"):
        return await _gunzip(stream, cap)
    if encoding not in ("", "identity"):
        raise UnreadableError("unknown content encoding")
    if length is not None:
        if length > _LARGE:
            _keep_freed_memory()
        # No more than that can arrive, so aiohttp need not pause in between; and it joins all once.
        return await stream.read()
    buffer = _CappedBuffer(cap)
    while chunk := await stream.readany():
        buffer.add(chunk)
    return buffer.join()


async def _gunzip(stream: Stream, cap: int) -> bytes:
    decoder = _GzipDecoder(cap)
    received = 0
    while chunk := await stream.readany():
        received += len(chunk)
        if received > cap:
            raise TooLargeError
        while decoder.feed(chunk):
            chunk = b""
            await asyncio.sleep(0)  # a few bytes can become megabytes: let other tasks run
    return decoder.join()


class _GzipDecoder:
    """Decompresses a gzip stream of one member or several (RFC 1952, 2.2), step by step."""

    def __init__(self, cap: int) -> None:
        self._buffer = _CappedBuffer(cap)
        self._member: Any = None  # no stub names the type
        self._members = 0
        self._rest = b""
        self._padding = False

    def feed(self, data: bytes) -> bool:
        """Decompress one step. True: call again with b"" for the next one."""
        data = self._rest + data
        self._rest = b""
        made = 0
        while data and not self._padding and made < _STEP:
            if self._member is None:
                if self._members and data == _GZIP[:1]:
                    break  # the next byte tells whether this is a member or padding
                data = self._begin(data)
                continue
            try:
                piece = self._member.decompress(data, _STEP)
            except zlib.error:
                raise UnreadableError("corrupt gzip data") from None
            self._buffer.add(piece)
            made += len(piece)
            data = self._member.unconsumed_tail
            if self._member.eof:
                data, self._member = self._member.unused_data, None
        self._rest = b"" if self._padding else data
        return bool(self._rest) and made >= _STEP

    def _begin(self, data: bytes) -> bytes:
        if self._members and not data.startswith(_GZIP):
            self._padding = True  # such as zeros up to the size of a block
            return b""
        if self._members >= _MAX_MEMBERS:
            raise UnreadableError("too many parts in gzip data")
        self._members += 1
        self._member = zlib.decompressobj(wbits=31)
        return data

    def join(self) -> bytes:
        """Return all that was decompressed. Raises ``UnreadableError`` if data are missing."""
        if self._member is not None or self._rest:
            raise UnreadableError("gzip data ends too early")
        return self._buffer.join()
