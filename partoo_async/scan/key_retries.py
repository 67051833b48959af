"""Judges a failed request of a scan: whose fault it is, and whether to retry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import define

from partoo_async._call.deadline import ambient_deadline
from partoo_async._call.retrying import RetryThrottle, server_failed, wait_after
from partoo_async._call.settings import Settings
from partoo_async.errors import APIConnectionError, APIStatusError, APITimeoutError, DeadlineExceededError, PartooError
from partoo_async.quota import LONGEST_PAUSE

__all__ = ["KeyRetries", "OutageError", "may_be_outage", "short_reason"]

# Seconds. A timer that fires so much later than it was set for says that the event loop was blocked, or the process
# was stopped, and nothing about the server.
_LATE = 0.1
_MAX_EXCUSED = 4


class OutageError(PartooError):
    """The server did not respond for ``max_outage`` seconds."""

    transient = True


@define
class KeyRetries:
    """The retries of one key, by the client's ``RetryPolicy`` and ``timeout``. Time on hold does not count."""

    _settings: Settings
    _throttle: RetryThrottle
    _chance: Callable[[], float]
    last_good: object  # the operation that had succeeded last when they began
    _failures: int = 0
    _doubtful: int = 0  # failures of a kind that is retried less often, by ``error.max_retries``
    _spent: float = 0.0
    _excused: int = 0

    def excuses(self, late: float) -> bool:
        """Whether to ignore a failure that was noticed ``late`` seconds after its timeout."""
        if late < _LATE or self._excused >= _MAX_EXCUSED:
            return False
        self._excused += 1
        return True

    def after(self, error: PartooError, elapsed: float) -> float | None:
        """Count a failure that took ``elapsed`` seconds. Return the seconds until a retry, None for none."""
        self._failures += 1
        self._doubtful += error.max_retries is not None
        self._spent += elapsed
        if isinstance(error, DeadlineExceededError) or self._failures > self._settings.retry.max_retries:
            return None
        if error.max_retries is not None and self._doubtful > error.max_retries:
            return None
        wait = wait_after(self._settings.retry, self._failures, error, self._chance)
        if wait > LONGEST_PAUSE or wait >= self.left or not self._throttle.spend():
            return None
        self._spent += wait
        return wait

    @property
    def left(self) -> float:
        """Seconds that the next try may take."""
        return self._settings.timeout - self._spent

    @property
    def probe_due(self) -> bool:
        """Whether to look for an outage, if no other key succeeds: at the second failure, and before the last try."""
        return self._failures in (2, self._settings.retry.max_retries)

    def reset(self, last_good: object) -> None:
        """Forget all failures, but not the excuses."""
        self.last_good = last_good
        self._failures = self._doubtful = 0
        self._spent = 0.0


def may_be_outage(error: PartooError) -> bool:
    """Whether the server, or the connection to it, may be at fault."""
    if isinstance(error, DeadlineExceededError):
        # The key's own timeout, for want of a response. The deadline of the whole scan says nothing.
        return asyncio.get_running_loop().time() < ambient_deadline()
    return server_failed(error)


def short_reason(error: PartooError) -> str:
    """Return an error in a few words, such as "connection refused"."""
    if isinstance(error, DeadlineExceededError):
        return "no response in time" if error.last_error is None else short_reason(error.last_error)
    if isinstance(error, APIStatusError):
        return str(error.args[0]).partition(" for ")[0]
    # The operating system's words come last. A single word is the name of a class.
    text = str(error.args[0]).rpartition(": ")[2] if error.args else ""
    if isinstance(error, APIConnectionError) and " " not in text:
        return "no response in time" if isinstance(error, APITimeoutError) else "connection closed"
    return text[:1].lower() + text[1:]
