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
from typing import TYPE_CHECKING

from partoo_async.quota.backend import OpenGate

if TYPE_CHECKING:
    from partoo_async.policy import RateLimit

__all__ = ["DEFAULT_PAUSE", "LONGEST_CLOSED", "SlidingWindow"]

DEFAULT_PAUSE = 60.0
"""Seconds to wait after a 429 that does not say for how long; the API's documentation shows ``Retry-After: 60``."""

LONGEST_CLOSED = 3600.0
"""Seconds. A server that asks for more, perhaps for years, is asked again after this."""

# For clocks that run at different speeds and timers that fire early: 50 ms on a minute.
_MARGIN = 1 / 1200
_LEAST_MARGIN = 0.002
# A request whose connection was lost may still be on its way through a proxy: one second on a minute.
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
# Bursts that are tried again after a window of spacing, and meet a 429 at once, are tried after two windows, then
# four: a limiter that knows no bursts costs a few pauses, however long a scan is. Two hours of a minute's window.
_LONGEST_SPACED = 128


class SlidingWindow(OpenGate):
    """``rate_limit.slots`` slots, each back ``per`` seconds after the answer to what it was used for."""

    def __init__(self, rate_limit: RateLimit) -> None:
        super().__init__()
        self.limit: int = rate_limit.slots
        self.per: float = rate_limit.per
        self._hold = self.per + max(_LEAST_MARGIN, self.per * _MARGIN)
        self._gap = self.per / (self.limit * _SMOOTH)
        self._paced_until = math.inf if rate_limit.pacing == "smooth" else -math.inf
        self._spaced_windows = 1
        self._was_vague = self._is_repeated = False
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
        if self._probe_is_out and self._probing:
            return False  # its answer will tell, and wakes the next
        self._in_flight += 1
        self._next_send = now + self._gap
        self._probe_is_out = self._probing
        return True

    def pause(self, now: float, until: float, *, vague: bool = False) -> None:
        """Close the gate until that time, longer when it had just opened.

        The first send after it goes alone, to learn whether there is room. After a short pause, and after a repeated
        429, sends are spaced out for a window, and for more when the last return to bursts was too early.
        """
        if now >= self.paused_until:  # else it is one more 429 of the burst that closed it
            again = now < self.paused_until + self.per
            back_in_bursts = self._paced_until <= now < self._paced_until + self.per
            if again:
                until = max(until, now + self.per * _AGAIN)
            if back_in_bursts:
                self._spaced_windows = min(2 * self._spaced_windows, _LONGEST_SPACED)
            elif now >= self._paced_until:
                self._spaced_windows = 1
            self._is_repeated = again or back_in_bursts or (vague and self._was_vague)
            self._was_vague = self._was_vague or vague
        self._probing, self._probe_is_out = True, False
        if until > self.paused_until and (self._is_repeated or until - now < self.per * _DRAINED):
            self._paced_until = max(self._paced_until, until + self.per * self._spaced_windows)
        super().pause(now, until)

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot: at once when nothing was ``sent``, else after the window that began with the answer.

        ``late``: for how many seconds from now a request that was given up may still reach the server.
        """
        self._in_flight -= 1
        # Whichever it was that ended: a request from before the pause tells as much, and must not hold up the rest.
        self._probe_is_out = False
        if not sent:
            return
        if answered and now >= self.paused_until:
            self._probing = False
        back = now + self._hold + (0.0 if answered else max(late, self.per * _UNANSWERED_MARGIN))
        if not self._cooling or back >= self._cooling[-1]:
            self._cooling.append(back)
        else:
            insort(self._cooling, back)

    def used(self, now: float) -> int:
        """Return how many slots are taken, those that cool down included."""
        return self.limit - self._free(now)

    def spaced(self, now: float) -> bool:
        """Whether sends go out one by one, at the pace of the quota."""
        return now < self._paced_until

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

    def forgotten_at(self) -> float:
        """Return the time from which on nothing that was sent or said matters any more; infinity if that is open."""
        if self._in_flight:
            return math.inf
        learnt = self.paused_until if self._paced_until == math.inf else max(self.paused_until, self._paced_until)
        return max(learnt + self.per, self._cooling[-1] if self._cooling else -math.inf)
