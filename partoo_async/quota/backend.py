"""Where slots are kept: the protocol, and the backends of this process."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async.policy import RateLimit

__all__ = ["Backend", "Demand", "SlidingWindow", "Unlimited"]

# For clocks that run at different speeds and timers that fire early: 50 ms on a minute.
_MARGIN = 1 / 1200
_LEAST_MARGIN = 0.002
# A request whose connection was lost may still be on its way through a proxy: one second on a minute.
_UNANSWERED_MARGIN = 1 / 60


class Demand(NamedTuple):
    """What a quota needs at a moment.

    Attributes:
        interactive: Interactive calls that wait.
        bulk: Bulk work that waits.
        reserve_for: Seconds for which bulk work leaves the reserve free.
        spaced_for: Seconds for which requests leave one by one.
    """

    interactive: int
    bulk: int
    reserve_for: float
    spaced_for: float = 0.0


class Backend(Protocol):
    """Keeps ``limit`` slots (None: no limit) for ``per`` seconds each. Times are event loop times."""

    # All but start and aclose are called under a lock, so they return at once: a backend that processes share grants
    # slots that it leased before, leaves the reserve to its store, and talks to that in a task.

    limit: int | None
    per: float
    is_shared: bool = False  # between processes, so that it is started and closed
    waits_for_change: bool = False  # only a call of changed brings slots, so that no timer is set for them
    members: int = 1  # processes that share it at present
    mode: Literal["own", "shared", "fallback"] = "own"  # "fallback": the store is away

    async def start(self, demand: Callable[[], Demand], changed: Callable[[float], None]) -> None:
        """Connect to the store, or raise why it can never be used; grant a safe part while it is away.

        Args:
            demand: Returns the present demand.
            changed: Call it, from any thread, when slots came (0.0) or another process was paused (seconds left).
        """
        return

    async def aclose(self) -> None:
        """Give leased slots back, disconnect, and grant nothing from now on."""
        return

    def forked(self) -> None:
        """Begin anew in the child of a fork: the slots are the parent's, and so are tasks and connections."""
        return

    def demand_changed(self) -> None:
        """Ask for ``demand`` again soon."""
        return

    def acquire(self, now: float, reserved: int = 0) -> bool:
        """Take a slot, if one is free.

        Args:
            now: The present time.
            reserved: How many more have to stay free.

        Returns:
            Whether there was one.
        """

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot.

        Args:
            now: The present time.
            sent: The server may have seen the request: the slot is free again a window later, else at once.
            answered: The response was complete.
            late: Seconds for which a request without one may still reach the server.
        """
        return

    def pause(self, now: float, until: float) -> None:
        """Tell other processes of a 429.

        Args:
            now: The present time.
            until: When requests may be sent again.
        """
        return

    def used(self, now: float) -> int:
        """Return how many slots are taken, those that are not free again yet included.

        Args:
            now: The present time.
        """

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        """Return the earliest time at which a waiting call may get a slot: perhaps too early, never too late.

        Args:
            now: The present time.
            position: How many calls go before it.
            reserved: How many slots have to stay free.
            opens: The end of a pause.
        """

    def forgotten_at(self) -> float:
        """Return when no slot is taken any more."""


class Unlimited(Backend):
    """No slots are counted."""

    limit: int | None = None
    per: float = 60.0

    def acquire(self, now: float, reserved: int = 0) -> bool:
        """Return True."""
        return True

    def used(self, now: float) -> int:
        """Return 0."""
        return 0

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        """Return the end of the pause."""
        return max(now, opens)

    def forgotten_at(self) -> float:
        """Return minus infinity."""
        return -math.inf


class SlidingWindow(Backend):
    """Slots of this process alone, each free again ``per`` seconds after its response."""

    # The server counts a request between the send and the response. A slot that is held from before the one until a
    # window after the other keeps the limit in any window of the server's clock, whatever the latency.

    def __init__(self, rate_limit: RateLimit) -> None:
        self.limit: int = rate_limit.slots
        self.per: float = rate_limit.per
        self._hold = self.per + max(_LEAST_MARGIN, self.per * _MARGIN)
        self._in_flight = 0
        self._cooling: deque[float] = deque()  # when each used slot is free again, in order

    def _free(self, now: float) -> int:
        while self._cooling and self._cooling[0] <= now:
            self._cooling.popleft()
        return self.limit - self._in_flight - len(self._cooling)

    def acquire(self, now: float, reserved: int = 0) -> bool:
        """Take a slot and return True if there is one."""
        # _free() once more: one frame less for each request.
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            cooling.popleft()
        if self.limit - self._in_flight - len(cooling) <= reserved:
            return False
        self._in_flight += 1
        return True

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot: at once, or after a window if it was ``sent``."""
        self._in_flight -= 1
        if not sent:
            return
        back, cooling = now + self._hold, self._cooling
        if not answered:
            back += max(late, self.per * _UNANSWERED_MARGIN)
        if not cooling or back >= cooling[-1]:
            cooling.append(back)
        else:
            insort(cooling, back)

    def used(self, now: float) -> int:
        """Return how many slots are taken."""
        return self.limit - self._free(now)

    def ready_at(self, now: float, position: int, reserved: int = 0, opens: float = -math.inf) -> float:
        """Return when, if all requests in flight were answered now."""
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
        """Return when the last slot has cooled down."""
        if self._in_flight:
            return math.inf
        return self._cooling[-1] if self._cooling else -math.inf
