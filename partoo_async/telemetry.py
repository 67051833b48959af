"""OpenTelemetry: the requests of a client as spans and metrics, made of its events. Needs the extra ``otel``.

    partoo = PartooClient(on_event=Telemetry())

Names and attributes are those of https://opentelemetry.io/docs/specs/semconv/http/.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from partoo_async._internal.checks import check_kind
from partoo_async._internal.version import get_version, install_command
from partoo_async.events import PauseEvent, RequestEvent, RetryEvent

try:
    from opentelemetry.context import attach, detach, set_value
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import (
        NoOpTracerProvider,
        SpanKind,
        StatusCode,
        TracerProvider,
        get_tracer,
        set_span_in_context,
    )
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] != "opentelemetry":
        raise
    raise ModuleNotFoundError(
        f"partoo_async.telemetry needs OpenTelemetry: {install_command('otel')}", name=_missing.name
    ) from None

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partoo_async.events import Event
    from partoo_async.servers import Server

__all__ = ["Telemetry"]

_SCOPE = "partoo_async"
_SCHEMA = "https://opentelemetry.io/schemas/1.26.0"  # the first with url.template

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # the conventions' own
_PAUSE_SECONDS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600)


class Telemetry:
    """Records the events of any number of clients as spans and metrics.

    Each attempt is a CLIENT span and a value of ``http.client.request.duration`` in seconds, without the wait for
    quota. ``partoo_async.retries`` counts retries, ``partoo_async.pause.duration`` has the seconds of each pause after
    a 429. No header, body or query is recorded.

    Args:
        tracer_provider: None for the global one, which may be set later.
        meter_provider: None for the global one.

    Raises:
        ConfigurationError: A provider is not one.
    """

    __slots__ = ("_durations", "_makes_spans", "_pauses", "_retries", "_tracer")

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        check_kind("tracer_provider", tracer_provider, TracerProvider, type(None))
        check_kind("meter_provider", meter_provider, MeterProvider, type(None))
        version = get_version()
        self._makes_spans = not isinstance(tracer_provider, NoOpTracerProvider)
        self._tracer = get_tracer(_SCOPE, version, tracer_provider, _SCHEMA)
        meter = get_meter(_SCOPE, version, meter_provider, _SCHEMA)
        self._durations = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_REQUEST_SECONDS,
        )
        self._retries = meter.create_counter(
            "partoo_async.retries", unit="{retry}", description="Failed requests that are sent again."
        )
        self._pauses = meter.create_histogram(
            "partoo_async.pause.duration",
            unit="s",
            description="How long a 429 makes all calls of its quota wait.",
            explicit_bucket_boundaries_advisory=_PAUSE_SECONDS,
        )

    def __call__(self, event: Event) -> None:
        """Record an event. Unknown kinds are ignored."""
        if isinstance(event, RequestEvent):
            self._request(event)
        elif isinstance(event, RetryEvent):
            self._retries.add(1, {**_endpoint(event), "error.type": event.error})
        elif isinstance(event, PauseEvent):
            self._pauses.record(event.seconds)

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

    def _request(self, event: RequestEvent) -> None:
        ended = time.time_ns()
        endpoint = _endpoint(event)
        measured = {**endpoint, **_address(event.server), **_outcome(event)}
        span = self._tracer.start_span(
            " ".join(endpoint.values()),
            kind=SpanKind.CLIENT,
            attributes={**measured, **_details(event)},
            start_time=ended - round(event.elapsed * 1e9),
        )
        if event.error is not None:
            span.set_status(StatusCode.ERROR)  # without a text: the attributes say it all
        span.end(ended)
        # In the context of the span, so that an exemplar leads to it, not to its parent.
        self._durations.record(event.elapsed, measured, set_span_in_context(span))


def _endpoint(event: RequestEvent | RetryEvent) -> dict[str, str]:
    # Names and metrics must not hold ids: their number has to stay small. An unknown endpoint is its method alone.
    attributes = {"http.request.method": event.route.partition(" ")[0]}
    if event.template:
        attributes["url.template"] = event.template.partition(" ")[2]
    return attributes


@lru_cache(maxsize=16)
def _address(server: Server) -> dict[str, str | int]:
    parts = urlsplit(server.base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}


def _outcome(event: RequestEvent) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {}
    if event.status is not None:
        attributes["http.response.status_code"] = event.status
    if event.error is not None:
        # The status if it says that something is wrong. A redirect is an error to this client only.
        refused = event.status is not None and event.status >= 400
        attributes["error.type"] = str(event.status) if refused else event.error
    return attributes


def _details(event: RequestEvent) -> dict[str, str | int]:
    # For spans only: metrics must not hold ids. The route has no query, so the URL has none.
    url = event.server.base_url + event.route.partition(" ")[2]
    attributes: dict[str, str | int] = {"url.full": url, "url.path": urlsplit(url).path}
    if event.attempt > 1:
        attributes["http.request.resend_count"] = event.attempt - 1
    return attributes
