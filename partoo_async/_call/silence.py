"""What tells nobody: a client without a listener has it for an ``Emitter``, and imports neither that nor the events."""

from __future__ import annotations

import logging

__all__ = ["Silence"]

_logger = logging.getLogger("partoo_async")


class Silence:
    """Has what is asked of an ``Emitter``. Requests are told of to the log alone."""

    __slots__ = ("wants_requests",)

    on_event = None
    wants_calls = False

    def __init__(self) -> None:
        self.wants_requests: bool = _logger.isEnabledFor(logging.DEBUG)

    def __call__(self, event: object) -> None:
        """Tell nobody of an event."""

    def active(self) -> bool:
        """Return that nobody wants to be told of calls."""
        return False

    def call_ended(self, record: object) -> None:
        """Tell nobody of a call."""

    def scan_started(self) -> None:
        """Tell nobody of a scan."""

    def note(self, error: BaseException) -> None:
        """Log nothing, since nobody was called who could raise."""
