"""How a server may count requests: four kinds of quota window, one small class each.

The documentation gives the limit, 300 requests a minute, but not the kind of window (an open question), so a client
must live with each of these. All have the same shape: ``admit()`` counts one request and returns 0.0 when it is
within the quota, else the seconds until a request would be, if none came in between. The clock is a parameter: a
function that returns seconds, from any origin.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeAlias

from attrs import define, field

from partoo_async._internal.reprs import total_repr
from partoo_async.policy import RateLimit

__all__ = [
    "WINDOWS",
    "Clock",
    "FixedWindow",
    "SlidingWindow",
    "SlidingWindowCountingRejects",
    "TokenBucket",
    "Window",
]

Clock: TypeAlias = Callable[[], float]


class Window(Protocol):
    """A quota that requests are counted against."""

    @property
    def limit(self) -> RateLimit:
        """How many requests in how many seconds."""
        ...

    def used(self) -> int:
        """Return how many of the limit's requests are used up now."""
        ...

    def admit(self) -> float:
        """Count a request now; return 0.0 if it is within the quota, else the seconds until one would be."""
        ...


@define
class SlidingWindow:
    """At most ``limit.requests`` accepted requests in any ``limit.per`` seconds; a rejected one costs nothing."""

    limit: RateLimit
    clock: Clock = time.monotonic
    _accepted: deque[float] = field(init=False, factory=deque)

    def admit(self) -> float:
        """Count a request now; return 0.0 if it is within the quota, else the seconds until one would be."""
        now = self.clock()
        self._forget(now)
        if len(self._accepted) < self.limit.requests:
            self._accepted.append(now)
            return 0.0
        return self._accepted[0] + self.limit.per - now

    def used(self) -> int:
        """Return how many of the limit's requests are used up now."""
        self._forget(self.clock())
        return len(self._accepted)

    def _forget(self, now: float) -> None:
        # A request exactly `per` old is out: whoever waits to the end of the window is served.
        while self._accepted and self._accepted[0] + self.limit.per <= now:
            self._accepted.popleft()


@total_repr
@define
class SlidingWindowCountingRejects:
    """At most ``limit.requests`` requests in any ``limit.per`` seconds, rejected ones included.

    The harshest kind: whoever keeps knocking while rejected never gets in again.
    """

    limit: RateLimit
    clock: Clock = time.monotonic
    _received: deque[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # Only the newest `requests` arrivals can decide, so a flood of rejected ones costs no memory.
        self._received = deque(maxlen=self.limit.requests)

    def admit(self) -> float:
        """Count a request now; return 0.0 if it is within the quota, else the seconds until one would be."""
        now = self.clock()
        full = len(self._received) == self.limit.requests
        rejected = full and self._received[0] + self.limit.per > now
        self._received.append(now)
        return self._received[0] + self.limit.per - now if rejected else 0.0

    def used(self) -> int:
        """Return how many of the limit's requests are used up now."""
        now = self.clock()
        return sum(1 for received in self._received if received + self.limit.per > now)


@define
class FixedWindow:
    """At most ``limit.requests`` requests in each window of ``limit.per`` seconds, opened by its first request.

    This is a counter that expires, the commonest way to build a quota on a shared cache. Two bursts at the seam of
    two windows can put twice the limit into a shorter time than ``limit.per``.
    """

    limit: RateLimit
    clock: Clock = time.monotonic
    _opened: float | None = field(init=False, default=None)
    _count: int = field(init=False, default=0)

    def admit(self) -> float:
        """Count a request now; return 0.0 if it is within the quota, else the seconds until one would be."""
        now = self.clock()
        if self._opened is None or self._opened + self.limit.per <= now:
            # By its first request, not by a grid of the clock, so that a test meets the same window each time.
            self._opened, self._count = now, 0
        self._count += 1
        return 0.0 if self._count <= self.limit.requests else self._opened + self.limit.per - now

    def used(self) -> int:
        """Return how many of the limit's requests are used up now."""
        is_open = self._opened is not None and self._opened + self.limit.per > self.clock()
        return min(self._count, self.limit.requests) if is_open else 0


@total_repr
@define
class TokenBucket:
    """A bucket of ``limit.requests`` tokens, refilled evenly at ``limit.requests`` per ``limit.per`` seconds.

    A full bucket allows a burst of the whole limit and the refill besides: almost twice the limit in a first window.
    """

    limit: RateLimit
    clock: Clock = time.monotonic
    _tokens: float = field(init=False)
    _filled: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._tokens, self._filled = float(self.limit.requests), self.clock()

    def admit(self) -> float:
        """Count a request now; return 0.0 if it is within the quota, else the seconds until one would be."""
        rate = self.limit.requests / self.limit.per
        self._fill(rate)
        # Many small refills add up to 0.999...: whoever waited as told must not be sent away for a rounding error.
        if self._tokens >= 1 - 1e-9:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / rate

    def used(self) -> int:
        """Return how many of the limit's requests are used up now, a token that is being refilled included."""
        self._fill(self.limit.requests / self.limit.per)
        return math.ceil(self.limit.requests - self._tokens - 1e-9)

    def _fill(self, rate: float) -> None:
        now = self.clock()
        self._tokens = min(float(self.limit.requests), self._tokens + (now - self._filled) * rate)
        self._filled = now


WINDOWS: dict[str, Callable[[RateLimit, Clock], Window]] = {
    "sliding": SlidingWindow,
    "fixed": FixedWindow,
    "token_bucket": TokenBucket,
    "sliding_counts_rejects": SlidingWindowCountingRejects,
}
"""The kinds by the name that ``Emulator(window=...)`` takes."""
