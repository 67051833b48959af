"""Requests and answers as plain values, and what their headers and statuses mean. Pure: no I/O, no JSON library."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from attrs import define, field

from partoo_async.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnsupportedMediaTypeError,
)

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Request",
    "Response",
    "describe_errors",
    "error_class",
    "parse_retry_after",
    "retry_after",
    "retryable_status",
]

_CLASSES: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    415: UnsupportedMediaTypeError,
    429: RateLimitError,
}

# 501, 505 and 511 are answers about the request or the network in front of it: asking again gives the same.
_FINAL_5XX = frozenset({501, 505, 511})
_RETRYABLE_4XX = frozenset({408, 425, 429})

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", re.ASCII)
# A comma divides a list when a space follows ("1,5" is a number of some countries), but not behind the day of a date.
_PARTS = re.compile(r"(?:[ \t]*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,)?(?:[^,]|,(?![ \t]))+", re.ASCII)
_MAX_HEADER = 64
_MAX_DETAIL = 300


@define  # not frozen, here and below: they are made for each request, and setting a frozen field costs thrice as much
class Request:
    """One HTTP request, ready to send. ``path`` starts with a slash and is already percent-encoded, query included.

    ``may_leave`` is asked right before the first byte is written.
    """

    method: str
    path: str
    body: bytes | None = None
    may_leave: Callable[[], bool] | None = field(default=None, eq=False, repr=False)

    @property
    def route(self) -> str:
        """Method and path without the query, for messages: a query may hold what is not ours to log."""
        return f"{self.method} {self.path.partition('?')[0]}"


@define
class Response:
    """One HTTP answer. Header names are matched in any case.

    ``body`` is decompressed and complete, or left out where it was ``cut`` off and the status says enough.
    """

    status: int
    # Not shown: a traceback with local variables would print what a server quotes of the request, the key among it.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut: bool = False


def error_class(status: int) -> type[APIStatusError]:
    """Return the error class of a status. The body has no say in it."""
    if 500 <= status < 600:
        return InternalServerError
    return _CLASSES.get(status, APIStatusError)


def retryable_status(status: int) -> bool:
    """Whether an answer with this status may be different next time."""
    return status in _RETRYABLE_4XX or (500 <= status < 600 and status not in _FINAL_5XX)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # Without a zone it is the asctime form of RFC 9110, which is UTC.
        return moment.astimezone() if moment.tzinfo else moment.replace(tzinfo=UTC)
    except Exception:  # the parser of the standard library raises seven kinds of error on hostile dates
        return None


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds that an answer asks to wait for, or None. Of several lines the longest time counts."""
    # The method, here and below, since tracebacks with local variables show what headers hold.
    lines = getattr(headers, "getall", None)
    values = lines("Retry-After", ()) if lines is not None else (headers.get("Retry-After"),)
    date = headers.get("Date")
    waits = [wait for value in values if (wait := parse_retry_after(value, date, now=now)) is not None]
    return max(waits, default=None)


def parse_retry_after(value: str | None, date: str | None = None, *, now: datetime | None = None) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for, or None when it is absent or unusable. Never raises.

    Both forms of RFC 9110 are read: seconds (a fraction is tolerated) and an HTTP date. A date is measured against
    the answer's own ``Date`` header, so that a wrong local clock does no harm; without one, against ``now``. A date
    that has passed means 0. Of a list, into which proxies join several lines, the longest time counts.
    """
    if value is None or len(value) > _MAX_HEADER:
        return None
    waits = [wait for part in _PARTS.findall(value) if (wait := _wait(part.strip(" \t"), date, now)) is not None]
    return max(waits, default=None)


def _wait(value: str, date: str | None, now: datetime | None) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    until = _moment(value)
    since = (_moment(date) if date and len(date) <= _MAX_HEADER else None) or now
    if until is None or since is None:
        return None
    return max(0.0, (until - since).total_seconds())


def describe_errors(body: object) -> str:
    """Return one short line for people out of an error body, or "".

    Every variant that the documentation shows is read: the top key ``errors`` or ``error``, under it an object, a
    list or a text, in which ``json`` is an object or a text.
    """
    if isinstance(body, dict):
        body = body.get("errors", body.get("error", body))
    text = "; ".join(_leaves(body, "", 0))
    # It is printed on terminals and into logs: no line breaks, no escape sequences.
    text = "".join(char if char.isprintable() else " " for char in text).strip()
    return text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 1] + "…"


def _leaves(value: object, label: str, depth: int) -> list[str]:
    """The texts of an error body with their labels. Bounded in depth and breadth: the body is not ours."""
    if depth > 4:
        return []
    if isinstance(value, dict):
        parts: list[str] = []
        for key, inner in list(value.items())[:10]:
            # These three name where the API puts its message, not what is wrong.
            known = depth == 0 and key in ("json", "authentication", "authorization")
            parts += _leaves(inner, label if known else f"{label}.{key}".lstrip("."), depth + 1)
        return parts
    if isinstance(value, list):
        return [part for inner in value[:10] for part in _leaves(inner, label, depth + 1)]
    if value is None or isinstance(value, bool):
        return []
    text = " ".join(str(value).split())
    return [f"{label}: {text}" if label else text] if text else []
