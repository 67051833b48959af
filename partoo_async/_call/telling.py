"""What a call tells of itself: to its errors, to the log and to who listens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from partoo_async._call.facts import call_facts
from partoo_async.events import RequestEvent
from partoo_async.policy import Priority

if TYPE_CHECKING:
    from partoo_async._call.admission import Admission
    from partoo_async._explain.facts import CallFacts
    from partoo_async.errors import PartooError

__all__ = ["facts_of", "tell_request"]

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
    server, template = context.settings.server, request.template
    context.emit(RequestEvent(request.route, status, error, elapsed, number, server, template))
