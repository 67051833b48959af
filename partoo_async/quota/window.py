"""The response-anchored sliding window: where the slots of a quota are kept, in this process.

A slot is taken before a request is sent and comes back ``per`` seconds (and a little) after its answer is complete.
The server receives the request at some moment in between, so no latency and no jitter can put more requests into
any window of the server's clock than there are slots. A window stamped at send time breaks that promise as soon as
one burst is slow on its way and the next is not.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from partoo_async.policy import RateLimit

__all__ = ["DEFAULT_PAUSE", "LONGEST_CLOSED", "Backend", "OpenGate", "SlidingWindow"]

DEFAULT_PAUSE = 60.0
"""Seconds to wait after a 429 that does not say for how long; the API's documentation shows ``Retry-After: 60``."""

LONGEST_CLOSED = 3600.0
"""Seconds. A server that asks for more, perhaps for years, is asked again after this."""

# For clocks that run at different speeds and timers that fire early: 50 ms on a minute.
_MARGIN = 1 / 1200
_LEAST_MARGIN = 0.002
# A request that was dropped may still be on its way to the server: one second on a minute.
_UNANSWERED_MARGIN = 1 / 60
# "Smooth" stays a thirtieth below the rate: 290 of 300.
_SMOOTH = 29 / 30
# A pause of half a window or more has drained the server's count, so that a full burst is welcome after it. A shorter
# one says that room comes back bit by bit (a token bucket, another consumer): a burst would meet 429s over and over,
# and a server that counts those would never let it in again.
_DRAINED = 0.5

# A 429 soon after the gate opened says that Retry-After promised too much: another consumer is there first. A quarter
# of a window is the least that helps; shorter pauses only collect more 429s, and some servers count those.
_AGAIN = 0.25


class Backend(Protocol):
    """Where slots are kept. All times are the event loop's, in seconds.

    A backend shared by processes keeps leased slots at hand, so that these calls stay immediate.
    """

    limit: int | None
    per: float
    paused_until: float

    @property
    def waits_for_answer(self) -> bool:
        """Whether no slot is given before one comes back, whatever the time."""

    def acquire(self, now: float, spare: int = 0) -> bool:
        """Take a slot and return True if one is free, the gate is open, and ``spare`` more stay free."""

    def release(self, now: float, *, sent: bool, answered: bool) -> None:
        """Return a slot: at once when nothing was ``sent``, else after the window that began with the answer."""

    def pause(self, now: float, until: float) -> None:
        """Close the gate until that time, unless it is closed for longer already."""

    def used(self, now: float) -> int:
        """Return how many slots are taken, those that cool down included."""

    def ready_at(self, now: float, position: int, spare: int = 0) -> float:
        """Return the earliest time at which slot number ``position`` (0 is the next) can be taken, ``spare`` left free.

        The time may be earlier than what will happen, never later.
        """


class OpenGate:
    """The backend without a limit: nothing but the gate that a 429 closes."""

    limit: int | None = None
    per: float = 60.0

    def __init__(self) -> None:
        self.paused_until: float = -math.inf

    @property
    def waits_for_answer(self) -> bool:
        """Return False: there is nothing to wait for."""
        return False

    def acquire(self, now: float, spare: int = 0) -> bool:
        """Return whether the gate is open."""
        return now >= self.paused_until

    def release(self, now: float, *, sent: bool, answered: bool) -> None:
        """Do nothing: there are no slots."""

    def pause(self, now: float, until: float) -> None:
        """Close the gate until that time, unless it is closed for longer already."""
        self.paused_until = max(self.paused_until, until)

    def used(self, now: float) -> int:
        """Return 0."""
        return 0

    def ready_at(self, now: float, position: int, spare: int = 0) -> float:
        """Return when the gate opens."""
        return max(now, self.paused_until)


class SlidingWindow(OpenGate):
    """``rate_limit.slots`` slots, each back ``per`` seconds after the answer to what it was used for."""

    def __init__(self, rate_limit: RateLimit) -> None:
        super().__init__()
        self.limit: int = rate_limit.slots
        self.per: float = rate_limit.per
        self._hold = self.per + max(_LEAST_MARGIN, self.per * _MARGIN)
        self._gap = self.per / (self.limit * _SMOOTH)
        self._paced_until = math.inf if rate_limit.pacing == "smooth" else -math.inf
        self._next_send = -math.inf
        self._in_flight = 0
        self._probing = self._probe_is_out = False
        self._cooling: deque[float] = deque()  # when each used slot is free again, in order

    @property
    def waits_for_answer(self) -> bool:
        """Whether the first request after a pause is out, so that the others wait for its answer."""
        return self._probe_is_out and self._probing

    def _free(self, now: float) -> int:
        cooling = self._cooling
        while cooling and cooling[0] <= now:
            cooling.popleft()
        return self.limit - self._in_flight - len(cooling)

    def acquire(self, now: float, spare: int = 0) -> bool:
        """Take a slot and return True if one is free, the gate is open, and ``spare`` more stay free."""
        # The next send lies ahead, and sends are spaced out.
        too_soon = now < self._next_send and now < self._paced_until
        if too_soon or now < self.paused_until or self._free(now) <= spare:
            return False
        if self._probing:
            if self._probe_is_out:
                return False  # its answer will tell, and wakes the next
            self._probe_is_out = True
        self._in_flight += 1
        self._next_send = now + self._gap
        return True

    def pause(self, now: float, until: float) -> None:
        """Close the gate until that time, longer when it had just opened.

        The first send after it goes alone, to learn whether there is room; after a short pause sends are spaced out
        for a window.
        """
        if self.paused_until <= now < self.paused_until + self.per:
            until = max(until, now + self.per * _AGAIN)
        self._probing, self._probe_is_out = True, False
        if until > self.paused_until and until - now < self.per * _DRAINED:
            self._paced_until = max(self._paced_until, until + self.per)
        super().pause(now, until)

    def release(self, now: float, *, sent: bool, answered: bool) -> None:
        """Return a slot: at once when nothing was ``sent``, else after the window that began with the answer."""
        self._in_flight -= 1
        # Whichever it was that ended: a request from before the pause tells as much, and must not hold up the rest.
        self._probe_is_out = False
        if not sent:
            return
        if answered and now >= self.paused_until:
            self._probing = False
        back = now + self._hold + (0.0 if answered else self.per * _UNANSWERED_MARGIN)
        if not self._cooling or back >= self._cooling[-1]:
            self._cooling.append(back)
        else:
            insort(self._cooling, back)

    def used(self, now: float) -> int:
        """Return how many slots are taken, those that cool down included."""
        return self.limit - self._free(now)

    def ready_at(self, now: float, position: int, spare: int = 0) -> float:
        """Return the earliest time at which slot number ``position`` (0 is the next) can be taken, ``spare`` left free.

        Slots in flight are taken to be answered now: the estimate is never later than what will happen.
        """
        rounds, index = divmod(position + spare, self.limit)
        free = self._free(now)
        if index < free:
            ready = now
        elif index - free < len(self._cooling):
            ready = self._cooling[index - free]
        else:
            ready = now + self._hold
        ready = max(ready, self.paused_until) + rounds * self._hold
        # Those who go first are spaced out too, and that begins when the first of them may go.
        paced = max(now, self.paused_until, self._next_send) + position * self._gap
        return max(ready, min(paced, self._paced_until))
