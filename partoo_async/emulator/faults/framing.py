"""Broken HTTP around the real response: wrong lengths, request smuggling, floods, responses without end."""

from __future__ import annotations

from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

from partoo_async.emulator.faults.exchange import Exchange, ScriptedResponse, chunk, head, send_bytes
from partoo_async.emulator.faults.kinds import Kind, Option, check_at_least_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["KINDS"]

_BLOCK = 64 * 1024  # bytes


def _sent(exchange: Exchange, data: bytes) -> ScriptedResponse:
    return send_bytes([data], exchange.response.status, keep_open=True)


def _with_headers(exchange: Exchange, headers: Iterable[str]) -> ScriptedResponse:
    size = len(exchange.body)
    return _sent(exchange, exchange.head(*(header.format(size=size) for header in headers)) + exchange.body)


def _wrong_length(exchange: Exchange, by: int) -> ScriptedResponse:
    return _sent(exchange, exchange.head(f"Content-Length: {len(exchange.body) + by}") + exchange.body)


def _length_and_chunked(exchange: Exchange) -> ScriptedResponse:
    # A client that believes the length takes the end of the chunked body for the next response.
    framing = exchange.head("Content-Length: 5", "Transfer-Encoding: chunked")
    return _sent(exchange, framing + chunk(exchange.body) + chunk(b""))


def _two_lengths(exchange: Exchange) -> ScriptedResponse:
    return _with_headers(exchange, ["Content-Length: {size}", f"Content-Length: {len(exchange.body) + 5}"])


def _bad_chunk_size(exchange: Exchange) -> ScriptedResponse:
    return _sent(exchange, exchange.head("Transfer-Encoding: chunked") + b"xyz\r\n" + exchange.body + b"\r\n0\r\n\r\n")


def _odd_status(exchange: Exchange, status: int) -> ScriptedResponse:
    framing = ("Content-Type: application/json", f"Content-Length: {len(exchange.body)}")
    return send_bytes([head(f"{status} Odd", *framing) + exchange.body], status, keep_open=True)


def _extra_bytes(exchange: Exchange) -> ScriptedResponse:
    # A second response that nobody asked for: a client that reuses the connection takes it for the next request's.
    foreign = b'{"id":666,"name":"Smuggled","has_puller":false,"business_ids":[]}'
    framing = ("Content-Type: application/json", f"Content-Length: {len(foreign)}")
    return _sent(exchange, exchange.full_response() + head("200 OK", *framing) + foreign)


def _informational(exchange: Exchange) -> ScriptedResponse:
    noise = b"HTTP/1.1 100 Continue\r\n\r\n" + head("103 Early Hints", "Link: </style.css>; rel=preload")
    return _sent(exchange, noise + exchange.full_response())


def _switching_protocols(exchange: Exchange) -> ScriptedResponse:
    return send_bytes([head("101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")], 101)


def _huge_header(exchange: Exchange, size: int) -> ScriptedResponse:
    framing = exchange.head(f"X-Huge: {'x' * size}", f"Content-Length: {len(exchange.body)}")
    return _sent(exchange, framing + exchange.body)


def _header_lines(count: int) -> Iterator[bytes]:
    for start in range(0, count, 1000):
        numbers = range(start, min(start + 1000, count))
        yield "".join(f"X-Flood-{number}: x\r\n" for number in numbers).encode()


def _header_flood(exchange: Exchange, count: int) -> ScriptedResponse:
    def parts() -> Iterator[bytes]:
        yield exchange.head(f"Content-Length: {len(exchange.body)}").removesuffix(b"\r\n")
        yield from _header_lines(count)
        yield b"\r\n" + exchange.body

    return send_bytes(parts(), exchange.response.status, keep_open=True)


def _endless_headers(exchange: Exchange) -> ScriptedResponse:
    def parts() -> Iterator[bytes]:
        yield exchange.head().removesuffix(b"\r\n")
        yield from repeat(b"X-Endless: x\r\n" * 100)

    return send_bytes(parts(), exchange.response.status)


def _huge_body(exchange: Exchange, size: int) -> ScriptedResponse:
    def parts() -> Iterator[bytes]:
        # Spaces after JSON are valid: only the size is wrong, and a client without a cap reads and accepts it all.
        left = max(size - len(exchange.body), 0)
        yield exchange.head(f"Content-Length: {len(exchange.body) + left}") + exchange.body
        for start in range(0, left, _BLOCK):
            yield b" " * min(_BLOCK, left - start)

    return send_bytes(parts(), exchange.response.status, keep_open=True)


def _endless_body(exchange: Exchange) -> ScriptedResponse:
    def parts() -> Iterator[bytes]:
        yield exchange.head("Transfer-Encoding: chunked") + chunk(exchange.body)
        yield from repeat(chunk(b" " * _BLOCK))

    return send_bytes(parts(), exchange.response.status)


KINDS = (
    Kind(
        "length_too_long", "a `Content-Length` above the real one: the rest never comes", partial(_wrong_length, by=10)
    ),
    Kind("length_too_short", "a `Content-Length` below the real one", partial(_wrong_length, by=-10)),
    Kind("length_and_chunked", "both `Content-Length` and `Transfer-Encoding: chunked`", _length_and_chunked),
    Kind("two_lengths", "two values of `Content-Length`", _two_lengths),
    Kind("negative_length", "`Content-Length: -1`", partial(_with_headers, headers=["Content-Length: -1"])),
    Kind("bad_chunk_size", "a chunk whose size is no number", _bad_chunk_size),
    Kind(
        "nul_in_header",
        "a NUL byte in the value of a header",
        partial(_with_headers, headers=["X-Nul: a\0b", "Content-Length: {size}"]),
    ),
    Kind("status_0", "the response with status 0", partial(_odd_status, status=0)),
    Kind("status_999", "the response with status 999", partial(_odd_status, status=999)),
    Kind("extra_bytes", "a second response behind the real one, that of another group", _extra_bytes),
    Kind("informational", "100 and 103 before the response, which HTTP allows", _informational),
    Kind("switching_protocols", "101, as if a websocket had been asked for", _switching_protocols),
    Kind("huge_header", "one header of `size` bytes", _huge_header, (Option("size", 64 * 1024, check_at_least_one),)),
    Kind("header_flood", "`count` headers", _header_flood, (Option("count", 200_000, check_at_least_one),)),
    Kind("endless_headers", "headers without end", _endless_headers),
    Kind(
        "huge_body",
        "the response, filled up with spaces to `size` bytes",
        _huge_body,
        (Option("size", 64 * 1024 * 1024, check_at_least_one),),
    ),
    Kind("endless_body", "the response, and then spaces without end", _endless_body),
)
