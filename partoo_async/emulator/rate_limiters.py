"""How the emulator counts requests, and what a 429 says about when to retry."""

# Documentation: page "Rate limits" says 300 requests a minute, not how they are counted. Any of these may be right.

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import define, field, frozen

from partoo_async._internal.checks import check_choice
from partoo_async._internal.reprs import total_repr
from partoo_async.emulator.arguments import check_retry_after
from partoo_async.emulator.domain_errors import OverQuotaError
from partoo_async.policy import RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "LIMITERS",
    "Clock",
    "FixedWindowLimiter",
    "RateLimiter",
    "RejectCountingLimiter",
    "ServerRateLimit",
    "SlidingWindowLimiter",
    "TokenBucketLimiter",
    "make_rate_limits",
    "retry_after",
]

# Returns seconds, from any origin.
Clock: TypeAlias = Callable[[], float]


class RateLimiter(Protocol):
    """A way to count requests against a limit."""

    @property
    def limit(self) -> RateLimit:
        """How many requests in how many seconds."""

    def used(self) -> int:
        """Return how many requests of the limit are used up now."""

    def admit(self) -> float:
        """Count a request; return 0.0 if it is within the limit, else the seconds until one would be."""


@define
class SlidingWindowLimiter:
    """At most ``limit.requests`` accepted requests in any ``limit.per`` seconds; rejected ones do not count."""

    limit: RateLimit
    clock: Clock = time.monotonic
    _accepted: deque[float] = field(init=False, factory=deque)

    def admit(self) -> float:
        """Count a request."""
        now = self.clock()
        self._forget(now)
        if len(self._accepted) < self.limit.requests:
            self._accepted.append(now)
            return 0.0
        return self._accepted[0] + self.limit.per - now

    def used(self) -> int:
        """Return the requests used up."""
        self._forget(self.clock())
        return len(self._accepted)

    def _forget(self, now: float) -> None:
        # A request exactly `per` seconds old no longer counts: a client that waits to the end is served.
        while self._accepted and self._accepted[0] + self.limit.per <= now:
            self._accepted.popleft()


@total_repr
@define
class RejectCountingLimiter:
    """A sliding window that counts rejected requests too."""

    # The harshest kind: a client that keeps sending while it is rejected is never accepted again.

    limit: RateLimit
    clock: Clock = time.monotonic
    _received: deque[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        # Only the newest `requests` arrivals decide, so a flood of rejected ones takes no memory.
        self._received = deque(maxlen=self.limit.requests)

    def admit(self) -> float:
        """Count a request."""
        now = self.clock()
        full = len(self._received) == self.limit.requests
        rejected = full and self._received[0] + self.limit.per > now
        self._received.append(now)
        return self._received[0] + self.limit.per - now if rejected else 0.0

    def used(self) -> int:
        """Return the requests used up."""
        now = self.clock()
        return sum(1 for received in self._received if received + self.limit.per > now)


@define
class FixedWindowLimiter:
    """A counter that expires ``limit.per`` seconds after the first request it counted."""

    # The commonest way to build a quota on a shared cache. A burst at the end of one window and another at the start
    # of the next put twice the limit into less than `per` seconds.

    limit: RateLimit
    clock: Clock = time.monotonic
    _opened: float | None = field(init=False, default=None)
    _count: int = field(init=False, default=0)

    def admit(self) -> float:
        """Count a request."""
        now = self.clock()
        if self._opened is None or self._opened + self.limit.per <= now:
            # The first request opens the window, not a grid of the clock: a test meets the same window each time.
            self._opened, self._count = now, 0
        self._count += 1
        return 0.0 if self._count <= self.limit.requests else self._opened + self.limit.per - now

    def used(self) -> int:
        """Return the requests used up."""
        is_open = self._opened is not None and self._opened + self.limit.per > self.clock()
        return min(self._count, self.limit.requests) if is_open else 0


@total_repr
@define
class TokenBucketLimiter:
    """A bucket of ``limit.requests`` tokens, refilled evenly within ``limit.per`` seconds."""

    # A full bucket allows a burst of the whole limit plus the refill: almost twice the limit in the first window.

    limit: RateLimit
    clock: Clock = time.monotonic
    _tokens: float = field(init=False)
    _filled: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._tokens, self._filled = float(self.limit.requests), self.clock()

    def admit(self) -> float:
        """Count a request."""
        rate = self.limit.requests / self.limit.per
        self._fill(rate)
        # Many small refills add up to 0.999...: a client that waited as told must not be rejected for rounding.
        if self._tokens >= 1 - 1e-9:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / rate

    def used(self) -> int:
        """Return the requests used up, counting a token that is partly refilled."""
        self._fill(self.limit.requests / self.limit.per)
        return math.ceil(self.limit.requests - self._tokens - 1e-9)

    def _fill(self, rate: float) -> None:
        now = self.clock()
        self._tokens = min(float(self.limit.requests), self._tokens + (now - self._filled) * rate)
        self._filled = now


# By the names that Emulator(window=...) takes.
LIMITERS: dict[str, Callable[[RateLimit, Clock], RateLimiter]] = {
    "sliding": SlidingWindowLimiter,
    "fixed": FixedWindowLimiter,
    "token_bucket": TokenBucketLimiter,
    "sliding_counts_rejects": RejectCountingLimiter,
}

# Windows shorter than this, in seconds, exist only in tests that scale time down.
_SCALED_DOWN_BELOW = 10.0


def retry_after(style: str | float, wait: float, per: float, now: float) -> str | None:
    """Return the value of ``Retry-After`` for a wait in seconds, or None for no header; ``now`` is wall-clock time."""
    if style == "absent":
        return None
    if style == "date":
        # Rounded up: a date has whole seconds, and the one before would invite a retry that is too early.
        return formatdate(math.ceil(now + wait), usegmt=True)
    if not isinstance(style, str):
        return f"{style:g}"
    if per < _SCALED_DOWN_BELOW:
        # Only for scaled-down windows: a whole second would be as long as the window itself.
        return f"{max(math.ceil(wait * 100), 1) / 100:.2f}"
    # Documentation: page "Rate limits" shows `Retry-After: 60`, which may be the rest of the window or a constant.
    return str(max(math.ceil(wait), 1))


@frozen
class ServerRateLimit:
    """The rate limit of one organization; all its keys share it."""

    limiter: RateLimiter
    per: float
    style: str | float
    wall_clock: Clock = time.time

    def check(self) -> None:
        """Count a request; raise ``OverQuotaError`` if it is over the limit."""
        wait = self.limiter.admit()
        if wait:
            raise OverQuotaError(retry_after(self.style, wait, self.per, self.wall_clock()))


def make_rate_limits(
    organizations: Iterable[int], rate_limit: RateLimit | None, window: str, style: str | float
) -> dict[int, ServerRateLimit]:
    """Return a rate limit for each organization, or none if ``rate_limit`` is None."""
    check_choice("window", window, LIMITERS)
    check_retry_after(style)
    if rate_limit is None:
        return {}
    kind, per = LIMITERS[window], rate_limit.per
    return {org_id: ServerRateLimit(kind(rate_limit, time.monotonic), per, style) for org_id in set(organizations)}
