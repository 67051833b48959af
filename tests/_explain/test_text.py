"""``error.explain()``: what a person reads at three in the morning."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
from typing import TYPE_CHECKING, Any

import pytest

from partoo_async import (
    APIConnectionError,
    APITimeoutError,
    Attempt,
    ConfigurationError,
    DeadlineExceededError,
    NotFoundError,
    PartooClient,
    PartooError,
    QuotaExceededError,
    RateLimit,
    RetryPolicy,
    ScanError,
    deadline,
)
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.each import each
from tests.support.virtual import run_virtual
from tests.test_errors import EVERY_ERROR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KEY = "sk-very-secret-0123456789"
AT_ONCE = RetryPolicy(max_retries=3, initial_backoff=1e-9, max_backoff=1e-9)
GROUP = {"id": 42, "name": "France", "has_puller": False, "business_ids": []}


def failed(
    call: Callable[[PartooClient], Awaitable[object]],
    *responses: MockResponse | PartooError | float,
    **options: Any,
) -> PartooError:
    """The error of a call in virtual time. A number is a response that takes so many seconds; the last one repeats."""
    left = list(responses)

    async def respond(_: MockRequest) -> MockResponse:
        response = left.pop(0) if len(left) > 1 else left[0]
        await asyncio.sleep(response if isinstance(response, float) else 0.3)
        if isinstance(response, PartooError):
            raise copy.copy(response)
        return MockResponse(json=GROUP) if isinstance(response, float) else response

    async def run() -> PartooError:
        options.setdefault("retry", AT_ONCE)
        async with PartooClient(KEY, transport=MockTransport(respond), **options) as client:
            with pytest.raises(PartooError) as caught:
                await call(client)
            return caught.value

    return run_virtual(run())


REFUSED = APIConnectionError("GET /sections/7/groups/42 at production: cannot connect: Connection refused", False)
SUPPORT = {"Date": "Sat, 28 Nov 2026 13:00:00 GMT", "X-Request-Id": "abc-123", "Set-Cookie": "session=1"}


def test_an_error_explains_its_call() -> None:
    """What happened, attempt by attempt, where, the quota, a line to paste, and what to do: to the letter."""
    unavailable = MockResponse(503, {"errors": {"json": "maintenance"}})
    last = MockResponse(502, body=b"<html>", headers=SUPPORT)
    error = failed(lambda client: client.groups.get(7, 42), unavailable, REFUSED, 16.0, last)
    assert error.explain() == (
        """\
InternalServerError: 502 Bad Gateway for GET /sections/7/groups/42 (after 4
attempts)

Request: GET /sections/7/groups/42
Server:  production (https://api.partoo.co/v2)

Attempts: 4
  1. 503 Service Unavailable: maintenance
     sent, failed after 0.3 s
  2. cannot connect: Connection refused (APIConnectionError)
     not sent, failed after 0.3 s
  3. no complete response in time (APITimeoutError)
     sent, failed after 15.0 s
  4. 502 Bad Gateway
     sent, failed after 0.3 s

Time: 15.9 s (timeout: 90 s): 15.9 s in attempts

Quota then: 3 of 300 requests used in 60 s, 0 calls waiting

Response headers:
  date: Sat, 28 Nov 2026 13:00:00 GMT
  x-request-id: abc-123

To try it by hand:
  curl -H "x-APIKey: $PARTOO_API_KEY" -X GET \\
    'https://api.partoo.co/v2/sections/7/groups/42'

What to do:
  Come back later; if it lasts, ask Partoo, with headers and the time.
  The same call may succeed later, without any change."""
    )


def test_a_wait_for_quota_is_told() -> None:
    """A 429 pauses the quota; the next attempt tells how long it waited, apart from what it took."""
    limited = MockResponse(429, headers={"Retry-After": "12"})
    error = failed(lambda client: client.groups.get(7, 42), limited, MockResponse(404))
    first, second = error.attempts
    assert (first.outcome, first.queued, first.cause[:21]) == ("429", 0.0, "429 Too Many Requests")
    assert 12 <= second.queued < 12.5
    assert second.elapsed == pytest.approx(0.3)
    assert re.search(r"2\. 404 Not Found\n     waited 12\.\d s for quota, sent, failed after 0\.3 s", error.explain())
    assert re.search(r"^Time: 1[23]\.\d s .timeout: 90 s.: 12\.\d s waiting for quota, 0\.6 s", error.explain(), re.M)


def test_a_backoff_is_told() -> None:
    """The seconds between two attempts are in the first of them."""
    slow = RetryPolicy(max_retries=1, initial_backoff=20.0, max_backoff=20.0)
    error = failed(lambda client: client.groups.get(7, 42), MockResponse(503, headers={"Retry-After": "9"}), retry=slow)
    first, second = error.attempts
    assert first.wait >= 9
    assert second.wait == 0.0
    assert f"then waited {first.wait:.1f} s" in error.explain()
    assert "The server asks to come back in 9.0 s." in error.explain()


def test_a_deadline_says_where_the_time_went() -> None:
    """Waiting for quota, attempts, and the error of the last one."""
    limit = RateLimit(1, 20.0)

    async def twice(client: PartooClient) -> object:
        await client.sections.get(42)
        return await client.groups.get(7, 42)

    section = MockResponse(json={"id": 42, "name": "F", "groups": [], "can_edit": True, "has_puller": False})
    error = failed(twice, section, 100.0, timeout=30.0, rate_limit=limit)
    assert isinstance(error, DeadlineExceededError)
    text = error.explain()
    assert "Time: 30.0 s (timeout: 30 s): 20.0 s waiting for quota, 10.0 s in attempts" in text.replace("\n  ", " ")
    assert "Quota then: 1 of 1 requests used in 20 s" in text
    assert "What to do:\n  Raise timeout" in text


def test_a_refusal_by_the_quota_has_no_attempts() -> None:
    """Nothing was sent, the quota is full, and there are two ways to go on."""

    async def twice(client: PartooClient) -> object:
        await client.groups.get(7, 42)
        return await client.groups.get(7, 43)

    error = failed(twice, 0.0, timeout=5.0, rate_limit=RateLimit(1, 60.0))
    assert isinstance(error, QuotaExceededError)
    text = error.explain()
    assert "Attempts: none, nothing was sent" in text
    assert "Quota then: 1 of 1 requests used in 60 s" in text
    assert "scan(section_id, group_ids=[...])" in text
    assert "There may be room in 60.0 s." in text


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_a_crowd_of_reads_is_told_of_scans(count: int) -> None:
    """A gather of thousands of gets is refused with what to write in their place, and with ``timeout=``."""

    async def run() -> list[BaseException]:
        def respond(request: MockRequest) -> MockResponse:
            return MockResponse(json={**GROUP, "id": int(request.path.rpartition("/")[2])})

        async with PartooClient(KEY, transport=MockTransport(respond)) as client:
            calls = (client.groups.get(7, number) for number in range(count))
            results = await asyncio.gather(*calls, return_exceptions=True)
            return [result for result in results if isinstance(result, BaseException)]

    refused = run_virtual(run())
    assert len(refused) >= count - 600  # what fits into 90 s
    assert {type(error) for error in refused} == {QuotaExceededError}
    assert all("scan(section_id, group_ids=[...])" in str(error) and "timeout=" in str(error) for error in refused)


def test_a_write_is_not_repeated_blindly() -> None:
    """After a write that may have been carried out, the advice is to look first; the body is there to repeat it."""
    error = failed(lambda client: client.groups.create(7, name="it's", business_ids=["a"]), MockResponse(502))
    assert "look before you repeat it" in error.explain()
    assert """--data '{"name":"it'"'"'s","business__in":["a"]}'""" in error.explain()
    refused = failed(lambda client: client.groups.create(7, name="x", business_ids=[]), MockResponse(404))
    assert "look before you repeat it" not in refused.explain()


def test_a_scan_groups_its_failures() -> None:
    """By cause, with their counts and first keys, and one of them in full."""

    async def run() -> ScanError:
        def respond(request: MockRequest) -> MockResponse:
            number = int(request.path.rpartition("/")[2])
            return MockResponse(403 if number == 3 else 404)

        async with PartooClient(KEY, transport=MockTransport(respond)) as client:
            report = await client.scan(7, group_ids=range(10)).collect()
        with pytest.raises(ScanError) as caught:
            report.raise_for_failures()
        return caught.value

    text = run_virtual(run()).explain()
    assert (
        "Failures: 10 of 10 outcomes\n  9 times 404 (NotFoundError)\n    7/0, 7/1, 7/2, 7/4, 7/5 and 4 more\n" in text
    )
    assert text.startswith("ScanError: 10 of 10 outcomes failed\n\nFailures: ")  # each is listed once
    assert "  once 403 (PermissionDeniedError)\n    7/3\n" in text
    assert "One of them, 7/0:\n  NotFoundError: 404 Not Found for GET /sections/7/groups/0\n" in text


@each(
    ("make", "told"),
    [
        (lambda: PartooClient(KEY, timeout=-1), "Pass a number of seconds"),
        (lambda: PartooClient(""), "Pass api_key=, or set PARTOO_API_KEY"),
        (lambda: PartooClient(KEY, server="staging"), 'Pass server="production", "sandbox" or an https URL'),
        (lambda: PartooClient(KEY).scan("x"), "Pass one id or several"),
        (lambda: PartooClient(KEY, strict=3), "Correct the argument that the message names"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_argument_is_mended(make: Callable[[], object], told: str) -> None:
    """The text names the argument, and what to pass."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert f"What to do:\n  {told}" in caught.value.explain()


def test_the_key_and_queries_stay_out() -> None:
    """Whatever a caller puts into a path, a query or a body: no key, no search text, no body of unknown endpoints."""
    error = failed(
        lambda client: client.request("POST", "/x", params={"query": "me@home", "page": 2}, json={"password": KEY}),
        MockResponse(400),
    )
    text = error.explain()
    assert KEY not in text
    assert "me@home" not in text
    assert "password" not in text
    assert "--data @body.json" in text
    assert "'https://api.partoo.co/v2/x?query=***&page=2'" in text
    refused = failed(lambda client: client.request("GET", f"/x/{KEY}"), MockResponse(400))
    assert KEY not in refused.explain()
    named = failed(lambda client: client.groups.create(7, name=KEY, business_ids=[]), MockResponse(400))
    assert KEY not in named.explain()


def test_many_attempts_are_cut() -> None:
    """The first two and the last ten are shown."""
    patient = RetryPolicy(max_retries=50, initial_backoff=1e-9, max_backoff=1e-9)
    error = failed(lambda client: client.groups.get(7, 42), MockResponse(503), retry=patient)
    text = error.explain()
    assert "Attempts: 51" in text
    assert "  ... 39 more, such as 503 Service Unavailable\n  42. 503" in text


@each("error", EVERY_ERROR)
def test_every_error_explains_itself(error: PartooError) -> None:
    """Also one that a test has made: lines of at most 80 columns, without trailing spaces, and what to do."""
    text = error.explain()
    assert text.startswith(f"{type(error).__name__}: ")
    assert "\n\nWhat to do:\n  " in text
    assert not [line for line in text.splitlines() if len(line) > 80 or line != line.rstrip()]
    assert text == text.strip()


@each("duplicate", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_copy_explains_the_same(duplicate: Callable[[PartooError], PartooError]) -> None:
    """Errors cross processes with all that they know."""
    error = failed(lambda client: client.groups.get(7, 42), REFUSED, MockResponse(404, headers=SUPPORT))
    assert duplicate(error).explain() == error.explain()
    assert isinstance(error, NotFoundError)
    assert dict(duplicate(error).headers) == {"date": SUPPORT["Date"], "x-request-id": "abc-123"}  # type: ignore[attr-defined]


def test_a_server_cannot_draw_on_the_terminal() -> None:
    """Control characters in what a server or the system said are spaces."""
    error = failed(lambda client: client.groups.get(7, 42), APITimeoutError("\x1b[31mred\x07\u202e", True))
    error.attempts = error.attempts[:1]
    assert error.explain().replace("\n", "").isprintable()


def test_a_scan_that_ended_early_tells_where_it_was() -> None:
    """The server, the request and the quota of what ended it; with nothing read there are no failures to group."""
    limited = MockResponse(429, headers={"Retry-After": "3600"})
    error = failed(lambda client: client.scan(7, group_ids=range(60)).collect(), limited)
    assert isinstance(error, ScanError)
    text = error.explain()
    assert "Server:  production (https://api.partoo.co/v2)" in text
    assert "paused by the server for 60 min" in " ".join(text.split())
    assert "resume the journal" in text


def test_a_read_that_ran_out_of_time_behind_another_one_says_so() -> None:
    """It has a request, a server and its wait, and does not say that nothing was sent."""

    async def main() -> PartooError:
        async def respond(_: MockRequest) -> MockResponse:
            await asyncio.sleep(10.0)
            return MockResponse(json=GROUP)

        async with PartooClient(KEY, transport=MockTransport(respond)) as client:
            first = asyncio.create_task(client.groups.get(7, 42))
            await asyncio.sleep(1.0)
            with deadline(5.0), pytest.raises(DeadlineExceededError) as caught:
                await client.groups.get(7, 42)
            await first
            return caught.value

    text = run_virtual(main()).explain()
    assert "Request: GET /sections/7/groups/42\nServer:  production (https://api.partoo.co/v2)" in text
    assert "Attempts: none of its own: another call had sent the same request" in text
    assert "Time: 5.0 s (timeout: 90 s): 5.0 s waiting for that request" in text
    assert "curl" in text


def test_attempts_in_pickles_of_earlier_versions_have_the_later_fields() -> None:
    """Such an error is explained, too."""
    old = Attempt("503", 1.0, True)
    old.__setstate__({"outcome": "404", "elapsed": 0.1, "request_sent": True})
    error = NotFoundError(404, None, "GET /x", attempts=(Attempt("503", 1.0, True), old))
    assert old == Attempt("404", 0.1, True)
    assert "2. 404 Not Found" in error.explain()
