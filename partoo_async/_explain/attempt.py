"""What an error keeps of an attempt of its call."""

from __future__ import annotations

from typing import Any

from attrs import fields, frozen

__all__ = ["Attempt"]


@frozen(eq=False, repr=False)
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

    # By hand, since every program makes this class at import: attrs would compile each of them.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Attempt):
            return NotImplemented
        return self.__getstate__() == other.__getstate__()

    def __hash__(self) -> int:
        return hash((Attempt, *self.__getstate__().values()))

    def __repr__(self) -> str:
        return f"Attempt({', '.join(f'{name}={value!r}' for name, value in self.__getstate__().items())})"

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(Attempt)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle of an earlier version has no later fields.
        for one in fields(Attempt):
            object.__setattr__(self, one.name, state.get(one.name, one.default))
