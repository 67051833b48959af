"""The seam for stores of slots: what a quota asks of one, whether this process keeps it or many processes share it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async.quota.snapshot import Demand

__all__ = ["Backend"]


class Backend(Protocol):
    """Keeps the slots of one quota. Pauses and spacing are the quota's part, see ``Gate``.

    All methods but ``start`` and ``aclose`` return at once: they are called under a lock, by one thread at a time. A
    backend shared by processes hands out slots that it leased beforehand, and talks to its store in a task of its own.
    Times are seconds on the quota's clock, which is the event loop's.

    Attributes:
        limit: Slots in all; None for no limit.
        per: Seconds of the window.
        is_shared: Whether other processes use the slots as well, so that it is started and closed.
    """

    limit: int | None
    per: float
    is_shared: bool

    @property
    def waits_for_change(self) -> bool:
        """Whether only ``changed`` brings new slots: the quota then sets no timer for them."""

    async def start(self, demand: Callable[[], Demand], changed: Callable[[float], None]) -> None:
        """Connect to the store, for as long as a timeout of its own allows.

        A store that may come back is no reason to raise: grant a safe part of the quota until then.

        Args:
            demand: Returns the present need. To ask before each exchange with the store.
            changed: To call, from any thread but in none of the methods below, when slots have come, with 0.0; and
                when another process met a 429, with the seconds until its pause ends.

        Raises:
            Exception: What will not mend by itself, such as a directory that does not exist.
        """

    async def aclose(self) -> None:
        """Give leased slots back and disconnect. Grant no slot from now on, until the next ``start``."""

    def demand_changed(self) -> None:
        """Note that calls began or ceased to wait."""

    def acquire(self, now: float, reserved: int = 0) -> bool:
        """Take a slot and return True if more than ``reserved`` are free. A shared store keeps the reserve itself."""

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot.

        Args:
            now: The present.
            sent: Whether the server may have seen the request. If not, the slot is free at once.
            answered: Whether the response was complete; the window begins now.
            late: Seconds for which a request that was given up may still reach the server.
        """

    def pause(self, now: float, until: float) -> None:
        """Tell other processes that this one met a 429, and may not send before ``until``."""

    def used(self, now: float) -> int:
        """Return how many slots are taken, those included that come back only after a window."""

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        """Return the earliest time for slot number ``position`` (0 is the next), with ``reserved`` left free.

        It may be too early, never too late. ``opens``: when the quota's pause ends.
        """

    def forgotten_at(self) -> float:
        """Return the time from which no slot is taken any more; infinity while a request is in flight."""
