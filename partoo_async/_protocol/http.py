"""Requests and responses as plain values, and what statuses, headers and error bodies mean. No JSON library."""

from __future__ import annotations

import re
from collections.abc import Mapping
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

# 501 and 505 are about the request, 511 about the network in front of the server: a retry gets the same response.
_FINAL_5XX = frozenset({501, 505, 511})
_RETRYABLE_4XX = frozenset({408, 425, 429})

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", re.ASCII)
# A comma divides a list if a space follows: "1,5" is one number in some countries. Not so after the day of a date.
_PARTS = re.compile(r"(?:[ \t]*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,)?(?:[^,]|,(?![ \t]))+", re.ASCII)
_MAX_HEADER = 64
_MAX_DETAIL = 300


@define  # not frozen, here and below: made for each request, and setting a frozen field costs three times as much
class Request:
    """One HTTP request, ready to send.

    Attributes:
        path: Starts with a slash. Percent-encoded, with the query.
    """

    method: str
    path: str
    body: bytes | None = None

    @property
    def route(self) -> str:
        """Method and path, for messages. Without the query, which may hold what must not be logged."""
        return f"{self.method} {self.path.partition('?')[0]}"


@define
class Response:
    """One HTTP response.

    Attributes:
        status: The status code.
        headers: Names match in any case.
        body: Decompressed and complete. Empty if ``cut``.
        cut: The body could not be read, but the status says enough without it.
    """

    status: int
    # Not in the repr: a server may quote the request with its key, and tracebacks may show local variables.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut: bool = False


def error_class(status: int) -> type[APIStatusError]:
    """Return the error class for a status. The body has no say."""
    if 500 <= status < 600:
        return InternalServerError
    return _CLASSES.get(status, APIStatusError)


def retryable_status(status: int) -> bool:
    """Whether a retry may get another response than this status."""
    return status in _RETRYABLE_4XX or (500 <= status < 600 and status not in _FINAL_5XX)


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is the asctime form of RFC 9110, which is in UTC.
        return moment.astimezone() if moment.tzinfo else moment.replace(tzinfo=UTC)
    except Exception:  # parsedate_to_datetime raises seven kinds of error for hostile dates
        return None


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return how many seconds a response asks to wait: the most of its ``Retry-After`` lines, or None.

    Args:
        headers: Those of the response.
        now: See ``parse_retry_after``.
    """
    # A multidict holds several lines, a plain mapping one. ``lines`` is the method: tracebacks with local variables
    # would show the values of all headers otherwise.
    lines = getattr(headers, "getall", None)
    values = lines("Retry-After", ()) if lines is not None else (headers.get("Retry-After"),)
    date = headers.get("Date")
    waits = [wait for value in values if (wait := parse_retry_after(value, date, now=now)) is not None]
    return max(waits, default=None)


def parse_retry_after(value: str | None, date: str | None = None, *, now: datetime | None = None) -> float | None:
    """Return how long a ``Retry-After`` asks to wait. Never raises.

    Args:
        value: Seconds, with or without a fraction, or an HTTP date (RFC 9110). Or a list, since proxies join lines.
        date: The ``Date`` of the same response. A date is measured against it, so a wrong local clock does no harm.
        now: The time to measure against if ``date`` is missing or unusable.

    Returns:
        Seconds, the most of a list; 0 for a date that has passed. None: missing or unusable.
    """
    if value is None or len(value) > _MAX_HEADER:
        return None
    waits = [wait for part in _PARTS.findall(value) if (wait := _seconds(part.strip(" \t"), date, now)) is not None]
    return max(waits, default=None)


def _seconds(value: str, date: str | None, now: datetime | None) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    until = _parse_date(value)
    since = (_parse_date(date) if date and len(date) <= _MAX_HEADER else None) or now
    if until is None or since is None:
        return None
    return max(0.0, (until - since).total_seconds())


def describe_errors(body: object) -> str:
    """Return the messages of an error body as one line for people.

    Args:
        body: Decoded JSON. All documented variants are read: ``errors`` or ``error`` on top, under it an object, a list
            or a string, in which ``json`` is an object or a string.

    Returns:
        At most 300 printable characters. "" if there is no message.
    """
    if isinstance(body, dict):
        body = body.get("errors", body.get("error", body))
    text = "; ".join(_leaves(body, "", 0))
    # It gets on terminals and into logs: no line breaks, no escape sequences.
    text = "".join(char if char.isprintable() else " " for char in text).strip()
    return text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 1] + "…"


def _leaves(value: object, label: str, depth: int) -> list[str]:
    """The strings of an error body, each with its label."""
    if depth > 4:  # bounded, like the breadth below: the server decides what the body is
        return []
    if isinstance(value, dict):
        parts: list[str] = []
        for key, inner in list(value.items())[:10]:
            # These three say where the API puts its message, not what is wrong.
            known = depth == 0 and key in ("json", "authentication", "authorization")
            parts += _leaves(inner, label if known else f"{label}.{key}".lstrip("."), depth + 1)
        return parts
    if isinstance(value, list):
        return [part for inner in value[:10] for part in _leaves(inner, label, depth + 1)]
    if value is None or isinstance(value, bool):
        return []
    text = " ".join(str(value).split())
    return [f"{label}: {text}" if label else text] if text else []
