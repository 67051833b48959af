"""Faults of the line, seen from the other end of it."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.emulator.wire import GROUP, Received, ask, connected, emulated, hit, shows
from tests.support.common import PATIENCE

HALF = GROUP[: len(GROUP) // 2]


@shows("close", "reset")
@pytest.mark.parametrize(("kind", "end"), [("close", "closed"), ("reset", "reset")])
async def test_no_byte_of_an_answer(kind, end) -> None:
    """The end, in good order or not, comes instead of an answer."""
    assert await hit(kind) == Received(b"", end)


@shows("half_status_line")
async def test_half_a_status_line() -> None:
    """Not even the status is known."""
    assert await hit("half_status_line") == Received(b"HTTP/1.1 20", "closed")


@shows("half_headers")
async def test_half_a_header_block() -> None:
    """A status, and no empty line ever."""
    received = await hit("half_headers")
    assert received.data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in received.data
    assert received.end == "closed"


@shows("close_in_body", "reset_in_body")
@pytest.mark.parametrize(("kind", "end"), [("close_in_body", "closed"), ("reset_in_body", "reset")])
async def test_the_end_in_the_middle_of_a_body(kind, end) -> None:
    """Half of what the length promises, or of what the size of the chunk does."""
    received = await hit(kind)
    assert (received.body, received.header("Content-Length"), received.end) == (HALF, ["71"], end)
    received = await hit(kind, chunked=True)
    assert (received.body, received.header("Content-Length"), received.end) == (b"47\r\n" + HALF, [], end)
    assert received.header("Transfer-Encoding") == ["chunked"]


@shows("no_last_chunk")
async def test_a_chunked_body_without_its_last_chunk() -> None:
    """All of the JSON is there, and only the framing tells that more may have been to come."""
    received = await hit("no_last_chunk")
    assert (received.body, received.end) == (b"47\r\n" + GROUP + b"\r\n", "closed")


@shows("cut_without_length")
async def test_a_cut_body_that_nothing_frames() -> None:
    """To HTTP this is complete; only the JSON is not."""
    received = await hit("cut_without_length")
    assert (received.body, received.end) == (HALF, "closed")
    assert not received.header("Content-Length") + received.header("Transfer-Encoding")
    assert received.header("Connection") == ["close"]


@shows("stall", "stall_in_body")
@pytest.mark.parametrize(("kind", "before"), [("stall", b""), ("stall_in_body", HALF)])
async def test_a_stall_without_end(kind, before) -> None:
    """Nothing comes, or nothing more; the connection stays."""
    async with emulated() as emulator:
        emulator.faults.add(kind)
        async with connected(emulator) as wire:
            await wire.send()
            if before:
                await wire.until(before)
            assert await wire.silent()
            assert wire.data.endswith(before)


@pytest.mark.parametrize(("kind", "chunked"), [("stall", None), ("stall_in_body", False), ("stall_in_body", True)])
async def test_a_stall_that_ends(kind, chunked) -> None:
    """After so many seconds the answer goes on as it should have been."""
    started = time.monotonic()
    received = await hit(kind, seconds=0.1, **({} if chunked is None else {"chunked": chunked}))
    assert time.monotonic() - started >= 0.1
    if chunked:
        assert received.body == b"47\r\n" + GROUP + b"\r\n0\r\n\r\n"
    else:
        assert received.whole()


@shows("slow_headers", "slow_body")
@pytest.mark.parametrize("kind", ["slow_headers", "slow_body"])
async def test_an_answer_that_drips_in(kind) -> None:
    """It is complete in the end, comes in many pieces, and takes its time."""
    started = time.monotonic()
    assert (await hit(kind, seconds=0.2)).whole()
    assert time.monotonic() - started >= 0.2


async def test_a_drip_is_never_silent_for_long() -> None:
    """Which makes it slip through a timeout on each read: something comes every fiftieth of the time."""
    async with emulated() as emulator:
        emulator.faults.add("slow_headers", seconds=10)
        async with connected(emulator) as wire:
            await wire.send()
            assert len(await wire.until(b"HTTP")) < 100


@shows("idle_close")
async def test_a_kept_alive_connection_closes_as_the_next_request_comes() -> None:
    """The first request of a connection is served, the second gets nothing and does nothing."""
    async with emulated() as emulator:
        fault = emulator.faults.add("idle_close", times=1)
        async with connected(emulator) as wire:
            await wire.send(last=False)
            await wire.until(GROUP)
            assert fault.hits == 0
            wire.data.clear()
            await wire.send("DELETE", last=False)
            assert await wire.rest() == Received(b"", "closed")
        assert fault.hits == 1
        assert (await ask(emulator)).whole()
        assert [seen.status for seen in emulator.requests] == [200, None, 200]


async def test_a_large_request_that_is_not_processed_is_closed_in_good_order() -> None:
    """The body is read to its end: what is left unread would turn the close into a reset."""
    async with emulated() as emulator:
        emulator.faults.add("close", processed=False)
        body = b'{"name":"New","business__in":[' + b" " * 500_000 + b"]}"
        assert await ask(emulator, "POST", "/sections/7/groups", body=body) == Received(b"", "closed")
        assert list(emulator.sections[7].groups) == [42]


@pytest.mark.parametrize(
    ("kind", "options", "part"),
    [
        ("stall", {}, b""),
        ("stall_in_body", {}, HALF),
        ("stall_in_body", {"chunked": True}, HALF),
        ("slow_headers", {"seconds": 1000.0}, b""),
        ("slow_body", {"seconds": 1000.0}, b"\r\n\r\n"),
        ("endless_headers", {}, b"X-Endless"),
        ("endless_body", {}, GROUP),
        ("huge_body", {"size": 1 << 30}, GROUP),
    ],
)
class TestWithoutEnd:
    """What has no end of its own ends with the client and with the emulator, and leaves nothing behind."""

    async def test_it_ends_with_the_emulator(self, kind, options, part) -> None:
        """A stop takes no longer than otherwise, whether or not the client reads, and no task is left."""
        others = asyncio.all_tasks()
        emulator = emulated()
        await emulator.start()
        emulator.faults.add(kind, **options)
        async with connected(emulator) as wire:
            await wire.send(last=False)
            await wire.until(part) if part else await wire.silent()
            async with asyncio.timeout(PATIENCE):
                await emulator.stop()
        assert asyncio.all_tasks() <= others

    async def test_it_ends_with_the_client(self, kind, options, part) -> None:
        """Whoever goes away in the middle is not waited for, however long the emulator runs."""
        async with emulated() as emulator:
            before = asyncio.all_tasks()
            emulator.faults.add(kind, times=1, **options)
            async with connected(emulator) as wire:
                await wire.send(last=False)
                await wire.until(part) if part else await wire.silent()
                wire.drop()
            async with asyncio.timeout(PATIENCE):
                while not asyncio.all_tasks() <= before:
                    await asyncio.sleep(0.01)
            assert (await ask(emulator)).whole()
