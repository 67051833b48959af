"""When requests may leave, whatever slots are free. Pure: times are arguments."""

from __future__ import annotations

import math

__all__ = ["DEFAULT_PAUSE", "LONGEST_CLOSED", "Gate"]

# Seconds to wait after a 429 without Retry-After; Partoo's documentation shows ``Retry-After: 60``.
DEFAULT_PAUSE = 60.0
# Seconds. A server that asks for more, perhaps for years, is asked again after this.
LONGEST_CLOSED = 3600.0

# "Smooth" stays a thirtieth below the rate: 290 of 300.
_SMOOTH = 29 / 30
# A pause of half a window drains the server's count, so a full burst is welcome after it. A shorter one says that room
# comes back bit by bit (a token bucket, another consumer): a burst would meet 429s over and over.
_DRAINED = 0.5
# A 429 soon after a pause: another consumer got there first. A quarter of a window is the least that helps; shorter
# pauses only collect more 429s, and some servers count those.
_AGAIN = 0.25
# Bursts that meet a 429 again are tried after one window of spacing, then two, then four: a limiter that allows none
# costs a few pauses, however long a scan is. 128 windows of a minute are two hours.
_LONGEST_SPACED = 128


class Gate:
    """Closed in a pause; then one request goes alone, and after a short or repeated pause all spaced out."""

    def __init__(self, limit: int | None, per: float, *, smooth: bool = False) -> None:
        self.paused_until: float = -math.inf
        # No request may leave earlier. Infinity while the probe is out: only its response opens the gate.
        self.opens_at: float = -math.inf
        # Whether the probe, the first request after a pause, is still to leave or to be answered.
        self.is_probing: bool = False
        self._per = per
        # Without a limit there is no pace to keep: neither probe nor spacing.
        self._gap = per / (limit * _SMOOTH) if limit else 0.0
        self._spaced_until = math.inf if smooth else -math.inf
        self._spaced_windows = 1
        self._was_vague = self._is_repeated = False
        self._last_send = -math.inf

    def is_spaced(self, now: float) -> bool:
        """Whether requests leave one by one."""
        return now < self._spaced_until

    def spaced_for(self, now: float) -> float:
        """Return the seconds for which they do; infinity if the user wants it."""
        return max(0.0, self._spaced_until - now)

    def sent(self, now: float) -> None:
        """Note that a request leaves."""
        self._last_send = now
        if self.is_probing:
            self.opens_at = math.inf
        elif now < self._spaced_until:
            self.opens_at = min(now + self._gap, self._spaced_until)

    def ended(self, now: float, *, answered: bool) -> None:
        """Note that a request ended, while ``is_probing``."""
        # Any one: a request from before the pause tells as much as the probe, and a lost probe hands over.
        if answered and now >= self.paused_until:
            self.is_probing = False
        self._let_next()

    def close(self, until: float) -> None:
        """Close for a pause as it is."""
        if until >= self.paused_until:
            self.paused_until = until
            self.is_probing = self._gap > 0
            self._let_next()

    def pause(self, now: float, until: float, *, vague: bool = False) -> None:
        """Close after a 429. ``vague``: it did not say for how long."""
        if self._gap and now >= self.paused_until:  # else it is one more 429 of the burst that closed it
            again = now < self.paused_until + self._per
            back_in_bursts = self._spaced_until <= now < self._spaced_until + self._per
            if again:
                until = max(until, now + self._per * _AGAIN)
            if back_in_bursts:
                self._spaced_windows = min(2 * self._spaced_windows, _LONGEST_SPACED)
            elif now >= self._spaced_until:
                self._spaced_windows = 1
            self._is_repeated = again or back_in_bursts or (vague and self._was_vague)
            self._was_vague = self._was_vague or vague
        short = until - now < self._per * _DRAINED
        if self._gap and until > self.paused_until and (self._is_repeated or short):
            self._spaced_until = max(self._spaced_until, until + self._per * self._spaced_windows)
        self.close(until)

    def _let_next(self) -> None:
        self.opens_at = max(self.paused_until, min(self._last_send + self._gap, self._spaced_until))

    def ready_at(self, now: float, position: int) -> float:
        """Return when one more request may leave after ``position`` others."""
        first = max(now, self.paused_until)
        # Those that go before are spaced out too, from when the first of them may go.
        spaced = max(first, self._last_send + self._gap) + position * self._gap
        return max(first, min(spaced, self._spaced_until))

    def forgotten_at(self) -> float:
        """Return when no pause matters any more."""
        spaced = -math.inf if self._spaced_until == math.inf else self._spaced_until
        return max(self.paused_until, spaced) + self._per
