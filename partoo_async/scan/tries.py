"""What a failure says in a scan: of the server or not, how often its key is tried again, and why in few words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from attrs import define

from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.retrying import RetryThrottle, server_failed, wait_after
from partoo_async._call.settings import Settings
from partoo_async._transport import HeldBackError
from partoo_async.errors import APIConnectionError, APIStatusError, APITimeoutError, DeadlineExceededError, PartooError
from partoo_async.quota import LONGEST_PAUSE

if TYPE_CHECKING:
    from partoo_async._call.call import Call
    from partoo_async._protocol.operations import Operation

__all__ = ["OutageError", "Tries", "in_words", "sent", "suspicious", "within"]

T = TypeVar("T")

# Seconds. A timer that fires so much later than it was set for tells of a loop that was held up, or of a process that
# was stopped, and nothing of the server.
_LATE = 0.1
_MOST_EXCUSED = 4


class OutageError(PartooError):
    """Nobody was answered for as long as a scan holds."""

    transient = True


@define
class Tries:
    """The tries of one key, by the client's ``RetryPolicy`` and within its ``timeout``, waits of the scan left out."""

    _settings: Settings
    _throttle: RetryThrottle
    _chance: Callable[[], float]
    good: object
    """What had succeeded last when they began."""
    _failures: int = 0
    _doubtful: int = 0
    _spent: float = 0.0
    _excused: int = 0

    def excuses(self, late: float) -> bool:
        """Whether a failure that came ``late`` seconds after its attempt's end says nothing; a few times at most."""
        if late < _LATE or self._excused >= _MOST_EXCUSED:
            return False
        self._excused += 1
        return True

    def after(self, error: PartooError, elapsed: float) -> float | None:
        """Count a failure that took ``elapsed`` seconds; return those to wait before the next try, None for no more."""
        self._failures += 1
        self._doubtful += error.repeats is not None
        self._spent += elapsed
        if isinstance(error, DeadlineExceededError) or self._failures > self._settings.retry.max_retries:
            return None
        if error.repeats is not None and self._doubtful > error.repeats:
            return None
        wait = wait_after(self._settings.retry, self._failures, error, self._chance)
        if wait > LONGEST_PAUSE or wait >= self.left or not self._throttle.spend():
            return None
        self._spent += wait
        return wait

    @property
    def left(self) -> float:
        """How many seconds the next try may take."""
        return self._settings.timeout - self._spent

    @property
    def one_left(self) -> bool:
        """Whether the next try is the last one."""
        return self._failures == self._settings.retry.max_retries

    def forget(self, good: object) -> None:
        """Start anew."""
        self.good = good
        self._failures = self._doubtful = 0
        self._spent = 0.0


def suspicious(error: PartooError) -> bool:
    """Whether the server, or the line to it, may be at fault."""
    if isinstance(error, DeadlineExceededError):
        # The key's own time is over, for want of an answer; that of the whole scan is another matter.
        return asyncio.get_running_loop().time() < ambient_deadline()
    return server_failed(error)


def in_words(error: PartooError) -> str:
    """Return what went wrong in few words, such as "connection refused"."""
    if isinstance(error, DeadlineExceededError):
        return "no answer in time" if error.last_error is None else in_words(error.last_error)
    if isinstance(error, APIStatusError):
        return str(error.args[0]).partition(" for ")[0]
    # What the operating system says comes last; a name of a class is no word.
    text = str(error.args[0]).rpartition(": ")[2] if error.args else ""
    if isinstance(error, APIConnectionError) and " " not in text:
        return "no answer in time" if isinstance(error, APITimeoutError) else "connection closed"
    return text[:1].lower() + text[1:]


async def sent(call: Call, operation: Operation[T]) -> T:
    """Send the request of a call, and again while that is worth it there, and return the result."""
    try:
        return await call.send(operation)
    except (PartooError, HeldBackError) as error:
        first = error
    return await call.retry(operation, first)


async def within(seconds: float, call: Call, operation: Operation[T]) -> T:
    """Send a request by a call that has so many seconds from now on."""
    call.set_timeout(seconds)
    return await sent(call, operation)
