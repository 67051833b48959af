"""OpenTelemetry: calls, their attempts and scans as spans, and metrics. Needs the extra ``otel``.

    partoo = PartooClient(on_event=Telemetry())

Names and attributes are those of https://opentelemetry.io/docs/specs/semconv/http/.
"""

from partoo_async.telemetry.telemetry import Telemetry

__all__ = ["Telemetry"]
