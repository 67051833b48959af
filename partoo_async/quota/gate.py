"""When requests may leave, whatever slots are free: pauses, the probe after one, spacing. Pure: times are arguments."""

from __future__ import annotations

import math

__all__ = ["DEFAULT_PAUSE", "LONGEST_CLOSED", "Gate"]

# Seconds to wait after a 429 without Retry-After; Partoo's documentation shows ``Retry-After: 60``.
DEFAULT_PAUSE = 60.0
# Seconds. A server that asks for more, perhaps for years, is asked again after this.
LONGEST_CLOSED = 3600.0

# "Smooth" stays a thirtieth below the rate: 290 of 300.
_SMOOTH = 29 / 30
# A pause of half a window or more has drained the server's count, so a full burst is welcome after it. A shorter one
# says that room comes back bit by bit (a token bucket, another consumer). A burst would meet 429s over and over, and a
# server that counts those would never let it in again.
_DRAINED = 0.5
# A 429 soon after a pause: its Retry-After promised too much, since another consumer got there first. A quarter of a
# window is the least that helps; shorter pauses only collect more 429s, and some servers count those.
_AGAIN = 0.25
# Bursts that meet a 429 at once after a window of spacing are tried again after two windows, then four: a limiter that
# allows no bursts costs a few pauses, however long a scan is. 128 windows of a minute are two hours.
_LONGEST_SPACED = 128


class Gate:
    """Closed while paused. Then one request goes alone, and after a short or repeated pause all go spaced out."""

    __slots__ = (
        "_gap",
        "_is_repeated",
        "_last_send",
        "_per",
        "_spaced_until",
        "_spaced_windows",
        "_was_vague",
        "is_probing",
        "opens_at",
        "paused_until",
    )

    def __init__(self, limit: int | None, per: float, *, smooth: bool = False) -> None:
        self.paused_until: float = -math.inf
        # No request may leave earlier. Infinity while the probe is out: only its response opens the gate.
        self.opens_at: float = -math.inf
        # Whether the next request is, or the last one was, the probe: the first after a pause, alone.
        self.is_probing: bool = False
        self._per = per
        # Without a limit there is no pace to keep, so the gate knows only the pause.
        self._gap = per / (limit * _SMOOTH) if limit else 0.0
        self._spaced_until = math.inf if smooth else -math.inf
        self._spaced_windows = 1
        self._was_vague = self._is_repeated = False
        self._last_send = -math.inf

    @property
    def waits_for_response(self) -> bool:
        """Whether the probe is out, so that time alone opens nothing."""
        return self.opens_at == math.inf

    def is_spaced(self, now: float) -> bool:
        """Whether requests leave one by one, at the pace of the quota."""
        return now < self._spaced_until

    def sent(self, now: float) -> None:
        """Note that a request leaves now."""
        self._last_send = now
        if self.is_probing:
            self.opens_at = math.inf
        elif now < self._spaced_until:
            self.opens_at = min(now + self._gap, self._spaced_until)

    def ended(self, now: float, *, answered: bool) -> None:
        """Note that a request ended. Needed while ``is_probing`` only."""
        # Any response counts: a request from before the pause tells as much as the probe.
        if answered and now >= self.paused_until:
            self.is_probing = False
        self._open_for_next()

    def close(self, until: float) -> None:
        """Close for a pause that was decided elsewhere, unless it is closed for longer already."""
        if until > self.paused_until:
            self.paused_until = until
            self._probe()

    def pause(self, now: float, until: float, *, vague: bool = False) -> None:
        """Close after a 429, for longer if the gate had just opened. ``vague``: the 429 had no ``Retry-After``."""
        if not self._gap:
            self.paused_until = self.opens_at = max(self.paused_until, until)
            return
        if now >= self.paused_until:  # else it is one more 429 of the burst that closed it
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
        if until > self.paused_until:
            if self._is_repeated or until - now < self._per * _DRAINED:
                self._spaced_until = max(self._spaced_until, until + self._per * self._spaced_windows)
            self.paused_until = until
        self._probe()

    def _probe(self) -> None:
        self.is_probing = self._gap > 0
        self._open_for_next()

    def _open_for_next(self) -> None:
        self.opens_at = max(self.paused_until, min(self._last_send + self._gap, self._spaced_until))

    def ready_at(self, now: float, position: int) -> float:
        """Return the earliest time for request number ``position`` (0 is the next), as if slots were free."""
        first = max(now, self.paused_until)
        # Those who go first are spaced out too, and that begins when the first of them may go.
        spaced = max(first, self._last_send + self._gap) + position * self._gap
        return max(first, min(spaced, self._spaced_until))

    def forgotten_at(self) -> float:
        """Return the time from which no pause, and no spacing after one, matters any more."""
        spaced = -math.inf if self._spaced_until == math.inf else self._spaced_until
        return max(self.paused_until, spaced) + self._per
