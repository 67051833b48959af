"""Why the API refuses a request. No HTTP, and no imports of the emulator."""

from __future__ import annotations

__all__ = [
    "DuplicateError",
    "ForbiddenError",
    "InvalidError",
    "OverQuotaError",
    "RefusedError",
    "RefusedKeyError",
    "UnauthenticatedError",
    "UnknownError",
]


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
