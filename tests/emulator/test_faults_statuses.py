"""Answers in the place of the real one, byte by byte."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime

import pytest

from tests.emulator.wire import GROUP, ask, emulated, hit, shows


@shows("status")
@pytest.mark.parametrize(
    ("status", "detail"),
    [(500, "Internal Server Error"), (408, "Request Timeout"), (504, "Gateway Timeout"), (520, "Status 520")],
)
async def test_any_error(status, detail) -> None:
    """In the documented shape, also with a number that no standard knows."""
    received = await hit("status", status=status)
    assert (received.status, json.loads(received.body)) == (status, {"errors": {"json": detail}})


async def test_errors_have_the_key_of_the_emulator() -> None:
    """Like its own refusals."""
    async with emulated(error_key="error") as emulator:
        emulator.faults.add("status", times=1)
        emulator.faults.add("rate_limited")
        assert json.loads((await ask(emulator)).body) == {"error": {"json": "Internal Server Error"}}
        assert json.loads((await ask(emulator)).body) == {"error": {"json": "Too many requests"}}


@shows("gateway_page")
@pytest.mark.parametrize(
    ("status", "title"), [(502, b"502 Bad Gateway"), (503, b"503 Service Unavailable"), (504, b"504 Gateway Timeout")]
)
async def test_the_page_of_a_gateway(status, title) -> None:
    """HTML, as proxies send it."""
    received = await hit("gateway_page", status=status)
    assert received.status == status
    assert received.header("Content-Type") == ["text/html"]
    assert b"<h1>" + title + b"</h1>" in received.body


@shows(
    "rate_limited",
    "rate_limited_absent",
    "rate_limited_negative",
    "rate_limited_garbage",
    "rate_limited_absurd",
    "unavailable",
)
@pytest.mark.parametrize(
    ("kind", "options", "status", "retry_after"),
    [
        ("rate_limited", {}, 429, ["1"]),
        ("rate_limited", {"retry_after": 0}, 429, ["0"]),
        ("rate_limited", {"retry_after": 2.5}, 429, ["2.500"]),
        ("rate_limited", {"retry_after": 12345678}, 429, ["12345678"]),
        ("rate_limited_absent", {}, 429, []),
        ("rate_limited_negative", {}, 429, ["-5"]),
        ("rate_limited_garbage", {}, 429, ["soon"]),
        ("rate_limited_absurd", {}, 429, ["31536000"]),
        ("unavailable", {}, 503, ["1"]),
        ("unavailable", {"retry_after": 7}, 503, ["7"]),
    ],
)
async def test_when_to_come_back(kind, options, status, retry_after) -> None:
    """In seconds, or in no way that makes sense."""
    received = await hit(kind, **options)
    assert (received.status, received.header("Retry-After")) == (status, retry_after)


@shows("rate_limited_date")
async def test_when_to_come_back_as_a_date() -> None:
    """As a date, so many seconds after that of the answer, and rounded up."""
    received = await hit("rate_limited_date", retry_after=100)
    then, now = (parsedate_to_datetime(received.header(name)[0]) for name in ("Retry-After", "Date"))
    assert 100 <= (then - now).total_seconds() <= 110
    assert received.status == 429


@shows("redirect", "redirect_port", "redirect_scheme", "redirect_loop", "redirect_nowhere", "redirect_file")
@pytest.mark.parametrize(
    ("kind", "location"),
    [
        ("redirect", ["http://elsewhere.invalid/"]),
        ("redirect_port", ["http://localhost:9/v2/sections/7/groups/42"]),
        ("redirect_scheme", ["https://localhost:8080/v2/sections/7/groups/42"]),
        ("redirect_loop", ["http://localhost:8080/v2/sections/7/groups/42"]),
        ("redirect_nowhere", []),
        ("redirect_file", ["file:///dev/null"]),
    ],
)
@pytest.mark.parametrize("status", [302, 308])
async def test_redirects(kind, location, status) -> None:
    """To where no key may go, or to nowhere at all."""
    received = await hit(kind, status=status)
    assert (received.status, received.header("Location"), received.body) == (status, location, b"")


async def test_a_redirect_to_a_place_of_ones_own() -> None:
    """Such as a second server, which looks whether the key comes along."""
    received = await hit("redirect", location="http://127.0.0.1:8081/v2/sections")
    assert (received.status, received.header("Location")) == (302, ["http://127.0.0.1:8081/v2/sections"])


@shows("no_content", "reset_content", "not_modified")
@pytest.mark.parametrize(("kind", "status"), [("no_content", 204), ("reset_content", 205), ("not_modified", 304)])
async def test_statuses_without_a_body(kind, status) -> None:
    """There is none."""
    received = await hit(kind)
    assert (received.status, received.body) == (status, b"")


@shows("no_content_with_body")
async def test_a_body_that_must_not_be_there() -> None:
    """A client that believes the status finds it before its next answer."""
    received = await hit("no_content_with_body")
    assert (received.status, received.body) == (204, GROUP)
