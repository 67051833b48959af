"""What ``on_event`` is told: one frozen value for each thing that happened. None holds the key or a payload."""

from __future__ import annotations

import logging
from collections.abc import Callable

from attrs import define, frozen

from partoo_async._internal.callables import tell
from partoo_async.servers import Server

__all__ = ["Emitter", "Event", "HoldEvent", "PauseEvent", "RequestEvent", "RetryEvent"]

_logger = logging.getLogger("partoo_async")


@frozen
class RequestEvent:
    """A request was sent and came to an end.

    ``route``: method and path. ``status``: of the answer, None without one. ``error``: class name of what was raised,
    None on success. ``elapsed``: seconds, without the wait for quota. ``attempt``: 1 for the first try. ``server``: to
    which it went.
    """

    route: str
    status: int | None
    error: str | None
    elapsed: float
    attempt: int
    server: Server


@frozen
class RetryEvent:
    """A failed request will be sent again after ``wait`` seconds. ``error``: class name of the failure."""

    route: str
    error: str
    attempt: int
    wait: float


@frozen
class PauseEvent:
    """The server answered 429: every call of this quota waits for ``seconds``.

    One for each pause, however many requests of a burst were refused; one more when a later answer asks for longer.
    """

    route: str
    seconds: float


@frozen
class HoldEvent:
    """A scan holds, since nobody is answered: told when it begins, and again when the server answers.

    ``route``: what failed. ``seconds``: for how long it has held, 0.0 when it begins. ``error``: class name of the
    failure.
    """

    route: str
    seconds: float
    error: str


Event = RequestEvent | RetryEvent | PauseEvent | HoldEvent
"""Any of the four."""


@define
class Emitter:
    """Tells a client's ``on_event``. Its errors are logged once and never break a call."""

    on_event: Callable[[Event], object] | None
    _failed: bool = False

    def __call__(self, event: Event) -> None:
        """Hand the event over, if there is anybody to hand it to."""
        if self.on_event is None:
            return
        error = tell(self.on_event, event)
        if error is not None and not self._failed:
            self._failed = True
            _logger.error("on_event raised; this is logged once, and the calls go on", exc_info=error)
