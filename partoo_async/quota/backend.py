"""What a quota asks of the place where its slots are kept, and the simplest such place: a gate without a limit."""

from __future__ import annotations

import math
from typing import Protocol

__all__ = ["Backend", "OpenGate"]


class Backend(Protocol):
    """Where slots are kept. All times are those of one clock, in seconds: the quota's.

    A backend shared by processes keeps leased slots at hand, so that these calls stay immediate. They are made under
    a lock, by one thread at a time.
    """

    limit: int | None
    per: float
    paused_until: float

    @property
    def waits_for_answer(self) -> bool:
        """Whether no slot is given before one comes back, whatever the time."""

    def acquire(self, now: float, spare: int = 0) -> bool:
        """Take a slot and return True if one is free, the gate is open, and ``spare`` more stay free."""

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Return a slot: at once when nothing was ``sent``, else after the window that began with the answer.

        ``late``: for how many seconds from now a request that was given up may still reach the server.
        """

    def pause(self, now: float, until: float, *, vague: bool = False) -> None:
        """Close the gate until that time, unless it is closed for longer already.

        ``vague``: the server did not say for how long.
        """

    def used(self, now: float) -> int:
        """Return how many slots are taken, those that cool down included."""

    def spaced(self, now: float) -> bool:
        """Whether sends go out one by one, at the pace of the quota."""

    def ready_at(self, now: float, position: int, spare: int = 0) -> float:
        """Return the earliest time at which slot number ``position`` (0 is the next) can be taken, ``spare`` left free.

        The time may be earlier than what will happen, never later.
        """

    def forgotten_at(self) -> float:
        """Return the time from which on nothing that was sent or said matters any more; infinity if that is open."""


class OpenGate:
    """The backend without a limit: nothing but the gate that a 429 closes."""

    limit: int | None = None
    per: float = 60.0

    def __init__(self) -> None:
        self.paused_until: float = -math.inf

    @property
    def waits_for_answer(self) -> bool:
        """Return False: there is nothing to wait for."""
        return False

    def acquire(self, now: float, spare: int = 0) -> bool:
        """Return whether the gate is open."""
        return now >= self.paused_until

    def release(self, now: float, *, sent: bool, answered: bool, late: float = 0.0) -> None:
        """Do nothing: there are no slots."""

    def pause(self, now: float, until: float, *, vague: bool = False) -> None:
        """Close the gate until that time, unless it is closed for longer already."""
        self.paused_until = max(self.paused_until, until)

    def used(self, now: float) -> int:
        """Return 0."""
        return 0

    def spaced(self, now: float) -> bool:
        """Return False: no pace is known."""
        return False

    def ready_at(self, now: float, position: int, spare: int = 0) -> float:
        """Return when the gate opens."""
        return max(now, self.paused_until)

    def forgotten_at(self) -> float:
        """Return the time from which on no pause matters any more."""
        return self.paused_until + self.per
