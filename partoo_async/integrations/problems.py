"""Errors as RFC 9457 problems: what an application tells its visitor, and its log."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from attrs import frozen

from partoo_async import errors
from partoo_async._internal.text import one_line
from partoo_async.quota.gate import DEFAULT_PAUSE

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = ["Problem", "log_problem", "partoo_error_in", "problem_of"]

_logger = logging.getLogger("partoo_async.web")

_EVERY = 10.0  # seconds between two lines about the same error at the same place
_PACKAGE = str(Path(errors.__file__).parent)

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
    status, detail = _PROBLEMS[known]
    if isinstance(error, errors.ConfigurationError):
        # Probably the visitor's: an id that cannot exist, or a value that Partoo does not take.
        if error.unknown_id:
            status, detail = _PROBLEMS[errors.NotFoundError]
        elif error.invalid_value:
            status, detail = 422, "Partoo takes no such value."
    return Problem(status, HTTPStatus(status).phrase, detail, _retry_after(error))


def _retry_after(error: errors.PartooError) -> int | None:
    if isinstance(error, errors.ClientClosedError):
        return 1
    if not isinstance(error, (errors.QuotaExceededError, errors.RateLimitError)):
        return None
    # Rounded up: a moment too early is refused again.
    seconds = DEFAULT_PAUSE if error.retry_after is None else error.retry_after
    return max(1, math.ceil(min(seconds, _LONGEST)))


def log_problem(error: errors.PartooError, method: str, path: str) -> Problem:
    """Log an error to ``partoo_async.web``, and return what the visitor is told of it.

    Of the same error at the same place in the application, there is one line in ten seconds; it counts the others.

    Args:
        error: An error of this package.
        method: HTTP method of the visitor's request.
        path: Its path.
    """
    problem = problem_of(error)
    if problem.status < 500:  # the visitor's affair
        _logger.debug("%s %r is answered %d: %s", method, path, problem.status, one_line(str(error)))
        return problem
    unsaid = _turn(_place_of(error))
    if unsaid is not None:
        # The log gets what the visitor is not told. A mistake in the application: the traceback shows where.
        mistake = problem.status == 500
        text = "%s %r is answered %d: %s" + (f" ({unsaid} more like it since the last line)" if unsaid else "")
        facts = method, path, problem.status, one_line(str(error))
        _logger.log(logging.ERROR if mistake else logging.WARNING, text, *facts, exc_info=error if mistake else None)
    return problem


class _NoLoop:
    """Stands for the event loop in a thread that has none."""


# Of each event loop, that is of each application: the time of the last line about something, and the lines left out
# since. Visitors cannot make more of them: the keys are classes, and places in the code.
_lines: WeakKeyDictionary[object, dict[Hashable, tuple[float, int]]] = WeakKeyDictionary()
_no_loop = _NoLoop()


def _turn(key: Hashable) -> int | None:
    """Return how many lines were left out, or None if this one is to be."""
    try:
        owner: object = asyncio.get_running_loop()
    except RuntimeError:
        owner = _no_loop
    lines, now = _lines.setdefault(owner, {}), time.monotonic()
    last, unsaid = lines.get(key, (-math.inf, 0))
    if now - last < _EVERY:
        lines[key] = last, unsaid + 1
        return None
    lines[key] = now, 0
    return unsaid


def _place_of(error: errors.PartooError) -> Hashable:
    """Return the class of an error, and the innermost line outside of this package that it came through."""
    place: tuple[str, int] | None = None
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith(_PACKAGE):
            place = file, traceback.tb_lineno
        traceback = traceback.tb_next
    return type(error), place
