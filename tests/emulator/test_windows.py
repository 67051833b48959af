"""The quota windows, in virtual time. Every expected number was worked out by hand."""

from __future__ import annotations

import pytest

from partoo_async.emulator.rate_limiters import (
    LIMITERS,
    FixedWindowLimiter,
    RejectCountingLimiter,
    SlidingWindowLimiter,
    TokenBucketLimiter,
)
from partoo_async.policy import RateLimit
from tests.support.each import each

THREE_PER_TEN = RateLimit(3, 10.0)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


# Each row: seconds since the start, and what admit() must return there.
TABLES = {
    SlidingWindowLimiter: [
        (0.0, 0.0),
        (1.0, 0.0),
        (4.0, 0.0),
        (5.0, 5.0),  # the one of 0.0 leaves at 10.0
        (9.5, 0.5),  # the rejected one of 5.0 cost nothing
        (10.0, 0.0),
        (10.0, 1.0),  # next to leave: 1.0, at 11.0
        (11.0, 0.0),
        (13.9, 0.1),
        (30.0, 0.0),
    ],
    RejectCountingLimiter: [
        (0.0, 0.0),
        (1.0, 0.0),
        (4.0, 0.0),
        (5.0, 6.0),  # 1.0, 4.0 and 5.0 count now; there is room when 1.0 leaves at 11.0
        (10.9, 3.1),  # 4.0, 5.0 and 10.9 count; the first leaves at 14.0
        (14.0, 0.0),
        (14.5, 6.4),  # 10.9, 14.0 and 14.5 count: room at 20.9
        (20.9, 0.0),
        (31.0, 0.0),
    ],
    FixedWindowLimiter: [
        (3.0, 0.0),  # opens the window, until 13.0
        (12.0, 0.0),
        (12.5, 0.0),
        (12.6, 0.4),
        (13.0, 0.0),  # a second burst at the seam: five accepted within 1.0 s
        (13.0, 0.0),
        (13.0, 0.0),
        (14.0, 9.0),
        (50.0, 0.0),  # opened by this one, not on a grid: until 60.0
        (59.0, 0.0),
        (59.0, 0.0),
        (59.0, 1.0),
    ],
    TokenBucketLimiter: [
        (0.0, 0.0),
        (0.0, 0.0),
        (0.0, 0.0),  # empty; a token every 10/3 s
        (0.0, 3.333333),
        (1.0, 2.333333),
        (4.0, 0.0),  # 1.2 tokens, 0.2 left
        (5.0, 1.666667),  # 0.5 tokens
        (100.0, 0.0),  # full again, at 3 and no more
        (100.0, 0.0),
        (100.0, 0.0),
        (100.0, 3.333333),
    ],
}


@each("kind", TABLES)
def test_each_kind_of_window_follows_its_table(kind: type) -> None:
    """A window admits what its table says, and for the rest tells the seconds until there is room."""
    clock = Clock()
    window = kind(THREE_PER_TEN, clock)
    for at, expected in TABLES[kind]:
        clock.now = 1000.0 + at
        assert window.admit() == pytest.approx(expected, abs=1e-5), at


@each("kind", LIMITERS)
def test_whoever_waits_as_told_is_admitted(kind: str) -> None:
    """After exactly the wait that a rejection named, the next request is within the quota, 200 times in a row."""
    clock = Clock()
    window = LIMITERS[kind](RateLimit(7, 1.3), clock)
    rejections = 0
    for _ in range(200):
        wait = window.admit()
        if wait:
            rejections += 1
            # What a Retry-After can express; less is not on the wire.
            clock.now += wait + 0.001
            assert window.admit() == 0.0
        clock.now += 0.01
    assert rejections > 10


def test_a_token_bucket_forgives_rounding() -> None:
    """Ten refills of a tenth of a token are a token, though they add up to less in floating point."""
    clock = Clock()
    clock.now = 0.0
    window = TokenBucketLimiter(RateLimit(1, 1.0), clock)
    assert window.admit() == 0.0
    for _ in range(9):
        clock.now += 0.1
        assert window.admit() > 0
    clock.now += 0.1
    assert window.admit() == 0.0


def test_a_flood_of_rejected_requests_takes_no_memory() -> None:
    """The window that counts rejected requests remembers as many as the limit, not as many as were sent."""
    clock = Clock()
    window = RejectCountingLimiter(THREE_PER_TEN, clock)
    for _ in range(1000):
        clock.now += 0.001
        window.admit()
    assert len(window._received) == 3
