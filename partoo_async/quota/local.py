"""The slots of a quota that this process has for itself.

A slot is taken before a request is sent and comes back ``per`` seconds (and a little) after its response is complete.
The server counts the request somewhere in between. So no latency can put more requests into any window of the server's
clock than there are slots. A window stamped at send time breaks that promise as soon as one burst is slow on its way
and the next is not.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async.policy import RateLimit
    from partoo_async.quota.backend import Demand

__all__ = ["SlidingWindow", "Unlimited"]

# For clocks that run at different speeds and timers that fire early: 50 ms on a minute.
_MARGIN = 1 / 1200
_LEAST_MARGIN = 0.002
# A request whose connection was lost may still be on its way through a proxy: one second on a minute.
_UNANSWERED_MARGIN = 1 / 60


class Unlimited:
    """The backend without a limit: nothing is counted."""

    limit: int | None = None
    per: float = 60.0
    is_shared: bool = False
    waits_for_change: bool = False

    async def start(self, demand: Callable[[], Demand], changed: Callable[[float], None]) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""

    def demand_changed(self) -> None:
        """Do nothing."""

    def acquire(self, now: float, reserved: int = 0) -> bool:
        """Return True."""
        return True

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Do nothing."""

    def pause(self, now: float, until: float) -> None:
        """Do nothing."""

    def used(self, now: float) -> int:
        """Return 0."""
        return 0

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        """Return the end of the pause, or now."""
        return max(now, opens)

    def forgotten_at(self) -> float:
        """Return minus infinity."""
        return -math.inf


class SlidingWindow(Unlimited):
    """``rate_limit.slots`` slots, each free again ``per`` seconds after the response it was used for."""

    def __init__(self, rate_limit: RateLimit) -> None:
        self.limit: int = rate_limit.slots
        self.per: float = rate_limit.per
        self._hold = self.per + max(_LEAST_MARGIN, self.per * _MARGIN)
        self._in_flight = 0
        self._cooling: deque[float] = deque()  # when each used slot is free again, in order

    def _free(self, now: float) -> int:
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            cooling.popleft()
        return self.limit - self._in_flight - len(cooling)

    def acquire(self, now: float, reserved: int = 0) -> bool:
        """Take a slot and return True if more than ``reserved`` are free."""
        # _free() once more: a frame less on the way of each request.
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            cooling.popleft()
        if self.limit - self._in_flight - len(cooling) <= reserved:
            return False
        self._in_flight += 1
        return True

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot: at once when nothing was ``sent``, else after the window that begins now."""
        self._in_flight -= 1
        if not sent:
            return
        back = now + self._hold + (0.0 if answered else max(late, self.per * _UNANSWERED_MARGIN))
        if not self._cooling or back >= self._cooling[-1]:
            self._cooling.append(back)
        else:
            insort(self._cooling, back)

    def used(self, now: float) -> int:
        """Return how many slots are taken, those that cool down included."""
        return self.limit - self._free(now)

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        """Return the earliest time for slot number ``position``, as if all requests in flight were answered now."""
        rounds, index = divmod(position + reserved, self.limit)
        free = self._free(now)
        if index < free:
            ready = now
        elif index - free < len(self._cooling):
            ready = self._cooling[index - free]
        else:
            ready = now + self._hold
        return max(ready, opens) + rounds * self._hold

    def forgotten_at(self) -> float:
        """Return when the last slot has cooled down; infinity while a request is in flight."""
        if self._in_flight:
            return math.inf
        return self._cooling[-1] if self._cooling else -math.inf
