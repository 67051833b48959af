"""What a client makes for its listener, its cache and its callable key, and imports for these alone."""

# When a client is made, not at its first call: there may be no file handle left to read it with.

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from partoo_async._call.call import Call
from partoo_async._call.facts import call_facts
from partoo_async._call.silence import Silence
from partoo_async._call.single_flight import SingleFlight
from partoo_async._internal.secret import Secret
from partoo_async._protocol.http import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async._call.call import Strategy
    from partoo_async._call.context import CallContext
    from partoo_async._explain.facts import CallFacts
    from partoo_async.errors import PartooError
    from partoo_async.events import Event

__all__ = ["make_reads", "observing"]


def observing(on_event: Callable[[Event], object] | None) -> dict[str, Any]:
    """Return what a ``CallContext`` needs to tell the listener of a client."""
    if on_event is None:
        return {"emit": Silence(), "new_call": Call}
    from partoo_async._call.observed import ObservedCall  # noqa: PLC0415 - see above
    from partoo_async.observers import Emitter  # noqa: PLC0415 - see above

    emit = Emitter(on_event)

    def observed(strategy: Strategy | None = None, **options: Any) -> Call:
        return (ObservedCall if emit.active() else Call)(strategy, **options)

    return {"emit": emit, "new_call": observed if emit.wants_calls else Call}


def make_reads(context: CallContext) -> SingleFlight:
    """Return the shared reads of a client, with their cache if it has one."""
    ttl, facts = context.settings.cache_ttl, partial(_shared_facts, context)
    if not isinstance(context.settings.api_key, Secret):
        import partoo_async._call.key_source  # noqa: F401, PLC0415 - see above
    if context.emit.wants_calls:
        from partoo_async._call.observed import ObservedReads  # noqa: PLC0415 - see above

        return ObservedReads(ttl, context, facts)
    if ttl is None:
        return SingleFlight(None, facts)
    from partoo_async._call.read_cache import ReadCache  # noqa: PLC0415 - see above

    return SingleFlight(ReadCache(ttl), facts)


def _shared_facts(context: CallContext, error: PartooError, path: str, waited: float, now: float) -> CallFacts:
    """Return what the error of a read may keep, which waited for the request of another call."""
    settings, quota = context.settings, context.quota_states.now(context.quotas.current, now)
    return evolve(call_facts(error, Request("GET", path), settings, settings.timeout, 0.0, quota), shared=waited)
