"""The error tree: its shape, its texts, and that every error survives pickling and copying."""

from __future__ import annotations

import copy
import pickle
import re
from typing import TYPE_CHECKING

import pytest

from partoo_async import errors
from partoo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    InternalServerError,
    LostUpdateError,
    NotFoundError,
    PartooError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ScanError,
    UnsupportedMediaTypeError,
)
from partoo_async.models import BadRequestBody, BadRequestErrors, ForbiddenBody, UnauthenticatedBody
from tests.support.each import each

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTE = "GET /sections/7/groups/42"
SERVER = "production (https://api.partoo.co/v2)"
ATTEMPTS = (Attempt("503", 0.25, True), Attempt("APIConnectionError", 1.5, False))

# One of every class, with every argument given. ScanError takes any report here: what it carries is its own matter.
EVERY_ERROR: list[PartooError] = [
    PartooError("something"),
    ConfigurationError("name: expected a string, not int"),
    ClientClosedError("the client is closed"),
    QuotaExceededError("no room before the deadline", 12.5),
    DeadlineExceededError("90 s are over", InternalServerError(503, "<html>", ROUTE)),
    APIConnectionError("refused", False, ROUTE),
    APITimeoutError("15 s are over", True, ROUTE),
    APIResponseValidationError(("expected int @ $.id", "expected str @ $.name"), 200, ROUTE),
    APIStatusError(418, {"tea": True}, ROUTE, 1.0, "short and stout", SERVER),
    BadRequestError(400, BadRequestBody(BadRequestErrors({"name": ["taken"]})), ROUTE, None, "name: taken", SERVER),
    AuthenticationError(401, UnauthenticatedBody(), ROUTE, None, "User not authenticated", SERVER),
    PermissionDeniedError(403, ForbiddenBody(), ROUTE, None, "Operation not allowed", SERVER),
    NotFoundError(404, {"errors": {"json": "Resource not found"}}, ROUTE, None, "Resource not found", SERVER),
    UnsupportedMediaTypeError(415, None, ROUTE, None, "", SERVER),
    RateLimitError(429, None, ROUTE, 60.0, "", SERVER),
    InternalServerError(502, "<html>Bad Gateway</html>", ROUTE, 3.0, "", SERVER),
    LostUpdateError("accepted twice", business_ids=("a",)),
    ScanError("1 group failed", {"a": "report"}),  # type: ignore[arg-type]
    # What follows from an error is said when it is made.
    ConfigurationError("section_id: expected an id", unknown_id=True),
    ConfigurationError("name: expected a name", invalid_value=True),
    ClientClosedError("the client is closed", request_sent=True),
    APIConnectionError("no HTTP", True, ROUTE, max_retries=2),
    APIResponseValidationError(("expected id 7 @ $.id",), 200, ROUTE, transient=True, max_retries=1, foreign=True),
    InternalServerError(503, None, ROUTE, 3.0, "", SERVER, transient=True),
]

every_error = each("error", EVERY_ERROR)
every_way = each(
    "duplicate",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        *(
            pytest.param(lambda error, number=number: pickle.loads(pickle.dumps(error, number)), id=f"pickle{number}")
            for number in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)


def fields(error: BaseException) -> dict[str, object]:
    """What an error carries, with nested errors unfolded, since exceptions compare by identity."""
    return {
        name: (type(value), fields(value)) if isinstance(value, PartooError) else value
        for name, value in vars(error).items()
    }


def descendants(cls: type[PartooError]) -> set[type[PartooError]]:
    return {cls}.union(*(descendants(child) for child in cls.__subclasses__() if child.__module__ == errors.__name__))


def documented_tree() -> dict[str, tuple[str, str | None]]:
    """Class -> (parent, builtin base or None), read from the drawing at the top of the module."""
    found: dict[str, tuple[str, str | None]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r" {4}([│├└─ ]*)([A-Za-z]+Error|InternalServerError)( \((\w+)\))?( |$)", line)
        if drawn:
            depth = len(drawn[1]) // 4
            path[depth:] = [drawn[2]]
            found[drawn[2]] = (path[depth - 1] if depth else "Exception", drawn[4])
    return found


def test_every_class_is_exercised_here() -> None:
    """The list above holds one instance of every error class, so that a new class cannot be forgotten."""
    assert {type(error) for error in EVERY_ERROR} == descendants(PartooError)


def test_the_drawn_tree_is_the_tree() -> None:
    """The tree that opens the module names exactly the classes there are, each under its parent and builtin base."""
    real = {}
    for cls in descendants(PartooError):
        parent, *others = cls.__bases__
        real[cls.__name__] = (parent.__name__, others[0].__name__ if others else None)
    assert documented_tree() == real


def test_everything_is_exported() -> None:
    """``__all__`` is sorted and holds every error and ``Attempt``."""
    assert errors.__all__ == sorted({cls.__name__ for cls in descendants(PartooError)} | {"Attempt"})


@each(
    ("cls", "builtin"),
    [
        pytest.param(ConfigurationError, ValueError, id="configuration"),
        pytest.param(ClientClosedError, RuntimeError, id="closed"),
        pytest.param(DeadlineExceededError, TimeoutError, id="deadline"),
        pytest.param(APITimeoutError, TimeoutError, id="attempt"),
        pytest.param(APITimeoutError, APIConnectionError, id="a timeout is a connection error"),
    ],
)
def test_builtin_bases(cls: type[PartooError], builtin: type[Exception]) -> None:
    """``except ValueError`` and ``except TimeoutError`` catch what people expect them to."""
    assert issubclass(cls, builtin)


@every_way
@every_error
def test_errors_survive_duplication(error: PartooError, duplicate: Callable[[PartooError], PartooError]) -> None:
    """Every error crosses a process boundary whole: class, text, arguments, attempts and own fields."""
    original = copy.copy(error)
    original.attempts = ATTEMPTS
    original.add_note("while scanning")
    twin = duplicate(original)
    assert twin is not original
    assert type(twin) is type(error)
    assert twin.args == original.args
    assert fields(twin) == fields(original)
    assert twin.attempts == ATTEMPTS
    assert str(twin) == str(original)
    assert repr(twin) == repr(original)


@every_way
def test_a_duplicate_leaves_the_cause_behind(duplicate: Callable[[PartooError], PartooError]) -> None:
    """Causes may hold requests, frames and keys: they stay where they were."""
    error = APIConnectionError("refused")
    error.__cause__ = OSError("a live one")
    error.__context__ = KeyError("another")
    twin = duplicate(error)
    assert twin.__cause__ is None
    assert twin.__context__ is None
    assert twin.__traceback__ is None


@each(
    "make",
    [
        pytest.param(lambda **facts: ConfigurationError("bad", **facts), id="base"),
        pytest.param(lambda **facts: QuotaExceededError("full", 1.0, **facts), id="quota"),
        pytest.param(lambda **facts: DeadlineExceededError("over", **facts), id="deadline"),
        pytest.param(lambda **facts: APITimeoutError("slow", **facts), id="connection"),
        pytest.param(lambda **facts: APIResponseValidationError(("cut",), **facts), id="validation"),
        pytest.param(lambda **facts: NotFoundError(404, **facts), id="status"),
    ],
)
def test_what_is_said_of_an_error_is_an_attribute_of_it(make: Callable[..., PartooError]) -> None:
    """A keyword sets an attribute of the class; one that the class does not know is refused."""
    assert (make(transient=True).transient, make(max_retries=1).max_retries) == (True, 1)
    with pytest.raises(TypeError, match="has no 'transiet'"):
        make(transiet=True)


def test_a_copy_is_its_own() -> None:
    """Setting the attempts of a copy leaves those of the original alone."""
    error = APIStatusError(418)
    twin = copy.copy(error)
    twin.attempts = ATTEMPTS
    assert error.attempts == ()


@every_error
def test_errors_print_in_one_line(error: PartooError) -> None:
    """The text is never empty, is one line, and shows no Python noise of tuples and errnos."""
    text = str(error)
    assert text
    assert text == text.strip()
    assert len(text.splitlines()) == 1
    assert not text.startswith(("(", "["))


@each(
    ("count", "text"),
    [
        pytest.param(0, "refused", id="never sent"),
        pytest.param(1, "refused", id="one try is no news"),
        pytest.param(2, "refused (after 2 attempts)", id="two"),
        pytest.param(5, "refused (after 5 attempts)", id="five"),
    ],
)
def test_the_text_counts_attempts(count: int, text: str) -> None:
    """An error that survived retries says how many attempts there were."""
    error = APIConnectionError("refused")
    error.attempts = ATTEMPTS[:1] * count
    assert str(error) == text


def test_attempts_are_empty_by_default() -> None:
    """Nothing sent, nothing tried."""
    assert PartooError("x").attempts == ()
    assert str(PartooError()) == ""


@each(
    ("error", "text"),
    [
        pytest.param(APIStatusError(418), "418 I'm a Teapot", id="status alone"),
        pytest.param(APIStatusError(599), "599", id="status without a phrase"),
        pytest.param(NotFoundError(404, None, ROUTE), "404 Not Found for GET /sections/7/groups/42", id="route"),
        pytest.param(
            NotFoundError(404, None, ROUTE, None, "Resource not found"),
            "404 Not Found for GET /sections/7/groups/42: Resource not found",
            id="detail",
        ),
        pytest.param(
            BadRequestError(400, None, ROUTE, None, "name: taken", SERVER),
            "400 Bad Request for GET /sections/7/groups/42: name: taken",
            id="no hint at the server where it does not help",
        ),
        pytest.param(
            APIResponseValidationError(("expected int @ $.id", "missing @ $.name"), 200, ROUTE),
            "unusable 200 response to GET /sections/7/groups/42: expected int @ $.id; missing @ $.name",
            id="validation",
        ),
        pytest.param(
            APIResponseValidationError(("too large",)), "unusable 200 response to the request: too large", id="no route"
        ),
    ],
)
def test_texts(error: PartooError, text: str) -> None:
    """The text of an error names the status, the request and what the server said."""
    assert str(error) == text


@each("status", [401, 403])
def test_hint_at_the_server(status: int) -> None:
    """A 401 or 403 names the server that it came from, since a key of the sandbox looks like one of production."""
    text = str(APIStatusError(status, None, ROUTE, None, "", SERVER))
    assert "sent to production (https://api.partoo.co/v2)" in text
    assert "key of another server?" in text
    assert "server" not in str(APIStatusError(status, None, ROUTE))


def test_a_304_is_no_redirect() -> None:
    """It needs no advice about the server's URL."""
    assert str(APIStatusError(304, None, ROUTE, None, "", SERVER)) == f"304 Not Modified for {ROUTE}"


@each("status", [301, 302, 303, 307, 308])
def test_redirects_say_why_they_fail(status: int) -> None:
    """A 3xx says that redirects are never followed, and where to look."""
    text = str(APIStatusError(status, None, ROUTE, None, "", SERVER))
    assert "redirects are never followed" in text
    assert "check the server's URL" in text


@each("status", [200, 299, 400, 404, 500])
def test_only_redirects_speak_of_redirects(status: int) -> None:
    """No other status does."""
    assert "redirect" not in str(APIStatusError(status, None, ROUTE))


def test_fields() -> None:
    """Callers can act on an error without reading its text."""
    quota = QuotaExceededError("no room", 12.5)
    status = RateLimitError(429, {"a": 1}, ROUTE, 60.0, "", SERVER)
    connection = APIConnectionError("refused", False, ROUTE)
    validation = APIResponseValidationError(("missing @ $.id",), 201, ROUTE)
    last = APITimeoutError("15 s")
    assert quota.retry_after == 12.5
    assert (status.status, status.body, status.route, status.retry_after) == (429, {"a": 1}, ROUTE, 60.0)
    assert status.server == SERVER
    assert (connection.request_sent, connection.route) == (False, ROUTE)
    assert (validation.problems, validation.status, validation.route) == (("missing @ $.id",), 201, ROUTE)
    assert DeadlineExceededError("over", last).last_error is last
    assert DeadlineExceededError("over").last_error is None


def test_a_connection_error_assumes_the_worst() -> None:
    """Unless it is known that nothing was sent, the server may have seen the request: a write is not repeated."""
    assert APIConnectionError("cut").request_sent is True
    assert APITimeoutError("15 s").request_sent is True


@each(
    ("cls", "transient"),
    [
        pytest.param(PartooError, False, id="base"),
        pytest.param(ConfigurationError, False, id="configuration"),
        pytest.param(ClientClosedError, False, id="closed"),
        pytest.param(QuotaExceededError, True, id="quota"),
        pytest.param(DeadlineExceededError, True, id="deadline"),
        pytest.param(APIConnectionError, True, id="connection"),
        pytest.param(APITimeoutError, True, id="timeout"),
        pytest.param(APIResponseValidationError, False, id="validation"),
        pytest.param(BadRequestError, False, id="400"),
        pytest.param(AuthenticationError, False, id="401"),
        pytest.param(PermissionDeniedError, False, id="403"),
        pytest.param(NotFoundError, False, id="404"),
        pytest.param(UnsupportedMediaTypeError, False, id="415"),
        pytest.param(RateLimitError, True, id="429"),
        pytest.param(LostUpdateError, False, id="lost"),
        pytest.param(ScanError, False, id="scan"),
    ],
)
def test_transient(cls: type[PartooError], transient: bool) -> None:
    """Each class says whether trying later, with nothing changed, makes sense."""
    assert cls.transient is transient
