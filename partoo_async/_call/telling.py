"""What a call tells of itself: to its errors, to the log and to who listens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from partoo_async._call.facts import call_facts
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from partoo_async._call.admission import Admission
    from partoo_async._call.context import CallContext
    from partoo_async._explain.facts import CallFacts
    from partoo_async._protocol.operations import Operation
    from partoo_async.errors import PartooError

__all__ = ["facts_of", "tell_pause", "tell_refused", "tell_request", "tell_retry"]

_logger = logging.getLogger("partoo_async")


def facts_of(call: Admission, error: PartooError, now: float) -> CallFacts:
    """Return what the ``error`` of a call may keep, at an event-loop time."""
    context = call.context
    queued = 0.0 if call.queues_since is None else now - call.queues_since
    timeout = 0.0 if call.priority is Priority.BULK else context.settings.timeout
    quota = context.quota_states.now(call.quota, now)
    return call_facts(error, call.operation.request, context.settings, timeout, queued, quota)


def tell_request(
    call: Admission, status: int | None, error: str | None, elapsed: float, queued: float, number: int
) -> None:
    """Log a request of a call that has ended, and emit an event."""
    request, context = call.operation.request, call.context
    waited = f", after {queued:.3f} s for quota" if queued else ""
    _logger.debug("%s: %s in %.3f s (attempt %d%s)", request.route, status or error, elapsed, number, waited)
    if context.emit.on_event is not None:
        from partoo_async.events import RequestEvent  # noqa: PLC0415 - who listens has imported it

        server, template = context.settings.server, request.template
        context.emit(RequestEvent(request.route, status, error, elapsed, number, server, template))


def tell_retry(call: Admission, error: str, attempt: int, wait: float) -> None:
    """Emit an event of a request that is sent again."""
    request, emit = call.operation.request, call.context.emit
    if emit.on_event is not None:
        from partoo_async.events import RetryEvent  # noqa: PLC0415 - as above

        emit(RetryEvent(request.route, error, attempt, wait, request.template))


def tell_pause(call: Admission, seconds: float) -> None:
    """Emit an event of a 429 that pauses all calls."""
    request, emit = call.operation.request, call.context.emit
    if emit.on_event is not None:
        from partoo_async.events import PauseEvent  # noqa: PLC0415 - as above

        emit(PauseEvent(request.route, seconds, request.template))


def tell_refused(context: CallContext, operation: Operation[Any], error: PartooError) -> None:
    """Tell of a call that was refused before it began."""
    if context.emit.wants_calls:
        from partoo_async.observers import CallRecord  # noqa: PLC0415 - as above

        request = operation.request
        head = (request.route, request.template, context.settings.server, 0.0, 0.0, type(error).__name__)
        context.emit.call_ended(CallRecord(*head, (), "request", False))
