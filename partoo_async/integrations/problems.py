"""Errors as RFC 9457 problems: what an application tells its visitor. No I/O."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async import errors
from partoo_async.quota.gate import DEFAULT_PAUSE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Problem", "partoo_error_in", "problem_of"]

# The visitor may be anybody, so every text is from here: nothing of Partoo's response, the route or the key.
_BUSY = "There are more requests to Partoo at the moment than its quota allows."

# By class; one that is not here is like its parent. A 400, 401, 403 or 415 of Partoo is a 502: it refuses this
# application, and not the visitor.
_PROBLEMS: Mapping[type[errors.PartooError], tuple[int, str]] = {
    errors.PartooError: (500, "This service failed on its way to Partoo."),
    errors.ConfigurationError: (500, "This service sent Partoo a wrong request."),
    errors.ClientClosedError: (503, "This service is stopping or starting."),
    errors.QuotaExceededError: (503, _BUSY),
    errors.DeadlineExceededError: (504, "Partoo did not respond in time."),
    errors.APIConnectionError: (502, "Partoo could not be reached."),
    errors.APITimeoutError: (504, "Partoo did not respond in time."),
    errors.APIResponseValidationError: (502, "Partoo sent an unusable response."),
    errors.APIStatusError: (502, "Partoo refused the request of this service."),
    errors.NotFoundError: (404, "Partoo has nothing with that id, or nothing that this service may see."),
    errors.RateLimitError: (503, _BUSY),
    errors.InternalServerError: (502, "Partoo failed."),
    errors.LostUpdateError: (409, "Somebody else is changing the same group."),
    errors.ScanError: (502, "The scan ended before its last group."),
}

_LONGEST = 24 * 3600  # seconds; whatever a server may say


@frozen
class Problem:
    """What a visitor is told.

    Attributes:
        status: HTTP status.
        title: Its phrase.
        detail: One sentence.
        retry_after: Seconds to wait, at least 1, or None if unknown.
    """

    status: int
    title: str
    detail: str
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the response."""
        headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return headers

    @property
    def document(self) -> dict[str, str | int]:
        """The problem document of RFC 9457."""
        # This type says no more than the status.
        return {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}

    @property
    def body(self) -> bytes:
        """The document as JSON in UTF-8."""
        return json.dumps(self.document).encode()


def partoo_error_in(error: BaseException) -> errors.PartooError | None:
    """Return the error of this package in an exception.

    Args:
        error: An exception, or a group of them.

    Returns:
        The error itself, or the first of a group that holds no others; else None.
    """
    if isinstance(error, errors.PartooError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    # Any other error in the group must not be hidden behind a response.
    inner = [partoo_error_in(one) for one in error.exceptions]
    return None if None in inner else inner[0]


def problem_of(error: errors.PartooError) -> Problem:
    """Return what a visitor is told of an error: nothing of Partoo.

    Args:
        error: An error of this package, or of a subclass of yours.
    """
    # The parents of a subclass of yours are known.
    known: type = next(cls for cls in type(error).__mro__ if cls in _PROBLEMS)
    if isinstance(error, errors.ConfigurationError) and error.unknown_id:
        known = errors.NotFoundError  # an id that cannot exist, probably the visitor's
    status, detail = _PROBLEMS[known]
    return Problem(status, HTTPStatus(status).phrase, detail, _retry_after(error))


def _retry_after(error: errors.PartooError) -> int | None:
    if isinstance(error, errors.ClientClosedError):
        return 1
    if not isinstance(error, (errors.QuotaExceededError, errors.RateLimitError)):
        return None
    # Rounded up: a moment too early is refused again.
    seconds = DEFAULT_PAUSE if error.retry_after is None else error.retry_after
    return max(1, math.ceil(min(seconds, _LONGEST)))
