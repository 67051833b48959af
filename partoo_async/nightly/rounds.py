"""When the rounds of a watch begin."""

from __future__ import annotations

import math
import re

from partoo_async.errors import ConfigurationError

__all__ = ["next_round", "seconds_of"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 366 * 86400


def seconds_of(text: str) -> float:
    """Return the seconds of a time such as 1.5h. Raises ``ConfigurationError``."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd])", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else math.nan
    if not 1 <= seconds <= _LONGEST:
        raise ConfigurationError(
            f"every: expected a time such as 30s, 5m, 1h or 1d, from a second to a year, not {text!r}"
        )
    return seconds


def next_round(began: float, every: float, now: float) -> float:
    """Return when the next round begins. Those that would have begun during this one are left out."""
    return began + every * max(1, math.ceil((now - began) / every))
