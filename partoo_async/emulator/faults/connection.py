"""Faults of the line: the connection closes, is reset, stalls or drips, wherever the answer happens to be."""

from __future__ import annotations

from partoo_async._internal.checks import check_flag
from partoo_async.emulator.faults.exchange import Exchange, chunk
from partoo_async.emulator.faults.kinds import Kind, Option, check_pause, check_wait
from partoo_async.emulator.faults.raw import Line, RawAnswer, silence

__all__ = ["KINDS"]

_PIECES = 50


def _close(_: Exchange) -> RawAnswer:
    return RawAnswer(silence)


def _reset(_: Exchange) -> RawAnswer:
    async def script(line: Line) -> None:
        line.reset()

    return RawAnswer(script)


def _half_status_line(_: Exchange) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(b"HTTP/1.1 20")

    return RawAnswer(script)


def _half_headers(exchange: Exchange) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(exchange.head("Content-Length: 1000", "X-Cut: here").removesuffix(b"ere\r\n\r\n"))

    return RawAnswer(script, exchange.response.status)


def _first_half(exchange: Exchange, *, chunked: bool) -> bytes:
    """Return the answer up to the middle of its body: of the one chunk that it is, if ``chunked``."""
    half = exchange.body[: len(exchange.body) // 2]
    if chunked:
        # The chunk says how long it would have been.
        return exchange.head("Transfer-Encoding: chunked") + b"%x\r\n" % len(exchange.body) + half
    return exchange.head(f"Content-Length: {len(exchange.body)}") + half


def _close_in_body(exchange: Exchange, chunked: bool) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(_first_half(exchange, chunked=chunked))

    return RawAnswer(script, exchange.response.status)


def _reset_in_body(exchange: Exchange, chunked: bool) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(_first_half(exchange, chunked=chunked))
        line.reset()

    return RawAnswer(script, exchange.response.status)


def _no_last_chunk(exchange: Exchange) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(exchange.head("Transfer-Encoding: chunked") + chunk(exchange.body))

    return RawAnswer(script, exchange.response.status)


def _cut_without_length(exchange: Exchange) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(exchange.head("Connection: close") + exchange.body[: len(exchange.body) // 2])

    return RawAnswer(script, exchange.response.status)


def _stall(exchange: Exchange, seconds: float | None) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.pause(seconds)
        await line.send(exchange.whole())

    return RawAnswer(script, None if seconds is None else exchange.response.status, keep_open=True)


def _stall_in_body(exchange: Exchange, seconds: float | None, chunked: bool) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(_first_half(exchange, chunked=chunked))
        await line.pause(seconds)
        await line.send(exchange.body[len(exchange.body) // 2 :] + (b"\r\n0\r\n\r\n" if chunked else b""))

    return RawAnswer(script, exchange.response.status, keep_open=True)


async def _drip(line: Line, data: bytes, seconds: float) -> None:
    # Pieces and not bytes, so that a long answer takes as long as a short one; their ends are spread evenly.
    count = min(len(data), _PIECES)
    for number in range(count):
        await line.pause(seconds / count)
        await line.send(data[len(data) * number // count : len(data) * (number + 1) // count])


def _slow_headers(exchange: Exchange, seconds: float) -> RawAnswer:
    async def script(line: Line) -> None:
        await _drip(line, exchange.head(f"Content-Length: {len(exchange.body)}"), seconds)
        await line.send(exchange.body)

    return RawAnswer(script, exchange.response.status, keep_open=True)


def _slow_body(exchange: Exchange, seconds: float) -> RawAnswer:
    async def script(line: Line) -> None:
        await line.send(exchange.head(f"Content-Length: {len(exchange.body)}"))
        await _drip(line, exchange.body, seconds)

    return RawAnswer(script, exchange.response.status, keep_open=True)


_CHUNKED = Option("chunked", False, check_flag)
_FOR_EVER = Option("seconds", None, check_pause)
_A_MINUTE = Option("seconds", 60.0, check_wait)
# What is cut before the body looks the same to the client whether the server has acted on the request or not.
_EITHER = (True, False)

KINDS = (
    Kind("close", "the connection closes before any byte of the answer", _close, processed=_EITHER),
    Kind("reset", "the connection is reset (RST) before any byte of the answer", _reset, processed=_EITHER),
    Kind("half_status_line", "half a status line, then the connection closes", _half_status_line, processed=_EITHER),
    Kind("half_headers", "half a header block, then the connection closes", _half_headers, processed=_EITHER),
    Kind("close_in_body", "the connection closes in the middle of the body", _close_in_body, (_CHUNKED,)),
    Kind("reset_in_body", "the connection is reset (RST) in the middle of the body", _reset_in_body, (_CHUNKED,)),
    Kind("no_last_chunk", "every chunk of the body but the last, empty one, then a close", _no_last_chunk),
    Kind(
        "cut_without_length",
        "a body that only the close of the connection ends, and it comes half way",
        _cut_without_length,
    ),
    Kind("stall", "nothing for `seconds` (None: for ever), then the answer", _stall, (_FOR_EVER,)),
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
