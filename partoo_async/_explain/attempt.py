"""What an error keeps of an attempt of its call."""

from __future__ import annotations

from typing import Any

from attrs import fields, frozen

__all__ = ["Attempt"]


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
