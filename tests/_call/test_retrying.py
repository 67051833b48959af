"""The rules of retrying, as tables and without a socket."""

from __future__ import annotations

from typing import Any

import pytest

from partoo_async import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    BadRequestError,
    ConfigurationError,
    DeadlineExceededError,
    InternalServerError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
    RetryPolicy,
)
from partoo_async._call.retrying import Retrying, RetryThrottle, backoff, worth_retrying
from partoo_async._protocol.statuses import UNREADABLE
from tests.support.each import each


@each(
    ("error", "read", "write"),
    [
        (APIConnectionError("refused", False), True, True),
        (APIConnectionError("cut", True), True, False),
        (APITimeoutError("slow", True), True, False),
        (InternalServerError(503, transient=True), True, False),
        (InternalServerError(501), False, False),
        (RateLimitError(429), True, True),
        (BadRequestError(400), False, False),
        (APIResponseValidationError(("cut",), transient=True), True, False),
        (APIResponseValidationError(("expected int @ $.id",)), False, False),
        (QuotaExceededError("full", 3.0), False, False),
        (DeadlineExceededError("late"), False, False),
        (ConfigurationError("bad"), False, False),
        (ValueError("not ours"), False, False),
        (KeyboardInterrupt(), False, False),
    ],
)
def test_what_is_worth_another_try(error: BaseException, read: bool, write: bool) -> None:
    """Faults that may pass are retried; a write only when the server provably did not process it."""
    assert worth_retrying(error, idempotent=True) is read
    assert worth_retrying(error, idempotent=False) is write


@each(("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 20.0), (8, 20.0), (5000, 20.0)])
def test_full_jitter(failures: int, longest: float) -> None:
    """The wait is a random part of 0.5 s doubling up to 20 s."""
    assert backoff(RetryPolicy(), failures, lambda: 1.0) == longest
    assert backoff(RetryPolicy(), failures, lambda: 0.0) == 0.0


def test_the_throttle_stops_at_half() -> None:
    """Of 100 tokens 50 pay for retries; a success earns half a one, up to 100."""
    throttle = RetryThrottle()
    assert [throttle.spend() for _ in range(51)] == [True] * 50 + [False]
    throttle.succeeded()
    throttle.succeeded()
    assert [throttle.spend(), throttle.spend()] == [True, False]
    for _ in range(300):
        throttle.succeeded()
    assert throttle.tokens == 100.0


class Desk:
    """Runs Retrying with a fake clock and a script of errors."""

    def __init__(self, *errors: PartooError, deadline: float = 90.0, pause: float = 0.0, **policy: Any) -> None:
        self.errors = list(errors)
        self.slept: list[float] = []
        self.told: list[float] = []
        self.attempts = 1
        self.retrying = Retrying(
            policy=RetryPolicy(**policy),
            throttle=RetryThrottle(),
            idempotent=True,
            remaining=lambda: deadline - sum(self.slept),
            pause=lambda: pause,
            sleep=self.sleep,
            on_retry=lambda _, wait: self.told.append(wait),
            chance=lambda: 1.0,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def attempt(self) -> str:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def run(self) -> str:
        return await self.retrying.run(self.errors.pop(0), self.attempt)


def broken() -> PartooError:
    return InternalServerError(500, transient=True)


async def test_the_waits_double_until_it_works() -> None:
    """Each failure waits twice as long, and every wait is told before it is slept."""
    desk = Desk(broken(), broken(), broken())
    assert await desk.run() == "done"
    assert desk.slept == desk.told == [0.5, 1.0, 2.0]


async def test_max_retries() -> None:
    """After max_retries the last error is raised."""
    last = broken()
    desk = Desk(broken(), broken(), last, broken(), max_retries=2)
    with pytest.raises(InternalServerError) as caught:
        await desk.run()
    assert caught.value is last
    assert desk.attempts == 3


async def test_429_does_not_count() -> None:
    """Ten 429s use up no retry and are not slept here: the gate of the quota holds them."""
    desk = Desk(*[RateLimitError(429) for _ in range(10)], max_retries=0)
    assert await desk.run() == "done"
    assert desk.slept == [0.0] * 10


@pytest.mark.parametrize(("pause", "deadline"), [(60.0, 30.0), (301.0, 1000.0)])
async def test_a_pause_that_cannot_be_sat_out(pause: float, deadline: float) -> None:
    """A 429 whose pause outlasts the deadline, or five minutes, is raised at once."""
    desk = Desk(RateLimitError(429), pause=pause, deadline=deadline)
    with pytest.raises(RateLimitError):
        await desk.run()
    assert desk.attempts == 1


async def test_unreadable_answers_get_two_more_tries() -> None:
    """An answer that cannot be read is asked for twice more at most."""
    desk = Desk(*[UNREADABLE.make(("cut",)) for _ in range(5)])
    with pytest.raises(APIResponseValidationError):
        await desk.run()
    assert desk.attempts == 3


@pytest.mark.parametrize(
    ("retry_after", "slept"), [(5.0, [5.5]), (30.0, [31.0]), (80.0, [81.0]), (90.0, []), (400.0, [])]
)
async def test_retry_after_of_a_503(retry_after: float, slept: list[float]) -> None:
    """A 503's Retry-After is obeyed in full plus some jitter, unless it passes the deadline of 90 s or five minutes."""
    desk = Desk(InternalServerError(503, retry_after=retry_after, transient=True))
    if slept:
        assert await desk.run() == "done"
    else:
        with pytest.raises(InternalServerError):
            await desk.run()
    assert desk.slept == slept


async def test_no_sleep_passes_the_deadline() -> None:
    """When the next wait would end after the deadline, the error is raised instead."""
    desk = Desk(broken(), broken(), deadline=1.2)
    with pytest.raises(InternalServerError):
        await desk.run()
    assert desk.slept == [0.5]
