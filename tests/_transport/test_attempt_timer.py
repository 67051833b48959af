"""An answer that came in time counts, also when the event loop was held up and could not read it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from partoo_async import APITimeoutError, DeadlineExceededError, PartooClient, RetryPolicy, deadline
from partoo_async import session as session_module
from partoo_async._call.single_flight import SingleFlight
from partoo_async._transport import fast_path_guard
from partoo_async._transport.attempt_timer import AttemptTimer, TimedTask
from tests.support.clock import Clock
from tests.support.common import PATIENCE, TLS
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.virtual import run_virtual

ONCE = RetryPolicy(max_retries=0)
LARGE = b'{"id":42,"name":"%b","has_puller":false,"business_ids":[]}' % (b"x" * 300_000)


@contextlib.contextmanager
def answering(reply: bytes, answered: threading.Event) -> Iterator[str]:
    """A server in a thread, which no event loop holds up; it answers two requests of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                for last in (False, True):
                    if not connection.recv(2**16):
                        return
                    connection.sendall(answer(200, reply))
                    if last:
                        answered.set()
                connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v2"
        thread.join(PATIENCE)


@pytest.mark.parametrize("way", ["short", "long"])
@pytest.mark.parametrize("reply", [GROUP, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("bound", ["attempt_timeout", "timeout"])
async def test_an_answer_in_time_counts(bound: str, reply: bytes, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program computes past the deadline of an attempt, or of the call, while the answer lies in the socket."""
    if way == "long":
        monkeypatch.setattr(fast_path_guard, "_ORIGINAL_METHODS", ())
    clock, answered = Clock(monkeypatch), threading.Event()
    with answering(reply, answered) as url:
        async with PartooClient("key", server=url, retry=ONCE) as client:
            await client.groups.get(7, 42)
            hurried = client.with_options(**{bound: 10.0})
            write = asyncio.create_task(hurried.request("POST", "/sections/7", json={}))
            while not answered.is_set():
                await asyncio.sleep(0)
                os.sched_yield()  # the server is a thread
            clock.forward(11)
            assert (await write)["id"] == 42


@pytest.mark.parametrize("reply", [GROUP, LARGE], ids=["small", "large"])
async def test_an_answer_in_time_counts_for_who_joined(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of a caller passes, while the answer to the request that it shares lies in the socket."""
    clock, answered = Clock(monkeypatch), threading.Event()
    with answering(reply, answered) as url:
        async with PartooClient("key", server=url, retry=ONCE, attempt_timeout=60.0, ssl_context=TLS) as client:
            await client.groups.get(7, 42)
            begun = asyncio.create_task(client.groups.get(7, 42))
            with deadline(10.0):
                joined = asyncio.create_task(client.groups.get(7, 42))
            while not answered.is_set():
                await asyncio.sleep(0)
                os.sched_yield()  # the server is a thread
            clock.forward(11)
            assert await joined is await begun


def test_who_joined_ends_at_its_deadline() -> None:
    """Without an answer it is told so at that time; a cancellation that comes later counts as one."""

    async def main() -> None:
        loop, reads = asyncio.get_running_loop(), SingleFlight(None)
        never = loop.create_future()
        begun = asyncio.create_task(reads.get("/x", lambda _: asyncio.shield(never), until=math.inf))
        await asyncio.sleep(0)
        until = loop.time() + 5
        with pytest.raises(DeadlineExceededError):
            await reads.get("/x", lambda _: asyncio.shield(never), until=until)
        assert loop.time() == until
        joined = asyncio.create_task(reads.get("/x", lambda _: asyncio.shield(never), until=until + 5))
        await asyncio.sleep(1)
        joined.cancel()
        await asyncio.wait([joined])
        assert joined.cancelled()
        await asyncio.sleep(60)
        assert not begun.done()
        begun.cancel()
        await asyncio.wait([begun])
        never.cancel()

    run_virtual(main())


@pytest.mark.parametrize("passed", [20.0, 100.0])
async def test_an_attempt_begins_when_the_client_is_ready(passed: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client does once takes longer than an attempt may: that is no fault of it. The call's time counts."""
    clock, begun, go_on = Clock(monkeypatch), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    monkeypatch.setattr(session_module, "import_for_errors", slow)
    async with raw_server(answer(200, GROUP)) as server, PartooClient("key", server=server.url, retry=ONCE) as client:
        call = asyncio.create_task(client.groups.get(7, 42))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        clock.forward(passed)
        for _ in range(100):
            await asyncio.sleep(0)
        go_on.set()
        if passed < 90.0:
            assert (await call).id == 42
        else:
            with pytest.raises(DeadlineExceededError):
                await call
            assert (server.requests, client.quota.used) == ([], 0)


def started(timer: AttemptTimer, until: float) -> TimedTask:
    task = asyncio.current_task()
    assert task is not None
    timed = TimedTask(task, until)
    timer.start(timed)
    return timed


def test_a_deadline_that_passed_is_one() -> None:
    """Without an answer an attempt ends at its deadline, not later: the turns of the loop take no time."""

    async def main() -> None:
        loop, deadlines = asyncio.get_running_loop(), AttemptTimer()
        watch = started(deadlines, loop.time() + 5)
        with pytest.raises(asyncio.CancelledError):
            await loop.create_future()
        assert watch.timed_out()
        assert loop.time() == watch.until

    run_virtual(main())


def test_a_deadline_may_be_moved() -> None:
    """A later time holds, an earlier one, too; whoever stops in the last moment is not cancelled."""

    async def main() -> None:
        loop, deadlines = asyncio.get_running_loop(), AttemptTimer()
        start = loop.time()
        watch = started(deadlines, start + 5)
        deadlines.move(watch, start + 9)
        await asyncio.sleep(6)
        assert not watch._expired
        deadlines.move(watch, start + 7)
        with pytest.raises(asyncio.CancelledError):
            await loop.create_future()
        assert watch.timed_out()
        assert loop.time() == start + 7
        other = started(deadlines, start + 8)
        loop.call_at(start + 8, loop.call_soon, deadlines.stop, other)
        await asyncio.sleep(5)
        assert not other._expired
        deadlines.close()

    run_virtual(main())


async def test_a_timeout_is_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer in time ends an attempt with ``APITimeoutError``."""
    clock = Clock(monkeypatch)
    async with raw_server(None) as server, PartooClient("key", server=server.url, retry=ONCE) as client:
        write = asyncio.create_task(client.groups.delete(7, 42))
        while not server.requests:
            await asyncio.sleep(0.001)
        clock.forward(16)
        with pytest.raises(APITimeoutError) as caught:
            await write
    assert caught.value.request_sent
