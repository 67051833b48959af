"""Makes spans and metrics of what a client tells."""

# Each attempt is a CLIENT span. The call around them is an INTERNAL one: the conventions want no "logical encompassing
# HTTP client span", https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span.

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from partoo_async._internal.checks import check_kind
from partoo_async._internal.version import get_version, install_command
from partoo_async.events import RequestEvent
from partoo_async.observers import AttemptRecord, Observer, ScanWatch
from partoo_async.telemetry.endpoints import endpoint_of, labels_of

try:
    from opentelemetry.context import Context, attach, detach, set_value
    from opentelemetry.metrics import MeterProvider, get_meter, get_meter_provider
    from opentelemetry.trace import (
        Link,
        NoOpTracerProvider,
        SpanKind,
        StatusCode,
        TracerProvider,
        get_current_span,
        get_tracer,
        get_tracer_provider,
        set_span_in_context,
        use_span,
    )
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] != "opentelemetry":
        raise
    raise ModuleNotFoundError(
        f"partoo_async.telemetry needs OpenTelemetry: {install_command('otel')}", name=_missing.name
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span

    from partoo_async.events import Event, HoldEvent, PauseEvent, RetryEvent
    from partoo_async.observers import CallRecord, ScanRecord
    from partoo_async.telemetry.endpoints import Endpoint

__all__ = ["Telemetry"]

_SCOPE = "partoo_async"
_SCHEMA = "https://opentelemetry.io/schemas/1.26.0"  # the first with url.template

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # the conventions' own
_WAIT_SECONDS = (0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600)

# Shared, since OpenTelemetry copies what it is given.
_INTERACTIVE = {"partoo_async.priority": "interactive"}
_BULK = {"partoo_async.priority": "bulk"}


class Telemetry(Observer):
    """Records the calls of any number of clients as spans and metrics.

    A call is an INTERNAL span, and each of its attempts a CLIENT span below it. A scan is a span, to which its calls
    have links: they are traces of their own, since one of all groups would be too large. No header, body or query is
    recorded.

    Args:
        tracer_provider: None for the global one, which may be set later.
        meter_provider: None for the global one.

    Raises:
        ConfigurationError: A provider is not one.
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        check_kind("tracer_provider", tracer_provider, TracerProvider, type(None))
        check_kind("meter_provider", meter_provider, MeterProvider, type(None))
        version = get_version()
        self._makes_spans = not isinstance(tracer_provider, NoOpTracerProvider)
        self._tracer = get_tracer(_SCOPE, version, tracer_provider, _SCHEMA)
        meter = get_meter(_SCOPE, version, meter_provider, _SCHEMA)

        def histogram(name: str, text: str, bounds: tuple[float, ...] = _WAIT_SECONDS) -> Histogram:
            return meter.create_histogram(name, unit="s", description=text, explicit_bucket_boundaries_advisory=bounds)

        self._durations = histogram(
            "http.client.request.duration", "Duration of HTTP client requests.", _REQUEST_SECONDS
        )
        self._waits = histogram("partoo_async.quota.wait", "How long the calls that had to wait for the quota did.")
        self._pauses = histogram("partoo_async.pause.duration", "How long a 429 makes all calls of its quota wait.")
        self._outages = histogram("partoo_async.hold.duration", "How long a scan held, since no request succeeded.")
        self._holds = meter.create_counter("partoo_async.holds", unit="{hold}", description="Scans that begin to hold.")
        self._retries = meter.create_counter(
            "partoo_async.retries", unit="{retry}", description="Failed requests that are sent again."
        )
        self._failures = meter.create_counter(
            "partoo_async.call.failures", unit="{call}", description="Calls that raised or were cancelled."
        )

        # What the API makes by itself records nothing, until providers are set.
        api = ("opentelemetry.trace", "opentelemetry.metrics")
        self._live = not all(type(one).__module__.startswith(api) for one in (self._tracer, self._durations))
        self._providers = get_tracer_provider(), get_meter_provider()
        self._next_look = -math.inf

    def active(self) -> bool:
        """Return whether there is anything to record to, as of a tenth of a second ago."""
        if not self._live and (now := time.monotonic()) >= self._next_look:
            self._next_look = now + 0.1
            self._live = (get_tracer_provider(), get_meter_provider()) != self._providers
        return self._live

    def __call__(self, event: Event) -> None:
        """Record an event that a callable of yours got: a request is a span without a call. Others are ignored."""
        super().__call__(event)
        if isinstance(event, RequestEvent):
            endpoint = endpoint_of(event.template or event.route.partition(" ")[0], event.server.base_url)
            attempt = AttemptRecord(0.0, event.elapsed, 0.0, event.status, event.error, True)
            began = time.time_ns() - round(event.elapsed * 1e9)
            span = self._attempt_span(endpoint, event.route, event.attempt - 1, attempt, began, None)
            span.end(began + round(event.elapsed * 1e9))
            self._measure(endpoint, attempt, span)

    def retrying(self, event: RetryEvent) -> None:
        """Count it."""
        labels = labels_of(event.template or event.route.partition(" ")[0])
        self._retries.add(1, {**labels, "error.type": event.error})

    def paused(self, event: PauseEvent) -> None:
        """Record the seconds, and add an event to the current span."""
        self._pauses.record(event.seconds)
        _note("partoo_async.pause", {"partoo_async.seconds": event.seconds})

    def held(self, event: HoldEvent) -> None:
        """Count it or record its seconds, and add an event to the current span: that of the scan."""
        error = {"error.type": event.error}
        if event.seconds:
            self._outages.record(event.seconds, error)
            _note("partoo_async.hold.end", {**error, "partoo_async.seconds": event.seconds})
        else:
            self._holds.add(1, error)
            _note("partoo_async.hold.begin", error)

    def call_ended(self, record: CallRecord) -> None:
        """Record a call and its attempts."""
        endpoint = endpoint_of(record.template or record.route.partition(" ")[0], record.server.base_url)
        attempts = record.attempts
        # A span costs more than all that the client does for a call. So there is one, unless two say more.
        if len(attempts) == 1 and attempts[0].sent and not record.queued:
            self._lone_attempt(record, endpoint, attempts[0])
        else:
            self._attempts(record, endpoint)
        if record.queued:
            self._waits.record(record.queued, _BULK if record.bulk else _INTERACTIVE)
        if record.error is not None:
            self._failures.add(1, {**endpoint.labels, "error.type": record.error})

    def scan_started(self) -> ScanWatch | None:
        """Begin the span of a scan."""
        if not self._makes_spans:
            return None
        span = self._tracer.start_span("partoo scan")
        return _WatchedScan(span) if span.is_recording() else None

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Silence OpenTelemetry's instrumentation of aiohttp inside the ``with`` block, if this makes spans."""
        # The client sends its requests in such a block. Otherwise each would have two spans.
        if not self._makes_spans:
            yield
            return
        # Instrumentations look for this name. The key that the API has for it is private.
        token = attach(set_value("suppress_instrumentation", True))
        try:
            yield
        finally:
            detach(token)

    def _lone_attempt(self, record: CallRecord, endpoint: Endpoint, attempt: AttemptRecord) -> None:
        """Record a call of one attempt, which waited for nothing."""
        measured, around = endpoint.measured(attempt), None
        if self._makes_spans:
            attributes, context, links = endpoint.located(measured, record.route), None, None
            if record.bulk:
                context, links = _place(record)
                attributes |= _BULK
            took = round(attempt.elapsed * 1e9)
            began = time.time_ns() - took
            span = self._tracer.start_span(endpoint.name, context, SpanKind.CLIENT, attributes, links, began)
            if span.is_recording():
                if attempt.error is not None:
                    span.set_status(StatusCode.ERROR)
                span.end(began + took)
                around = set_span_in_context(span)
        self._durations.record(attempt.elapsed, measured, around)

    def _attempts(self, record: CallRecord, endpoint: Endpoint) -> None:
        """Record a call with any number of attempts."""
        span, began = None, time.time_ns() - round(record.elapsed * 1e9)
        if self._makes_spans:
            context, links = _place(record)
            attributes = _BULK if record.bulk else _INTERACTIVE
            span = self._tracer.start_span(endpoint.call_name, context, SpanKind.INTERNAL, attributes, links, began)
        if span is None or not span.is_recording():
            for attempt in record.attempts:
                self._measure(endpoint, attempt, None)
            return
        context, ended, last = set_span_in_context(span), began + round(record.elapsed * 1e9), 0.0
        for number, attempt in enumerate(record.attempts):
            start = began + round(attempt.started * 1e9)
            child = self._attempt_span(endpoint, record.route, number, attempt, start, context)
            waited = attempt.started - last - attempt.queued
            if number and waited > 0:
                child.set_attribute("partoo_async.retry.wait", waited)
            end = start + round(attempt.elapsed * 1e9)
            child.end(end)
            self._measure(endpoint, attempt, child)
            ended, last = max(ended, end), attempt.started + attempt.elapsed
        if record.source != "request":
            span.set_attribute("partoo_async.source", record.source)
        if record.queued:
            span.set_attribute("partoo_async.quota.wait", record.queued)
        if record.error is not None:
            span.set_attribute("error.type", record.error)
            span.set_status(StatusCode.ERROR)  # without a text: the attribute says it all
        span.end(ended)

    def _attempt_span(
        self, endpoint: Endpoint, route: str, resends: int, attempt: AttemptRecord, start: int, context: Context | None
    ) -> Span:
        attributes = endpoint.located(endpoint.measured(attempt), route)
        if resends:
            attributes["http.request.resend_count"] = resends
        if not attempt.sent:
            attributes["partoo_async.sent"] = False
        if attempt.queued:
            attributes["partoo_async.quota.wait"] = attempt.queued
        span = self._tracer.start_span(endpoint.name, context, SpanKind.CLIENT, attributes, None, start)
        if attempt.error is not None:
            span.set_status(StatusCode.ERROR)
        return span

    def _measure(self, endpoint: Endpoint, attempt: AttemptRecord, span: Span | None) -> None:
        if attempt.sent:
            # In the context of the span, so that an exemplar leads to it, not to its parent.
            context = None if span is None else set_span_in_context(span)
            self._durations.record(attempt.elapsed, endpoint.measured(attempt), context)


def _place(record: CallRecord) -> tuple[Context | None, list[Link] | None]:
    """Return the context of a call's span, and its links."""
    if not record.bulk:
        return None, None
    scan = get_current_span().get_span_context()
    return Context(), [Link(scan)] if scan.is_valid else None


def _note(name: str, attributes: Mapping[str, str | float]) -> None:
    span = get_current_span()
    if span.is_recording():  # a request that is shared outlives the page that began it
        span.add_event(name, attributes)


class _WatchedScan(ScanWatch):
    """The span of a scan."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def around(self) -> AbstractContextManager[object]:
        return use_span(self._span, record_exception=False, set_status_on_exception=False)

    def ended(self, record: ScanRecord) -> None:
        self._span.set_attributes(
            {
                "partoo_async.scan.done": record.done,
                "partoo_async.scan.failed": record.failed,
                "partoo_async.scan.requests": record.requests,
                "partoo_async.scan.complete": record.complete,
            }
        )
        if record.error is not None:
            self._span.set_attribute("error.type", record.error)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
