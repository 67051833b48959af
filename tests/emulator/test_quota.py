"""What a 429 says about when to come back."""

from __future__ import annotations

import pytest

from partoo_async.emulator.domain_errors import OverQuotaError
from partoo_async.emulator.rate_limiters import ServerRateLimit, SlidingWindowLimiter, retry_after
from partoo_async.policy import RateLimit
from tests.support.each import each

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the example of the HTTP standard


@each(
    ("style", "wait", "per", "expected"),
    [
        ("remaining", 36.2, 60.0, "37"),
        ("remaining", 37.0, 60.0, "37"),
        ("remaining", 0.001, 60.0, "1"),
        ("remaining", 0.001, 10.0, "1"),
        ("remaining", 1.7, 2.0, "1.70"),
        ("remaining", 1.701, 9.99, "1.71"),
        ("remaining", 1e-9, 2.0, "0.01"),
        ("date", 2.0, 60.0, "Sun, 06 Nov 1994 08:49:39 GMT"),
        ("date", 2.1, 60.0, "Sun, 06 Nov 1994 08:49:40 GMT"),
        ("absent", 12.0, 60.0, None),
        (60, 0.5, 60.0, "60"),
        (0, 0.5, 60.0, "0"),
        (2.5, 0.5, 60.0, "2.5"),
    ],
)
def test_retry_after_is_never_early(style: str | float, wait: float, per: float, expected: str | None) -> None:
    """Whole seconds, or hundredths for a scaled-down window, or a date, rounded up; or a constant; or nothing."""
    assert retry_after(style, wait, per, NOW) == expected


def test_a_quota_lets_through_what_its_window_admits() -> None:
    """Within the quota nothing happens; over it the refusal carries the header's value."""
    quota = ServerRateLimit(SlidingWindowLimiter(RateLimit(1, 60.0), lambda: 5.0), 60.0, "remaining", lambda: NOW)
    quota.check()
    with pytest.raises(OverQuotaError) as caught:
        quota.check()
    assert caught.value.retry_after == "60"
