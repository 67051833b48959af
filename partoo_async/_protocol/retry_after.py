"""``Retry-After`` as servers and proxies write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["parse_retry_after", "retry_after"]

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", re.ASCII)
# A comma divides a list if a space follows: "1,5" is one number in some countries. Not so after the day of a date.
_PARTS = re.compile(r"(?:[ \t]*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,)?(?:[^,]|,(?![ \t]))+", re.ASCII)
_MAX_HEADER = 64


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is the asctime form of RFC 9110, which is in UTC.
        return moment.astimezone() if moment.tzinfo else moment.replace(tzinfo=UTC)
    except Exception:  # parsedate_to_datetime raises seven kinds of error for hostile dates
        return None


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return how many seconds a response asks to wait, or None."""
    # The longest wait counts. A multidict holds several lines, a plain mapping one. ``lines`` is the method: tracebacks
    # with local variables would show the values of all headers otherwise.
    lines = getattr(headers, "getall", None)
    values = lines("Retry-After", ()) if lines is not None else (headers.get("Retry-After"),)
    date = headers.get("Date")
    waits = [wait for value in values if (wait := parse_retry_after(value, date, now=now)) is not None]
    return max(waits, default=None)


def parse_retry_after(value: str | None, date: str | None = None, *, now: datetime | None = None) -> float | None:
    """Return the seconds of a ``Retry-After``, 0 for a date that has passed, None if it is unusable. Never raises.

    Args:
        value: Seconds, an HTTP date (RFC 9110), or a list of these, since proxies join lines.
        date: The ``Date`` of the same response.
        now: In case ``date`` is unusable.
    """
    if value is None or len(value) > _MAX_HEADER:
        return None
    waits = [wait for part in _PARTS.findall(value) if (wait := _seconds(part.strip(" \t"), date, now)) is not None]
    return max(waits, default=None)


def _seconds(value: str, date: str | None, now: datetime | None) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    until = _parse_date(value)
    # Measured against the clock of the server: a wrong local clock does no harm.
    since = (_parse_date(date) if date and len(date) <= _MAX_HEADER else None) or now
    if until is None or since is None:
        return None
    return max(0.0, (until - since).total_seconds())
