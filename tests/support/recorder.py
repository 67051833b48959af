"""What telemetry records, kept in memory, for tests that look at spans and metrics."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer

from partoo_async import Event
from partoo_async.telemetry import Telemetry


class Recorder:
    """An application's OpenTelemetry setup, and an ``on_event`` that keeps the events and records them there."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        here = Resource.get_empty()  # the usual one asks the machine for what it is
        self.tracers = TracerProvider(sampler=ALWAYS_ON, resource=here, shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider(
            [self._reader], resource=here, exemplar_filter=AlwaysOnExemplarFilter(), shutdown_on_exit=False
        )
        self.telemetry = Telemetry(tracer_provider=self.tracers, meter_provider=self.meters)
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.telemetry(event)

    @property
    def tracer(self) -> Tracer:
        """A tracer of the application's own."""
        return self.tracers.get_tracer("app")

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended, in that order."""
        return self._exporter.get_finished_spans()

    def metrics(self) -> dict[str, Metric]:
        """The metrics that something was recorded for, by name."""
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def points(self, name: str) -> list[Any]:
        """The data points of a metric, one for each combination of its attributes."""
        metric = self.metrics().get(name)
        return list(metric.data.data_points) if metric else []

    def everything(self) -> str:
        """All that an exporter gets: names, attributes, events, status and the rest of spans; metrics and exemplars."""
        spans = [f"{span.to_json()}{span.instrumentation_scope}" for span in self.spans]
        return "".join([*spans, *map(repr, self.metrics().values())])
