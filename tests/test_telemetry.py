"""Spans and metrics of a client: one span for each request, few names, and nothing that is not anybody's business."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import frozen
from opentelemetry.context import get_value
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider, SpanKind, StatusCode, use_span

from partoo_async import (
    PRODUCTION,
    SANDBOX,
    APIConnectionError,
    ClientClosedError,
    ConfigurationError,
    Event,
    HoldEvent,
    Listeners,
    NotFoundError,
    PartooClient,
    PauseEvent,
    QuotaExceededError,
    RateLimit,
    RequestEvent,
    RetryPolicy,
    ScanError,
    Server,
)
from partoo_async._protocol.routes import template_of
from partoo_async.emulator import Emulator
from partoo_async.telemetry import Telemetry
from partoo_async.telemetry import telemetry as telemetry_module
from partoo_async.testing import MockResponse, MockTransport
from tests.support.common import FAST, TLS
from tests.support.each import each
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.recorder import Recorder

ROOT = Path(__file__).parent.parent
DURATION = "http.client.request.duration"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def client_of(emulator: Emulator, recorder: Recorder, **options: Any) -> PartooClient:
    heard = Listeners(recorder.telemetry, recorder.events.append)
    usual = {"retry": FAST, "ssl_context": TLS, "on_event": heard}
    return PartooClient(emulator.api_key, server=emulator.server, **{**usual, **options})


def attributes_of(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def event(route: str = "GET /sections/7", **changes: Any) -> RequestEvent:
    values = {"status": 200, "error": None, "elapsed": 0.25, "attempt": 1, "server": PRODUCTION}
    return RequestEvent(route, **{**values, **changes})


# Beside the instrumentation of aiohttp, which gives each session that is made a trace configuration


class Instrumented:
    """Does what that does: a span for each request, unless it is to be quiet, and the visitor's context as headers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spans = 0
        plain = aiohttp.ClientSession.__init__
        self.config = config = aiohttp.TraceConfig()
        config.on_request_start.append(self.start)
        monkeypatch.setattr(
            aiohttp.ClientSession,
            "__init__",
            lambda session, **options: plain(session, trace_configs=[config], **options),
        )

    async def start(self, _: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        if not get_value("suppress_instrumentation"):
            self.spans += 1
            params.headers.update({"traceparent": "00-1-2-01", "baggage": "userid=alice", "X-B3-TraceId": "1"})


VISITOR = (b"traceparent", b"baggage", b"x-b3-traceid", b"alice")


@pytest.mark.parametrize("borrowed", [False, True], ids=["own", "borrowed"])
async def test_one_span_a_request_beside_other_instrumentation(
    borrowed: bool, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``Telemetry`` the instrumentation of aiohttp lets the client's requests be: each has one span."""
    other = Instrumented(monkeypatch)
    async with aiohttp.ClientSession() as session, raw_server(answer(200, GROUP)) as server:
        options = {"session": session} if borrowed else {}
        telemetry = Telemetry(tracer_provider=recorder.tracers, meter_provider=recorder.meters)
        async with PartooClient("key", server=server.url, on_event=telemetry, **options) as client:
            await client.groups.get(7, 42)
        assert other.spans == 0
        assert len(recorder.spans) == 1
        await (await session.get(server.url)).read()
    assert other.spans == 1  # those of others go on
    assert not any(word in server.requests[0].lower() for word in VISITOR)


@pytest.mark.parametrize("records", [False, True], ids=["without telemetry", "with telemetry"])
async def test_instrumentation_of_a_session_that_is_in_use(
    records: bool, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes after the client has one span a request, or none beside ``Telemetry``, and the API gets nothing."""
    on_event = Listeners(recorder.telemetry, recorder.events.append) if records else None
    async with raw_server(answer(200, GROUP)) as server:
        async with aiohttp.ClientSession() as session:
            async with PartooClient("key", server=server.url, session=session, on_event=on_event) as client:
                await client.groups.get(7, 42)
                other = Instrumented(monkeypatch)
                other.config.freeze()
                session.trace_configs.append(other.config)
                await client.groups.get(7, 42)
    assert (other.spans, len(recorder.spans)) == ((0, 2) if records else (1, 0))
    assert len(server.requests) == 2
    assert not any(word in request.lower() for request in server.requests for word in VISITOR)


@pytest.mark.parametrize("borrowed", [False, True], ids=["own", "borrowed"])
async def test_nothing_of_a_visitor_goes_to_the_api(borrowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``Telemetry`` the other one's span is the only one, and the headers that it adds stay at home."""
    other = Instrumented(monkeypatch)
    async with aiohttp.ClientSession() as session, raw_server(answer(200, GROUP), answer(200, GROUP)) as server:
        options = {"session": session} if borrowed else {}
        async with PartooClient("key", server=server.url, **options) as client:
            await client.groups.get(7, 42)
            await client.groups.update(7, 42, name="France", business_ids=[])
    assert other.spans == 2
    assert not any(word in request.lower() for request in server.requests for word in VISITOR)
    assert all(b"x-apikey: key" in request.lower() for request in server.requests)


async def test_the_spans_of_the_other_one_beside_these_metrics(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives ``Telemetry`` a provider that makes no spans has those of the other instrumentation instead."""
    other = Instrumented(monkeypatch)
    telemetry = Telemetry(tracer_provider=NoOpTracerProvider(), meter_provider=recorder.meters)
    async with raw_server(answer(200, GROUP)) as server:
        async with PartooClient("key", server=server.url, on_event=telemetry) as client:
            await client.groups.get(7, 42)
    assert (other.spans, len(recorder.spans), len(recorder.points(DURATION))) == (1, 0, 1)


async def test_what_is_asked_for_goes_to_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers and middlewares of a session that is passed are sent: that is how to ask for more."""

    async def propagate(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        request.headers["traceparent"] = "00-3-4-01"
        return await handler(request)

    Instrumented(monkeypatch)
    async with aiohttp.ClientSession(headers={"X-Team": "blue"}, middlewares=(propagate,)) as session:
        async with raw_server(answer(200, GROUP)) as server:
            async with PartooClient("key", server=server.url, session=session) as client:
                await client.groups.get(7, 42)
    request = server.requests[0].lower()
    assert (b"traceparent: 00-3-4-01" in request, b"x-team: blue" in request, b"alice" in request) == (
        True,
        True,
        False,
    )


# Against the emulator


async def test_a_request_is_a_span_and_a_measurement(emulator: Emulator, recorder: Recorder) -> None:
    """A call that goes well is one CLIENT span, as long as the request took, and one value of the duration."""
    async with client_of(emulator, recorder) as client:
        await client.groups.get(7, 42)
    (span,) = recorder.spans
    assert span.name == "GET /sections/{section_id}/groups/{group_id}"
    assert span.kind is SpanKind.CLIENT
    assert (span.status.status_code, span.status.description) == (StatusCode.UNSET, None)
    shared = {
        "http.request.method": "GET",
        "url.template": "/sections/{section_id}/groups/{group_id}",
        "server.address": "127.0.0.1",
        "server.port": int(emulator.url.split(":")[2].split("/")[0]),
        "http.response.status_code": 200,
    }
    located = {"url.full": f"{emulator.url}/sections/7/groups/42", "url.path": "/v2/sections/7/groups/42"}
    assert attributes_of(span) == shared | located
    (point,) = recorder.points(DURATION)
    assert dict(point.attributes) == shared
    (sent,) = recorder.events
    assert isinstance(sent, RequestEvent)
    assert (point.count, point.sum) == (1, sent.elapsed)
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == round(sent.elapsed * 1e9)


async def test_a_refusal_is_an_error(emulator: Emulator, recorder: Recorder) -> None:
    """A 404 is an error of the type "404". Its status has no text, since the number says it all."""
    async with client_of(emulator, recorder) as client:
        with pytest.raises(NotFoundError):
            await client.groups.get(7, 9999)
    (span,) = recorder.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert attributes_of(span)["http.response.status_code"] == 404
    assert attributes_of(span)["error.type"] == "404"
    (point,) = recorder.points(DURATION)
    assert (point.attributes["http.response.status_code"], point.attributes["error.type"]) == (404, "404")


async def test_each_attempt_is_a_span_below_that_of_the_call(emulator: Emulator, recorder: Recorder) -> None:
    """After a 500 a call has two attempts, the second a repeat after a wait; the retry is counted by what failed."""
    emulator.faults.add("status", status=500, times=1)
    async with client_of(emulator, recorder) as client:
        with recorder.tracer.start_as_current_span("page") as page:
            await client.groups.get(7, 42)
    failed, repeated, call, _ = recorder.spans
    assert (call.name, call.kind) == ("partoo GET /sections/{section_id}/groups/{group_id}", SpanKind.INTERNAL)
    assert attributes_of(call) == {"partoo_async.priority": "interactive"}
    assert parent_of(call) == page.get_span_context().span_id
    times = [call.start_time, failed.start_time, failed.end_time, repeated.start_time, repeated.end_time, call.end_time]
    assert times == sorted(times, key=lambda time: time or 0)
    wait = attributes_of(repeated)["partoo_async.retry.wait"]
    assert isinstance(wait, float)
    assert 0 < round(wait * 1e9) <= (repeated.start_time or 0) - (failed.end_time or 0) + 2  # each is rounded
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes_of(failed)["error.type"] == "500"
    assert "http.request.resend_count" not in attributes_of(failed)
    assert repeated.status.status_code is StatusCode.UNSET
    assert attributes_of(repeated)["http.request.resend_count"] == 1
    assert parent_of(failed) == parent_of(repeated) == call.context.span_id
    (retries,) = recorder.points("partoo_async.retries")
    assert retries.value == 1
    assert dict(retries.attributes) == {
        "http.request.method": "GET",
        "url.template": "/sections/{section_id}/groups/{group_id}",
        "error.type": "InternalServerError",
    }


@pytest.mark.usefixtures("hurried")
async def test_a_pause_is_measured(emulator: Emulator, recorder: Recorder) -> None:
    """A 429 is measured by the seconds for which it makes everybody wait."""
    emulator.faults.add("rate_limited", retry_after=1, times=1)
    async with client_of(emulator, recorder) as client:
        await client.sections.get(7)
    (pause,) = recorder.points("partoo_async.pause.duration")
    assert [pause.sum] == [event.seconds for event in recorder.events if isinstance(event, PauseEvent)]
    *attempts, call = recorder.spans
    assert [attributes_of(span)["http.response.status_code"] for span in attempts] == [429, 200]
    assert attributes_of(attempts[1])["partoo_async.quota.wait"] > 0.5
    assert attributes_of(call)["partoo_async.quota.wait"] == attributes_of(attempts[1])["partoo_async.quota.wait"]
    assert sum(point.count for point in recorder.points(DURATION)) == 2


def test_a_pause_is_an_event_of_the_span_that_is_open(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """The span around has it. One that has ended is let be, since a shared request outlives the page that began it."""
    pause = PauseEvent("GET /sections/7", 2.0)
    page = recorder.tracer.start_span("page")
    with use_span(page):
        recorder.telemetry(pause)
    page.end()
    with use_span(page):
        recorder.telemetry(pause)
    (noted,) = recorder.spans[0].events
    assert (noted.name, dict(noted.attributes or {})) == ("partoo_async.pause", {"partoo_async.seconds": 2.0})
    assert recorder.points("partoo_async.pause.duration")[0].count == 2
    assert not caplog.records


async def test_a_lost_connection_is_an_error_without_a_status(emulator: Emulator, recorder: Recorder) -> None:
    """A request that got no answer has the class of its error as its type."""
    emulator.faults.add("reset")
    async with client_of(emulator, recorder, retry=RetryPolicy(max_retries=0)) as client:
        with pytest.raises(APIConnectionError):
            await client.groups.get(7, 42)
    (span,) = recorder.spans
    assert span.status.status_code is StatusCode.ERROR
    assert attributes_of(span)["error.type"] == "APIConnectionError"
    assert "http.response.status_code" not in attributes_of(span)


async def test_shared_reads_are_one_span(emulator: Emulator, recorder: Recorder) -> None:
    """Of identical reads at once the first has the request. The others have a span that says that they shared it."""

    async def page() -> int:
        with recorder.tracer.start_as_current_span("page") as span:
            await client.groups.get(7, 42)
        return span.get_span_context().span_id

    async with client_of(emulator, recorder) as client:
        pages = await asyncio.gather(*(page() for _ in range(5)))
    request, *shared = [span for span in recorder.spans if span.name != "page"]
    assert (request.kind, parent_of(request)) == (SpanKind.CLIENT, pages[0])
    assert [parent_of(span) for span in shared] == pages[1:]
    assert {attributes_of(span)["partoo_async.source"] for span in shared} == {"shared"}
    (point,) = recorder.points(DURATION)
    assert point.count == len(emulator.requests) == 1


async def test_a_scan_is_a_span_that_its_calls_link_to(emulator: Emulator, recorder: Recorder) -> None:
    """Calls of a scan are traces of their own, with links to its span: one trace of thousands would help nobody."""
    async with client_of(emulator, recorder) as client:
        with recorder.tracer.start_as_current_span("job") as job:
            report = await client.scan(7).collect()
    *spans, scan, _ = recorder.spans
    assert (scan.name, parent_of(scan)) == ("partoo scan", job.get_span_context().span_id)
    assert attributes_of(scan) == {
        "partoo_async.scan.done": len(report.items),
        "partoo_async.scan.failed": 0,
        "partoo_async.scan.requests": report.requests,
        "partoo_async.scan.complete": True,
    }
    assert len(spans) == report.requests == len(emulator.requests)
    assert {parent_of(span) for span in spans} == {None}
    assert {link.context.span_id for span in spans for link in span.links} == {scan.context.span_id}
    assert len({span.context.trace_id for span in spans}) == len(spans)
    assert {attributes_of(span)["partoo_async.priority"] for span in spans} == {"bulk"}
    templates = {"/sections/{section_id}", "/sections/{section_id}/groups/{group_id}"}
    assert {span.name for span in spans} == {f"GET {template}" for template in templates}
    assert {point.attributes["url.template"] for point in recorder.points(DURATION)} == templates
    assert sum(point.count for point in recorder.points(DURATION)) == report.requests


async def test_a_scan_that_ends_early_is_an_error(emulator: Emulator, recorder: Recorder) -> None:
    """Its span says by what it ended, and that it is not complete."""
    emulator.faults.add("status", status=404)
    async with client_of(emulator, recorder) as client:
        with pytest.raises(ScanError):
            await client.scan(7, group_ids=[1, 2, 3], max_failures=0).collect()
    (scan,) = [span for span in recorder.spans if span.name == "partoo scan"]
    assert scan.status.status_code is StatusCode.ERROR
    assert attributes_of(scan)["error.type"] == "ScanError"
    assert attributes_of(scan)["partoo_async.scan.complete"] is False


@pytest.mark.usefixtures("hurried")
async def test_an_outage_is_seen(emulator: Emulator, recorder: Recorder) -> None:
    """A scan that holds counts a hold and its seconds, and has both as events on its span."""

    def heard(event: Event) -> None:
        if isinstance(event, HoldEvent):
            emulator.faults.clear()

    listeners = Listeners(recorder.telemetry, heard)
    async with client_of(emulator, recorder, rate_limit=None, on_event=listeners) as client:
        async with client.scan(7) as scanned:
            async for _ in scanned:
                if not recorder.points("partoo_async.holds"):
                    emulator.faults.add("status", status=503)
    (scan,) = [span for span in recorder.spans if span.name == "partoo scan"]
    begun, ended = scan.events
    assert (begun.name, ended.name) == ("partoo_async.hold.begin", "partoo_async.hold.end")
    assert dict(begun.attributes or {}) == {"error.type": "InternalServerError"}
    (holds,), (held,) = recorder.points("partoo_async.holds"), recorder.points("partoo_async.hold.duration")
    assert (holds.value, held.count) == (1, 1)
    assert held.sum == (ended.attributes or {})["partoo_async.seconds"] > 0


# Calls without a response


async def test_an_attempt_that_was_not_sent(recorder: Recorder) -> None:
    """A refused connection is an attempt that says so. It is no request, so that it is in no duration."""
    async with PartooClient(
        "key", server="http://127.0.0.1:9/v2", retry=RetryPolicy(max_retries=0), on_event=recorder.telemetry
    ) as client:
        with pytest.raises(APIConnectionError):
            await client.groups.get(7, 42)
    attempt, call = recorder.spans
    assert attributes_of(attempt)["partoo_async.sent"] is False
    assert attributes_of(attempt)["error.type"] == attributes_of(call)["error.type"] == "APIConnectionError"
    assert (attempt.kind, parent_of(attempt)) == (SpanKind.CLIENT, call.context.span_id)
    assert not recorder.points(DURATION)
    (failures,) = recorder.points("partoo_async.call.failures")
    assert (failures.value, failures.attributes["error.type"]) == (1, "APIConnectionError")


async def test_a_call_that_is_refused(emulator: Emulator, recorder: Recorder) -> None:
    """A call that gets no slot in time is a span without attempts, and so is one of a closed client."""
    limit = RateLimit(1, 60.0)
    async with client_of(emulator, recorder, rate_limit=limit, timeout=5.0) as client:
        await client.sections.get(7)
        with pytest.raises(QuotaExceededError):
            await client.groups.get(7, 42)
    with pytest.raises(ClientClosedError):
        await client.groups.get(7, 42)
    _, refused, closed = recorder.spans
    assert {span.name for span in (refused, closed)} == {"partoo GET /sections/{section_id}/groups/{group_id}"}
    assert attributes_of(refused)["error.type"] == "QuotaExceededError"
    assert attributes_of(closed)["error.type"] == "ClientClosedError"
    assert {span.status.status_code for span in (refused, closed)} == {StatusCode.ERROR}


async def test_a_cancelled_call(recorder: Recorder) -> None:
    """Its request says that it was sent and cancelled. It has a duration, since the server may be at work."""
    async with raw_server(None) as server:
        async with PartooClient("key", server=server.url, on_event=recorder.telemetry) as client:
            call = asyncio.create_task(client.groups.get(7, 42))
            while not server.requests:
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
    (span,) = recorder.spans
    assert (span.kind, span.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)
    assert attributes_of(span)["error.type"] == "CancelledError"
    (point,) = recorder.points(DURATION)
    assert point.attributes["error.type"] == "CancelledError"


@pytest.mark.usefixtures("hurried")
async def test_the_wait_for_quota(emulator: Emulator, recorder: Recorder) -> None:
    """It is in the call's span before the attempt, an attribute of both, and a value by priority. No wait is none."""
    async with client_of(emulator, recorder, rate_limit=RateLimit(1, 2.0)) as client:
        await client.sections.get(7)
        await client.groups.get(7, 42)
    at_once, attempt, call = recorder.spans
    wait = attributes_of(call)["partoo_async.quota.wait"]
    assert isinstance(wait, float)
    assert attributes_of(attempt)["partoo_async.quota.wait"] == wait > 1
    assert (call.start_time or 0) + wait * 1e9 <= (attempt.start_time or 0)
    assert "partoo_async.quota.wait" not in attributes_of(at_once)
    (point,) = recorder.points("partoo_async.quota.wait")
    assert (point.count, point.sum, dict(point.attributes)) == (1, wait, {"partoo_async.priority": "interactive"})


async def test_a_result_from_the_cache(emulator: Emulator, recorder: Recorder) -> None:
    """It is a span that says so, without an attempt."""
    async with client_of(emulator, recorder, cache_ttl=60.0) as client:
        await client.groups.get(7, 42)
        await client.groups.get(7, 42)
    _, kept = recorder.spans
    assert kept.name == "partoo GET /sections/{section_id}/groups/{group_id}"
    assert attributes_of(kept)["partoo_async.source"] == "cache"


# What it costs


async def test_what_is_not_sampled_is_only_measured(emulator: Emulator, recorder: Recorder) -> None:
    """Without a sampled trace there are metrics, and no spans."""
    tracers = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    telemetry = Telemetry(tracer_provider=tracers, meter_provider=recorder.meters)
    emulator.faults.add("status", status=500, times=1)
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, on_event=telemetry) as client:
        await client.groups.get(7, 42)
        await client.scan(7, group_ids=[42]).collect()
    assert sum(point.count for point in recorder.points(DURATION)) == 3


async def test_calls_keep_no_record_while_no_provider_is_set(
    emulator: Emulator, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the application sets one, calls are as without telemetry; a tenth of a second later they are recorded."""
    now = [0.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0], time_ns=time.time_ns)
    monkeypatch.setattr(telemetry_module, "time", clock)
    telemetry = Telemetry()
    told = 0

    def count(_: object) -> None:
        nonlocal told
        told += 1

    monkeypatch.setattr(Telemetry, "call_ended", lambda _, record: count(record))
    async with PartooClient(emulator.api_key, server=emulator.server, on_event=telemetry) as client:
        await client.groups.get(7, 42)
        assert (told, telemetry.active()) == (0, False)
        monkeypatch.setattr(telemetry_module, "get_tracer_provider", lambda: recorder.tracers)
        now[0] += 0.2
        await client.groups.get(7, 42)
        assert (told, telemetry.active()) == (1, True)


def test_threads_share_one_telemetry(recorder: Recorder) -> None:
    """Clients of several event loops record to the same object, and nothing is lost."""

    async def calls() -> None:
        group = {"id": 42, "name": "France", "has_puller": False, "business_ids": []}
        transport = MockTransport(lambda _: MockResponse(json=group))
        async with PartooClient("key", transport=transport, on_event=recorder.telemetry) as client:
            for _ in range(20):
                await client.groups.get(7, 42)

    threads = [threading.Thread(target=asyncio.run, args=(calls(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recorder.spans) == sum(point.count for point in recorder.points(DURATION)) == 80


async def test_a_broken_provider_breaks_no_call(
    emulator: Emulator, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """An SDK that raises is logged once, and calls and scans go on."""

    class Broken(SpanProcessor):
        def on_start(self, span: object, parent_context: object = None) -> None:
            raise RuntimeError("full")

    recorder.tracers.add_span_processor(Broken())
    async with client_of(emulator, recorder) as client:
        await client.groups.get(7, 42)
        assert (await client.scan(7).collect()).complete
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


async def test_businesses_are_spans_of_two_names(emulator: Emulator, recorder: Recorder) -> None:
    """Whichever business is asked for, by its id or its store code, and whatever is searched for."""
    some, another = emulator.sections[7].groups[42].business_ids[:2]
    async with client_of(emulator, recorder) as client:
        await client.businesses.get(some)
        await client.businesses.get(code=f"S-{another}")
        await client.businesses.search(query="Dupont")
    templates = ["/business/{business_id}", "/business/{business_id}", "/business/search"]
    assert [span.name for span in recorder.spans] == [f"GET {template}" for template in templates]
    assert [attributes_of(span)["url.template"] for span in recorder.spans] == templates
    counts = {point.attributes["url.template"]: point.count for point in recorder.points(DURATION)}
    assert counts == {"/business/{business_id}": 2, "/business/search": 1}
    assert "Dupont" not in recorder.everything()


async def test_spans_lie_within_their_parent(emulator: Emulator, recorder: Recorder) -> None:
    """Calls one after the other are siblings, each begun after its parent. Without a current span each is a root."""
    async with client_of(emulator, recorder) as client:
        await client.sections.get(9)
        with recorder.tracer.start_as_current_span("page") as page:
            await client.sections.get(7)
            await client.groups.get(7, 42)
    root, first, second, around = recorder.spans
    assert root.parent is None
    assert parent_of(first) == parent_of(second) == page.get_span_context().span_id
    times = [around.start_time, first.start_time, first.end_time, second.start_time, second.end_time, around.end_time]
    assert times == sorted(times, key=lambda time: time or 0)


async def test_queries_are_not_recorded(emulator: Emulator, recorder: Recorder) -> None:
    """What is searched for, and whatever else a query may hold, is in no span and no metric."""
    async with client_of(emulator, recorder) as client:
        await client.request("GET", "/business/search", params={"query": "Dupont"})
        await client.sections.list(group_name_query="Dupont")
    assert [span.name for span in recorder.spans] == ["GET /business/search", "GET /sections"]
    assert "/business/search" in recorder.everything()
    assert "Dupont" not in recorder.everything()


async def test_without_providers_calls_go_on(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """An application that has set up no OpenTelemetry notices nothing, neither calls that go well nor others."""
    emulator.faults.add("status", status=500, times=1)
    telemetry = Telemetry()
    async with PartooClient(emulator.api_key, server=emulator.server, retry=FAST, on_event=telemetry) as client:
        assert (await client.groups.get(7, 42)).name == "France"
        with pytest.raises(NotFoundError):
            await client.groups.get(7, 9999)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


# What an event says


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("GET /sections", "GET /sections"),
        ("POST /sections", "POST /sections"),
        ("POST /sections/7", "POST /sections/{section_id}"),
        ("POST /sections/7/groups", "POST /sections/{section_id}/groups"),
        ("DELETE /sections/7/groups/42", "DELETE /sections/{section_id}/groups/{group_id}"),
        ("GET /business/search", "GET /business/search"),
        ("GET /business/5c8f7e3b9d1a2f0012345678", "GET /business/{business_id}"),
        ("GET /business/c-paris%2Fnord", "GET /business/{business_id}"),
        # Which parts of these are ids is not known here.
        ("GET /sections/7/", "GET"),
        ("GET /sections/7/groups/42/more", "GET"),
        ("PUT /feedback/feedback_form/12", "PUT"),
        ("GET /", "GET"),
    ],
)
def test_names_hold_no_ids(route: str, name: str, recorder: Recorder) -> None:
    """Names and metrics have the template of a path in place of its ids; of a path that is not known, the method."""
    recorder(event(route, template=template_of(*route.split(" "))))
    (span,) = recorder.spans
    assert span.name == name
    method, _, template = name.partition(" ")
    (point,) = recorder.points(DURATION)
    for attributes in (attributes_of(span), point.attributes):
        assert attributes["http.request.method"] == method
        assert attributes.get("url.template", "") == template
    assert attributes_of(span)["url.full"] == PRODUCTION.base_url + route.partition(" ")[2]


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"status": 204}, 204, None),
        ({"status": 302, "error": "APIStatusError"}, 302, "APIStatusError"),
        ({"status": 401, "error": "AuthenticationError"}, 401, "401"),
        ({"status": 503, "error": "InternalServerError"}, 503, "503"),
        ({"status": None, "error": "APIResponseValidationError"}, None, "APIResponseValidationError"),
        ({"status": None, "error": "DeadlineExceededError"}, None, "DeadlineExceededError"),
    ],
)
def test_what_is_an_error(changes: dict[str, Any], status: int | None, kind: str | None, recorder: Recorder) -> None:
    """Whatever the client raises is an error: of the type of its status from 400 on, else of its class."""
    recorder(event(**changes))
    (span,) = recorder.spans
    assert span.status.status_code is (StatusCode.UNSET if kind is None else StatusCode.ERROR)
    (point,) = recorder.points(DURATION)
    for attributes in (attributes_of(span), point.attributes):
        assert attributes.get("http.response.status_code") == status
        assert attributes.get("error.type") == kind


@pytest.mark.parametrize(
    ("server", "address", "port", "path"),
    [
        (PRODUCTION, "api.partoo.co", 443, "/v2/sections/7"),
        (SANDBOX, "api.sandbox.partoo.co", 443, "/v2/sections/7"),
        (Server("local", "http://localhost"), "localhost", 80, "/sections/7"),
        (Server("v6", "http://[::1]:8080/a/b"), "::1", 8080, "/a/b/sections/7"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_server_is_told(server: Server, address: str, port: int, path: str, recorder: Recorder) -> None:
    """Each request has the host and the port that it went to, so that sandbox and production are told apart."""
    recorder(event(server=server))
    (span,) = recorder.spans
    (point,) = recorder.points(DURATION)
    for attributes in (attributes_of(span), point.attributes):
        assert (attributes["server.address"], attributes["server.port"]) == (address, port)
    assert attributes_of(span)["url.path"] == path
    assert attributes_of(span)["url.full"] == f"{server.base_url}/sections/7"


def test_metrics_are_declared_in_full(recorder: Recorder) -> None:
    """Each metric has a unit, a description and, where it is a histogram, boundaries that suit seconds."""
    for number in range(3):
        recorder(event(elapsed=0.004 * 10**number))
    (point,) = recorder.points(DURATION)
    assert point.explicit_bounds == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert [index for index, count in enumerate(point.bucket_counts) if count] == [0, 3, 7]
    metric = recorder.metrics()[DURATION]
    assert (metric.unit, bool(metric.description)) == ("s", True)


def test_an_exemplar_leads_to_the_request(recorder: Recorder) -> None:
    """From a slow value of the duration one gets to the span of that very request, not to the page around it."""
    with recorder.tracer.start_as_current_span("page"):
        recorder(event())
    (point,) = recorder.points(DURATION)
    request = recorder.spans[0]
    assert [exemplar.span_id for exemplar in point.exemplars] == [request.get_span_context().span_id]


def test_the_scope_names_package_and_version(recorder: Recorder) -> None:
    """Who recorded a span is told, and by which version of the conventions its attributes are to be read."""
    recorder(event())
    scope = recorder.spans[0].instrumentation_scope
    assert scope is not None
    assert (scope.name, bool(scope.version)) == ("partoo_async", True)
    assert scope.schema_url == "https://opentelemetry.io/schemas/1.26.0"


def test_events_of_another_kind_are_ignored(recorder: Recorder) -> None:
    """A later version may tell of more: that is recorded by nobody, and breaks nothing."""

    @frozen
    class CacheEvent:
        route: str

    recorder(CacheEvent("GET /sections/7"))  # type: ignore[arg-type]
    assert recorder.spans == ()
    assert recorder.metrics() == {}


# How it is set up


@each("name", ["tracer_provider", "meter_provider"])
def test_a_provider_that_is_none_is_refused(name: str) -> None:
    """When it is made, and not at the first event, where nobody would hear of it."""
    with pytest.raises(ConfigurationError, match=f"^{name}: expected (Tracer|Meter)Provider or None, not str$"):
        Telemetry(**{name: "otlp"})


def test_either_half_alone(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    """With no-op tracers there are only metrics, with no-op meters only spans; two on one provider do not collide."""
    metrics = Telemetry(tracer_provider=NoOpTracerProvider(), meter_provider=recorder.meters)
    spans = Telemetry(tracer_provider=recorder.tracers, meter_provider=NoOpMeterProvider())
    metrics(event())
    assert (len(recorder.spans), recorder.points(DURATION)[0].count) == (0, 1)
    spans(event())
    assert (len(recorder.spans), recorder.points(DURATION)[0].count) == (1, 1)
    assert not caplog.records


def test_providers_may_be_set_later() -> None:
    """Telemetry that is made at import time records to the global providers that the application sets afterwards."""
    code = """
from opentelemetry import metrics, trace
from partoo_async import SANDBOX, RequestEvent
from partoo_async.telemetry import Telemetry
from partoo_async.telemetry import telemetry as telemetry_module

telemetry = Telemetry()
from tests.support.recorder import Recorder
recorder = Recorder()
trace.set_tracer_provider(recorder.tracers)
metrics.set_meter_provider(recorder.meters)
telemetry(RequestEvent("GET /sections", 200, None, 0.1, 1, SANDBOX))
print(len(recorder.spans), len(recorder.metrics()))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("1 1\n", "")


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("opentelemetry", "pip install '.[otel]'"),
        ("opentelemetry.trace", "pip install '.[otel]'"),  # others put packages of theirs beside it
        ("logging", "logging"),
    ],
)
def test_a_missing_library_says_which_extra(missing: str, says: str) -> None:
    """An ImportError, as anybody who tries the import expects. What else may be missing is not mistaken for it."""
    code = f"import sys, partoo_async; sys.modules[{missing!r}] = None; import partoo_async.telemetry"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: ")
    assert says in last
    assert ("[otel]" in last) is missing.startswith("opentelemetry")
