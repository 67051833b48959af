"""Why the API refuses a request, and the checks of names and business ids. No HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.emulator.behaviour import Behaviour

__all__ = [
    "DuplicateError",
    "ForbiddenError",
    "InvalidError",
    "OverQuotaError",
    "RefusedError",
    "RefusedKeyError",
    "UnauthenticatedError",
    "UnknownError",
    "check_businesses",
    "check_name",
]

_FORBIDDEN_IN_NAMES = ",;/"


class RefusedError(Exception):
    """Base of the domain errors; ``respond_to_errors`` makes them responses."""


class UnauthenticatedError(RefusedError):
    """The request has no valid key."""


class OverQuotaError(RefusedError):
    """The organization is over its rate limit; ``retry_after`` is the header's value."""

    def __init__(self, retry_after: str | None) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class RefusedKeyError(RefusedError):
    """The key has expired, is used from a wrong address, or may only read."""

    # Whether the status is 401 or 403 is an open question.

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class UnknownError(RefusedError):
    """There is no such section, group or business; ``field`` names the id."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.problems: dict[str, list[str]] = {field: ["Resource not found."]}


class ForbiddenError(RefusedError):
    """The role may not do this, or the target is locked."""


class InvalidError(RefusedError):
    """A value in the request is invalid."""

    # Documented for a 400 is an untyped object. Its shape here, and the texts, are usual in Python web frameworks.

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.problems: dict[str, list[str]] = {field: [message]}


class DuplicateError(InvalidError):
    """A name is taken; ``status`` is 400 or 409."""

    def __init__(self, field: str, message: str, status: int) -> None:
        super().__init__(field, message)
        self.status = status


def check_name(name: str, taken: Iterable[str], behaviour: Behaviour) -> None:
    """Check the name of a section or group."""
    # Documented: no `,` `;` `/`, and unique. Open: the length, the error for a name that is taken, whether case counts.
    if not name.strip():
        raise InvalidError("name", "Shorter than minimum length 1.")
    if any(char in name for char in _FORBIDDEN_IN_NAMES):
        raise InvalidError("name", "Must not contain any of these characters: , ; /")
    if behaviour.max_name_length is not None and len(name) > behaviour.max_name_length:
        raise InvalidError("name", f"Longer than maximum length {behaviour.max_name_length}.")
    if name in taken:
        message = "This name is already used, it must be unique."
        raise DuplicateError("name", message, behaviour.duplicate_status)


def check_businesses(business_ids: Iterable[str], known: Iterable[str], *, repeated: bool) -> list[str]:
    """Return the ids, each once unless ``repeated``, or raise ``InvalidError``."""
    # In the order given: the documentation states none.
    wanted = list(business_ids)
    unknown = set(wanted).difference(known)
    if unknown:
        # One is enough to find the mistake. A list of thousands would hide it.
        raise InvalidError("business__in", f"Unknown business id: {min(unknown)} ({len(unknown)} in all).")
    return wanted if repeated else list(dict.fromkeys(wanted))
