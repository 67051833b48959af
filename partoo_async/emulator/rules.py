"""What the API refuses, in words of its own domain: no HTTP here, ``wire`` turns each of these into a status."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Forbidden", "Invalid", "Refusal", "Unknown", "check_businesses", "check_name"]

_FORBIDDEN_IN_NAMES = ",;/"


class Refusal(Exception):
    """The base of the reasons to refuse an operation. They never leave the emulator."""


class Unknown(Refusal):
    """There is no such section, or no such group in that section."""


class Forbidden(Refusal):
    """The thing exists, but may not be changed: it is read-only, or an automated puller feeds it."""


class Invalid(Refusal):
    """The request is incorrect; ``problems`` maps a field's name to a list of messages.

    The documented body of a 400 has an untyped object there; this shape is the usual one of the web framework that
    the messages of the API resemble, and an assumption.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.problems = {field: [message]}


def check_name(name: str, taken: Iterable[str]) -> None:
    """Check the name of a section or group against the documented rules and the names ``taken`` by its siblings.

    Documented: no ``,`` ``;`` ``/``, and unique; the scope of that, the error, and case or length rules are open
    questions. Raises ``Invalid``.
    """
    if not name.strip():
        raise Invalid("name", "Shorter than minimum length 1.")
    if any(char in name for char in _FORBIDDEN_IN_NAMES):
        raise Invalid("name", "Must not contain any of these characters: , ; /")
    if name in taken:
        raise Invalid("name", "This name is already used, it must be unique.")


def check_businesses(business_ids: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the ids without repetitions, in their order; raises ``Invalid`` if one of them is not ``known``."""
    wanted = dict.fromkeys(business_ids)
    unknown = wanted.keys() - set(known)
    if unknown:
        # One is enough to find the mistake, and a list of thousands would bury it.
        raise Invalid("business__in", f"Unknown business id: {min(unknown)} ({len(unknown)} in all).")
    return list(wanted)
