"""OpenTelemetry: the requests of a client as spans and metrics, made of its events. Needs the extra ``otel``.

One line where the client is made; providers, exporters and sampling are those that the application has::

    partoo = PartooClient(on_event=Telemetry())

Names and attributes: https://opentelemetry.io/docs/specs/semconv/http/ of the version that ``_SCHEMA`` names.
"""

from __future__ import annotations

import re
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

# Below the server's base URL, as the API's documentation writes them; the first that fits.
_TEMPLATES = tuple(
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", template)), template)
    for template in (
        "/sections/{section_id}/groups/{group_id}",
        "/sections/{section_id}",
        "/sections/{section_id}/groups",
        "/sections",
        "/business/search",
        "/business/{business_id}",
    )
)


class Telemetry:
    """What a client's ``on_event`` is told, as spans and metrics. One instance will do for any number of clients.

    ``tracer_provider``, ``meter_provider``: None for the global ones, which may be set later. Without any, what is
    recorded goes nowhere and costs next to nothing.

    Each request that was sent, repeats and those of scans included, is a span of the kind CLIENT, a child of the span
    that was current where the call was made, and a measurement of ``http.client.request.duration`` in seconds. The wait
    for quota is in neither. Retries are counted by ``partoo_async.retries``, and ``partoo_async.pause.duration`` has
    the seconds that each 429 asked for. No header, body or query is recorded, and so no key.

    Raises ``ConfigurationError`` for a provider that is none.
    """

    __slots__ = ("_durations", "_makes_spans", "_pauses", "_retries", "_tracer")

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
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
        """Record an event; one of a kind that is not known here is ignored."""
        if isinstance(event, RequestEvent):
            self._request(event)
        elif isinstance(event, RetryEvent):
            self._retries.add(1, {**_endpoint(event.route), "error.type": event.error})
        elif isinstance(event, PauseEvent):
            self._pauses.record(event.seconds)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Let OpenTelemetry's instrumentation of aiohttp record nothing inside the ``with`` block, if this makes spans.

        A client whose ``on_event`` this is sends its requests in it: each would have two spans else.
        """
        if not self._makes_spans:
            yield
            return
        # The name that instrumentations ask for beside the key that the API keeps to itself.
        token = attach(set_value("suppress_instrumentation", True))
        try:
            yield
        finally:
            detach(token)

    def _request(self, event: RequestEvent) -> None:
        ended = time.time_ns()
        endpoint = _endpoint(event.route)
        measured = {**endpoint, **_address(event.server), **_outcome(event)}
        span = self._tracer.start_span(
            " ".join(endpoint.values()),
            kind=SpanKind.CLIENT,
            attributes={**measured, **_details(event)},
            start_time=ended - round(event.elapsed * 1e9),
        )
        if event.error is not None:
            span.set_status(StatusCode.ERROR)  # without a text: the attributes say all there is
        span.end(ended)
        # In the context of the span, so that an exemplar leads to it and not to its parent.
        self._durations.record(event.elapsed, measured, set_span_in_context(span))


def _endpoint(route: str) -> dict[str, str]:
    """What was asked for, without ids: names and metrics may hold none. Of a path that is not known, the method."""
    method, _, path = route.partition(" ")
    attributes = {"http.request.method": method}
    for pattern, template in _TEMPLATES:
        if pattern.fullmatch(path):
            attributes["url.template"] = template
            break
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
        # The status where that is what was wrong; a redirect, say, is an error by our rules and not by its status.
        refused = event.status is not None and event.status >= 400
        attributes["error.type"] = str(event.status) if refused else event.error
    return attributes


def _details(event: RequestEvent) -> dict[str, str | int]:
    """What spans tell and metrics do not. The query is not in the event, and so not in the URL."""
    url = event.server.base_url + event.route.partition(" ")[2]
    attributes: dict[str, str | int] = {"url.full": url, "url.path": urlsplit(url).path}
    if event.attempt > 1:
        attributes["http.request.resend_count"] = event.attempt - 1
    return attributes
