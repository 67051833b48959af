"""What an error keeps of its call. A scan may hold a hundred thousand of these: they are small, and share texts."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Attempt", "CallFacts", "QuotaFacts"]


@frozen
class Attempt:
    """One failed attempt of a call.

    Attributes:
        outcome: A status, such as "503", or the class name of an error.
        elapsed: Seconds, without the wait for quota.
        request_sent: The server may have seen the request.
        queued: Seconds that it waited before, for the quota and for a place in flight.
        wait: Seconds from its end to the next attempt, without that one's ``queued``.
        cause: The text of its error.
    """

    outcome: str
    elapsed: float
    request_sent: bool
    queued: float = 0.0
    wait: float = 0.0
    cause: str = ""


@frozen
class QuotaFacts:
    """A quota at one moment: fields of ``QuotaSnapshot``."""

    limit: int | None
    per: float
    used: int
    waiting: int
    paused_for: float
    mode: str
    members: int


@frozen
class CallFacts:
    """A call that failed."""

    request: str  # method, path, and of the query what may be shown
    body: str | None  # "" stands for one that is not shown
    server: str
    base_url: str
    timeout: float  # seconds; 0.0: a scan's, whose waits for quota do not count
    queued: float  # seconds of the last wait for quota, if no attempt came after it
    quota: QuotaFacts  # at most a second old
