"""What one awaited call promises, on real sockets."""

from __future__ import annotations

import asyncio
import gzip
import logging
import traceback

import aiohttp
import pytest

from partoo_async import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    Event,
    Group,
    InternalServerError,
    NotFoundError,
    PartooClient,
    PartooError,
    PauseEvent,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimit,
    RateLimitError,
    RequestEvent,
    RetryEvent,
    RetryPolicy,
)
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.common import FAST, PATIENCE, TLS
from tests.support.raw_server import GROUP, answer, raw_server

KEY = "sk-very-secret-0123456789"
FRANCE = Group(42, "France", False, ("a", "b"))


def client_of(url: str, **options: object) -> PartooClient:
    return PartooClient(KEY, server=url, **{"retry": FAST, "ssl_context": TLS, **options})  # type: ignore[arg-type]


async def test_the_request_on_the_wire() -> None:
    """A GET goes to the base URL's path with the key in x-APIKey, our name, and no cookie."""
    async with raw_server(answer(200, GROUP)) as server, client_of(server.url) as client:
        assert await client.groups.get(7, "42") == FRANCE
    head = server.requests[0].decode()
    assert head.startswith("GET /v2/sections/7/groups/42 HTTP/1.1\r\n")
    assert f"x-APIKey: {KEY}\r\n" in head
    assert "User-Agent: partoo-async/" in head
    assert "Cookie" not in head


async def test_a_write_sends_json() -> None:
    """A write sends its body as application/json, business ids under business__in."""
    async with raw_server(answer(201, b'{"status":"success","id":5}')) as server, client_of(server.url) as client:
        assert await client.groups.create(7, name="Sud", business_ids=("a", "b")) == 5
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    assert body == b'{"name":"Sud","business__in":["a","b"]}'


@pytest.mark.parametrize(
    ("status", "expected", "sends"),
    [
        (301, APIStatusError, 1),
        (304, APIStatusError, 1),
        (401, AuthenticationError, 1),
        (403, PermissionDeniedError, 1),
        (404, NotFoundError, 1),
        (408, APIStatusError, 3),
        (418, APIStatusError, 1),
        (425, APIStatusError, 3),
        (500, InternalServerError, 3),
        (501, InternalServerError, 1),
        (503, InternalServerError, 3),
        (505, InternalServerError, 1),
        (511, InternalServerError, 1),
    ],
)
async def test_the_status_decides(status: int, expected: type[PartooError], sends: int) -> None:
    """The class of an error, and whether it is retried, come from the status alone; attempts tell every send."""
    page = b"" if status == 304 else b"<html>not for a log line</html>"
    policy = RetryPolicy(max_retries=2, initial_backoff=0)
    async with (
        raw_server(answer(status, page, "Location: http://127.0.0.1:9/")) as server,
        client_of(server.url, retry=policy) as client,
    ):
        with pytest.raises(expected) as caught:
            await client.groups.get(7, 42)
        assert client.quota.used == sends
    assert type(caught.value) is expected
    assert len(server.requests) == sends == len(caught.value.attempts)
    assert "<html>" not in str(caught.value)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="close before headers"),
        pytest.param(answer(503, b""), id="503"),
        pytest.param(answer(200, b""), id="empty body"),
        pytest.param(answer(200, b'{"id":42,"na'), id="cut JSON"),
        pytest.param(answer(200, GROUP[:-5], "Connection: close"), id="cut JSON at close"),
        pytest.param(answer(200, gzip.compress(GROUP)[:-9], "Content-Encoding: gzip"), id="cut gzip"),
        pytest.param(answer(200, b"not gzip at all", "Content-Encoding: gzip"), id="corrupt gzip"),
        pytest.param(answer(200, GROUP, "Content-Encoding: br"), id="unknown encoding"),
        pytest.param(answer(200, GROUP.replace(b"42", b"43")), id="another group's answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\nConnection: close\r\n\r\n{", id="cut body"),
        pytest.param(b"garbage\r\n\r\nclose", id="broken HTTP"),
    ],
)
async def test_a_passing_fault_is_retried(first: bytes) -> None:
    """A GET whose response was lost, cut or unreadable is sent once more, counted, and succeeds."""
    async with raw_server(first, answer(200, GROUP)) as server, client_of(server.url) as client:
        assert await client.groups.get(7, 42) == FRANCE
        assert client.quota.used == 2
    assert len(server.requests) == 2


@pytest.mark.parametrize("first", [b"", answer(503), answer(200, b"\x00")[:20] + b"\r\n\r\n"])
async def test_a_write_is_not_repeated_when_it_may_have_been_processed(first: bytes) -> None:
    """A write is sent once when the server may have done it; the error says that it was sent."""
    async with raw_server(first, answer(200, b'{"id":1}')) as server, client_of(server.url) as client:
        with pytest.raises(PartooError) as caught:
            await client.sections.create(name="Country")
    assert len(server.requests) == 1
    assert caught.value.attempts[0].request_sent


async def test_a_refused_write_is_repeated() -> None:
    """A write that never reached the server is tried again, and gives its quota slots back."""
    async with raw_server(b"") as server:
        url = server.url
    async with client_of(url, retry=RetryPolicy(max_retries=2, initial_backoff=0)) as client:
        with pytest.raises(APIConnectionError, match="cannot connect") as caught:
            await client.sections.create(name="Country")
        assert client.quota.used == 0
    assert len(caught.value.attempts) == 3
    assert not caught.value.request_sent


@pytest.mark.usefixtures("hurried")
async def test_429_pauses_and_repeats_even_a_write(caplog: pytest.LogCaptureFixture) -> None:
    """A 429 closes the gate for Retry-After, uses no retry, repeats a write, and warns once."""
    events: list[Event] = []
    busy = answer(429, b"", "Retry-After: 0.2")
    async with (
        raw_server(busy, answer(200, b'{"id":5}')) as server,
        client_of(server.url, retry=RetryPolicy(max_retries=0), on_event=events.append) as client,
    ):
        started = asyncio.get_running_loop().time()
        with caplog.at_level(logging.WARNING, "partoo_async.quota"):
            assert await client.sections.create(name="Country") == 5
        assert asyncio.get_running_loop().time() - started >= 0.2
    assert [type(event) for event in events] == [PauseEvent, RequestEvent, RetryEvent, RequestEvent]
    assert len(caplog.records) == 1


async def test_a_429_that_outlasts_the_deadline_is_raised_at_once() -> None:
    """With Retry-After beyond the deadline the 429 itself is raised, without waiting; the next call is not sent."""
    async with (
        raw_server(answer(429, b"", "Retry-After: 3600")) as server,
        client_of(server.url, timeout=1000) as client,
    ):
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(RateLimitError) as caught:
                await client.groups.get(7, 42)
            with pytest.raises(QuotaExceededError) as refused:
                await client.groups.get(7, 42)
    assert caught.value.retry_after == 3600
    assert 3600 - PATIENCE < refused.value.retry_after < 3601
    assert len(server.requests) == 1


@pytest.mark.usefixtures("hurried")
async def test_503_with_retry_after_waits_as_asked() -> None:
    """A 503's Retry-After is obeyed in full."""
    async with (
        raw_server(answer(503, b"", "Retry-After: 0.3"), answer(200, GROUP)) as server,
        client_of(server.url) as client,
    ):
        started = asyncio.get_running_loop().time()
        await client.groups.get(7, 42)
        assert asyncio.get_running_loop().time() - started >= 0.3


@pytest.mark.usefixtures("hurried")
async def test_one_attempt_times_out() -> None:
    """attempt_timeout ends one try, body included; without retries it is an APITimeoutError."""
    async with (
        raw_server(None) as server,
        client_of(server.url, attempt_timeout=0.3, retry=RetryPolicy(max_retries=1, initial_backoff=0)) as client,
    ):
        with pytest.raises(APITimeoutError) as caught:
            await client.groups.get(7, 42)
    assert len(caught.value.attempts) == 2
    assert caught.value.request_sent


@pytest.mark.usefixtures("hurried")
async def test_the_deadline_ends_the_whole_call() -> None:
    """timeout bounds the call whatever the retries; the error carries the last failure."""
    async with raw_server(answer(500), None) as server, client_of(server.url, timeout=0.7) as client:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DeadlineExceededError) as caught:
                await client.groups.get(7, 42)
    assert isinstance(caught.value.last_error, InternalServerError)


async def test_a_sleep_past_the_deadline_is_not_slept() -> None:
    """When the next wait would pass the deadline, the real error is raised at once."""
    async with (
        raw_server(answer(503, b"", "Retry-After: 2000")) as server,
        client_of(server.url, timeout=1000) as client,
        asyncio.timeout(PATIENCE),
    ):
        with pytest.raises(InternalServerError) as caught:
            await client.groups.get(7, 42)
    assert caught.value.retry_after == 2000


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(f"Content-Length: {64 * 2**20}", id="declared"),
        pytest.param("Connection: close", id="endless"),
    ],
)
async def test_a_huge_body_is_refused(head: str) -> None:
    """A body above 32 MiB is an APIResponseValidationError, not read to its end, and not asked for again."""
    body = b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n\r\n" + b" " * (33 * 2**20)
    async with raw_server(body) as server, client_of(server.url) as client:
        with pytest.raises(APIResponseValidationError, match="larger than 33554432 bytes"):
            await client.groups.get(7, 42)
    assert len(server.requests) == 1


async def test_a_gzip_bomb_is_refused() -> None:
    """The cap counts what a body unpacks to."""
    bomb = gzip.compress(b" " * (40 * 2**20))
    async with (
        raw_server(answer(200, bomb, "Content-Encoding: gzip"), answer(200, GROUP)) as server,
        client_of(server.url) as client,
    ):
        with pytest.raises(APIResponseValidationError, match="larger than"):
            await client.groups.get(7, 42)
        assert await client.groups.get(7, 42) == FRANCE


async def test_gzip_is_read() -> None:
    """Compressed responses are decompressed."""
    async with (
        raw_server(answer(200, gzip.compress(GROUP), "Content-Encoding: gzip")) as server,
        client_of(server.url) as client,
    ):
        assert await client.groups.get(7, 42) == FRANCE


async def test_cancelling_leaves_the_client_usable() -> None:
    """A cancelled call ends at once as CancelledError, keeps its quota slot, and the next call works."""
    async with raw_server(None, answer(200, GROUP)) as server, client_of(server.url, max_concurrency=1) as client:
        call = asyncio.create_task(client.groups.get(7, 42))
        while not server.requests:
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.quota.used == 1
        assert await client.groups.get(7, 42) == FRANCE


@pytest.mark.parametrize(
    "answers", [(answer(401),), (b"",), (answer(200, b"{}"),), (None,), (answer(302, b"", "Location: http://x/"),)]
)
async def test_the_key_is_nowhere(answers: tuple[bytes | None, ...], caplog: pytest.LogCaptureFixture) -> None:
    """No error, traceback frame, log line, repr or event holds the key."""
    events: list[Event] = []
    caplog.set_level(logging.DEBUG)
    async with (
        raw_server(*answers) as server,
        client_of(server.url, attempt_timeout=0.05, on_event=events.append, retry=FAST) as client,
    ):
        with pytest.raises(PartooError) as caught:
            await client.groups.get(7, 42)
        seen: list[object] = [client, client.session, client.session.settings, events, caplog.text]
    error: BaseException | None = caught.value
    while error is not None:
        walked = traceback.TracebackException.from_exception(error, capture_locals=True)
        seen += [repr(error), str(error), vars(error), "".join(walked.format())]
        error = error.__cause__ or error.__context__
    text = "".join(map(repr, seen))
    # This test's own frames know the key by name.
    assert KEY not in text.replace(f"KEY = '{KEY}'", "")


async def test_connections_are_reused() -> None:
    """Calls one after another use one connection."""
    async with raw_server(answer(200, GROUP)) as server, client_of(server.url) as client:
        for _ in range(5):
            await client.groups.get(7, 42)
        assert server.connections == 1


async def test_a_borrowed_session_stays_open() -> None:
    """A session of the caller's is used, keeps its own middlewares, and is not closed."""
    seen = []

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        seen.append(request.method)
        return await handler(request)

    async with raw_server(answer(200, GROUP)) as server, aiohttp.ClientSession(middlewares=(middleware,)) as mine:
        async with client_of(server.url, session=mine) as client:
            assert await client.groups.get(7, 42) == FRANCE
        assert not mine.closed
        assert seen == ["GET"]
    with pytest.raises(ClientClosedError):
        async with client_of(server.url, session=mine) as client:
            await client.groups.get(7, 42)


async def test_the_key_may_come_from_a_callable() -> None:
    """An async callable is asked for the key at each attempt; a key that cannot be one is refused unsent."""
    keys = iter(["first", "second", "bad\nkey"])

    async def key() -> str:
        return next(keys)

    async with raw_server(answer(200, GROUP)) as server, PartooClient(key, server=server.url) as client:
        await client.groups.get(7, 42)
        await client.groups.get(7, 42)
        with pytest.raises(ConfigurationError, match="api_key"):
            await client.groups.get(7, 42)
        assert client.quota.used == 1  # each key has its own
    assert b"x-APIKey: second" in server.requests[1]
    assert len(server.requests) == 2


async def test_an_outage_costs_few_requests() -> None:
    """1,000 calls into a total outage send less than 1.1 requests a call, and recovery is immediate."""
    down = answer(503)
    async with raw_server(*[down] * 1060, answer(200, GROUP)) as server:
        async with client_of(server.url, rate_limit=None) as client:
            results = await asyncio.gather(*(client.groups.get(7, 42) for _ in range(1000)), return_exceptions=True)
            assert all(isinstance(result, InternalServerError) for result in results)
            assert len(server.requests) <= 1060
            while len(server.requests) < 1060:
                with pytest.raises(InternalServerError):
                    await client.groups.get(7, 42)
            assert await client.groups.get(7, 42) == FRANCE


async def test_the_cap_on_requests_in_flight() -> None:
    """At most max_concurrency requests are in flight; the others wait, and are never sent when they are cancelled."""
    async with raw_server(None) as server, client_of(server.url, max_concurrency=3) as client:
        calls = asyncio.gather(*(client.groups.get(7, number) for number in range(9)))
        async with asyncio.timeout(PATIENCE):
            while len(server.requests) < 3 or "6 waiting" not in repr(client.session.context.concurrency):
                await asyncio.sleep(0.01)
        calls.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calls
        assert len(server.requests) == 3
    assert client.quota.used == 3


async def test_on_event_errors_do_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """An on_event that raises is logged once, and calls go on."""

    def bad(_: Event) -> None:
        raise ValueError("mine")

    async with raw_server(answer(200, GROUP)) as server, client_of(server.url, on_event=bad) as client:
        await client.groups.get(7, 42)
        await client.groups.get(7, 42)
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("hurried")
async def test_the_quota_holds_calls_back() -> None:
    """Calls beyond the window wait for it, and one that cannot wait is refused with the time to come back."""
    limit = RateLimit(requests=2, per=0.3)
    async with raw_server(answer(200, b"{}")) as server, client_of(server.url, rate_limit=limit) as client:
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(client.request("GET", "/some") for _ in range(3)))
        assert asyncio.get_running_loop().time() - started >= 0.3
        hurried = client.with_options(rate_limit=RateLimit(requests=2, per=3600.0), timeout=1000)
        with pytest.raises(QuotaExceededError) as caught:
            await asyncio.gather(*(hurried.request("GET", "/some") for _ in range(3)))
        assert 3600 - PATIENCE < caught.value.retry_after <= 3700


@pytest.mark.parametrize("status", [401, 404])
async def test_an_unreadable_body_does_not_hide_the_status(status: int) -> None:
    """The class of an error comes from the status even when its body cannot be decompressed."""
    bad = answer(status, b"not gzip", "Content-Encoding: gzip")
    async with raw_server(bad) as server, client_of(server.url) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.groups.get(7, 42)
    assert caught.value.status == status
    assert len(server.requests) == 1


@pytest.mark.usefixtures("hurried")
async def test_a_429_that_asks_for_no_wait_is_no_busy_loop() -> None:
    """Retry-After: 0 answered again and again is repeated with backoff, not thousands of times a second."""
    busy = answer(429, b"", "Retry-After: 0")
    async with (
        raw_server(busy) as server,
        client_of(server.url, rate_limit=None, timeout=1, retry=RetryPolicy(initial_backoff=0.2)) as client,
    ):
        with pytest.raises(PartooError):
            await client.groups.get(7, 42)
    assert len(server.requests) < 20


async def test_bytes_after_the_end_of_gzip_count() -> None:
    """What follows the end of a gzip stream counts against the cap, too."""
    bomb = gzip.compress(GROUP) + b"\0" * (33 * 2**20)
    async with raw_server(answer(200, bomb, "Content-Encoding: gzip")) as server, client_of(server.url) as client:
        with pytest.raises(APIResponseValidationError, match="larger than"):
            await client.groups.get(7, 42)


async def test_a_key_that_never_comes_costs_no_quota() -> None:
    """A key callable that hangs or fails sends nothing: its slot comes back, and the attempt says so."""

    async def never() -> str:
        await asyncio.Event().wait()
        return "key"

    async with PartooClient(never, server="http://127.0.0.1:9/v2", timeout=0.05) as client:
        with pytest.raises(DeadlineExceededError) as caught:
            await client.groups.get(7, 42)
        assert [attempt.request_sent for attempt in caught.value.attempts] == [False]
        assert client.quota.used == 0


async def test_a_write_answered_in_plain_text_succeeded() -> None:
    """Any 2xx is success for a write; what is no JSON comes back as text."""
    async with raw_server(answer(200, b"OK")) as server, client_of(server.url) as client:
        assert await client.request("POST", "/things", json={}) == "OK"


async def test_the_traceback_of_a_read_is_short() -> None:
    """It ends three frames below the caller's line, whatever was tried: a notebook shows all of them."""
    async with raw_server(answer(503)) as server, client_of(server.url) as client:
        with pytest.raises(InternalServerError) as caught:
            await client.groups.get(7, 42)
    assert len(caught.value.attempts) > 1
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_the_traceback_of_a_read_is_short", "get", "send", "get"]


async def test_the_traceback_of_a_bug_is_whole() -> None:
    """What is no error of ours has the frame that raised it."""

    def broken(_: MockRequest) -> MockResponse:
        raise TypeError("a bug")

    async with PartooClient(KEY, transport=MockTransport(broken)) as client:
        with pytest.raises(TypeError) as caught:
            await client.groups.get(7, 42)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "broken"
