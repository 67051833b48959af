"""Reads that share: single-flight and the cache, on a real socket where it matters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from partoo_async import (
    APIConnectionError,
    ConfigurationError,
    DeadlineExceededError,
    Group,
    InternalServerError,
    NotFoundError,
    PartooClient,
    RetryPolicy,
    deadline,
)
from partoo_async._reads import Reads
from partoo_async.emulator import Emulator
from tests.conftest import FAST, GROUP, answer, raw_server
from tests.each import each
from tests.virtual import run_virtual


@pytest.fixture
async def slow() -> AsyncIterator[Emulator]:
    async with Emulator(latency=0.1, rate_limit=None) as emulator:
        yield emulator


@pytest.fixture
async def keeping(emulator: Emulator) -> AsyncIterator[PartooClient]:
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, cache_ttl=60.0) as client:
        yield client


async def test_a_thousand_identical_calls_cost_one_request(slow: Emulator) -> None:
    """Calls for the same group at the same time share one request and its answer."""
    async with PartooClient(slow.api_key, server=slow.server) as client:
        groups = await asyncio.gather(*(client.groups.get(7, 42) for _ in range(1000)))
        assert len(slow.requests) == 1
        assert len({id(group) for group in groups}) == 1
        await client.groups.get(7, 42)
        assert len(slow.requests) == 2
        assert client.quota.used == 2


async def test_the_last_of_a_thousand_is_still_served(slow: Emulator) -> None:
    """Cancelling 999 of them, the one that led included, costs the last one nothing: one request in all."""
    async with PartooClient(slow.api_key, server=slow.server) as client:
        calls = [asyncio.create_task(client.groups.get(7, 42)) for _ in range(1000)]
        await asyncio.sleep(0.02)
        for call in calls[:-1]:
            call.cancel()
        assert (await calls[-1]).id == 42
        assert all(call.cancelled() for call in calls[:-1])
        assert len(slow.requests) == 1


async def test_when_all_are_cancelled_nothing_is_left(slow: Emulator) -> None:
    """With the last caller the request ends too: its place is back when the caller has its CancelledError."""
    async with PartooClient(slow.api_key, server=slow.server) as client:
        calls = [asyncio.create_task(client.groups.get(7, 42)) for _ in range(10)]
        await asyncio.sleep(0.02)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert not any("Call.run" in repr(task) for task in asyncio.all_tasks())
        assert "0 of 32 in flight" in repr(client.session.concurrency)
        assert (await client.groups.get(7, 42)).id == 42


async def test_different_reads_do_not_share(slow: Emulator) -> None:
    """Another group, another section, another page: requests of their own."""
    async with PartooClient(slow.api_key, server=slow.server) as client:
        await asyncio.gather(
            client.groups.get(7, 42), client.groups.get(7, 43), client.sections.get(7), client.sections.get(9)
        )
        await asyncio.gather(client.sections.list(), client.sections.list(page=2))
        assert len(slow.requests) == 6


async def test_decoded_json_is_not_shared(slow: Emulator) -> None:
    """What request() returns can be changed by its caller, so that each gets one of its own."""
    async with PartooClient(slow.api_key, server=slow.server) as client:
        first, second = await asyncio.gather(*(client.request("GET", "/sections/7") for _ in range(2)))
        assert first == second
        assert first is not second
        assert len(slow.requests) == 2


async def test_an_error_reaches_everybody(slow: Emulator) -> None:
    """Each caller gets an error of its own: raising one does not lengthen the traceback of another."""
    async with PartooClient(slow.api_key, server=slow.server) as client:
        errors = await asyncio.gather(*(client.groups.get(7, 9999) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(error, NotFoundError) for error in errors)
        assert len({id(error) for error in errors}) == 3
        assert len(slow.requests) == 1


async def test_a_leader_in_a_hurry_does_not_hurry_the_others() -> None:
    """The deadline of the call that began a request is not that of those who joined it."""
    async with raw_server(None, answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:

        async def hurried() -> Group:
            with deadline(0.2):
                return await client.groups.get(7, 42)

        leader = asyncio.create_task(hurried())
        while not server.requests:
            await asyncio.sleep(0)
        patient = asyncio.create_task(client.groups.get(7, 42))
        with pytest.raises(DeadlineExceededError):
            await leader
        assert (await patient).id == 42


async def test_a_follower_in_a_hurry_gives_up_alone() -> None:
    """A call that joined another's request ends at its own deadline, and the other goes on."""
    async with raw_server(None) as server, PartooClient("key", server=server.url) as client:
        leader = asyncio.create_task(client.groups.get(7, 42))
        while not server.requests:
            await asyncio.sleep(0)
        with deadline(0.1), pytest.raises(DeadlineExceededError, match="the request that this call shared"):
            await client.groups.get(7, 42)
        assert not leader.done()
        leader.cancel()
        await asyncio.wait([leader])
        assert len(server.requests) == 1


async def test_without_a_ttl_nothing_is_kept(emulator: Emulator, client: PartooClient) -> None:
    """Keeping answers is asked for, never a default."""
    await client.groups.get(7, 42)
    await client.groups.get(7, 42)
    assert len(emulator.requests) == 2


async def test_kept_answers_cost_no_request(emulator: Emulator, keeping: PartooClient) -> None:
    """With cache_ttl a read is answered from memory, until fresh=True asks anew and keeps that answer instead."""
    await keeping.groups.get(7, 42)
    emulator.sections[7].groups[42].name = "Renamed"
    assert (await keeping.groups.get(7, "42")).name != "Renamed"
    assert len(emulator.requests) == 1
    assert (await keeping.groups.get(7, 42, fresh=True)).name == "Renamed"
    assert (await keeping.groups.get(7, 42)).name == "Renamed"
    assert len(emulator.requests) == 2


async def test_errors_are_not_kept(emulator: Emulator, keeping: PartooClient) -> None:
    """A group that was not there is asked for again."""
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await keeping.groups.get(7, 9999)
    assert len(emulator.requests) == 2


READS: dict[str, Callable[[PartooClient], Awaitable[object]]] = {
    "group": lambda client: client.groups.get(7, 42),
    "other group": lambda client: client.groups.get(7, 43),
    "section": lambda client: client.sections.get(7),
    "list": lambda client: client.sections.list(),
    "group elsewhere": lambda client: client.groups.get(9, 121),
}


@pytest.mark.parametrize(
    ("write", "dropped"),
    [
        (lambda c: c.groups.update(7, 42, name="New", business_ids=[]), {"group", "section", "list"}),
        (lambda c: c.groups.delete(7, 42), {"group", "section", "list"}),
        (lambda c: c.groups.create(7, name="New", business_ids=[]), {"group", "other group", "section", "list"}),
        (lambda c: c.sections.update(7, name="New"), {"group", "other group", "section", "list"}),
        (lambda c: c.sections.create(name="New"), set(READS)),
        (lambda c: c.request("POST", "/sections/7", json={"name": "New"}), {"group", "other group", "section", "list"}),
    ],
)
async def test_writes_drop_what_they_change(
    emulator: Emulator,
    keeping: PartooClient,
    write: Callable[[PartooClient], Awaitable[object]],
    dropped: set[str],
) -> None:
    """After a write through the same client, what lies above it and below it is read anew, and nothing else."""
    for read in READS.values():
        await read(keeping)
    await write(keeping)
    for name, read in READS.items():
        before = len(emulator.requests)
        try:
            await read(keeping)
        except NotFoundError:
            assert name == "group"
        assert (len(emulator.requests) > before) == (name in dropped), name


async def test_a_write_that_fails_drops_too(emulator: Emulator, keeping: PartooClient) -> None:
    """The server may have done it all the same."""
    await keeping.groups.get(7, 42)
    emulator.sections[7].groups[42].name = "Changed after all"
    async with raw_server(b"") as server:
        broken = keeping.with_options(server=server.url)
        with pytest.raises(APIConnectionError):
            await broken.groups.delete(7, 42)
    with pytest.raises(NotFoundError):
        await keeping.groups.update(7, 9999, name="X", business_ids=[])
    assert (await keeping.groups.get(7, 43)).id == 43


async def test_each_client_keeps_its_own() -> None:
    """Copies have other timeouts and retries, and share no answer; but a write through any of them is told to all."""
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server, cache_ttl=60.0) as client:
        await client.groups.get(7, 42)
        copy = client.with_options(timeout=5.0)
        await copy.groups.get(7, 42)
        await copy.groups.get(7, 42)
        assert len(emulator.requests) == 2
        await client.with_options(cache_ttl=None).groups.update(7, 42, name="New", business_ids=[])
        assert [(await one.groups.get(7, 42)).name for one in (client, copy)] == ["New", "New"]


async def test_a_request_that_nobody_waits_for_ends() -> None:
    """The one who led was cancelled, the last who joined has run out of time: the request ends with it."""
    async with raw_server(None) as server, PartooClient("key", server=server.url) as client:
        leader = asyncio.create_task(client.groups.get(7, 42))
        await asyncio.sleep(0.05)

        async def hurried() -> None:
            with deadline(0.2):
                await client.groups.get(7, 42)

        follower = asyncio.create_task(hurried())
        await asyncio.sleep(0.05)
        leader.cancel()
        with pytest.raises(DeadlineExceededError):
            await follower
        assert "0 of 32 in flight" in repr(client.session.concurrency)


def virtual_reads(main: Callable[[Reads, list[str]], Awaitable[None]], ttl: float | None) -> list[str]:
    asked: list[str] = []

    async def run() -> None:
        await main(Reads(ttl), asked)

    run_virtual(run())
    return asked


def test_kept_answers_expire() -> None:
    """An answer is used for ttl seconds after it came, and not longer."""

    async def main(reads: Reads, asked: list[str]) -> None:
        async def start() -> int:
            asked.append("a")
            await asyncio.sleep(5)
            return len(asked)

        loop = asyncio.get_running_loop()
        assert await reads.get("/a", start, until=loop.time() + 99) == 1
        await asyncio.sleep(9.9)
        assert await reads.get("/a", start, until=loop.time() + 99) == 1
        await asyncio.sleep(0.2)
        assert await reads.get("/a", start, until=loop.time() + 99) == 2

    assert virtual_reads(main, 10.0) == ["a", "a"]


def test_a_read_from_before_a_write_is_neither_kept_nor_joined() -> None:
    """While a read is in flight something changes: whoever asks then gets a request of its own, and its answer."""

    async def main(reads: Reads, asked: list[str]) -> None:
        async def start() -> int:
            asked.append("a")
            number = len(asked)
            await asyncio.sleep(5)
            return number

        until = asyncio.get_running_loop().time() + 99
        early = asyncio.ensure_future(reads.get("/sections/7/groups/1", start, until=until))
        await asyncio.sleep(1)
        reads.changed("/sections/7/groups/1")
        assert await reads.get("/sections/7/groups/1", start, until=until) == 2
        assert await early == 1
        assert await reads.get("/sections/7/groups/1", start, until=until) == 2

    assert virtual_reads(main, 60.0) == ["a", "a"]


def test_the_cache_is_bounded() -> None:
    """Of more than a thousand answers the oldest goes."""

    async def main(reads: Reads, asked: list[str]) -> None:
        async def start() -> int:
            asked.append("x")
            return 1

        until = asyncio.get_running_loop().time() + 99
        for number in range(1001):
            await reads.get(f"/sections/{number}", start, until=until)
        assert repr(reads) == "<Reads 0 in flight, 1000 kept>"
        await reads.get("/sections/1", start, until=until)
        await reads.get("/sections/0", start, until=until)

    assert len(virtual_reads(main, 60.0)) == 1002


@each("ttl", [0, -1, "60", float("nan"), True])
def test_bad_ttl(ttl: float) -> None:
    """cache_ttl is a number of seconds above zero, or None."""
    with pytest.raises(ConfigurationError, match="^cache_ttl: expected"):
        PartooClient("key", cache_ttl=ttl)


async def test_errors_of_the_server_are_shared_once_retries_are_over() -> None:
    """Retries are made once for all who wait, not once for each."""
    async with raw_server(answer(500)) as server:
        policy = RetryPolicy(max_retries=2, initial_backoff=0.001, max_backoff=0.002)
        async with PartooClient("key", server=server.url, retry=policy) as client:
            errors = await asyncio.gather(*(client.groups.get(7, 42) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(error, InternalServerError) for error in errors)
    assert len(server.requests) == 3
