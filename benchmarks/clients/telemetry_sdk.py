"""This package with ``Telemetry`` and OpenTelemetry's SDK: every span is recorded, and all goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from benchmarks.clients import partoo_get
from partoo_async.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from opentelemetry.sdk.trace import ReadableSpan

    from benchmarks.clients import Run


class Nowhere(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def providers(sampler: Sampler = ALWAYS_ON) -> tuple[TracerProvider, MeterProvider]:
    tracers = TracerProvider(sampler=sampler)
    tracers.add_span_processor(BatchSpanProcessor(Nowhere()))
    return tracers, MeterProvider([InMemoryMetricReader()])


def connect(url: str, concurrency: int, sampler: Sampler = ALWAYS_ON) -> AbstractAsyncContextManager[Run]:
    tracers, meters = providers(sampler)
    return partoo_get.connect(url, concurrency, Telemetry(tracer_provider=tracers, meter_provider=meters))
