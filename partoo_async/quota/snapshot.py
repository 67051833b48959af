"""What users see of a quota."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from partoo_async._internal.values import Compared

__all__ = ["QuotaSnapshot"]


@frozen(eq=False, repr=False)
class QuotaSnapshot(Compared):
    """The state of a quota at one moment.

    Attributes:
        limit: Requests in any window; None without a limit.
        per: Seconds of the window.
        used: Slots taken.
        available: Slots free; None without a limit.
        waiting: Calls that wait.
        waiting_interactive: Of these, interactive ones.
        waiting_bulk: Of these, bulk work.
        paused_until: Event loop time; None without a pause.
        paused_for: Seconds; 0.0 without a pause.
        wait: Seconds that a new interactive call waits at least.
        spaced: Whether requests leave one by one.
        members: Processes that share the quota at present.
        mode: ``"own"``: this process alone counts. ``"shared"``: ``used`` and ``available`` are those of all processes,
            as their store said last. ``"fallback"``: the store cannot be reached, and this process sends a fraction.
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
    members: int = 1
    mode: Literal["own", "shared", "fallback"] = "own"
