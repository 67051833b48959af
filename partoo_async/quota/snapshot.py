"""What is known of a quota at one moment, as values."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Demand", "QuotaSnapshot"]


@frozen
class QuotaSnapshot:
    """The state of a quota at one moment.

    Attributes:
        limit: Requests in any window; None without a limit.
        per: Seconds of the window.
        used: Slots that are taken.
        available: Slots that are free; None without a limit.
        waiting: Calls that wait for a slot.
        waiting_interactive: Those of them that are interactive.
        waiting_bulk: Those of them that are bulk work.
        paused_until: Event loop time at which a 429's pause ends; None without a pause.
        paused_for: The same in seconds from now; 0.0 without a pause.
        wait: Seconds that a new interactive call would wait at least.
        spaced: Whether requests leave one by one, after repeated 429s or with ``pacing="smooth"``.
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


@frozen
class Demand:
    """What a quota needs of its backend at one moment.

    Attributes:
        interactive: Interactive calls that wait for a slot.
        bulk: Bulk calls that wait for a slot.
        reserve_for: Seconds for which bulk work leaves the reserve free; infinity for always.
    """

    interactive: int
    bulk: int
    reserve_for: float
