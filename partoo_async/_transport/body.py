"""Reading a body under a cap. aiohttp has no cap when it decompresses, and takes a cut gzip stream for a whole."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any, Protocol

__all__ = ["MAX_BODY", "Stream", "TooLargeError", "UnreadableError", "body_at_hand", "read_body"]

MAX_BODY = 32 * 1024 * 1024
"""Bytes of an answer, after decompression: a group of 10,000 businesses has about 270 kB."""

_STEP = 256 * 1024  # bytes to decompress at once, and to leave in pieces
_GZIP = b"\x1f\x8b"
_MOST_MEMBERS = 1024  # gzip that is made in blocks of 64 KiB has 512 in as much as is read of an answer


class TooLargeError(Exception):
    """The body passed the cap."""


class UnreadableError(Exception):
    """The answer arrived but cannot be read; the text says why."""


class _Pile:
    """Pieces of a body, up to ``cap`` bytes, joined now and then: tiny ones by themselves would take forty times it."""

    __slots__ = ("_apart", "_blocks", "_cap", "_pieces", "_size")

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._size = self._apart = 0
        self._blocks: list[bytes] = []
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._cap:
            raise TooLargeError
        self._pieces.append(piece)
        self._apart += len(piece)
        if self._apart > _STEP:
            self._blocks.append(b"".join(self._pieces))
            self._pieces, self._apart = [], 0

    def join(self) -> bytes:
        return b"".join([*self._blocks, *self._pieces])


class Stream(Protocol):
    """What is needed of aiohttp's stream of a body."""

    def is_eof(self) -> bool:
        """Whether everything has arrived."""

    def read_nowait(self) -> bytes:
        """Return what has arrived, without waiting."""

    async def readany(self) -> bytes:
        """Return what has arrived, waiting for the first byte; b"" at the end."""


def body_at_hand(stream: Stream, encoding: str | None, *, cap: int = MAX_BODY) -> bytes | None:
    """Return the body if it came whole with its headers, as it mostly does, and needs no decoding; else None.

    Raises ``TooLargeError`` above the cap.
    """
    if encoding is not None or not stream.is_eof():
        return None
    body = stream.read_nowait()
    if len(body) > cap:
        raise TooLargeError
    return body


async def read_body(stream: Stream, encoding: str, length: int | None, *, cap: int = MAX_BODY) -> bytes:
    """Return the whole body, decompressed.

    ``encoding``: the Content-Encoding header; ``length``: the Content-Length, if any; ``cap``: bytes. Raises
    ``TooLargeError`` as soon as the cap is passed, and ``UnreadableError`` for an encoding that was not asked for,
    and for gzip data that are corrupt or cut off.
    """
    encoding = encoding.strip().lower()
    if (length or 0) > cap:
        raise TooLargeError
    if encoding in ("gzip", "x-gzip"):
        return await _gunzip(stream, cap)
    if encoding not in ("", "identity"):
        raise UnreadableError("unknown content encoding")
    whole = _Pile(cap)
    while chunk := await stream.readany():
        whole.add(chunk)
    return whole.join()


async def _gunzip(stream: Stream, cap: int) -> bytes:
    unzip = _Members(cap)
    received = 0
    while chunk := await stream.readany():
        received += len(chunk)
        if received > cap:
            raise TooLargeError
        while unzip.feed(chunk):
            chunk = b""
            await asyncio.sleep(0)  # a few bytes can become megabytes, and others have to get their turn
    return unzip.join()


class _Members:
    """A gzip stream: one member, or several behind each other, which are one text together (RFC 1952, 2.2)."""

    def __init__(self, cap: int) -> None:
        self._pile = _Pile(cap)
        self._member: Any = None  # no stub names the type
        self._begun = 0
        self._rest = b""
        self._padding = False

    def feed(self, data: bytes) -> bool:
        """Take bytes, and return whether there is more to do before the next ones: call it with b"" then."""
        data = self._rest + data
        self._rest = b""
        made = 0
        while data and not self._padding and made < _STEP:
            if self._member is None:
                data = self._begin(data)
                continue
            try:
                piece = self._member.decompress(data, _STEP)
            except zlib.error:
                raise UnreadableError("corrupt gzip data") from None
            self._pile.add(piece)
            made += len(piece)
            data = self._member.unconsumed_tail
            if self._member.eof:
                data, self._member = self._member.unused_data, None
        self._rest = b"" if self._padding else data
        return bool(self._rest) and made >= _STEP

    def _begin(self, data: bytes) -> bytes:
        """Begin a member. What follows the last one, such as zeros up to the size of a block, counts for nothing."""
        if self._begun and not _GZIP.startswith(data[:2]):
            self._padding = True
            return b""
        if self._begun >= _MOST_MEMBERS:
            raise UnreadableError("too many parts in gzip data")
        self._begun += 1
        self._member = zlib.decompressobj(wbits=31)
        return data

    def join(self) -> bytes:
        """Return the whole text."""
        if self._member is not None:
            raise UnreadableError("gzip data ends too early")
        return self._pile.join()
