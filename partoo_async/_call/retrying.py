"""The retries of a call: the only module that knows tenacity."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar

from partoo_async._call.facts import import_for_facts
from partoo_async._protocol.statuses import rule_of
from partoo_async.errors import APIStatusError, Attempt, PartooError, RateLimitError
from partoo_async.quota import LONGEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tenacity import RetryCallState

    from partoo_async.policy import RetryPolicy

__all__ = ["RetryThrottle", "Retrying", "backoff", "import_for_errors", "server_failed", "wait_after", "worth_retrying"]

T = TypeVar("T")


def import_for_errors() -> None:
    """Import what only failures need, and what decodes responses, both of which take milliseconds."""
    # Not at the first failure: there may be no file handle left to read it with.

    import tenacity  # noqa: F401, PLC0415 - as above

    import partoo_async._protocol.converters  # noqa: PLC0415 - for drift, with cattrs
    import partoo_async._protocol.refusal  # noqa: PLC0415 - as above
    import partoo_async._protocol.structs  # noqa: F401, PLC0415 - with msgspec

    import_for_facts()

    "example.invalid".encode("idna")  # the codec for host names


class RetryThrottle:
    """The retry budget of a client: a retry costs 1 of 100 tokens, a success earns a half."""

    __slots__ = ("tokens",)

    FULL = 100.0  # the scheme of gRPC

    def __init__(self) -> None:
        self.tokens: float = self.FULL

    def succeeded(self) -> None:
        """Earn half a token."""
        if self.tokens < self.FULL:
            self.tokens += 0.5

    def spend(self) -> bool:
        """Take a token for a retry. False: do not retry."""
        # Half of the tokens stay, so a total outage costs few more requests than there are calls.
        if self.tokens <= self.FULL / 2:
            return False
        self.tokens -= 1.0
        return True


def server_failed(error: PartooError) -> bool:
    """Whether the server, or the connection to it, may be at fault."""
    return error.transient and rule_of(error).outage


def worth_retrying(error: BaseException, *, idempotent: bool, once: bool = False) -> bool:
    """Whether to send the same request again. ``once``: not after a fault of the server."""
    if not isinstance(error, PartooError) or not error.transient or (once and server_failed(error)):
        return False
    retried = rule_of(error).retried
    return retried == "all" or (retried == "reads" and idempotent)


def backoff(policy: RetryPolicy, failures: int, chance: Callable[[], float]) -> float:
    """Return seconds: a random part of the doubling backoff (full jitter)."""
    # The exponent is bounded, since 2.0 ** 1024 would overflow.
    return chance() * min(policy.max_backoff, policy.initial_backoff * 2.0 ** min(failures - 1, 60))


def wait_after(policy: RetryPolicy, failures: int, error: PartooError, chance: Callable[[], float]) -> float:
    """Return seconds: the backoff, or what the server asked for if that is longer."""
    wait = backoff(policy, failures, chance)
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    # Never earlier than asked, and not all at the same moment.
    return wait if asked is None else max(wait, asked + chance() * min(1.0, asked * 0.1))


class Retrying:
    """The retries of one call, made after its first attempt failed.

    Args:
        policy: When and how often.
        throttle: The retry budget of the client.
        idempotent: The request may be processed twice.
        remaining: Returns seconds until the deadline of the call.
        pause: Returns seconds until the pause of the quota is over.
        sleep: Waits.
        on_retry: Gets the error and the seconds to wait.
        chance: Returns a random number below 1.
        once: Faults of the server are not retried here.
        gated: A pause of the quota holds the call back.
        before: Attempts that were made for the caller already.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        throttle: RetryThrottle,
        *,
        idempotent: bool,
        remaining: Callable[[], float],
        pause: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        on_retry: Callable[[PartooError, float], None],
        chance: Callable[[], float] = random.random,
        once: bool = False,
        gated: bool = True,
        before: Sequence[Attempt] = (),
    ) -> None:
        self.policy: RetryPolicy = policy
        self.throttle: RetryThrottle = throttle
        self.idempotent: bool = idempotent
        self.remaining: Callable[[], float] = remaining
        self.pause: Callable[[], float] = pause
        self.sleep: Callable[[float], Awaitable[None]] = sleep
        self.on_retry: Callable[[PartooError, float], None] = on_retry
        self.chance: Callable[[], float] = chance
        self.once: bool = once
        self.gated: bool = gated
        self.before: Sequence[Attempt] = before
        self._failures = self._limited = self._bounded = 0

    async def run(self, first: PartooError, attempt: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a later attempt, or raise the error of the last one."""
        from tenacity import AsyncRetrying  # noqa: PLC0415 - calls that never fail need not import it

        self._limited = sum(attempt.outcome == "429" for attempt in self.before)
        self._failures = len(self.before) - self._limited
        pending: list[PartooError] = [first]

        async def step() -> T:
            if pending:
                raise pending.pop()
            return await attempt()

        # One for each call: a shared instance mixes up the state of concurrent calls.
        engine = AsyncRetrying(
            retry=self._worth,
            wait=self._wait,
            stop=self._stop,
            before_sleep=lambda state: self.on_retry(_error(state), state.upcoming_sleep),
            sleep=self.sleep,
            reraise=True,
        )
        return await engine(step)

    def _worth(self, state: RetryCallState) -> bool:
        error = _error(state)
        if not worth_retrying(error, idempotent=self.idempotent, once=self.once):
            return False
        if error.max_retries is not None:
            self._bounded += 1
            if self._bounded > error.max_retries:
                return False
        if isinstance(error, RateLimitError):
            return True  # bounded by the deadline, not by the policy
        self._failures += 1
        return self._failures <= self.policy.max_retries

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        if isinstance(error, RateLimitError):
            # The pause of the quota holds all calls back. One that is over at once, as after "Retry-After: 0" or a
            # date that has passed, must not make a busy loop.
            self._limited += 1
            return 0.0 if self.gated and error.retry_after != 0 else backoff(self.policy, self._limited, self.chance)
        return wait_after(self.policy, self._failures, error, self.chance)

    def _stop(self, state: RetryCallState) -> bool:
        error = _error(state)
        limited = isinstance(error, RateLimitError)
        wait = max(self.pause(), state.upcoming_sleep) if limited else state.upcoming_sleep
        if wait > LONGEST_PAUSE:
            return True
        if wait >= self.remaining():
            error.hurried = True  # a caller that shares this read, and has more time, may go on
            return True
        return not limited and not self.throttle.spend()


def _error(state: RetryCallState) -> Any:
    outcome: Any = state.outcome
    return outcome.exception()
