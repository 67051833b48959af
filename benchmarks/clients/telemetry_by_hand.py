"""This package without ``Telemetry``, and around each call what its users would write: a span and a value.

Attributes and SDK are those of ``telemetry_sdk``. So what both take is OpenTelemetry's own.
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from benchmarks.clients import KEY, Run, closed_loop
from benchmarks.clients.partoo_get import QUOTA
from benchmarks.clients.telemetry_sdk import providers
from partoo_async import PartooClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TEMPLATE = "/sections/{section_id}/groups/{group_id}"


@asynccontextmanager
async def connect(url: str, concurrency: int) -> AsyncIterator[Run]:
    tracers, meters = providers()
    tracer = tracers.get_tracer("by hand")
    durations = meters.get_meter("by hand").create_histogram("http.client.request.duration", unit="s")
    parts = urlsplit(url)
    known = {
        "http.request.method": "GET",
        "url.template": _TEMPLATE,
        "server.address": parts.hostname or "",
        "server.port": parts.port or 80,
    }
    answered = known | {"http.response.status_code": 200}
    async with PartooClient(KEY, server=url, rate_limit=QUOTA, max_concurrency=concurrency) as partoo:

        async def get(section: int, group: int) -> int:
            path = f"/sections/{section}/groups/{group}"
            place = {"url.full": url + path, "url.path": parts.path + path}
            began = time.perf_counter()
            with tracer.start_as_current_span(
                f"GET {_TEMPLATE}", kind=SpanKind.CLIENT, attributes=known | place
            ) as span:
                found = await partoo.groups.get(section, group)
                span.set_attribute("http.response.status_code", 200)
                durations.record(time.perf_counter() - began, answered)
            return len(found.business_ids)

        yield closed_loop(get, concurrency)
