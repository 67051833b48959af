"""The connection is cut: before, in the middle of, or after an answer."""

from __future__ import annotations

import pytest

from partoo_async import APIConnectionError, APIResponseValidationError
from tests.hostile.check import FRANCE, LINE, UNREADABLE, Played, check, named, played, row
from tests.hostile.server import Line, Script
from tests.support.raw_server import GROUP, answer

pytestmark = pytest.mark.usefixtures("way")


async def close(_: Line) -> None:
    """Close in good order, without a byte."""


async def reset(line: Line) -> None:
    line.reset()


def cut(data: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.send(data)

    return script


def cut_by_reset(data: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.send(data)
        line.reset()

    return script


HALF_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + GROUP[:20]
NO_LAST_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(GROUP), GROUP)


@row(6, 7, 8)
@pytest.mark.parametrize(
    "fault",
    [close, reset, cut(b"HTTP/1.1 20"), cut(b"HTTP/1.1 200 OK\r\nContent-Le")]
    + [played(kind) for kind in ("close", "reset", "half_status_line", "half_headers")],
    ids=named,
)
async def test_cut_before_the_body(fault: Script | Played) -> None:
    """A connection that closes or is reset before the body is a fault of the line: it is tried again as often as the
    policy says, each send is counted, and none is made behind our back."""
    error = await check(fault, APIConnectionError, LINE)
    assert isinstance(error, APIConnectionError)
    assert error.request_sent


@row(9, 10)
@pytest.mark.parametrize(
    "fault",
    [cut(answer(200, GROUP)[:-9]), cut_by_reset(answer(200, GROUP)[:-9]), cut(HALF_CHUNK), cut(NO_LAST_CHUNK)]
    + [played("no_last_chunk")]
    + [played(kind, chunked=chunked) for kind in ("close_in_body", "reset_in_body") for chunked in (True, False)],
    ids=named,
)
async def test_cut_in_the_body(fault: Script | Played) -> None:
    """Half a body is no answer, whatever says that it is half, and even when all of the JSON has come."""
    await check(fault, APIConnectionError, LINE)


@row(11)
@pytest.mark.parametrize(
    "fault",
    [cut(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + GROUP[:-1]), played("cut_without_length")],
    ids=named,
)
async def test_a_cut_that_http_cannot_see(fault: Script | Played) -> None:
    """A body that ends with the connection may be cut without a trace; that its JSON is incomplete tells."""
    await check(fault, APIResponseValidationError, UNREADABLE)


@row(14)
async def test_a_kept_connection_that_closes() -> None:
    """A kept connection that closes right as the next request comes costs one more send, which is counted."""
    both = (answer(200, GROUP), close, answer(200, GROUP))
    await check(both, FRANCE, 2, warm=True)
    await check(played("idle_close"), FRANCE, 2, warm=True)
