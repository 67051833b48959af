"""What the API refuses, in words of its own domain: no HTTP here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ForbiddenError",
    "InvalidError",
    "OverQuotaError",
    "RefusedError",
    "UnauthenticatedError",
    "UnknownError",
    "check_businesses",
    "check_name",
]

_FORBIDDEN_IN_NAMES = ",;/"


class RefusedError(Exception):
    """The base of the reasons to refuse a request. They never leave the emulator: ``explain`` answers them."""


class UnauthenticatedError(RefusedError):
    """The request came without a valid key."""


class OverQuotaError(RefusedError):
    """The organization has used up its quota; ``retry_after`` is the value of that header, or None for no header."""

    def __init__(self, retry_after: str | None) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class UnknownError(RefusedError):
    """There is no such section, or no such group in that section."""


class ForbiddenError(RefusedError):
    """The thing exists, but may not be changed: it is read-only, or an automated puller feeds it."""


class InvalidError(RefusedError):
    """The request is incorrect; ``problems`` maps a field's name to a list of messages.

    The documented body of a 400 has an untyped object there; this shape, and the wording of the messages, is the
    usual one of Python web frameworks and an assumption.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.problems: dict[str, list[str]] = {field: [message]}


def check_name(name: str, taken: Iterable[str]) -> None:
    """Check the name of a section or group against the documented rules and the names ``taken`` by its siblings.

    Documented: no ``,`` ``;`` ``/``, and unique; the scope of that, the error, and case or length rules are open
    questions. Raises ``InvalidError``.
    """
    if not name.strip():
        raise InvalidError("name", "Shorter than minimum length 1.")
    if any(char in name for char in _FORBIDDEN_IN_NAMES):
        raise InvalidError("name", "Must not contain any of these characters: , ; /")
    if name in taken:
        raise InvalidError("name", "This name is already used, it must be unique.")


def check_businesses(business_ids: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the ids without repetitions, in their order; raises ``InvalidError`` if one of them is not ``known``."""
    # A group is a set, as far as is known; the order is kept because the API states none to put it in.
    wanted = dict.fromkeys(business_ids)
    unknown = wanted.keys() - set(known)
    if unknown:
        # One is enough to find the mistake, and a list of thousands would bury it.
        raise InvalidError("business__in", f"Unknown business id: {min(unknown)} ({len(unknown)} in all).")
    return list(wanted)
