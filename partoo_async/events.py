"""What ``on_event`` gets. No event holds the key or a payload."""

from __future__ import annotations

from attrs import frozen

from partoo_async._internal.values import Compared
from partoo_async.servers import Server

__all__ = ["Event", "HoldEvent", "PauseEvent", "RequestEvent", "RetryEvent"]


@frozen(eq=False, repr=False)
class RequestEvent(Compared):
    """A request was sent and has ended.

    Attributes:
        route: Method and path, without the query.
        status: That of the response, or None.
        error: The class name of the error, None on success.
        elapsed: Seconds, without the wait for quota.
        attempt: From 1.
        server: Where it was sent.
        template: Such as "GET /sections/{section_id}", "" for unknown endpoints.
    """

    route: str
    status: int | None
    error: str | None
    elapsed: float
    attempt: int
    server: Server
    template: str = ""  # last, here and below, with a default: applications make events in their tests


@frozen(eq=False, repr=False)
class RetryEvent(Compared):
    """A failed request will be sent again.

    Attributes:
        route: Method and path.
        error: The class name of the error.
        attempt: From 1.
        wait: Seconds until the next attempt.
        template: As in ``RequestEvent``.
    """

    route: str
    error: str
    attempt: int
    wait: float
    template: str = ""


@frozen(eq=False, repr=False)
class PauseEvent(Compared):
    """The server sent a 429: every call of this quota waits.

    A burst of 429s is one pause.

    Attributes:
        route: Method and path.
        seconds: How long the calls wait.
        template: As in ``RequestEvent``.
    """

    route: str
    seconds: float
    template: str = ""


@frozen(eq=False, repr=False)
class HoldEvent(Compared):
    """A scan begins to hold, since no request succeeds, or goes on.

    Attributes:
        route: Method and path.
        seconds: How long it has held, 0.0 at the beginning.
        error: The class name of the error.
        template: As in ``RequestEvent``.
    """

    route: str
    seconds: float
    error: str
    template: str = ""


Event = RequestEvent | RetryEvent | PauseEvent | HoldEvent
"""Any of the four."""
