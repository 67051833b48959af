"""The exit code of every error."""

from __future__ import annotations

import partoo_async.errors as errors_module
from partoo_async import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    ConfigurationError,
    DeadlineExceededError,
    InternalServerError,
    LostUpdateError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
    ScanError,
    ScanReport,
)
from partoo_async._internal.describe import describe
from partoo_async.cli.exit_codes import EXIT_CODES, exit_code, scan_code
from tests.support.each import each


def later(error: PartooError) -> PartooError:
    """The error as the client raises it where the same call may succeed later."""
    error.transient = True
    return error


@each(
    ("error", "code"),
    [
        (ConfigurationError("bad"), 2),
        (QuotaExceededError("full", 3.0), 4),
        (DeadlineExceededError("late"), 4),
        (APIConnectionError("cut"), 4),
        (APITimeoutError("slow"), 4),
        (APIResponseValidationError(("expected int @ $.id",)), 3),
        (LostUpdateError("accepted twice"), 3),
        (ScanError("early", ScanReport((), 0, 0.0)), 1),
        *((APIStatusError(status), 3) for status in (302, 400, 401, 403, 404, 409, 415, 418)),
        *((later(APIStatusError(status)), 4) for status in (408, 425)),
        *((InternalServerError(status), 4) for status in (500, 501, 502, 503, 504)),
        (RateLimitError(429), 4),
        (later(ScanError("outage", ScanReport((), 0, 0.0))), 4),
        (later(APIResponseValidationError(("expected int @ $.id",))), 3),
    ],
)
def test_each_error_has_its_code(error: PartooError, code: int) -> None:
    """2 for what is wrong here, 3 for what the API refuses, 4 for what may work later, 1 for a scan."""
    assert exit_code(error) == code


def test_every_class_of_error_has_a_documented_code() -> None:
    """No error of the package falls through to a code that the help does not list."""
    documented = {code for code, _ in EXIT_CODES}
    for name in errors_module.__all__:
        cls = getattr(errors_module, name)
        if issubclass(cls, PartooError):
            error = cls.__new__(cls)
            error.__dict__["status"] = 404
            assert exit_code(error) in documented


@each(
    ("codes", "succeeded", "code"),
    [(set(), 0, 0), (set(), 5, 0), ({3}, 5, 1), ({3}, 0, 3), ({4}, 0, 4), ({3, 4}, 0, 1)],
)
def test_a_scan_ends_with_1_unless_one_reason_spoiled_it_all(codes: set[int], succeeded: int, code: int) -> None:
    """0 without failures; the reason's own code when nothing else came out of the scan; else 1."""
    assert scan_code(codes, succeeded=succeeded) == code


def test_an_error_is_described_on_one_line_without_control_characters() -> None:
    """What the server wrote into an error cannot break the line or steer the terminal."""
    assert describe(APIStatusError(400, detail="no\nsuch \x1b[2Jname")) == r"400 Bad Request: no such \x1b[2Jname"


@each(
    ("sent", "text"),
    [
        ([], "refused (the request was not sent)"),
        ([False], "refused (the request was not sent)"),
        ([False, False], "refused (after 2 attempts; the request was not sent)"),
        ([False, True, False], "refused (after 3 attempts; the last was not sent)"),
        ([True], "refused"),
        ([False, True], "refused (after 2 attempts)"),
    ],
)
def test_an_error_says_when_nothing_was_sent(sent: list[bool], text: str) -> None:
    """A refused connection tells that the server has not seen the request, in one remark with the attempts."""
    error = APIConnectionError("refused", request_sent=bool(sent) and sent[-1])
    error.attempts = tuple(Attempt("503", 0.1, one) for one in sent)
    assert describe(error) == text


def test_an_error_without_words_is_named() -> None:
    """An empty message leaves the class name, not an empty line."""
    assert describe(DeadlineExceededError("")) == "DeadlineExceededError"
