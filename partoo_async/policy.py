"""How calls behave, as frozen and validated values: retries, the quota, and who goes first."""

from __future__ import annotations

import enum
import math
from typing import Literal, SupportsIndex

from attrs import Attribute, field, frozen

from partoo_async._internal.checks import as_int, check_choice, check_count, check_fraction, check_seconds, valid
from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ConfigurationError

__all__ = ["Priority", "RateLimit", "RetryPolicy"]


class Priority(enum.Enum):
    """Who goes first when the quota is short.

    Attributes:
        INTERACTIVE: Single calls, the default.
        BULK: Scans.
    """

    INTERACTIVE = "interactive"
    BULK = "bulk"


def _whole(value: SupportsIndex) -> int:
    number: int = as_int(value)  # or whatever else it is, for a validator to refuse
    return number


@total_repr
@frozen
class RetryPolicy:
    """When and how often a failed call is tried again.

    The wait before a retry is random, between 0 and the backoff (full jitter). A 429 is no retry: only the call's
    ``timeout`` bounds how often it is waited out.

    Args:
        max_retries: Retries after the first attempt; 0 switches them off.
        initial_backoff: Seconds of backoff before the first retry. Each further one doubles it.
        max_backoff: The most seconds of backoff.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    max_retries: int = field(default=4, converter=_whole, validator=valid(check_count, least=0))
    initial_backoff: float = field(default=0.5, validator=valid(check_seconds, zero=True))
    max_backoff: float = field(default=20.0, validator=valid(check_seconds, zero=True))


@total_repr
@frozen
class RateLimit:
    """The quota: at most ``requests`` in any window of ``per`` seconds, as the server's clock sees them.

    Source of the defaults: the API's rate limits page, which grants an organization 300 requests a minute.

    Args:
        requests: Requests in one window.
        per: Length of the window in seconds.
        reserve: Fraction in [0, 1) that bulk work leaves free while interactive calls are being made.
        pacing: ``"burst"``: as fast as the window allows; ``"smooth"``: spaced evenly, at 29/30 of the rate.
        share: Fraction in (0, 1] for this process, where several processes use one quota.

    Raises:
        ConfigurationError: An argument is out of range, or ``share`` leaves less than one request.
    """

    requests: int = field(default=300, converter=_whole, validator=valid(check_count, least=1))
    per: float = field(default=60.0, validator=valid(check_seconds))
    reserve: float = field(default=0.1, validator=valid(check_fraction, one=False))
    pacing: Literal["burst", "smooth"] = field(default="burst", validator=valid(check_choice, ("burst", "smooth")))
    share: float = field(default=1.0, validator=valid(check_fraction, zero=False))

    @requests.validator
    def _fits_a_float(self, _: Attribute[int], value: int) -> None:
        if value > 10**300:
            raise ConfigurationError("requests: more than a float holds; rate_limit=None switches the limiter off")

    @share.validator
    def _leaves_one(self, _: Attribute[float], value: float) -> None:
        if self.slots < 1:
            raise ConfigurationError(
                f"share: {value!r} of {self.requests} requests is less than one; raise share, or use fewer processes"
            )

    @property
    def slots(self) -> int:
        """How many requests a window of this process holds: ``floor(requests * share)``."""
        # 100 * 0.29 is 28.999...: a product that is a whole number but for rounding must not lose a slot.
        return math.floor(self.requests * self.share + 1e-9)
