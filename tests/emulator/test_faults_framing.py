"""Broken HTTP around the real answer, byte by byte."""

from __future__ import annotations

import pytest

from tests.emulator.wire import GROUP, ask, connected, emulated, hit, shows

SPACES = b" " * 65536


@shows("length_too_long")
async def test_a_length_that_promises_more() -> None:
    """The rest never comes, and the connection stays open as for a next request."""
    async with emulated() as emulator:
        emulator.faults.add("length_too_long", times=1)
        async with connected(emulator) as wire:
            await wire.send(last=False)
            assert b"Content-Length: 81\r\n" in await wire.until(GROUP)
            assert await wire.silent()
            await wire.send()
            assert (await wire.rest()).body.startswith(GROUP + b"HTTP/1.1 200 OK\r\n")


@shows("length_too_short")
async def test_a_length_that_promises_less() -> None:
    """The last ten bytes are in excess."""
    received = await hit("length_too_short")
    assert (received.header("Content-Length"), received.body) == (["61"], GROUP)


@shows("length_and_chunked", "two_lengths", "negative_length", "bad_chunk_size")
@pytest.mark.parametrize(
    ("kind", "lengths", "coding", "body"),
    [
        ("length_and_chunked", ["5"], ["chunked"], b"47\r\n" + GROUP + b"\r\n0\r\n\r\n"),
        ("two_lengths", ["71", "76"], [], GROUP),
        ("negative_length", ["-1"], [], GROUP),
        ("bad_chunk_size", [], ["chunked"], b"xyz\r\n" + GROUP + b"\r\n0\r\n\r\n"),
    ],
)
async def test_what_smuggling_is_made_of(kind, lengths, coding, body) -> None:
    """Where the body ends depends on who reads it."""
    received = await hit(kind)
    assert (received.header("Content-Length"), received.header("Transfer-Encoding")) == (lengths, coding)
    assert received.body == body


@shows("nul_in_header")
async def test_a_nul_in_a_header() -> None:
    """In its value, as it is."""
    received = await hit("nul_in_header")
    assert b"\r\nX-Nul: a\0b\r\n" in received.head
    assert received.body == GROUP


@shows("status_0", "status_999")
@pytest.mark.parametrize("status", [0, 999])
async def test_statuses_that_are_none(status) -> None:
    """With the body of a success, and in the log like any other."""
    received = await hit(f"status_{status}")
    assert received.data.startswith(f"HTTP/1.1 {status} Odd\r\n".encode())
    assert received.body == GROUP


@shows("extra_bytes")
async def test_a_second_answer_that_nobody_asked_for() -> None:
    """It comes right behind the first, the connection goes on, and the real next answer is a third one."""
    async with emulated() as emulator:
        emulator.faults.add("extra_bytes", times=1)
        async with connected(emulator) as wire:
            await wire.send(last=False)
            await wire.until(b'"Smuggled","has_puller":false,"business_ids":[]}')
            await wire.send()
            answers = (await wire.rest()).data.split(b"HTTP/1.1 200 OK\r\n")[1:]
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers]
    assert bodies == [GROUP, b'{"id":666,"name":"Smuggled","has_puller":false,"business_ids":[]}', GROUP]


@shows("informational")
async def test_answers_before_the_answer() -> None:
    """100 and 103 are no answers yet."""
    received = await hit("informational")
    lines = received.data.split(b"\r\n")
    assert [line[9:12] for line in lines if line.startswith(b"HTTP/1.1 ")] == [b"100", b"103", b"200"]
    assert received.data.endswith(b"Content-Length: 71\r\n\r\n" + GROUP)


@shows("switching_protocols")
async def test_another_protocol() -> None:
    """Nobody asked for one."""
    received = await hit("switching_protocols")
    assert (received.status, received.header("Upgrade"), received.body) == (101, ["websocket"], b"")


@shows("huge_header")
async def test_a_huge_header() -> None:
    """As long as asked for."""
    received = await hit("huge_header", size=100_000)
    assert received.header("X-Huge") == ["x" * 100_000]
    assert received.body == GROUP


@shows("header_flood")
async def test_a_flood_of_headers() -> None:
    """As many as asked for, each with a name of its own."""
    received = await hit("header_flood", count=2500)
    names = [line.split(b":")[0] for line in received.head.split(b"\r\n") if line.startswith(b"X-Flood-")]
    assert len(names) == len(set(names)) == 2500
    assert received.body == GROUP


@shows("endless_headers")
async def test_headers_without_end() -> None:
    """A megabyte of them, and no empty line."""
    async with emulated() as emulator:
        emulator.faults.add("endless_headers")
        async with connected(emulator) as wire:
            await wire.send()
            await wire.until(b"X-Endless: x\r\n" * 70_000)
            assert b"\r\n\r\n" not in wire.data


@shows("huge_body")
@pytest.mark.parametrize(("size", "expected"), [(200_000, 200_000), (72, 72), (10, 71)])
async def test_a_huge_body(size, expected) -> None:
    """Filled up to its size with spaces, which JSON allows; never cut."""
    received = await hit("huge_body", size=size)
    assert received.header("Content-Length") == [str(expected)]
    assert received.body == GROUP.ljust(expected)


@shows("endless_body")
async def test_a_body_without_end() -> None:
    """Chunk after chunk of spaces, for as long as the client reads; megabytes of it."""
    async with emulated() as emulator:
        emulator.faults.add("endless_body")
        async with connected(emulator) as wire:
            await wire.send()
            await wire.until(b"47\r\n" + GROUP + b"\r\n10000\r\n" + SPACES + b"\r\n10000\r\n")
            for _ in range(8):
                await wire.take(1 << 20)


async def test_an_endless_answer_does_not_hold_up_others() -> None:
    """However fast its client reads, other requests have their turn."""
    async with emulated() as emulator:
        emulator.faults.add("endless_body", times=1)
        async with connected(emulator) as wire:
            await wire.send()
            await wire.until(GROUP)
            assert (await ask(emulator)).whole()
