"""Answers about the quota, outages, and redirects."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate

import pytest

from partoo_async import (
    APIStatusError,
    DeadlineExceededError,
    InternalServerError,
    PartooClient,
    PartooError,
    QuotaExceededError,
    RateLimit,
    RateLimitError,
)
from tests.hostile.check import FINAL, FRANCE, KEY, LINE, POLICY, Played, ask, check, named, played, row
from tests.hostile.server import HostileServer, Line, Script
from tests.support.common import PATIENCE
from tests.support.raw_server import GROUP, answer

pytestmark = pytest.mark.usefixtures("hurried")

OK = answer(200, GROUP)


def busy(value: str | None, *headers: str) -> bytes:
    return answer(429, b"{}", *([] if value is None else [f"Retry-After: {value}"]), *headers)


@row(36)
@pytest.mark.parametrize("value", ["0", "0.05", ".05", "0, 0.05", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_a_429_is_waited_out(value: str) -> None:
    """The call goes on when the server says; a 429 uses up no retry, and is repeated whatever ``max_retries`` is."""
    await check((busy(value), OK), FRANCE, 2)


@row(36)
async def test_a_429_with_a_date_in_the_clock_of_the_server() -> None:
    """A date is measured against the answer's own: a clock that is years off does no harm."""
    off = [f"Date: {formatdate(1e9, usegmt=True)}", f"Retry-After: {formatdate(1e9 + 1, usegmt=True)}"]
    started = time.monotonic()
    await check((answer(429, b"", *off), OK), FRANCE, 2, rate_limit=RateLimit())
    assert time.monotonic() - started >= 1


@row(36)
@pytest.mark.parametrize("headers", [["0.05, 120"], ["0.05", "120"], ["120, soon", "0.05"]])
async def test_a_429_that_says_twice_how_long(headers: list[str]) -> None:
    """In one line or in two, from a server and a proxy: the longest time counts."""
    twice = answer(429, b"{}", *(f"Retry-After: {value}" for value in headers))
    error = await check((twice,), RateLimitError, FINAL, then=QuotaExceededError)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 120.0


@row(36, 37)
@pytest.mark.parametrize(
    ("fault", "seconds"),
    [(busy(value), 60) for value in (None, "-5", "soon", "1,2", "nan", "inf", "1e3", "9" * 65, "", "٣")]
    + [(played(f"rate_limited_{kind}"), 60) for kind in ("absent", "negative", "garbage")]
    + [(busy("120"), 120), (played("rate_limited", retry_after=90.0), 90), (busy("1000"), 1000)]
    + [(busy(formatdate(60, usegmt=True), f"Date: {formatdate(0, usegmt=True)}"), 60)]
    + [(busy(value), 3600) for value in ("99999999999", "9" * 60, "Fri, 31 Dec 9999 23:59:59 GMT")]
    + [(played("rate_limited_absurd"), 3600), (played("rate_limited_date", retry_after=86400.0), 3600)],
    ids=named,
)
async def test_a_429_that_outlasts_the_call(fault: Script | Played, seconds: float) -> None:
    """It is raised at once, and the next call is refused unsent with the time to come back: a minute when the server
    gave none that can be used, and an hour at most, whatever it says."""
    error = await check(fault, RateLimitError, FINAL, then=QuotaExceededError)
    assert isinstance(error, RateLimitError)
    again = busy(None if error.retry_after is None else f"{error.retry_after:f}"[:60])
    async with HostileServer((again,)).serve() as server:
        async with PartooClient(KEY, server=server.url, timeout=30.0) as client:
            await ask(client)
            assert seconds / 2 < client.quota.paused_for <= seconds + 1


@row(37)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("body", [b"", b"{", b"{" * 5000])
async def test_a_refusal_whose_body_never_ends(status: int, body: bytes) -> None:
    """The status is known, and counts: a 429 closes the gate though its body stalls, it is no timeout."""

    async def script(line: Line) -> None:
        await line.send(b"HTTP/1.1 %d X\r\nRetry-After: 100\r\nContent-Length: 9999\r\n\r\n" % status + body)
        await line.pause()

    if status == 429:
        await check(script, RateLimitError, FINAL, then=QuotaExceededError, attempt_timeout=0.6)
    else:
        await check(script, InternalServerError, FINAL, attempt_timeout=0.6)


@row(37)
async def test_a_refusal_is_not_read_for_long() -> None:
    """However much time the call has, the gate is closed within a moment, or others would go on being sent."""

    async def script(line: Line) -> None:
        await line.send(b"HTTP/1.1 429 X\r\nRetry-After: 3000\r\nContent-Length: 9999\r\n\r\n{")
        await line.pause()

    # Long before the attempt's end, or it would not come to an end here.
    far = 10 * PATIENCE
    await check(script, RateLimitError, FINAL, then=QuotaExceededError, timeout=far, attempt_timeout=far)


@row(38)
@pytest.mark.parametrize(
    "fault", [answer(503, b"", "Retry-After: 0.1"), played("unavailable", retry_after=0.1)], ids=named
)
async def test_a_503_says_how_long(fault: Script | Played) -> None:
    """Its wait is kept between the attempts, each time."""
    started = time.monotonic()
    await check(fault, InternalServerError, LINE)
    assert time.monotonic() - started >= 0.3


@row(38)
@pytest.mark.parametrize("seconds", ["40", "400", "99999999999"])
async def test_a_503_that_outlasts_the_call(seconds: str) -> None:
    """Nobody sits out what the deadline does not allow, and nobody is kept from trying again."""
    error = await check(answer(503, b"", f"Retry-After: {seconds}"), InternalServerError, FINAL)
    assert isinstance(error, InternalServerError)
    assert error.retry_after == float(seconds)


@row(39)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 507, 520, 599])
async def test_a_server_that_fails(status: int) -> None:
    """Every 5xx but those that say that trying again is useless is tried again."""
    error = await check(played("status", status=status), InternalServerError, LINE)
    assert isinstance(error, InternalServerError)
    assert error.status == status


@row(39)
@pytest.mark.parametrize("status", [501, 505, 511])
async def test_a_server_that_never_will(status: int) -> None:
    await check(answer(status), InternalServerError, FINAL)


@row(39)
async def test_a_total_outage_is_not_multiplied() -> None:
    """1,000 calls at once into an outage send at most 1.1 requests each, the throttle's budget included; when the
    server is back, so is the client, with the first request."""
    server = HostileServer((answer(503),))
    options = {"retry": POLICY, "rate_limit": None, "timeout": 60.0}
    async with server.serve(), PartooClient(KEY, server=server.url, **options) as client:  # type: ignore[arg-type]
        calls = (client.groups.get(7, number) for number in range(1000))
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in errors} == {InternalServerError}
        assert 1000 < server.seen() <= 1100
        assert sum(len(error.attempts) for error in errors if isinstance(error, PartooError)) == server.seen()
        await server.heal()
        before = server.seen()
        groups = await asyncio.gather(*(client.groups.get(7, number) for number in range(200)))
        assert [group.id for group in groups] == list(range(200))
        assert server.seen() == before + 200


ELSEWHERE = ("redirect", "redirect_port", "redirect_scheme", "redirect_loop", "redirect_nowhere", "redirect_file")


@row(40, 41)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    """The key goes to the chosen server and nowhere else: not to another host, port or scheme, not even in a loop."""
    async with HostileServer().serve() as bystander:
        place = f"{bystander.url}/sections/7/groups/42"
        faults: list[Played | Script] = [answer(status, b"", f"Location: {place}")]
        if status == 302:
            faults += [*(played(kind) for kind in ELSEWHERE), played("redirect", location=place), answer(status)]
        for fault in faults:
            error = await check(fault, APIStatusError, FINAL)
            assert isinstance(error, APIStatusError)
            assert error.status == status
            assert "redirects are never followed" in str(error)
        assert bystander.connections == 0


@row(43)
@pytest.mark.parametrize("fault", [answer(304), played("not_modified")], ids=named)
async def test_not_modified(fault: Script | Played) -> None:
    """304 answers a question that was never asked."""
    await check(fault, APIStatusError, FINAL)


@row(36, 39)
async def test_the_deadline_comes_first() -> None:
    """Retries end with the call's time, though the policy would allow more."""
    patient = type(POLICY)(max_retries=10**6, initial_backoff=0.02, max_backoff=0.02)
    async with HostileServer((answer(500),)).serve() as server:
        async with PartooClient(KEY, server=server.url, timeout=0.2, retry=patient) as client:
            outcome = await ask(client)
    assert isinstance(outcome.error, (InternalServerError, DeadlineExceededError))
    assert len(outcome.error.attempts) == server.seen() <= 51
