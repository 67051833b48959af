"""As ``telemetry_sdk``, but one trace of a hundred is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from benchmarks.clients import telemetry_sdk

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from benchmarks.clients import Run


def connect(url: str, concurrency: int) -> AbstractAsyncContextManager[Run]:
    return telemetry_sdk.connect(url, concurrency, ParentBased(TraceIdRatioBased(0.01)))
