"""The server takes its time, for ever if need be."""

from __future__ import annotations

import pytest

from partoo_async import APITimeoutError, DeadlineExceededError, RetryPolicy
from tests.hostile.check import Played, check, named, played, row
from tests.hostile.server import Line, Script
from tests.support.raw_server import GROUP, answer

pytestmark = pytest.mark.usefixtures("hurried")

WHOLE = answer(200, GROUP)
ONCE_MORE = RetryPolicy(max_retries=1, initial_backoff=0.001)


async def stall(line: Line) -> None:
    await line.pause()


async def stall_in_head(line: Line) -> None:
    await line.send(WHOLE[:20])
    await line.pause()


async def stall_in_body(line: Line) -> None:
    await line.send(WHOLE[:-9])
    await line.pause()


async def slow_headers(line: Line) -> None:
    await line.drip(WHOLE, 1000.0)


async def slow_body(line: Line) -> None:
    await line.send(WHOLE[: -len(GROUP)])
    await line.drip(GROUP, 1000.0)


SLOW = [slow_headers, slow_body, played("slow_headers"), played("slow_body")]
SILENT = [stall, stall_in_head, stall_in_body, played("stall"), played("stall_in_body")]
SILENT += [played("stall_in_body", chunked=True), played("length_too_long")]


@row(12, 13)
@pytest.mark.parametrize("fault", [*SLOW, *SILENT], ids=named)
async def test_an_attempt_ends_in_time(fault: Script | Played) -> None:
    """Whatever trickles in, an attempt ends after ``attempt_timeout``; it is a fault of the line."""
    error = await check(fault, APITimeoutError, 2, retry=ONCE_MORE, attempt_timeout=0.25)
    assert isinstance(error, APITimeoutError)
    assert error.request_sent


@row(12, 13)
@pytest.mark.parametrize("fault", [slow_body, stall, played("slow_headers"), played("stall_in_body")], ids=named)
async def test_a_call_ends_in_time(fault: Script | Played) -> None:
    """The deadline of the call ends the attempt that is under way."""
    await check(fault, DeadlineExceededError, 1, timeout=0.25, attempt_timeout=30.0)
