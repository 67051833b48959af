"""What ``on_event`` is told: one frozen value for each thing that happened. None holds the key or a payload."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Event", "PauseEvent", "RequestEvent", "RetryEvent"]


@frozen
class RequestEvent:
    """A request was sent and came to an end.

    ``route``: method and path. ``status``: of the answer, None without one. ``error``: class name of what was raised,
    None on success. ``elapsed``: seconds, without the wait for quota. ``attempt``: 1 for the first try.
    """

    route: str
    status: int | None
    error: str | None
    elapsed: float
    attempt: int


@frozen
class RetryEvent:
    """A failed request will be sent again after ``wait`` seconds. ``error``: class name of the failure."""

    route: str
    error: str
    attempt: int
    wait: float


@frozen
class PauseEvent:
    """The server answered 429: every call of this quota waits for ``seconds``."""

    route: str
    seconds: float


Event = RequestEvent | RetryEvent | PauseEvent
"""Any of the three."""
