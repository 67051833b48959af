"""What statuses, headers and error bodies mean: tables, and the promise that no header is too hostile to read."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from partoo_async._protocol.error_bodies import describe_errors
from partoo_async._protocol.http import Request
from partoo_async._protocol.retry_after import parse_retry_after, retry_after
from partoo_async._protocol.statuses import status_rule
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
from tests.support.each import each

DATE = "Sun, 06 Nov 1994 08:49:07 GMT"  # the answer's own clock, in the tables below
NOW = datetime(1994, 11, 6, 8, 49, 0, tzinfo=UTC)  # the local clock, seven seconds behind it


@each(
    ("status", "cls"),
    [
        pytest.param(400, BadRequestError, id="400"),
        pytest.param(401, AuthenticationError, id="401"),
        pytest.param(403, PermissionDeniedError, id="403"),
        pytest.param(404, NotFoundError, id="404"),
        pytest.param(415, UnsupportedMediaTypeError, id="415"),
        pytest.param(429, RateLimitError, id="429"),
        *(pytest.param(status, InternalServerError, id=str(status)) for status in (500, 501, 502, 503, 504, 505, 511)),
        pytest.param(520, InternalServerError, id="520, a gateway's own"),
        pytest.param(599, InternalServerError, id="599"),
        *(pytest.param(status, APIStatusError, id=str(status)) for status in (101, 300, 301, 302, 303, 304, 307, 308)),
        *(pytest.param(status, APIStatusError, id=str(status)) for status in (402, 405, 408, 409, 410, 418, 422, 425)),
        pytest.param(499, APIStatusError, id="499"),
        pytest.param(600, APIStatusError, id="600 is no 5xx"),
        pytest.param(999, APIStatusError, id="999"),
    ],
)
def test_the_class_of_a_status(status: int, cls: type[APIStatusError]) -> None:
    """The status alone decides the class."""
    assert status_rule(status).error is cls
    assert type(status_rule(status).make(status)) is cls


@each(
    ("status", "again"),
    [
        *(pytest.param(status, True, id=str(status)) for status in (408, 425, 429, 500, 502, 503, 504, 507, 520, 599)),
        *(pytest.param(status, False, id=str(status)) for status in (501, 505, 511)),
        *(pytest.param(status, False, id=str(status)) for status in (101, 200, 204, 301, 304, 307)),
        *(pytest.param(status, False, id=str(status)) for status in (400, 401, 403, 404, 409, 415, 418, 422, 499)),
        pytest.param(600, False, id="600"),
    ],
)
def test_which_statuses_are_transient(status: int, again: bool) -> None:
    """Asking again helps after a 408, 425, 429 and most of 5xx, and after nothing else."""
    assert status_rule(status).make(status).transient is again


@each(
    ("value", "seconds"),
    [
        pytest.param("60", 60.0, id="seconds"),
        pytest.param("0", 0.0, id="zero"),
        pytest.param("007", 7.0, id="leading zeros"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("1.", 1.0, id="point at the end"),
        pytest.param(".5", 0.5, id="point in front"),
        pytest.param(" 60\t", 60.0, id="white space around"),
        pytest.param("86400", 86400.0, id="a day"),
        pytest.param("9" * 64, 1e64, id="64 digits"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", 30.0, id="date"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", 30.0, id="date of RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", 30.0, id="date of asctime, which is UTC"),
        pytest.param("Sun, 06 Nov 1994 09:49:37 +0100", 30.0, id="date with an offset"),
        pytest.param("Sun, 06 Nov 1994 08:49:07 GMT", 0.0, id="this very moment"),
        pytest.param("Sun, 06 Nov 1994 08:48:07 GMT", 0.0, id="a minute ago"),
        pytest.param("Mon, 01 Jan 1990 00:00:00 GMT", 0.0, id="years ago"),
        pytest.param("Mon, 07 Nov 1994 08:49:07 GMT", 86400.0, id="tomorrow"),
        pytest.param("2, 2", 2.0, id="list"),
        pytest.param("2 ,\t7, 3", 7.0, id="the longest of a list"),
        pytest.param("2, Sun, 06 Nov 1994 08:49:37 GMT, 3", 30.0, id="list with a date"),
        pytest.param("soon, 4", 4.0, id="list with garbage"),
    ],
)
def test_retry_after(value: str, seconds: float) -> None:
    """Seconds and dates are read, a date against the answer's own clock; a past one means now."""
    assert parse_retry_after(value, DATE) == seconds
    assert parse_retry_after(value, DATE, now=NOW) == seconds


@each(
    "value",
    [
        pytest.param(None, id="absent"),
        pytest.param("", id="empty"),
        pytest.param("   ", id="blank"),
        pytest.param("-1", id="negative"),
        pytest.param("+1", id="sign"),
        pytest.param("1e3", id="exponent"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("1_000", id="underscore"),
        pytest.param("1,5", id="comma"),
        pytest.param("soon, later", id="list of words"),
        pytest.param("60;60", id="another list"),
        pytest.param("60s", id="unit"),
        pytest.param("60\n", id="line break"),
        pytest.param(".", id="point"),
        pytest.param("1.2.3", id="version"),
        pytest.param("nan", id="nan"),
        pytest.param("inf", id="inf"),
        pytest.param("Infinity", id="Infinity"),
        pytest.param("١٢", id="Arabic digits"),
        pytest.param("\uff16\uff10", id="full-width digits"),
        pytest.param("²", id="superscript"),
        pytest.param("9" * 65, id="65 digits"),
        pytest.param("soon", id="word"),
        pytest.param("Sun, 06 Nov", id="half a date"),
        pytest.param("Sun, 31 Feb 1994 08:49:37 GMT", id="no such day"),
        pytest.param("Sun, 06 Nov 1994 25:49:37 GMT", id="no such hour"),
        pytest.param("Sun, 06 Nov 99999 08:49:37 GMT", id="no such year"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 -2359", id="after it ends"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT" + " " * 64, id="too long"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_unusable_retry_after(value: str | None) -> None:
    """What is neither seconds nor a date counts as absent."""
    assert parse_retry_after(value, DATE, now=NOW) is None


@each(
    ("date", "now", "seconds"),
    [
        pytest.param(DATE, NOW, 30.0, id="the server's clock wins"),
        pytest.param(DATE, None, 30.0, id="the server's clock alone"),
        pytest.param(None, NOW, 37.0, id="without it, the local one"),
        pytest.param("yesterday", NOW, 37.0, id="an unreadable Date is none"),
        pytest.param("", NOW, 37.0, id="an empty Date is none"),
        pytest.param(DATE + " " * 64, NOW, 37.0, id="a Date that is too long is none"),
        pytest.param(None, NOW.astimezone(timezone(timedelta(hours=9))), 37.0, id="a local clock elsewhere"),
        pytest.param(None, None, None, id="no clock, no answer"),
    ],
)
def test_retry_after_clocks(date: str | None, now: datetime | None, seconds: float | None) -> None:
    """A wrong local clock does no harm as long as the server states its own."""
    assert parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", date, now=now) == seconds


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        pytest.param([], None, id="none"),
        pytest.param(["1", "4"], 4.0, id="the longer one"),
        pytest.param(["4", "1, 3"], 4.0, id="with a list"),
        pytest.param(["soon", "4"], 4.0, id="with garbage"),
        pytest.param(["soon", "-4"], None, id="garbage alone"),
    ],
)
def test_of_several_lines_the_longest_wait_counts(lines: list[str], seconds: float | None) -> None:
    """A server and a proxy that both say when to come back are both obeyed."""
    headers = CIMultiDict([("retry-after", line) for line in lines])
    assert retry_after(headers, now=NOW) == seconds  # type: ignore[arg-type]


dates = st.from_regex(
    r"Sun, -?[0-9]{1,3} (Jan|Feb|Xyz) [0-9]{1,5} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3} ([A-Z]{1,4}|[+-][0-9]{1,6})",
    fullmatch=True,
)
headers = (
    st.none() | st.text() | st.text("0123456789.,:+-eEinfa GMT") | dates | st.integers().map(str) | st.floats().map(str)
)


@given(value=headers, date=headers, now=st.none() | st.datetimes(timezones=st.just(UTC)))
def test_retry_after_is_total(value: str | None, date: str | None, now: datetime | None) -> None:
    """Whatever the headers hold: None or a finite number of at least 0, and never an exception."""
    seconds = parse_retry_after(value, date, now=now)
    assert seconds is None or (type(seconds) is float and math.isfinite(seconds) and seconds >= 0)


@given(st.decimals(0, 10**9, places=3))
def test_every_number_of_seconds_is_read(seconds: object) -> None:
    """A plain decimal number is never mistaken for garbage."""
    assert parse_retry_after(str(seconds)) == float(str(seconds))


@each(
    ("body", "text"),
    [
        pytest.param({"errors": {"json": {"name": ["taken", "too long"]}}}, "name: taken; name: too long", id="field"),
        pytest.param({"error": {"json": {"name": "taken"}}}, "name: taken", id="singular key"),
        pytest.param({"errors": {"json": {}}}, "", id="the documented empty object"),
        pytest.param({"errors": {"json": "Resource not found"}}, "Resource not found", id="text"),
        pytest.param({"errors": {"authentication": "User not authenticated"}}, "User not authenticated", id="401"),
        pytest.param({"errors": {"authorization": "Operation not allowed"}}, "Operation not allowed", id="403"),
        pytest.param({"errors": "no"}, "no", id="text at the top"),
        pytest.param({"errors": ["no", "never"]}, "no; never", id="list at the top"),
        pytest.param({"errors": {"quota": "used up"}}, "quota: used up", id="another key keeps its name"),
        pytest.param({"errors": {"json": {"a": {"b": ["c"]}}}}, "a.b: c", id="nested field"),
        pytest.param({"message": "gateway"}, "message: gateway", id="neither key"),
        pytest.param({"errors": {"json": {"page": 0}}}, "page: 0", id="number"),
        pytest.param({"errors": {"json": {"a": None, "b": True}}}, "", id="nothing to read"),
        pytest.param("plain  text\n of a gateway", "plain text of a gateway", id="text on one line"),
        pytest.param(["a", ["b"]], "a; b", id="list"),
        pytest.param({"errors": None}, "", id="null"),
        pytest.param(None, "", id="no body"),
        pytest.param({}, "", id="empty object"),
        pytest.param([], "", id="empty list"),
    ],
)
def test_describe_errors(body: object, text: str) -> None:
    """Every variant of an error body becomes one line for people."""
    assert describe_errors(body) == text


@each(
    "body",
    [
        pytest.param("x" * 10_000, id="long text"),
        pytest.param({"errors": {"json": {str(number): "bad" for number in range(10_000)}}}, id="many fields"),
        pytest.param({"errors": ["bad"] * 10_000}, id="many items"),
        pytest.param({"errors": {"k" * 10_000: "bad"}}, id="long key"),
    ],
)
def test_descriptions_are_short(body: object) -> None:
    """However large the body: at most 300 characters, and something to read."""
    assert 0 < len(describe_errors(body)) <= 300


def test_deep_bodies_end() -> None:
    """Nesting costs nothing: below a few levels nobody reads on."""
    body: object = "deep"
    for _ in range(900):
        body = {"errors": [body]}
    assert describe_errors(body) == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.sampled_from(["errors", "error", "json", "authentication"]), inner)
    ),
    max_leaves=25,
)


@given(json_values)
def test_descriptions_are_one_printable_line(body: object) -> None:
    """Whatever the body: no exception, one line of bounded length, and nothing that steers a terminal."""
    text = describe_errors(body)
    assert len(text) <= 300
    assert len(text.splitlines()) <= 1
    assert "\x1b" not in text


def test_terminal_escapes_are_not_passed_on() -> None:
    """An error is printed on terminals and into logs: a body must not be able to repaint them."""
    assert "\x1b" not in describe_errors({"errors": {"json": "\x1b[2J\x1b]0;owned\x07done"}})
    assert "\x1b" not in describe_errors({"errors": {"\x1b[31m": "bad"}})


@each(
    ("path", "route"),
    [
        pytest.param("/sections/7", "GET /sections/7", id="path"),
        pytest.param("/sections?page=1&org_id=2", "GET /sections", id="query"),
        pytest.param("/sections?q=a?b", "GET /sections", id="question mark in the query"),
    ],
)
def test_route(path: str, route: str) -> None:
    """A route, as messages and logs show it, leaves out the query."""
    assert Request("GET", path).route == route
