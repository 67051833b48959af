"""Whether, when and how often a failed call is tried again: the only module that knows tenacity.

The engine is entered only after a first attempt failed, so that calls that succeed at once pay nothing for it. It is
made anew for each call: a shared instance mixes up the state of concurrent calls.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define

from partoo_async.errors import (
    APIConnectionError,
    APIStatusError,
    Attempt,
    DeadlineExceededError,
    PartooError,
    QuotaExceededError,
    RateLimitError,
)
from partoo_async.policy import RetryPolicy
from partoo_async.quota import LONGEST_PAUSE

if TYPE_CHECKING:
    from tenacity import RetryCallState


__all__ = ["RetryThrottle", "Retrying", "backoff", "import_for_errors", "server_failed", "wait_after", "worth_retrying"]

T = TypeVar("T")


def import_for_errors() -> None:
    """Import what only errors need, before one does: then there may be no file handle left to read it with."""
    import tenacity  # noqa: F401, PLC0415 - not at the top: ``import partoo_async`` is the quicker without it

    "example.invalid".encode("idna")  # the codec that a name is looked up with


class RetryThrottle:
    """A budget shared by the calls of a client, as in gRPC: a retry costs 1 of 100 tokens, a success earns a half.

    Retries stop while half of them are spent, so that a total outage costs few more requests than there are calls.
    """

    __slots__ = ("tokens",)

    FULL = 100.0

    def __init__(self) -> None:
        self.tokens: float = self.FULL

    def succeeded(self) -> None:
        """Earn half a token."""
        if self.tokens < self.FULL:
            self.tokens += 0.5

    def spend(self) -> bool:
        """Take a token for a retry; False when the budget says no."""
        if self.tokens <= self.FULL / 2:
            return False
        self.tokens -= 1.0
        return True


def server_failed(error: PartooError) -> bool:
    """Whether this may be a fault of the server, or of the line to it, and so one that every request meets."""
    return (
        error.transient
        and isinstance(error, (APIConnectionError, APIStatusError))
        and not isinstance(error, RateLimitError)
    )


def worth_retrying(error: BaseException, *, idempotent: bool, once: bool = False) -> bool:
    """Whether the same request may be sent again after this error, and may then succeed.

    A request that is not idempotent is repeated only when the server provably did not process it: it never got the
    request, or it answered 429. ``once``: not after a fault of the server.
    """
    if not isinstance(error, PartooError) or not error.transient:
        return False
    if isinstance(error, (QuotaExceededError, DeadlineExceededError)) or (once and server_failed(error)):
        return False
    unprocessed = isinstance(error, RateLimitError) or (
        isinstance(error, APIConnectionError) and not error.request_sent
    )
    return idempotent or unprocessed


def backoff(policy: RetryPolicy, failures: int, chance: Callable[[], float]) -> float:
    """Return the seconds to wait after that many failures: a random part of the doubling backoff (full jitter)."""
    # The exponent is bounded, since 2.0 ** 1024 would overflow.
    return chance() * min(policy.max_backoff, policy.initial_backoff * 2.0 ** min(failures - 1, 60))


def wait_after(policy: RetryPolicy, failures: int, error: PartooError | None, chance: Callable[[], float]) -> float:
    """Return the seconds to wait after that many failures, the last of which was ``error``."""
    wait = backoff(policy, failures, chance)
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    # Never earlier than asked, and not all at the same moment.
    return wait if asked is None else max(wait, asked + chance() * min(1.0, asked * 0.1))


@define
class Retrying:
    """The retries of one call. ``remaining`` returns the seconds until its deadline; ``pause`` those of the gate.

    ``once``: faults of the server are not tried again here. ``before``: attempts that were made already.
    """

    policy: RetryPolicy
    throttle: RetryThrottle
    idempotent: bool
    remaining: Callable[[], float]
    pause: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    on_retry: Callable[[PartooError, float], None]
    chance: Callable[[], float] = random.random
    once: bool = False
    gated: bool = True
    before: Sequence[Attempt] = ()
    _failures: int = 0
    _limited: int = 0
    _doubtful: int = 0

    async def run(self, first: PartooError, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a later attempt, given the error of the first. Raises the last attempt's error."""
        from tenacity import AsyncRetrying  # noqa: PLC0415 - calls that never fail need not import it

        self._limited = sum(attempt.outcome == "429" for attempt in self.before)
        self._failures = len(self.before) - self._limited
        pending: list[PartooError] = [first]

        async def step() -> T:
            if pending:
                raise pending.pop()
            return await attempt()

        engine = AsyncRetrying(
            retry=self._worth, wait=self._wait, stop=self._stop, before_sleep=self._tell, sleep=self.sleep, reraise=True
        )
        return await engine(step)

    def _worth(self, state: RetryCallState) -> bool:
        error = _error(state)
        if error is None or not worth_retrying(error, idempotent=self.idempotent, once=self.once):
            return False
        if isinstance(error, RateLimitError):
            return True  # bounded by the deadline, not by the count
        self._failures += 1
        if error.repeats is None:
            return self._failures <= self.policy.max_retries
        # An answer that is no HTTP, no JSON or not ours: a server that sends one twice is likely to go on so.
        self._doubtful += 1
        return self._failures <= self.policy.max_retries and self._doubtful <= error.repeats

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        if isinstance(error, RateLimitError):
            # The gate of the quota holds this call back, with all others. One that opens at once, as after
            # "Retry-After: 0" or a date that has passed, must not make a busy loop.
            self._limited += 1
            return 0.0 if self.gated and error.retry_after != 0 else backoff(self.policy, self._limited, self.chance)
        return wait_after(self.policy, self._failures, error, self.chance)

    def _stop(self, state: RetryCallState) -> bool:
        error = _error(state)
        limited = isinstance(error, RateLimitError)
        hold = max(self.pause(), state.upcoming_sleep) if limited else state.upcoming_sleep
        if hold > LONGEST_PAUSE:
            return True
        if hold >= self.remaining():
            if error is not None:
                error.hurried = True  # whoever has more time is not concerned
            return True
        return not limited and not self.throttle.spend()

    def _tell(self, state: RetryCallState) -> None:
        error = _error(state)
        if error is not None:
            self.on_retry(error, state.upcoming_sleep)


def _error(state: RetryCallState) -> PartooError | None:
    outcome: Any = state.outcome
    error = outcome.exception() if outcome is not None and outcome.failed else None
    return error if isinstance(error, PartooError) else None
