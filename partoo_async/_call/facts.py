"""What an error keeps of its call. Made for failures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.secret import Secret

if TYPE_CHECKING:
    from partoo_async._call.settings import Settings
    from partoo_async._explain.facts import CallFacts, QuotaFacts
    from partoo_async._protocol.http import Request
    from partoo_async.errors import PartooError
    from partoo_async.quota import Quota

__all__ = ["QuotaStates", "call_facts", "import_for_facts"]


def import_for_facts() -> None:
    """Import what only failures need, before the first one: there may be no file handle left by then."""
    import partoo_async._explain.curl  # noqa: PLC0415 - the import of the package does not wait for it
    import partoo_async._explain.facts  # noqa: F401, PLC0415 - nor for this


class QuotaStates:
    """States of a client's quota, one for each second: a burst of failures shares them."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._last: QuotaFacts | None = None

    def now(self, quota: Quota, now: float) -> QuotaFacts:
        """Return the state of a quota, at most a second old."""
        from partoo_async._explain.facts import QuotaFacts  # noqa: PLC0415 - see import_for_facts

        # Also anew when a pause begins or ends: it may be what the error is about.
        key = (id(quota), int(now), quota.is_open())
        if self._last is None or key != self._key:
            state = quota.snapshot()
            paused_for = round(state.paused_for, 1)
            self._key = key
            self._last = QuotaFacts(
                state.limit, state.per, state.used, state.waiting, paused_for, state.mode, state.members
            )
        return self._last


def call_facts(
    error: PartooError, request: Request, settings: Settings, timeout: float, queued: float, quota: QuotaFacts
) -> CallFacts:
    """Return what the ``error`` of a call may keep of it."""
    from partoo_async._explain.curl import shown_body, shown_target  # noqa: PLC0415 - see import_for_facts
    from partoo_async._explain.facts import CallFacts  # noqa: PLC0415 - as above

    key, server = settings.api_key, settings.server
    target, body = shown_target(request.path), shown_body(request.body, documented=bool(request.template))
    if isinstance(key, Secret):  # somebody may have put it into a path or a name
        target = key.redact(target.encode()).decode("utf-8", "replace")
        body = body and key.redact(body.encode()).decode("utf-8", "replace")
    line, route = f"{request.method} {target}", getattr(error, "route", "")
    line = route if route == line else line  # one text of the two
    return CallFacts(line, body, server.name, server.base_url, timeout, queued, quota)
