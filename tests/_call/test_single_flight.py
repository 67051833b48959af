"""Reads that share: single-flight and the cache, on a real socket where it matters."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from partoo_async import (
    APIConnectionError,
    ConfigurationError,
    DeadlineExceededError,
    Group,
    InternalServerError,
    NotFoundError,
    PartooClient,
    PartooError,
    Quota,
    QuotaExceededError,
    RateLimit,
    RetryPolicy,
    deadline,
)
from partoo_async._call.call import Call
from partoo_async._call.read_cache import ReadCache
from partoo_async._call.single_flight import SingleFlight
from partoo_async.emulator import Emulator
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.common import FAST
from tests.support.each import each
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.virtual import run_virtual


@pytest.fixture
async def slow() -> AsyncIterator[Emulator]:
    async with Emulator(latency=0.1, rate_limit=None) as emulator:
        yield emulator


@pytest.fixture
async def keeping(emulator: Emulator) -> AsyncIterator[PartooClient]:
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, cache_ttl=60.0) as client:
        yield client


async def test_a_thousand_identical_calls_cost_one_request(slow: Emulator) -> None:
    """Calls for the same group at the same time share one request and its response."""
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
        assert "0 of 32 in flight" in repr(client.session.context.concurrency)
        assert (await client.groups.get(7, 42)).id == 42


@pytest.mark.usefixtures("hurried")
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


@pytest.mark.usefixtures("hurried")
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
    """Keeping results is asked for, never a default."""
    await client.groups.get(7, 42)
    await client.groups.get(7, 42)
    assert len(emulator.requests) == 2


async def test_kept_answers_cost_no_request(emulator: Emulator, keeping: PartooClient) -> None:
    """With cache_ttl a read is served from memory, until fresh=True asks anew and keeps that result instead."""
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


FRANCE = {"name": "France", "business__in": []}


async def ignore(write: Awaitable[object]) -> None:
    with contextlib.suppress(PartooError):
        await write


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
        *(
            (
                lambda c, path=path: ignore(c.request("POST", path, json=FRANCE, idempotent=True)),
                {"group", "section", "list"},
            )
            for path in (
                "/sections/7/groups/42",
                "/sections/7/groups/042",
                "/sections/7/groups/4%32",
                "/sections/07/groups/4%2532",
                "/sections/7/groups//42/",
                "/%73ections/7/groups/42",
            )
        ),
        (lambda c: ignore(c.request("POST", "/sections/7/groups/42;v=1", json=FRANCE)), set(READS)),
        (lambda c: ignore(c.request("POST", "/business/search", json={})), set(READS)),
        (lambda c: c.request("GET", "/sections/7/groups/42", idempotent=False), set()),
    ],
)
async def test_writes_drop_what_they_change(
    emulator: Emulator,
    keeping: PartooClient,
    write: Callable[[PartooClient], Awaitable[object]],
    dropped: set[str],
) -> None:
    """After a write through the same client, what lies above it and below it is read anew, and nothing else.

    The method says what is a write, not whether it may be repeated, and its path may be spelled in any way. One that
    is not known may change anything.
    """
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
    """Copies have other timeouts and retries, and share no result; but a write through any of them is told to all."""
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server, cache_ttl=60.0) as client:
        await client.groups.get(7, 42)
        copy = client.with_options(timeout=5.0)
        await copy.groups.get(7, 42)
        await copy.groups.get(7, 42)
        assert len(emulator.requests) == 2
        await client.with_options(cache_ttl=None).groups.update(7, 42, name="New", business_ids=[])
        assert [(await one.groups.get(7, 42)).name for one in (client, copy)] == ["New", "New"]


@pytest.mark.usefixtures("hurried")
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
        assert "0 of 32 in flight" in repr(client.session.context.concurrency)


def virtual_reads(main: Callable[[SingleFlight, list[str]], Awaitable[None]], ttl: float | None) -> list[str]:
    asked: list[str] = []

    async def run() -> None:
        await main(SingleFlight(None if ttl is None else ReadCache(ttl)), asked)

    run_virtual(run())
    return asked


def test_kept_answers_expire() -> None:
    """A result is used for ttl seconds after it came, and not longer."""

    async def main(reads: SingleFlight, asked: list[str]) -> None:
        async def start(_: float) -> int:
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
    """While a read is in flight something changes: whoever asks then gets a request of its own, and its result."""

    async def main(reads: SingleFlight, asked: list[str]) -> None:
        async def start(_: float) -> int:
            asked.append("a")
            number = len(asked)
            await asyncio.sleep(5)
            return number

        until = asyncio.get_running_loop().time() + 99
        early = asyncio.ensure_future(reads.get("/sections/7/groups/1", start, until=until))
        await asyncio.sleep(1)
        reads.invalidate("/sections/7/groups/1")
        assert await reads.get("/sections/7/groups/1", start, until=until) == 2
        assert await early == 1
        assert await reads.get("/sections/7/groups/1", start, until=until) == 2

    assert virtual_reads(main, 60.0) == ["a", "a"]


def test_the_cache_is_bounded() -> None:
    """Of more than a thousand results the oldest goes."""

    async def main(reads: SingleFlight, asked: list[str]) -> None:
        async def start(_: float) -> int:
            asked.append("x")
            return 1

        until = asyncio.get_running_loop().time() + 99
        for number in range(1001):
            await reads.get(f"/sections/{number}", start, until=until)
        assert repr(reads) == "<SingleFlight 0 in flight, 1000 kept>"
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


@pytest.mark.parametrize("refusal", [answer(503, b"", "Retry-After: 0.3"), answer(429, b"", "Retry-After: 0.3")])
@pytest.mark.usefixtures("hurried")
async def test_a_patient_caller_outlasts_the_refusal_of_a_hasty_one(refusal: bytes) -> None:
    """Who began the request has no time to wait as long as the server asks; who joined it has, and is served."""
    async with raw_server(refusal, answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:

        async def hurried() -> Group:
            with deadline(0.25):
                return await client.groups.get(7, 42)

        calls = [hurried(), client.groups.get(7, 42), client.groups.get(7, 42)]
        error, *groups = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(error, PartooError)
        assert error.hurried
        assert groups == [await client.groups.get(7, 42)] * 2
        assert len(server.requests) == 3


async def test_a_refusal_that_time_does_not_mend_reaches_everybody() -> None:
    """Retries are used up, and not the time: a caller with more of it is told, and does not begin anew."""
    async with raw_server(answer(503)) as server:
        policy = RetryPolicy(max_retries=1, initial_backoff=0.001)
        async with PartooClient("key", server=server.url, retry=policy) as client:

            async def hurried() -> Group:
                with deadline(30.0):
                    return await client.groups.get(7, 42)

            errors = await asyncio.gather(hurried(), client.groups.get(7, 42), return_exceptions=True)
        assert [type(error) for error in errors] == [InternalServerError] * 2
        assert len(server.requests) == 2


def count_steps(loop: asyncio.AbstractEventLoop) -> list[None]:
    """Return a list that gets an entry for each step that an event loop is given from now on."""
    call_soon, steps = loop.call_soon, list[None]()

    def counted(callback: Callable[..., object], *arguments: Any, **options: Any) -> asyncio.Handle:
        steps.append(None)  # not the callback, which keeps what it belongs to
        return call_soon(callback, *arguments, **options)

    loop.call_soon = counted  # type: ignore[method-assign]
    return steps


def refused_callers(pages: int) -> tuple[int, int]:
    """Let a thousand callers, each with a little more time than the one before, ask for so many pages, all of which are
    refused; return how many requests that took, and how many steps of the event loop."""
    asked, steps = 0, list[None]()

    async def refuse(_: float) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(1)
        raise QuotaExceededError("no", 200.0)

    async def main() -> None:
        nonlocal steps
        loop, reads = asyncio.get_running_loop(), SingleFlight(None)
        steps = count_steps(loop)
        calls = [reads.get(f"/{n % pages}", refuse, until=loop.time() + 90 + n / 1000) for n in range(1000)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(error, QuotaExceededError) for error in errors)
        assert len({id(error) for error in errors}) == 1000

    run_virtual(main())
    return asked, len(steps)


def test_a_refused_page_costs_its_callers_no_more_than_pages_of_their_own() -> None:
    """A thousand callers of one page that is refused are woken once each: two requests ask for all of them."""
    alone, together = refused_callers(1000), refused_callers(1)
    assert (alone[0], together[0]) == (1000, 2)
    assert together[1] < alone[1]


def test_who_asks_again_has_no_more_time_than_was_left() -> None:
    """The request that is made for a caller who joined ends when his time is up, and runs in his context."""
    name: ContextVar[str] = ContextVar("name", default="nobody")
    asked: list[tuple[float, str]] = []

    async def main() -> None:
        loop, reads = asyncio.get_running_loop(), SingleFlight(None)
        now = loop.time()

        async def start(until: float) -> str:
            asked.append((until - now, name.get()))
            await asyncio.sleep(5)
            if until - now < 20:
                raise QuotaExceededError("no", 30.0)
            return "done"

        async def call(who: str, seconds: float) -> Any:
            name.set(who)
            return await reads.get("/a", start, until=now + seconds)

        calls = (call(f"caller {number}", seconds) for number, seconds in enumerate((10, 12, 90, 60, 9)))
        results = await asyncio.gather(*calls, return_exceptions=True)
        kinds = [result if isinstance(result, str) else type(result) for result in results]
        assert kinds == [QuotaExceededError, "done", "done", "done", QuotaExceededError]
        assert loop.time() == now + 10

    run_virtual(main())
    assert asked == [(10, "caller 0"), (90, "caller 2")]


def test_a_follower_tells_no_query() -> None:
    """What was searched for may be somebody's name: no error of a call that joined another has it."""
    asked: list[str] = []

    async def respond(request: MockRequest) -> MockResponse:
        asked.append(request.path)
        await asyncio.sleep(5)
        return MockResponse(json={"sections": [], "page": 1, "max_page": 1, "count": 0})

    async def main() -> None:
        async with PartooClient("key", transport=MockTransport(respond)) as client:
            leader = asyncio.create_task(client.sections.list(group_name_query="Jane Doe"))
            await asyncio.sleep(1)
            with deadline(2), pytest.raises(DeadlineExceededError, match=r"^GET /sections: ") as caught:
                await client.sections.list(group_name_query="Jane Doe")
            assert "Jane" not in repr(caught.value)
            await leader

    run_virtual(main())
    assert len(asked) == 1


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_request_that_cleans_up_holds_up_nobody(cancelled: bool) -> None:
    """The last caller's deadline, or his cancellation, ends his wait, however long the request needs to end.

    Neither is lost meanwhile; and the request does end.
    """
    ended: list[float] = []

    async def main() -> None:
        loop, reads = asyncio.get_running_loop(), SingleFlight(None)
        now = loop.time()

        async def start(_: float) -> None:
            try:
                await asyncio.sleep(50)
            finally:
                await asyncio.sleep(20)
                ended.append(loop.time() - now)

        leader = asyncio.create_task(reads.get("/a", start, until=now + 99))
        await asyncio.sleep(1)
        follower = asyncio.create_task(reads.get("/a", start, until=now + 3))
        await asyncio.sleep(1)
        leader.cancel()
        if cancelled:
            await asyncio.sleep(1.05)  # the deadline has passed, and the request is about to end
            follower.cancel()
        await asyncio.wait([follower])
        assert loop.time() - now < 3.2
        assert follower.cancelled() == cancelled
        if not cancelled:
            assert isinstance(follower.exception(), DeadlineExceededError)
        await asyncio.sleep(30)

    run_virtual(main())
    assert [round(moment) for moment in ended] == [23]


def test_a_cancelled_read_wakes_its_task_once() -> None:
    """Of callers that wait for the quota and are cancelled, each costs two steps: the end of the request, and his own.

    Their tasks keep nothing of the requests, and nothing waits for the garbage collector.
    """
    steps, count = list[None](), 50

    async def main() -> None:
        nonlocal steps
        loop, quota = asyncio.get_running_loop(), Quota(RateLimit(count))
        while quota.try_acquire():
            pass
        async with PartooClient("key", quota=quota, transport=MockTransport(MockResponse(json={}))) as client:
            calls = [asyncio.create_task(client.groups.get(7, number)) for number in range(count)]
            while quota.snapshot().waiting < count:
                await asyncio.sleep(0)
            steps = count_steps(loop)
            gc.collect()
            gc.disable()
            try:
                for call in calls:
                    call.cancel()
                while not all(call.done() for call in calls):
                    await asyncio.sleep(0)
                assert not [one for one in gc.get_objects() if isinstance(one, Call)]
                kept = [one for one in gc.get_objects() if isinstance(one, asyncio.Future)]
                assert len(kept) < 1.5 * count
            finally:
                gc.enable()
            assert all(call.cancelled() for call in calls)

    run_virtual(main())
    assert len(steps) < 2.5 * count


@pytest.mark.parametrize("iterations", range(4))
def test_a_read_that_has_just_begun_ends_at_once(iterations: int) -> None:
    """Cancelled before, while or after its request begins, it needs no time, and raises the cancellation as it came."""

    async def main() -> None:
        loop, reads = asyncio.get_running_loop(), SingleFlight(None)
        began = loop.time()
        caller = asyncio.create_task(reads.get("/a", lambda _: asyncio.sleep(5), until=began + 99))
        for _ in range(iterations):
            await asyncio.sleep(0)
        caller.cancel("enough")
        with pytest.raises(asyncio.CancelledError) as caught:
            await caller
        assert caught.value.args == ("enough",)
        assert loop.time() == began
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    run_virtual(main())


def test_a_request_made_anew_ends_with_its_last_caller() -> None:
    """He is cancelled after the first request was refused, and before the one in its place has begun."""
    asked: list[float] = []

    async def main() -> None:
        loop, reads = asyncio.get_running_loop(), SingleFlight(None)

        async def start(until: float) -> None:
            asked.append(until)
            await asyncio.sleep(1)
            loop.call_soon(patient.cancel)
            raise QuotaExceededError("no", 30.0)

        began = loop.time()
        hasty = asyncio.create_task(reads.get("/a", start, until=began + 10))
        await asyncio.sleep(0)
        patient = asyncio.create_task(reads.get("/a", start, until=began + 90))
        await asyncio.wait([hasty, patient])
        assert isinstance(hasty.exception(), QuotaExceededError)
        assert patient.cancelled()
        assert loop.time() == began + 1
        assert repr(reads) == "<SingleFlight 0 in flight, 0 kept>"

    run_virtual(main())
    assert len(asked) == 1


@pytest.mark.parametrize("callers", [1, 3])
def test_reads_that_are_left_when_the_program_ends_are_cancelled(callers: int) -> None:
    """``asyncio.run`` cancels them while no event loop runs, and nothing but that is raised or logged."""
    left: list[asyncio.Task[Group]] = []
    logged: list[dict[str, Any]] = []

    async def main() -> str:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: logged.append(what))
        client = PartooClient("key", transport=MockTransport(respond))
        left.extend(asyncio.create_task(client.groups.get(7, 42)) for _ in range(callers))
        await asyncio.sleep(0.1)
        return "done"

    async def respond(_: MockRequest) -> MockResponse:
        await asyncio.sleep(50)
        return MockResponse(json={})

    assert run_virtual(main()) == "done"
    assert [call.cancelled() for call in left] == [True] * callers
    assert logged == []


def test_callers_that_joined_leave_nothing_when_they_are_cancelled() -> None:
    """Neither the one that made the request nor those that joined it wait for the garbage collector."""

    async def main() -> None:
        loop, reads = asyncio.get_running_loop(), SingleFlight(None)

        def call() -> asyncio.Task[Any]:
            return asyncio.create_task(reads.get("/a", lambda _: asyncio.sleep(5), until=loop.time() + 99))

        calls = [call() for _ in range(20)]
        await asyncio.sleep(1)
        for each_call in calls:
            each_call.cancel()
        await asyncio.wait(calls)
        assert all(each_call.cancelled() for each_call in calls)
        gone = [weakref.ref(each_call) for each_call in calls]
        calls.clear()
        del each_call
        await asyncio.sleep(1)
        assert [one() for one in gone] == [None] * 20

    gc.collect()
    gc.disable()
    try:
        run_virtual(main())
    finally:
        gc.enable()


class _OddError(Exception):
    def __init__(self, text: str, more: str) -> None:
        super().__init__(text)
        self.more = more


@pytest.mark.parametrize("failure", [APIConnectionError("no"), _OddError("no", "and a second argument")])
def test_each_caller_gets_the_error_that_was_raised(failure: Exception) -> None:
    """Also one that takes no copies. What a caller notes on his own copy, no other one reads."""
    caught: list[Exception] = []

    async def start(_: float) -> None:
        await asyncio.sleep(1)
        raise failure

    async def call(reads: SingleFlight) -> None:
        try:
            await reads.get("/a", start, until=2000.0)
        except (PartooError, _OddError) as error:
            if error not in caught:
                error.add_note("seen")
            caught.append(error)

    async def main() -> None:
        reads = SingleFlight(None)
        await asyncio.gather(*(call(reads) for _ in range(3)))

    run_virtual(main())
    assert [type(error) for error in caught] == [type(failure)] * 3
    assert [error.__notes__ for error in caught] == [["seen"]] * 3
