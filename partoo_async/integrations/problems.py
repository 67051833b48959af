"""What an application says to its own visitor when a call to Partoo fails: a status and an RFC 9457 problem. Pure.

The texts are all from here. What Partoo answered, the route that was asked and the key are the application's own affair
and never in a problem: the visitor may be anybody.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    InternalServerError,
    NotFoundError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
    ScanError,
)
from partoo_async.quota.gate import DEFAULT_PAUSE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Problem", "partoo_error_in", "problem_of"]

_BUSY = "There are more requests to Partoo at the moment than its quota allows."

# By class; one that is not here is answered like its parent. So a 400, 401, 403 or 415 of Partoo is a 502: it is this
# application, and not its visitor, that Partoo refuses.
_ANSWERS: Mapping[type[PartooError], tuple[int, str]] = {
    PartooError: (500, "This service failed on its way to Partoo."),
    ConfigurationError: (500, "This service asked Partoo in a way that cannot be right."),
    ClientClosedError: (503, "This service is just being stopped or started."),
    QuotaExceededError: (503, _BUSY),
    DeadlineExceededError: (504, "Partoo gave no answer in time."),
    APIConnectionError: (502, "Partoo could not be reached."),
    APITimeoutError: (504, "Partoo gave no answer in time."),
    APIResponseValidationError: (502, "Partoo gave an answer that cannot be used."),
    APIStatusError: (502, "Partoo refused what this service asked for."),
    NotFoundError: (404, "Partoo knows nothing by that id, or nothing that this service may see."),
    RateLimitError: (503, _BUSY),
    InternalServerError: (502, "Partoo failed."),
    ScanError: (502, "The scan ended before its last group."),
}

_LONGEST = 24 * 3600  # seconds


@frozen
class Problem:
    """An answer to a visitor.

    ``status``: the HTTP status; ``title``: its usual phrase; ``detail``: one sentence for people; ``retry_after``:
    whole seconds after which to come back, at least 1, or None where nobody knows.
    """

    status: int
    title: str
    detail: str
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer: its content type, no caching, and ``Retry-After`` where there is one."""
        headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return headers

    @property
    def document(self) -> dict[str, str | int]:
        """The problem document of RFC 9457; its type is the one that says no more than the status does."""
        return {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}

    @property
    def body(self) -> bytes:
        """The document as JSON in UTF-8."""
        return json.dumps(self.document).encode()


def partoo_error_in(error: BaseException) -> PartooError | None:
    """Return the error of this package that it is, or the first one of a group as a ``TaskGroup`` raises it.

    None if anything else went wrong, too: that must not be hidden behind an answer.
    """
    if isinstance(error, PartooError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    inner = [partoo_error_in(one) for one in error.exceptions]
    return None if None in inner else inner[0]


def problem_of(error: PartooError) -> Problem:
    """Return what to say about any error of this package, subclasses of yours included."""
    known: type = next(cls for cls in type(error).__mro__ if cls in _ANSWERS)
    if isinstance(error, ConfigurationError) and error.unknown_id:
        known = NotFoundError  # there cannot be such a thing, and whoever asked for it may be a visitor
    status, detail = _ANSWERS[known]
    return Problem(status, HTTPStatus(status).phrase, detail, _retry_after(error))


def _retry_after(error: PartooError) -> int | None:
    if isinstance(error, ClientClosedError):
        return 1
    if not isinstance(error, (QuotaExceededError, RateLimitError)):
        return None
    # Rounded up: who comes back a moment too early is refused again.
    seconds = DEFAULT_PAUSE if error.retry_after is None else error.retry_after
    return max(1, math.ceil(min(seconds, _LONGEST)))
