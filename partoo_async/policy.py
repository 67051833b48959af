"""How calls behave, as frozen and validated values: retries, the quota, and who goes first."""

from __future__ import annotations

import enum
import math
import operator
from typing import Any, Literal, SupportsIndex

from attrs import Attribute, field, frozen

from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ConfigurationError

__all__ = ["Priority", "RateLimit", "RetryPolicy", "as_int", "check_count", "check_seconds"]


class Priority(enum.Enum):
    """Who goes first when the quota is short: interactive calls, then bulk work such as scans."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


_MOST = 10**300
_MANY = 10**39  # Python refuses to print the longest ints


def _brief(value: object) -> str:
    return "a number of more than 39 digits" if isinstance(value, int) and abs(value) >= _MANY else repr(value)


def check_seconds(name: str, value: object, *, zero: bool = False) -> float:
    """Return ``value`` as a float of seconds.

    Raises ``ConfigurationError``, which names the argument, for anything but a finite number above zero (or, with
    ``zero``, at least zero).
    """
    value = as_int(value)
    bound = "at least 0" if zero else "above 0"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigurationError(f"{name}: expected a number of seconds {bound}, not {type(value).__name__}")
    if not 0 <= value <= _MOST or (value == 0 and not zero):
        raise ConfigurationError(f"{name}: expected a finite number of seconds {bound}, not {_brief(value)}")
    return float(value)


def as_int(value: Any) -> Any:
    """Return the int that a value stands for, such as one of numpy, and anything else as it is.

    A bool stands for no number here, and an enum of ints for its own.
    """
    if type(value) is int or isinstance(value, bool):
        return value
    try:
        return int(operator.index(value))
    except TypeError:
        return value


def _whole(value: SupportsIndex) -> int:
    number: int = as_int(value)  # or whatever else it is, for a validator to refuse
    return number


def check_count(name: str, value: object, *, least: int) -> int:
    """Return ``value`` if it is an int of at least ``least``, else raise a ``ConfigurationError`` that names it."""
    value = as_int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name}: expected an int of at least {least}, not {type(value).__name__}")
    if value < least:
        raise ConfigurationError(f"{name}: expected at least {least}, not {_brief(value)}")
    return value


def _seconds(_: object, attribute: Attribute[float], value: object) -> None:
    check_seconds(attribute.name, value)


def _seconds_or_zero(_: object, attribute: Attribute[float], value: object) -> None:
    check_seconds(attribute.name, value, zero=True)


def _check_fraction(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _MOST:
        raise ConfigurationError(f"{name}: expected a fraction, a finite number, not {_brief(value)}")
    return float(value)


@total_repr
@frozen
class RetryPolicy:
    """When and how often a failed call is tried again.

    ``max_retries``: how many times after the first attempt, for faults of the line and of the server; 0 switches
    retries off. A 429 does not count: it is bounded by the call's ``timeout``. ``initial_backoff`` doubles with each
    retry up to ``max_backoff``, both in seconds; the wait is a random part of that (full jitter).
    """

    max_retries: int = field(default=4, converter=_whole)
    initial_backoff: float = field(default=0.5, validator=_seconds_or_zero)
    max_backoff: float = field(default=20.0, validator=_seconds_or_zero)

    @max_retries.validator
    def _check_max_retries(self, _: Attribute[int], value: object) -> None:
        check_count("max_retries", value, least=0)


@total_repr
@frozen
class RateLimit:
    """The quota: at most ``requests`` sends in any window of ``per`` seconds, as the server's clock sees them.

    Partoo's default is 300 requests a minute for a whole organization (source: its rate limits page). ``reserve`` is
    the fraction that bulk work leaves free while interactive calls are being made. ``pacing="smooth"`` spreads sends
    evenly at 29/30 of the rate instead of as fast as the window allows. ``share`` is this process's fraction of the
    quota when several processes use it without knowing of each other.
    """

    requests: int = field(default=300, converter=_whole)
    per: float = field(default=60.0, validator=_seconds)
    reserve: float = field(default=0.1)
    pacing: Literal["burst", "smooth"] = field(default="burst")
    share: float = field(default=1.0)

    @requests.validator
    def _check_requests(self, _: Attribute[int], value: object) -> None:
        if check_count("requests", value, least=1) > _MOST:
            raise ConfigurationError("requests: more than a float holds; rate_limit=None switches the limiter off")

    @reserve.validator
    def _check_reserve(self, _: Attribute[float], value: object) -> None:
        if not 0 <= _check_fraction("reserve", value) < 1:
            raise ConfigurationError(f"reserve: expected a fraction in [0, 1), not {_brief(value)}")

    @pacing.validator
    def _check_pacing(self, _: Attribute[str], value: object) -> None:
        if value not in ("burst", "smooth"):
            raise ConfigurationError(f"pacing: expected 'burst' or 'smooth', not {value!r}")

    @share.validator
    def _check_share(self, _: Attribute[float], value: object) -> None:
        if not 0 < _check_fraction("share", value) <= 1:
            raise ConfigurationError(f"share: expected a fraction in (0, 1], not {_brief(value)}")
        if self.slots < 1:
            raise ConfigurationError(
                f"share: {value!r} of {self.requests} requests is less than one; raise share, or use fewer processes"
            )

    @property
    def slots(self) -> int:
        """How many requests a window of this process holds: ``floor(requests * share)``."""
        # 100 * 0.29 is 28.999...: a product that is a whole number but for rounding must not lose a slot.
        return math.floor(self.requests * self.share + 1e-9)
