"""What a visitor is told of every error there is, and what nobody is told."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from partoo_async import ScanReport, errors
from partoo_async._protocol.operations import get_group
from partoo_async.errors import PartooError
from partoo_async.integrations.problems import partoo_error_in, problem_of
from tests.support.each import each

SECRET = "of-partoo-alone"  # in every place where an error keeps what came from there


def status_error(cls: type[errors.APIStatusError], status: int, retry_after: float | None = None) -> PartooError:
    return cls(status, {"errors": SECRET}, f"GET /{SECRET}", retry_after, SECRET, SECRET)


# Of each class: one error, and the status and Retry-After that it is answered with.
TABLE = {
    "PartooError": (PartooError(SECRET), 500, None),
    "ConfigurationError": (errors.ConfigurationError(SECRET), 500, None),
    "ClientClosedError": (errors.ClientClosedError(SECRET), 503, 1),
    "QuotaExceededError": (errors.QuotaExceededError(SECRET, 12.2), 503, 13),
    "DeadlineExceededError": (errors.DeadlineExceededError(SECRET, errors.APIConnectionError(SECRET)), 504, None),
    "APIConnectionError": (errors.APIConnectionError(SECRET, True, SECRET), 502, None),
    "APITimeoutError": (errors.APITimeoutError(SECRET, True, SECRET), 504, None),
    "APIResponseValidationError": (errors.APIResponseValidationError((SECRET,), 200, SECRET), 502, None),
    "APIStatusError": (status_error(errors.APIStatusError, 302), 502, None),
    "BadRequestError": (status_error(errors.BadRequestError, 400), 502, None),
    "AuthenticationError": (status_error(errors.AuthenticationError, 401), 502, None),
    "PermissionDeniedError": (status_error(errors.PermissionDeniedError, 403), 502, None),
    "NotFoundError": (status_error(errors.NotFoundError, 404), 404, None),
    "UnsupportedMediaTypeError": (status_error(errors.UnsupportedMediaTypeError, 415), 502, None),
    "RateLimitError": (status_error(errors.RateLimitError, 429, 7.0), 503, 7),
    "InternalServerError": (status_error(errors.InternalServerError, 503, 7.0), 502, None),
    "LostUpdateError": (errors.LostUpdateError(SECRET, business_ids=(SECRET,)), 409, None),
    "ScanError": (errors.ScanError(SECRET, ScanReport((), 0, 0.0)), 502, None),
}


def test_no_class_is_forgotten() -> None:
    """The table has every class of the error tree, by the class itself."""
    classes = {name for name in errors.__all__ if issubclass(getattr(errors, name), PartooError)}
    assert set(TABLE) == classes
    assert {name: type(error).__name__ for name, (error, _, _) in TABLE.items()} == {name: name for name in TABLE}


@each("name", TABLE)
def test_every_error_has_its_answer(name: str) -> None:
    """A status of its own fault or of its visitor's, its phrase, a sentence, and when to come back if anybody knows."""
    error, status, retry_after = TABLE[name]
    problem = problem_of(error)
    assert (problem.status, problem.title, problem.retry_after) == (status, HTTPStatus(status).phrase, retry_after)
    assert problem.detail.endswith(".")
    assert problem.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))


@pytest.mark.parametrize("value", [-1, 2**63, "abc", "-1", ""])
def test_what_is_no_id_is_not_found(value: object) -> None:
    """A number or a text that cannot be the id of anything is answered as one that is not: a visitor may have sent it.

    Any other mistake is the application's, and is told its log with a traceback.
    """
    with pytest.raises(errors.ConfigurationError) as caught:
        get_group(7, value)
    assert problem_of(caught.value) == problem_of(TABLE["NotFoundError"][0])
    with pytest.raises(errors.ConfigurationError) as caught:
        get_group(7, None)
    assert problem_of(caught.value).status == 500


@each("name", TABLE)
def test_nothing_of_partoo_reaches_a_visitor(name: str) -> None:
    """Neither what Partoo said, nor the route that was asked, nor the server's address is in any part of an answer."""
    problem = problem_of(TABLE[name][0])
    assert SECRET not in repr(problem) + repr(problem.headers) + problem.body.decode()


def test_the_document_is_that_of_rfc_9457() -> None:
    """A JSON object with type, title, status and detail, under its own media type; a problem is not for caches."""
    problem = problem_of(TABLE["NotFoundError"][0])
    assert problem.headers == {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    assert json.loads(problem.body) == problem.document
    assert set(problem.document) == {"type", "title", "status", "detail"}
    assert (problem.document["type"], problem.document["status"]) == ("about:blank", 404)


@each(
    ("seconds", "expected"),
    [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (60.0, 60), (1e300, 86400), (float("inf"), 86400)],
)
def test_retry_after_is_whole_seconds_of_at_least_one(seconds: float, expected: int) -> None:
    """Rounded up, since who comes back a moment too early is refused again; and a day at most."""
    assert problem_of(errors.QuotaExceededError("", seconds)).retry_after == expected


def test_a_429_without_a_time_is_the_usual_minute() -> None:
    """As long as the client itself pauses then."""
    assert problem_of(status_error(errors.RateLimitError, 429)).retry_after == 60


def test_subclasses_are_answered_like_their_parents() -> None:
    """An error class of the application's own, made from one of ours, needs no answer of its own."""
    mine = type("Mine", (errors.NotFoundError,), {})
    assert problem_of(mine(404)).status == 404
    assert problem_of(type("Other", (PartooError,), {})("")).status == 500


def test_a_group_of_errors_of_ours_is_its_first() -> None:
    """What a TaskGroup raises is answered like the error that ended it, unless something else went wrong as well."""
    first, second = TABLE["NotFoundError"][0], TABLE["ScanError"][0]
    assert partoo_error_in(first) is first
    assert partoo_error_in(ExceptionGroup("", [ExceptionGroup("", [first]), second])) is first
    assert partoo_error_in(ExceptionGroup("", [first, ValueError()])) is None
    assert partoo_error_in(ValueError()) is None
