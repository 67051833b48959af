"""What an error keeps of its call. A scan may hold a hundred thousand of these: they are small, and share texts."""

from __future__ import annotations

from typing import Any

from attrs import fields, frozen

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

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(Attempt)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle of an earlier version has no later fields.
        for one in fields(Attempt):
            object.__setattr__(self, one.name, state.get(one.name, one.default))


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
    shared: float | None = None  # seconds that it waited for the identical request of another call
