"""Faults of the connection: it closes, is reset, stalls or drips, at any point of the response."""

from __future__ import annotations

from functools import partial

from partoo_async._internal.checks import check_flag
from partoo_async.emulator.faults.exchange import Connection, Exchange, ScriptedResponse, chunk, send_bytes
from partoo_async.emulator.faults.kinds import Kind, Option, check_pause, check_wait

__all__ = ["KINDS"]

_PIECES = 50  # that a slow response drips in


def _close(_: Exchange) -> ScriptedResponse:
    return send_bytes([], None)


def _reset(_: Exchange) -> ScriptedResponse:
    return send_bytes([], None, reset=True)


def _half_status_line(_: Exchange) -> ScriptedResponse:
    return send_bytes([b"HTTP/1.1 20"], None)


def _half_headers(exchange: Exchange) -> ScriptedResponse:
    half = exchange.head("Content-Length: 1000", "X-Cut: here").removesuffix(b"ere\r\n\r\n")
    return send_bytes([half], exchange.response.status)


def _first_half(exchange: Exchange, *, chunked: bool) -> bytes:
    half = exchange.body[: len(exchange.body) // 2]
    if chunked:
        # One chunk, which says how long it would have been.
        return exchange.head("Transfer-Encoding: chunked") + b"%x\r\n" % len(exchange.body) + half
    return exchange.head(f"Content-Length: {len(exchange.body)}") + half


def _cut_in_body(exchange: Exchange, chunked: bool, *, reset: bool = False) -> ScriptedResponse:
    return send_bytes([_first_half(exchange, chunked=chunked)], exchange.response.status, reset=reset)


def _no_last_chunk(exchange: Exchange) -> ScriptedResponse:
    return send_bytes([exchange.head("Transfer-Encoding: chunked") + chunk(exchange.body)], exchange.response.status)


def _cut_without_length(exchange: Exchange) -> ScriptedResponse:
    half = exchange.body[: len(exchange.body) // 2]
    return send_bytes([exchange.head("Connection: close") + half], exchange.response.status)


def _stall(exchange: Exchange, seconds: float | None) -> ScriptedResponse:
    async def script(connection: Connection) -> None:
        await connection.pause(seconds)
        await connection.send(exchange.full_response())

    return ScriptedResponse(script, None if seconds is None else exchange.response.status, keep_open=True)


def _stall_in_body(exchange: Exchange, seconds: float | None, chunked: bool) -> ScriptedResponse:
    async def script(connection: Connection) -> None:
        await connection.send(_first_half(exchange, chunked=chunked))
        await connection.pause(seconds)
        await connection.send(exchange.body[len(exchange.body) // 2 :] + (b"\r\n0\r\n\r\n" if chunked else b""))

    return ScriptedResponse(script, exchange.response.status, keep_open=True)


async def _drip(connection: Connection, data: bytes, seconds: float) -> None:
    # A fixed number of pieces: a long response takes as long as a short one. Their sizes are even.
    count = min(len(data), _PIECES)
    for number in range(count):
        await connection.pause(seconds / count)
        await connection.send(data[len(data) * number // count : len(data) * (number + 1) // count])


def _slow_headers(exchange: Exchange, seconds: float) -> ScriptedResponse:
    async def script(connection: Connection) -> None:
        await _drip(connection, exchange.head(f"Content-Length: {len(exchange.body)}"), seconds)
        await connection.send(exchange.body)

    return ScriptedResponse(script, exchange.response.status, keep_open=True)


def _slow_body(exchange: Exchange, seconds: float) -> ScriptedResponse:
    async def script(connection: Connection) -> None:
        await connection.send(exchange.head(f"Content-Length: {len(exchange.body)}"))
        await _drip(connection, exchange.body, seconds)

    return ScriptedResponse(script, exchange.response.status, keep_open=True)


_CHUNKED = Option("chunked", False, check_flag)
_FOR_EVER = Option("seconds", None, check_pause)
_A_MINUTE = Option("seconds", 60.0, check_wait)
# Cut before the body, both look the same to the client: the server has acted on the request, or it has not.
_EITHER = (True, False)

KINDS = (
    Kind("close", "the connection closes before any byte of the response", _close, processed=_EITHER),
    Kind("reset", "the connection is reset (RST) before any byte of the response", _reset, processed=_EITHER),
    Kind("half_status_line", "half a status line, then the connection closes", _half_status_line, processed=_EITHER),
    Kind("half_headers", "half a header block, then the connection closes", _half_headers, processed=_EITHER),
    Kind("close_in_body", "the connection closes in the middle of the body", _cut_in_body, (_CHUNKED,)),
    Kind(
        "reset_in_body",
        "the connection is reset (RST) in the middle of the body",
        partial(_cut_in_body, reset=True),
        (_CHUNKED,),
    ),
    Kind("no_last_chunk", "every chunk of the body but the last, empty one, then a close", _no_last_chunk),
    Kind(
        "cut_without_length",
        "a body that only the close of the connection ends, and it comes half way",
        _cut_without_length,
    ),
    Kind("stall", "nothing for `seconds` (None: for ever), then the response", _stall, (_FOR_EVER,)),
    Kind(
        "stall_in_body",
        "half the body, nothing for `seconds` (None: for ever), then the rest",
        _stall_in_body,
        (_FOR_EVER, _CHUNKED),
    ),
    Kind("slow_headers", "the header block drips in, within `seconds`", _slow_headers, (_A_MINUTE,)),
    Kind("slow_body", "the body drips in, within `seconds`", _slow_body, (_A_MINUTE,)),
    Kind(
        "idle_close",
        "a kept-alive connection closes right as the next request comes; a fresh one is spared",
        _close,
        processed=(False,),
        on_reused=True,
    ),
)
