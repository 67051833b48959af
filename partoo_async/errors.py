"""Everything that this package raises::

    PartooError
    ├── ConfigurationError (ValueError)       wrong key, server or argument
    ├── ClientClosedError (RuntimeError)      client closed, or of another event loop
    ├── QuotaExceededError                    no room in the quota in time
    ├── DeadlineExceededError (TimeoutError)  call ran out of time
    ├── APIConnectionError                    no complete response
    │   └── APITimeoutError (TimeoutError)    attempt ran out of time
    ├── APIResponseValidationError            unusable response
    ├── APIStatusError                        status that is no success
    │   ├── BadRequestError                   400
    │   ├── AuthenticationError               401
    │   ├── PermissionDeniedError             403
    │   ├── NotFoundError                     404
    │   ├── UnsupportedMediaTypeError         415
    │   ├── RateLimitError                    429
    │   └── InternalServerError               5xx
    ├── LostUpdateError                       change to a group is not there after it was written
    └── ScanError                             scan ended early

Errors pickle and copy. None holds the API key or a live response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partoo_async._explain.attempt import Attempt
from partoo_async._explain.headers import Headers
from partoo_async._explain.statuses import phrase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from partoo_async._explain.facts import CallFacts
    from partoo_async.scan.outcomes import ScanReport

__all__ = [
    "APIConnectionError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "DeadlineExceededError",
    "InternalServerError",
    "LostUpdateError",
    "NotFoundError",
    "PartooError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ScanError",
    "UnsupportedMediaTypeError",
]


def _rebuild(cls: type[PartooError], args: tuple[Any, ...], state: dict[str, Any]) -> PartooError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class PartooError(Exception):
    """The base of all errors of this package.

    Attributes:
        attempts: What was tried, oldest first.
        transient: The same call may succeed later.
        max_retries: Upper bound on retries after this error. None: ``RetryPolicy.max_retries``.
        hurried: With more time, the call would have tried again.
    """

    # ``_protocol/statuses.py`` decides the second and third of the errors that the client raises.
    attempts: tuple[Attempt, ...] = ()
    transient: bool = False
    max_retries: int | None = None
    hurried: bool = False
    _facts: CallFacts | None = None

    def __init__(self, *args: object, **facts: Any) -> None:
        super().__init__(*args)
        for name, value in facts.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no {name!r}")
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # Not the inherited one: subclasses take other arguments than ``args``, and OSError rewrites its own.
        return _rebuild, (type(self), self.args, dict(self.__dict__))

    def __str__(self) -> str:
        # OSError, a base of the two timeouts, would print its arguments as an errno and a text.
        text = str(self.args[0]) if self.args else ""
        if len(self.attempts) > 1:
            text += f" (after {len(self.attempts)} attempts)"
        return text

    def explain(self) -> str:
        """Return lines for people: what happened, attempt by attempt, the server, the quota, and what to do."""
        from partoo_async._explain.text import explain  # noqa: PLC0415 - programs that read no errors do not load it

        return explain(self)


class ConfigurationError(PartooError, ValueError):
    """An argument, the key or the server is wrong. Nothing was sent.

    Attributes:
        unknown_id: The argument is a number, a bool or text, but no id, such as -1.
        invalid_value: The argument is data for Partoo, such as a name, but Partoo takes no such value.
    """

    unknown_id: bool = False
    invalid_value: bool = False


class ClientClosedError(PartooError, RuntimeError):
    """The client is closed, or belongs to another event loop or process.

    Attributes:
        request_sent: The server may have seen the request.
    """

    request_sent: bool = False


class QuotaExceededError(PartooError):
    """The quota has no room before the deadline. Nothing was sent.

    Attributes:
        retry_after: Seconds until there is room.
    """

    transient = hurried = True

    def __init__(self, message: str, retry_after: float, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class DeadlineExceededError(PartooError, TimeoutError):
    """The call, with its waits and retries, ran out of time.

    Attributes:
        last_error: That of the last attempt, or None.
    """

    transient = hurried = True

    def __init__(self, message: str, last_error: PartooError | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.last_error = last_error


class APIConnectionError(PartooError):
    """No complete HTTP response arrived.

    Attributes:
        request_sent: The server may have seen the request.
        route: Method and path.
    """

    transient = True
    request_sent: bool = True
    stale: bool = False  # a read met a connection that had been closed since it was used

    def __init__(self, message: str, request_sent: bool = True, route: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.request_sent = request_sent
        self.route = route


class APITimeoutError(APIConnectionError, TimeoutError):
    """One attempt ran out of time."""


class APIResponseValidationError(PartooError):
    """The response is not JSON, does not fit the schema, or is too large.

    Attributes:
        problems: Such as ``expected int @ $.id``. Without the payload.
        status: The HTTP status.
        route: Method and path.
        foreign: The response has another id than the request.
    """

    foreign: bool = False

    def __init__(self, problems: tuple[str, ...], status: int = 200, route: str = "", **facts: Any) -> None:
        super().__init__(f"unusable {status} response to {route or 'the request'}: {'; '.join(problems)}", **facts)
        self.problems = problems
        self.status = status
        self.route = route


class APIStatusError(PartooError):
    """The status is not a success. Subclasses stand for single statuses.

    Attributes:
        status: The HTTP status.
        body: A documented class, JSON, 2,000 characters of text, or None.
        route: Method and path.
        retry_after: Seconds that the server asks to wait, or None.
        server: Name and address of the server.
        headers: Response headers that help to find the request again: an allowlist, with names in lower case.
    """

    headers: Mapping[str, str] = Headers()

    def __init__(
        self,
        status: int,
        body: object = None,
        route: str = "",
        retry_after: float | None = None,
        detail: str = "",
        server: str = "",
        **facts: Any,
    ) -> None:
        super().__init__(_status_message(status, route, detail, server), **facts)
        self.status = status
        self.body = body
        self.route = route
        self.retry_after = retry_after
        self.server = server


class BadRequestError(APIStatusError):
    """400: the request is incorrect."""


class AuthenticationError(APIStatusError):
    """401: the key is missing, wrong, expired, or of another server."""


class PermissionDeniedError(APIStatusError):
    """403: the key is valid, but may not do this."""


class NotFoundError(APIStatusError):
    """404: no such resource, or none that this key may see."""


class UnsupportedMediaTypeError(APIStatusError):
    """415: the body was not sent as JSON."""


class RateLimitError(APIStatusError):
    """429: the quota of the organization is used up."""

    transient = True


class InternalServerError(APIStatusError):
    """5xx: the server or a gateway failed."""


class LostUpdateError(PartooError):
    """A change to a group was accepted twice, and was not there afterwards.

    Attributes:
        business_ids: What the group has instead.
    """

    business_ids: tuple[str, ...] = ()


class ScanError(PartooError):
    """A scan ended early, or had failures.

    Attributes:
        report: The ``ScanReport`` of what was done.
    """

    def __init__(self, message: str, report: ScanReport, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.report = report


def _status_message(status: int, route: str, detail: str, server: str) -> str:
    message = phrase(status) + (f" for {route}" if route else "") + (f": {detail}" if detail else "")
    if status in (401, 403) and server:
        # The commonest cause by far: production and sandbox keys look the same and are not interchangeable.
        why = "is this" if status == 401 else "the key may lack the right, a puller may lock the target, or it is"
        message += f"; sent to {server}: {why} a key of another server?"
    if 300 <= status < 400 and status != 304:
        message += "; redirects are never followed: the key goes to the chosen server only; check the server's URL"
    return message
