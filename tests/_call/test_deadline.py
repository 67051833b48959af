"""The ambient deadline: one bound for every call inside a block."""

from __future__ import annotations

import asyncio
from contextvars import Context

import pytest

from partoo_async import (
    ConfigurationError,
    DeadlineExceededError,
    PartooClient,
    QuotaExceededError,
    RateLimit,
    ScanError,
    deadline,
)
from tests.support.common import PATIENCE
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.simulated import Partoo, client_of
from tests.support.virtual import run_virtual


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.usefixtures("hurried")
async def test_it_bounds_a_call() -> None:
    """A call inside ends at the deadline, long before the client's own timeout, and says what bounded it."""
    async with raw_server(None) as server, PartooClient("key", server=server.url) as client:
        started = now()
        with deadline(0.2):
            with pytest.raises(DeadlineExceededError, match="no response within the time that deadline\\(\\) gives"):
                await client.groups.get(7, 42)
        assert now() - started >= 0.2


@pytest.mark.usefixtures("hurried")
async def test_of_nested_ones_the_earliest_counts() -> None:
    """A longer deadline inside a shorter one gives no more time, and after the block the client's timeout is back."""
    async with raw_server(None, answer(200, GROUP)) as server, PartooClient("key", server=server.url) as client:
        async with asyncio.timeout(PATIENCE):
            with deadline(0.2), deadline(10 * PATIENCE), pytest.raises(DeadlineExceededError):
                await client.with_options(timeout=10 * PATIENCE).groups.get(7, 42)
        assert (await client.groups.get(7, 42)).id == 42


@pytest.mark.usefixtures("hurried")
async def test_a_shorter_timeout_counts_too() -> None:
    """The client's own timeout still bounds a call inside a long deadline, and is named."""
    async with raw_server(None) as server, PartooClient("key", server=server.url, timeout=0.2) as client:
        with deadline(60.0), pytest.raises(DeadlineExceededError, match="no response within timeout=0.2 s"):
            await client.groups.get(7, 42)


async def test_it_fails_fast_when_the_quota_cannot_serve() -> None:
    """A call that cannot make it is refused at once, unsent, with the time to come back."""
    limit = RateLimit(1, 3600.0)
    async with (
        raw_server(answer(200, GROUP)) as server,
        PartooClient("key", server=server.url, rate_limit=limit) as client,
    ):
        await client.groups.get(7, 42)
        async with asyncio.timeout(PATIENCE):
            with deadline(10 * PATIENCE), pytest.raises(QuotaExceededError) as caught:
                await client.with_options(timeout=10 * PATIENCE).groups.get(7, 42)
        assert 3600 - PATIENCE < caught.value.retry_after <= 3700
        assert len(server.requests) == 1


def test_it_ends_a_scan() -> None:
    """A scan inside ends early as one error with its report, not as a failure for every group that is left."""

    async def main() -> None:
        async with client_of(Partoo({7: list(range(24))}, late=1.0), max_concurrency=4) as client:
            started = now()
            with deadline(4.0), pytest.raises(ScanError, match="ended early: .* the time that deadline") as caught:
                await client.scan(7).collect()
            assert now() - started == pytest.approx(4.0)
        assert 0 < len(caught.value.report.items) < 24
        assert not caught.value.report.failed

    run_virtual(main())


def test_tasks_inherit_it_unless_they_have_a_context_of_their_own() -> None:
    """A task started inside has the deadline; one with a fresh context outlives it."""

    async def main() -> None:
        partoo = Partoo({7: [1, 2]})
        partoo.delay = lambda _: 100.0  # type: ignore[method-assign]
        async with client_of(partoo, timeout=10.0) as client:
            started = now()
            with deadline(1.0):
                inside = asyncio.create_task(client.groups.get(7, 1))
                outside = asyncio.create_task(client.groups.get(7, 2), context=Context())
            with pytest.raises(DeadlineExceededError, match="deadline"):
                await inside
            assert now() - started == pytest.approx(1.0)
            with pytest.raises(DeadlineExceededError, match="timeout=10 s"):
                await outside
            assert now() - started == pytest.approx(10.0)

    run_virtual(main())


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "2", None, True])
async def test_bad_seconds(seconds: float) -> None:
    """Anything but a number of seconds above zero is refused."""
    with pytest.raises(ConfigurationError, match="^deadline: expected"), deadline(seconds):
        pass


def test_it_needs_a_loop() -> None:
    """Outside of a coroutine there is no clock to bound by."""
    with pytest.raises(ConfigurationError, match="^deadline: no event loop"), deadline(1.0):
        pass
