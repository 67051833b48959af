"""This package with ``Telemetry`` in an application that has set up no OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.clients import partoo_get
from partoo_async.telemetry import Telemetry

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from benchmarks.clients import Run


def connect(url: str, concurrency: int) -> AbstractAsyncContextManager[Run]:
    return partoo_get.connect(url, concurrency, Telemetry())
