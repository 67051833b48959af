"""What says on standard error why nothing seems to happen: listeners of a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async.cli.streams import say
from partoo_async.cli.text import duration
from partoo_async.cli.volume import VOLUME
from partoo_async.observers import Observer

if TYPE_CHECKING:
    from partoo_async.events import HoldEvent, RequestEvent, RetryEvent

__all__ = ["Holds", "Retries"]

_WORTH_A_LINE = 1.0  # second


class Retries(Observer):
    """Tells of waits between two attempts, for commands without a progress."""

    def __init__(self) -> None:
        self._status = ""

    def request_ended(self, event: RequestEvent) -> None:
        """Note the status, which says more than the name of an error."""
        self._status = f"{event.status} from the server" if event.status else ""

    def retrying(self, event: RetryEvent) -> None:
        """Print a line, if the wait is worth one and -v does not print it."""
        if event.wait >= _WORTH_A_LINE and not (VOLUME.verbose or VOLUME.quiet):
            why = self._status or event.error
            say(f"warning: {event.route}: {why}, attempt {event.attempt + 1} in {event.wait:.1f} s")


class Holds(Observer):
    """Says how long the scans of a client were on hold."""

    def __init__(self) -> None:
        self._holding = False

    def held(self, event: HoldEvent) -> None:
        """Note a hold that begins or ends: of many scans the first one that goes on."""
        if event.seconds and self._holding:
            say(f"the server responds again, after {duration(event.seconds)} on hold")
        self._holding = not event.seconds
