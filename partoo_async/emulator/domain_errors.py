"""What the API refuses, in words of its own domain: no HTTP here."""

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
    """The base of the reasons to refuse a request. They never leave the emulator: ``explain`` answers them."""


class UnauthenticatedError(RefusedError):
    """The request came without a valid key."""


class OverQuotaError(RefusedError):
    """The organization has used up its quota; ``retry_after`` is the value of that header, or None for no header."""

    def __init__(self, retry_after: str | None) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class RefusedKeyError(RefusedError):
    """The key is a valid one, but not for this: it has expired, comes from elsewhere, or may only read.

    ``status``: 401 or 403; which of them is an open question.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class UnknownError(RefusedError):
    """There is no such section or business, or no such group in that section; ``field`` names the id."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.problems: dict[str, list[str]] = {field: ["Resource not found."]}


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


class DuplicateError(InvalidError):
    """A name is taken; ``status`` is 400 or 409."""

    def __init__(self, field: str, message: str, status: int) -> None:
        super().__init__(field, message)
        self.status = status


def check_name(name: str, taken: Iterable[str], behaviour: Behaviour) -> None:
    """Check the name of a section or group against the documented rules and the names ``taken`` by its siblings.

    Documented: no ``,`` ``;`` ``/``, and unique; the error for that and any length rule are open questions, and so
    is the case of letters, which counts here. Raises ``InvalidError``.
    """
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
    """Return the ids in their order, each once unless ``repeated``; raises ``InvalidError`` if one is not ``known``."""
    # The order is kept because the API states none to put it in.
    wanted = list(business_ids)
    unknown = set(wanted).difference(known)
    if unknown:
        # One is enough to find the mistake, and a list of thousands would bury it.
        raise InvalidError("business__in", f"Unknown business id: {min(unknown)} ({len(unknown)} in all).")
    return wanted if repeated else list(dict.fromkeys(wanted))
