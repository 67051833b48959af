"""What a process has sent: its requests in flight, and the slots that cool."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque

__all__ = ["Sent"]

# A request whose connection was lost may still be on its way through a proxy: one second on a minute.
_UNANSWERED_MARGIN = 1 / 60
# Slots that are free again within this part of a window count as one time, the latest: a report stays short.
_STEP = 1 / 200


class Sent:
    """The slots of one process, each free again ``hold`` seconds after its response. Times are event loop times."""

    def __init__(self, per: float, hold: float) -> None:
        self.in_flight: int = 0
        self.hold: float = hold
        self._per = per
        self._step = per * _STEP
        self._cooling: deque[list[float]] = deque()  # when slots are free again, and how many
        self._cool = 0

    def used(self, now: float) -> int:
        """Return how many slots are taken."""
        cooling = self._cooling
        while cooling and cooling[0][0] <= now:
            self._cool -= int(cooling.popleft()[1])
        return self.in_flight + self._cool

    def release(self, now: float, *, sent: bool, answered: bool, late: float) -> None:
        """Note the end of a request, as ``Backend.release`` does."""
        self.in_flight -= 1
        if not sent:
            return
        back = now + self.hold + (0.0 if answered else max(late, self._per * _UNANSWERED_MARGIN))
        back = math.ceil(back / self._step) * self._step
        self._cool += 1
        for pair in reversed(self._cooling):  # nearly always the last one
            if pair[0] == back:
                pair[1] += 1
                return
            if pair[0] < back:
                break
        insort(self._cooling, [back, 1])

    def left(self, now: float) -> tuple[tuple[int, int], ...]:
        """Return pairs of milliseconds left and slots. Rounded up, and one more for the store's clock, which is cut."""
        self.used(now)
        return tuple((math.ceil((back - now) * 1000) + 1, int(slots)) for back, slots in self._cooling)

    def ready_at(self, now: float, slots: int) -> float:
        """Return when so many more slots have cooled, if all requests were answered now."""
        self.used(now)
        for back, count in self._cooling:
            slots -= int(count)
            if slots <= 0:
                return back
        return now + self.hold

    def forgotten_at(self) -> float:
        """Return when no slot is taken any more."""
        if self.in_flight:
            return math.inf
        return self._cooling[-1][0] if self._cooling else -math.inf
