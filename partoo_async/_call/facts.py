"""What an error keeps of its call. Made for failures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._explain.curl import shown_body, shown_target
from partoo_async._explain.facts import CallFacts, QuotaFacts

if TYPE_CHECKING:
    from partoo_async._internal.secret import Secret
    from partoo_async._protocol.http import Request
    from partoo_async.quota import Quota
    from partoo_async.servers import Server

__all__ = ["QuotaStates", "call_facts"]


class QuotaStates:
    """States of a client's quota, one for each second: a burst of failures shares them."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._last: QuotaFacts | None = None

    def now(self, quota: Quota, now: float) -> QuotaFacts:
        """Return the state of a quota, at most a second old."""
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
    request: Request, key: Secret | None, server: Server, timeout: float, queued: float, quota: QuotaFacts
) -> CallFacts:
    """Return what an error may keep. ``key``: what must not be in it, if it is known."""
    target, body = shown_target(request.path), shown_body(request.body, documented=bool(request.template))
    if key is not None:  # somebody may have put it into a path or a name
        target = key.redact(target.encode()).decode("utf-8", "replace")
        body = body and key.redact(body.encode()).decode("utf-8", "replace")
    return CallFacts(f"{request.method} {target}", body, server.name, server.base_url, timeout, queued, quota)
