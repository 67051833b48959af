"""How calls behave, as frozen values: retries, the quota, and who goes first."""

from __future__ import annotations

import enum
import math
from typing import Literal, SupportsIndex

from attrs import Attribute, field, frozen

from partoo_async._internal.checks import as_int, check_choice, check_count, check_fraction, check_seconds, valid
from partoo_async._internal.reprs import total_repr
from partoo_async._internal.values import Compared
from partoo_async.errors import ConfigurationError

__all__ = ["Priority", "RateLimit", "RetryPolicy"]


class Priority(enum.Enum):
    """Who goes first when the quota is short: interactive calls, then bulk work such as scans."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


def _whole(value: SupportsIndex) -> int:
    number: int = as_int(value)  # or whatever else it is, for a validator to refuse
    return number


@total_repr
@frozen(eq=False, repr=False)
class RetryPolicy(Compared):
    """When and how often a failed call is tried again.

    A wait is random, from 0 to the backoff (full jitter). A 429 does not count: only the call's ``timeout`` bounds it.

    Attributes:
        max_retries: Retries after the first attempt, 4 by default.
        initial_backoff: Seconds before the first retry, 0.5 by default. Doubled for each further one.
        max_backoff: The most seconds, 20 by default.

    Raises:
        ConfigurationError: A value is out of range.
    """

    max_retries: int = field(default=4, converter=_whole, validator=valid(check_count, least=0))
    initial_backoff: float = field(default=0.5, validator=valid(check_seconds, zero=True))
    max_backoff: float = field(default=20.0, validator=valid(check_seconds, zero=True))


@total_repr
@frozen(eq=False, repr=False)
class RateLimit(Compared):
    """The quota: at most ``requests`` in any window of ``per`` seconds, as the server's clock sees them.

    Attributes:
        requests: Requests in a window, 300 by default. Source: the API's rate limits page.
        per: Seconds of a window, 60 by default.
        reserve: Fraction that bulk work leaves free while interactive calls are made, 0.1 by default.
        pacing: ``"burst"``, the default, or ``"smooth"``: sends are spaced evenly, at 29/30 of the rate.
        share: Fraction of the quota for this process, 1 by default.

    Raises:
        ConfigurationError: A value is out of range, or ``share`` leaves no request.
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
