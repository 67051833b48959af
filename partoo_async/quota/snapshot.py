"""The state of a quota as a value."""

from __future__ import annotations

from attrs import frozen

__all__ = ["QuotaSnapshot"]


@frozen
class QuotaSnapshot:
    """The state of a quota at one moment.

    ``limit`` requests in any ``per`` seconds, of which ``used`` are taken and ``available`` are free (None for both
    the limit and the rest when the local limiter is off). ``waiting`` calls are queued: ``waiting_interactive`` and
    ``waiting_bulk``. ``paused_until`` is the event loop time at which a 429's pause ends, None when the gate is open;
    ``paused_for`` is the same in seconds from now. ``wait``: seconds that a new interactive call would wait, at least.
    ``spaced``: sends go out one by one at the quota's pace, since 429s were repeated, or with ``pacing="smooth"``.
    """

    limit: int | None
    per: float
    used: int
    available: int | None
    waiting: int
    waiting_interactive: int
    waiting_bulk: int
    paused_until: float | None
    paused_for: float
    wait: float
    spaced: bool = False
