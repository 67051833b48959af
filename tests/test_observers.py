"""Observers: what a client tells them of calls and scans, and that it costs others nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from partoo_async import (
    APIConnectionError,
    AttemptRecord,
    CallRecord,
    ClientClosedError,
    ConfigurationError,
    Event,
    HoldEvent,
    InternalServerError,
    Listeners,
    NotFoundError,
    Observer,
    PartooClient,
    PartooError,
    PauseEvent,
    QuotaExceededError,
    RateLimit,
    RequestEvent,
    RetryEvent,
    RetryPolicy,
    ScanError,
    ScanRecord,
    ScanWatch,
)
from partoo_async.emulator import Emulator
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.common import FAST
from tests.support.virtual import run_virtual

GROUP = {"id": 42, "name": "France", "has_puller": False, "business_ids": []}


class Kept(Observer):
    """Keeps the records."""

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []

    def call_ended(self, record: CallRecord) -> None:
        self.calls.append(record)


def outcomes(record: CallRecord) -> list[tuple[int | None, str | None, bool]]:
    return [(attempt.status, attempt.error, attempt.sent) for attempt in record.attempts]


def client_of(respond: Callable[[MockRequest], MockResponse], on_event: Any, **options: Any) -> PartooClient:
    usual = {"retry": FAST, "rate_limit": None}
    return PartooClient("key", transport=MockTransport(respond), on_event=on_event, **{**usual, **options})


def test_fields_of_records() -> None:
    """The fields of each, in their order."""
    assert AttemptRecord._fields == ("started", "elapsed", "queued", "status", "error", "sent")
    call = ("route", "template", "server", "elapsed", "queued", "error", "attempts", "source", "bulk")
    assert CallRecord._fields == call
    assert ScanRecord._fields == ("done", "failed", "requests", "error", "complete")


async def test_a_call_is_told_with_its_attempts() -> None:
    """A call that is retried is one record, of attempts in their order within it."""
    answers = [MockResponse(500), MockResponse(429, headers={"Retry-After": "0"}), MockResponse(json=GROUP)]
    observer = Kept()
    async with client_of(lambda _: answers.pop(0), observer) as client:
        await client.groups.get(7, 42)
        server = client.server
    (record,) = observer.calls
    assert (record.route, record.template) == (
        "GET /sections/7/groups/42",
        "GET /sections/{section_id}/groups/{group_id}",
    )
    assert (record.server, record.error, record.source, record.bulk) == (server, None, "request", False)
    assert outcomes(record) == [(500, "InternalServerError", True), (429, "RateLimitError", True), (200, None, True)]
    times = [time for one in record.attempts for time in (one.started, one.started + one.elapsed)]
    assert [0.0, *times, record.elapsed] == sorted([0.0, *times, record.elapsed])


async def test_calls_that_fail_are_told() -> None:
    """By the class of what they raise."""
    observer = Kept()
    async with client_of(lambda _: MockResponse(404), observer) as client:
        with pytest.raises(NotFoundError):
            await client.groups.delete(7, 42)
        with pytest.raises(NotFoundError):
            await client.request("GET", "/reviews")
    with pytest.raises(ClientClosedError):
        await client.groups.get(7, 42)
    write, custom, closed = observer.calls
    assert (write.template, write.error) == ("DELETE /sections/{section_id}/groups/{group_id}", "NotFoundError")
    assert (custom.route, custom.template, custom.error) == ("GET /reviews", "", "NotFoundError")
    assert (closed.error, closed.attempts, closed.elapsed) == ("ClientClosedError", (), 0.0)


async def test_an_attempt_that_was_not_sent() -> None:
    """A server that cannot be reached was sent nothing."""
    observer = Kept()
    options = {"server": "http://127.0.0.1:9/v2", "retry": RetryPolicy(max_retries=0), "on_event": observer}
    async with PartooClient("key", **options) as client:
        with pytest.raises(APIConnectionError):
            await client.groups.get(7, 42)
    (record,) = observer.calls
    assert outcomes(record) == [(None, "APIConnectionError", False)]


def test_waits_for_quota_are_told() -> None:
    """Those of an attempt, and in all; also of a call that the quota refuses in the end."""

    async def main() -> None:
        observer = Kept()
        limit = RateLimit(1, 10.0, reserve=0.0)
        async with client_of(lambda _: MockResponse(json=GROUP), observer, rate_limit=limit) as client:
            await client.groups.get(7, 42)
            await client.groups.get(7, 42)
            with pytest.raises(QuotaExceededError):
                await client.with_options(timeout=3.0).groups.get(7, 42)
        at_once, waited, refused = observer.calls
        assert (at_once.queued, at_once.attempts[0].queued) == (0.0, 0.0)
        assert waited.queued == waited.attempts[0].queued == waited.attempts[0].started == pytest.approx(10.0, abs=0.1)
        assert (refused.error, refused.attempts) == ("QuotaExceededError", ())

    run_virtual(main())


async def test_cancelled_calls_are_told() -> None:
    """One whose request is out has an attempt that was sent, one that waits for the quota has none."""
    reached = asyncio.Event()

    async def respond(_: MockRequest) -> MockResponse:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    observer = Kept()
    async with client_of(respond, observer, rate_limit=RateLimit(1, 60.0, reserve=0.0)) as client:  # type: ignore[arg-type]
        calls = [asyncio.create_task(client.groups.get(7, number)) for number in (1, 2)]
        await reached.wait()
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    assert all(call.cancelled() for call in calls)
    assert sorted((record.error, outcomes(record)) for record in observer.calls) == [
        ("CancelledError", []),
        ("CancelledError", [(None, "CancelledError", True)]),
    ]


async def test_shared_reads_and_cached_results_are_told(emulator: Emulator) -> None:
    """Who gets the result of another call has a record without attempts that says where it is from."""
    observer = Kept()
    async with PartooClient(emulator.api_key, server=emulator.server, on_event=observer, cache_ttl=60.0) as client:
        await asyncio.gather(*(client.groups.get(7, 42) for _ in range(3)))
        await client.groups.get(7, 42)
        await client.groups.get(7, 42, fresh=True)
    assert sorted((record.source, len(record.attempts)) for record in observer.calls) == [
        *[("cache", 0), ("request", 1), ("request", 1), ("shared", 0), ("shared", 0)],
    ]
    assert {record.template for record in observer.calls} == {"GET /sections/{section_id}/groups/{group_id}"}


async def test_a_key_that_cannot_be_had_is_told() -> None:
    """A call whose key raises is told once, and one whose key comes, too."""
    keys: list[Any] = [RuntimeError("vault"), "key"]

    async def api_key() -> str:
        key = keys.pop(0)
        if isinstance(key, Exception):
            raise key
        return str(key)

    observer = Kept()
    transport = MockTransport(lambda _: MockResponse(json=GROUP))
    options = {"transport": transport, "rate_limit": None, "retry": RetryPolicy(max_retries=0), "on_event": observer}
    async with PartooClient(api_key, **options) as client:
        with pytest.raises(APIConnectionError):
            await client.groups.get(7, 42)
        await client.groups.get(7, 42)
    failed, good = observer.calls
    assert (failed.error, [attempt.sent for attempt in failed.attempts]) == ("APIConnectionError", [False])
    assert (good.error, outcomes(good)) == (None, [(200, None, True)])


async def test_copies_tell_their_own_listener() -> None:
    """``with_options`` exchanges it, also for none."""
    first, second = Kept(), Kept()
    async with client_of(lambda _: MockResponse(json=GROUP), first) as client:
        await client.with_options(on_event=second).groups.get(7, 42)
        await client.with_options(on_event=None).groups.get(7, 42)
        await client.with_options(timeout=5.0).groups.get(7, 42)
    assert (len(first.calls), len(second.calls)) == (1, 1)


# Events, and what is not even made


async def test_an_observer_gets_the_events_that_it_asks_for() -> None:
    """Each by its own method; no request is told to one that does not want it."""

    class Some(Observer):
        def __init__(self) -> None:
            self.events: list[Event] = []

        def retrying(self, event: RetryEvent) -> None:
            self.events.append(event)

        def paused(self, event: PauseEvent) -> None:
            self.events.append(event)

    class All(Some):
        def request_ended(self, event: RequestEvent) -> None:
            self.events.append(event)

        def held(self, event: HoldEvent) -> None:
            self.events.append(event)

    for observer, kinds in (
        (Some(), [RetryEvent, PauseEvent, RetryEvent]),
        (All(), [RequestEvent, RetryEvent, PauseEvent, RequestEvent, RetryEvent, RequestEvent]),
    ):
        answers = [MockResponse(500), MockResponse(429, headers={"Retry-After": "0"}), MockResponse(json=GROUP)]
        async with client_of(lambda _, answers=answers: answers.pop(0), observer) as client:  # type: ignore[misc]
            await client.groups.get(7, 42)
        assert sorted(type(event).__name__ for event in observer.events) == sorted(kind.__name__ for kind in kinds)
    observer(HoldEvent("GET /sections/7", 0.0, "APIConnectionError"))
    assert isinstance(observer.events[-1], HoldEvent)


async def test_a_plain_callable_gets_the_four_kinds_only(emulator: Emulator) -> None:
    """Records go to observers: applications match on the events that they know."""
    events: list[Event] = []
    async with PartooClient(emulator.api_key, server=emulator.server, on_event=events.append) as client:
        await client.groups.get(7, 42)
        await client.scan(7).collect()
    assert {type(event) for event in events} == {RequestEvent}


async def test_an_observer_that_is_not_active_is_told_of_no_call() -> None:
    """It is asked at the beginning of each call, since that may change."""

    class Switched(Kept):
        on = False

        def active(self) -> bool:
            return self.on

    observer = Switched()
    async with client_of(lambda _: MockResponse(json=GROUP), observer) as client:
        await client.groups.get(7, 42)
        observer.on = True
        await client.groups.get(7, 42)
    assert len(observer.calls) == 1


class Broken(Observer):
    """Raises wherever it is asked."""

    def __init__(self, name: str, error: type[BaseException]) -> None:
        self.name, self.error = name, error

    def _do(self, name: str) -> None:
        if name == self.name:
            raise self.error(name)

    def call_ended(self, record: CallRecord) -> None:
        self._do("call_ended")

    def request_ended(self, event: RequestEvent) -> None:
        self._do("request_ended")

    def active(self) -> bool:
        self._do("active")
        return True

    def scan_started(self) -> ScanWatch | None:
        self._do("scan_started")
        do: Callable[[str], None] = self._do

        class Watch(ScanWatch):
            @contextmanager
            def around(self) -> Iterator[None]:
                do("around")
                yield
                do("exit")

            def ended(self, record: ScanRecord) -> None:
                do("ended")

        return Watch()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        self._do("quiet")
        yield
        self._do("loud")


PLACES = ["call_ended", "request_ended", "active", "scan_started", "around", "exit", "ended", "quiet", "loud"]


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "among others"])
async def test_a_broken_observer_breaks_nothing(
    name: str, error: type[BaseException], alone: bool, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises is logged once; calls and scans go on, and so do other listeners."""
    kept, observer = Kept(), Broken(name, error)
    on_event = observer if alone else Listeners(observer, kept)
    # Over a session that adds something to requests: else none of aiohttp's own is made, which tools could trace.
    async with ClientSession(headers={"X-Team": "stores"}) as session:
        async with PartooClient(emulator.api_key, server=emulator.server, on_event=on_event, session=session) as client:
            await client.groups.get(7, 42)
            report = await client.scan(7).collect()
    assert report.complete
    assert len([record for record in caplog.records if "on_event raised" in record.message]) == 1
    assert len(kept.calls) == (0 if alone else len(emulator.requests))


async def test_a_context_of_an_observer_hides_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that swallows what is raised in it, or another object than a watch, changes nothing of a scan."""

    class Swallows(Observer):
        def scan_started(self) -> ScanWatch | None:
            watch = ScanWatch()
            watch.around = lambda: suppress(Exception)  # type: ignore[method-assign]
            return watch

    class Odd(Observer):
        def scan_started(self) -> Any:
            return 5

    for observer in (Swallows(), Odd()):
        async with client_of(lambda _: MockResponse(401), observer) as client:
            with pytest.raises(PartooError):
                await client.scan(7, journal=tmp_path).collect()  # a folder is no journal
    assert [record.getMessage()[:15] for record in caplog.records] == ["on_event raised"]


async def test_several_listeners() -> None:
    """Callables and observers are told in their order, each what it is told alone."""
    told: list[str] = []

    class Noted(Kept):
        def call_ended(self, record: CallRecord) -> None:
            told.append("call")

    listeners = Listeners(
        lambda event: told.append(f"first {type(event).__name__}"), Noted(), lambda _: told.append("2")
    )
    async with client_of(lambda _: MockResponse(json=GROUP), listeners) as client:
        await client.groups.get(7, 42)
    assert told == ["first RequestEvent", "2", "call"]
    with pytest.raises(ConfigurationError):
        Listeners(told)  # type: ignore[arg-type]


# Scans

SCAN: ContextVar[str] = ContextVar("SCAN", default="")


class Watched(Kept):
    """Sees in which context the calls of a scan are told."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.ended: list[ScanRecord] = []

    def call_ended(self, record: CallRecord) -> None:
        super().call_ended(record)
        self.seen.append(SCAN.get())

    def scan_started(self) -> ScanWatch:
        ended = self.ended

        class Watch(ScanWatch):
            def around(self) -> AbstractContextManager[object]:
                return self

            def __enter__(self) -> None:
                self.token = SCAN.set("mine")

            def __exit__(self, *_: object) -> None:
                SCAN.reset(self.token)

            def ended(self, record: ScanRecord) -> None:
                ended.append(record)

        return Watch()


async def test_a_scan_is_told_with_its_calls(emulator: Emulator) -> None:
    """Its calls see the context that the observer set, those of others do not; its figures are those of the report."""
    observer = Watched()
    async with PartooClient(emulator.api_key, server=emulator.server, on_event=observer) as client:
        report = await client.scan(7).collect()
        assert observer.seen == ["mine"] * report.requests
        await client.groups.get(7, 42)
    assert observer.seen[-1] == ""
    assert [record.bulk for record in observer.calls] == [True] * report.requests + [False]
    assert observer.ended == [ScanRecord(len(report.items), 0, report.requests, None, True)]


async def test_scans_that_end_early_are_told(emulator: Emulator) -> None:
    """One that fails by its error, also if its section cannot be read; one that is left is just not complete."""
    observer = Watched()
    emulator.faults.add("status", status=404, times=1)
    async with PartooClient(emulator.api_key, server=emulator.server, on_event=observer, retry=FAST) as client:
        with pytest.raises(ScanError):
            await client.scan(7, group_ids=[42, 43], max_failures=0, max_concurrency=1).collect()
        async with client.scan(7) as scan:
            async for _ in scan:
                break
        client.scan(7)  # never opened
    assert [(record.error, record.complete) for record in observer.ended] == [("ScanError", False), (None, False)]
    assert observer.ended[0].failed == 1


async def test_an_outage_is_told_call_by_call() -> None:
    """The calls of an unreachable server have their attempts, and the scan its error."""
    observer = Watched()
    async with client_of(lambda _: MockResponse(500), observer, retry=RetryPolicy(max_retries=0)) as client:
        report = await client.scan(7, group_ids=[1]).collect()
    assert isinstance(report.items[0].error, InternalServerError)
    assert {record.error for record in observer.calls} == {"InternalServerError"}
    assert sum(len(record.attempts) for record in observer.calls) == report.requests
