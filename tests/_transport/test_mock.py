"""The transport that users put in place of the network; the suite's own simulated networks are made of it, too."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from partoo_async import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    ClientClosedError,
    ConfigurationError,
    Group,
    NotFoundError,
    PartooClient,
    RateLimit,
    RetryPolicy,
)
from partoo_async.testing import MockRequest, MockResponse, MockTransport
from tests.support.virtual import run_virtual

FRANCE = {"id": 42, "name": "France", "has_puller": False, "business_ids": ["a"]}


def client_of(transport: MockTransport, **options: Any) -> PartooClient:
    return PartooClient("key", transport=transport, **options)


async def test_it_answers_and_keeps_what_it_was_asked() -> None:
    """The handler sees method, path, query and body, and what it returns is decoded like any response."""

    def handler(request: MockRequest) -> MockResponse:
        return MockResponse(json={"id": 7} if request.method == "POST" else FRANCE)

    transport = MockTransport(handler)
    async with client_of(transport) as client:
        assert await client.groups.get(7, 42) == Group(42, "France", False, ("a",))
        assert await client.groups.create(7, name="Spain", business_ids=["b"]) == 7
        await client.request("GET", "/business", params={"page": 2})
    assert transport.requests == [
        MockRequest("GET", "/sections/7/groups/42", {}, None),
        MockRequest("POST", "/sections/7/groups", {}, {"name": "Spain", "business__in": ["b"]}),
        MockRequest("GET", "/business", {"page": "2"}, None),
    ]
    assert "key" not in repr(transport.requests)
    with pytest.raises(ClientClosedError):
        await client.groups.get(7, 42)


async def test_it_answers_by_a_coroutine_with_any_status_and_any_bytes() -> None:
    """Errors of the API, pauses and broken bodies are played as the server would send them."""
    answers = iter(
        (
            MockResponse(404, {"errors": {"json": "no such group"}}),
            MockResponse(200, body=b"{"),
            MockResponse(429, headers={"Retry-After": "0"}),
            MockResponse(json=FRANCE),
        )
    )

    async def handler(_: MockRequest) -> MockResponse:
        await asyncio.sleep(0)
        return next(answers)

    transport = MockTransport(handler)
    async with client_of(transport, retry=RetryPolicy(max_retries=0)) as client:
        with pytest.raises(NotFoundError, match="no such group"):
            await client.groups.get(7, 42)
        with pytest.raises(APIResponseValidationError):
            await client.groups.get(7, 42)
        assert (await client.groups.get(7, 42)).name == "France"
    assert len(transport.requests) == 4


def test_what_is_no_transport_is_refused() -> None:
    """A wrong ``transport`` is refused with its name."""
    with pytest.raises(ConfigurationError, match=r"^transport: expected one such as MockTransport, not function$"):
        PartooClient("key", transport=lambda _: MockResponse(200))  # type: ignore[arg-type]


def test_faults_of_the_network() -> None:
    """A write that was not sent is sent again, one that may have been is not; who takes too long is timed out."""
    faults: list[Exception | float] = [APIConnectionError("refused", False), APIConnectionError("reset"), 60.0]

    async def handler(_: MockRequest) -> MockResponse:
        if isinstance(faults[0], Exception):
            raise faults.pop(0)  # type: ignore[misc]
        await asyncio.sleep(faults[0])
        return MockResponse(json=FRANCE)

    async def main() -> None:
        transport = MockTransport(handler)
        async with client_of(transport, rate_limit=RateLimit(10, 60.0)) as client:
            with pytest.raises(APIConnectionError, match="reset") as caught:
                await client.groups.delete(7, 42)
            assert [attempt.request_sent for attempt in caught.value.attempts] == [False, True]
            assert client.quota.used == 1
            with pytest.raises(APITimeoutError):
                await client.with_options(attempt_timeout=5.0, retry=RetryPolicy(max_retries=0)).groups.get(7, 42)

    run_virtual(main())


async def test_what_a_handler_asserts_reaches_the_test() -> None:
    """An error that is not ours is not wrapped, and the call has given back what it held."""

    def handler(request: MockRequest) -> MockResponse:
        raise AssertionError(request.path)

    async with client_of(MockTransport(handler), max_concurrency=1) as client:
        for _ in range(2):
            with pytest.raises(AssertionError, match="/sections/7/groups/42"):
                await client.groups.get(7, 42)


async def test_it_excludes_options_of_connections() -> None:
    """Options that only a real transport has are refused beside it, by name."""
    transport = MockTransport(lambda _: MockResponse())
    async with aiohttp.ClientSession() as session:
        for name, value in (("session", session), ("proxy", "http://proxy.example"), ("trust_env", True)):
            with pytest.raises(ConfigurationError, match=f"^{name}: belongs to"):
                client_of(transport, **{name: value})


async def test_it_serves_scans() -> None:
    """A whole scan runs on it, and each group is asked for once."""
    transport = MockTransport(lambda request: MockResponse(json=FRANCE | {"id": int(request.path.split("/")[-1])}))
    async with client_of(transport) as client:
        report = await client.scan(7, group_ids=range(1, 21)).collect()
    assert (len(report.succeeded), report.complete) == (20, True)
    assert len({request.path for request in transport.requests}) == len(transport.requests) == 20
