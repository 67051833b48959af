"""What an error keeps of its call. A scan may hold a hundred thousand of these: they are small, and share texts."""

from __future__ import annotations

from attrs import frozen

from partoo_async._explain.attempt import Attempt  # which pickles of earlier versions look for here

__all__ = ["Attempt", "CallFacts", "QuotaFacts"]


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
