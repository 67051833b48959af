"""What ``on_event`` gets. No event holds the key or a payload."""

from __future__ import annotations

import logging
from collections.abc import Callable

from attrs import define, field, frozen

from partoo_async._internal.callables import tell
from partoo_async._internal.reprs import total_repr
from partoo_async.servers import Server

__all__ = ["Emitter", "Event", "HoldEvent", "PauseEvent", "RequestEvent", "RetryEvent"]

_logger = logging.getLogger("partoo_async")


@frozen
class RequestEvent:
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


@frozen
class RetryEvent:
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


@frozen
class PauseEvent:
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


@frozen
class HoldEvent:
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


@total_repr
@define
class Emitter:
    """Calls a client's ``on_event``."""

    on_event: Callable[[Event], object] | None
    wants_requests: bool = field(init=False)  # a listener, or the log at the level of debug
    _failed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        # Asked for once: it is dear for each request.
        self.wants_requests = self.on_event is not None or _logger.isEnabledFor(logging.DEBUG)

    def __call__(self, event: Event) -> None:
        """Pass the event on, if ``on_event`` is set."""
        if self.on_event is None:
            return
        # Its errors are logged once and never break a call.
        error = tell(self.on_event, event)
        if error is not None and not self._failed:
            self._failed = True
            _logger.error("on_event raised; this is logged once, and the calls go on", exc_info=error)
