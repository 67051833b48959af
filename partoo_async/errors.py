"""Everything that can go wrong, as one tree::

    PartooError
    ├── ConfigurationError (ValueError)       a bad key, server or argument; nothing was sent
    ├── ClientClosedError (RuntimeError)      the client is closed, or belongs to another event loop or process
    ├── QuotaExceededError                    refused here, never sent: the quota cannot serve it in time
    ├── DeadlineExceededError (TimeoutError)  the whole call ran out of time
    ├── APIConnectionError                    no complete response
    │   └── APITimeoutError (TimeoutError)    one attempt ran out of time
    ├── APIResponseValidationError            the response does not fit the schema, or is too large
    ├── APIStatusError                        any status that is not a success
    │   ├── BadRequestError                   400
    │   ├── AuthenticationError               401
    │   ├── PermissionDeniedError             403
    │   ├── NotFoundError                     404
    │   ├── UnsupportedMediaTypeError         415
    │   ├── RateLimitError                    429
    │   └── InternalServerError               5xx
    └── ScanError                             a scan ended before its last group

Every error pickles and copies. None holds the API key or a live response.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
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
    "NotFoundError",
    "PartooError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ScanError",
    "UnsupportedMediaTypeError",
]


@frozen
class Attempt:
    """One failed attempt of a call.

    Attributes:
        outcome: The status, such as "503", or the class name of the error.
        elapsed: Seconds, without the wait for quota.
        request_sent: The server may have seen the request.
    """

    outcome: str
    elapsed: float
    request_sent: bool


def _rebuild(cls: type[PartooError], args: tuple[Any, ...], state: dict[str, Any]) -> PartooError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class PartooError(Exception):
    """The base of all errors of this package.

    Attributes:
        attempts: The attempts before this error, oldest first. Empty if nothing was sent.
        transient: The same call may succeed later, without any change.
        max_retries: Upper bound on retries after this error. None: ``RetryPolicy.max_retries``.
        hurried: Only time was lacking. With more of it, the call would have tried again.
    """

    # ``_protocol/statuses.py`` decides the second and third of the errors that the client raises.
    attempts: tuple[Attempt, ...] = ()
    transient: bool = False
    max_retries: int | None = None
    hurried: bool = False

    def __init__(self, *args: object, **facts: Any) -> None:
        super().__init__(*args)
        for name, value in facts.items():
            getattr(type(self), name)  # raises for what is no attribute of the class
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


class ConfigurationError(PartooError, ValueError):
    """An argument, the key or the server is wrong. Nothing was sent.

    Attributes:
        unknown_id: The argument is a number or a text that is no id, such as -1. A visitor may have sent it.
    """

    unknown_id: bool = False


class ClientClosedError(PartooError, RuntimeError):
    """The client is closed, or belongs to another event loop or process.

    Attributes:
        request_sent: The client was closed while the request was in flight. The server may have seen it.
    """

    request_sent: bool = False


class QuotaExceededError(PartooError):
    """The quota has no room before the deadline of the call. Nothing was sent.

    Attributes:
        retry_after: Seconds until there should be room.
    """

    transient = hurried = True

    def __init__(self, message: str, retry_after: float, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class DeadlineExceededError(PartooError, TimeoutError):
    """The whole call, with its waits and retries, ran out of time.

    Attributes:
        last_error: That of the last attempt, or None.
    """

    transient = hurried = True

    def __init__(self, message: str, last_error: PartooError | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.last_error = last_error


class APIConnectionError(PartooError):
    """No complete response: the connection was refused or cut, or what came is no HTTP.

    Attributes:
        request_sent: False only if the server cannot have seen the request.
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
        problems: Such as ``expected int @ $.id``. They never quote the payload.
        status: The status of the response.
        route: Method and path.
        foreign: The response belongs to another request, by its id.
    """

    foreign: bool = False

    def __init__(self, problems: tuple[str, ...], status: int = 200, route: str = "", **facts: Any) -> None:
        super().__init__(f"unusable {status} answer to {route or 'the request'}: {'; '.join(problems)}", **facts)
        self.problems = problems
        self.status = status
        self.route = route


class APIStatusError(PartooError):
    """The status is not a success. Subclasses stand for single statuses.

    Attributes:
        status: The HTTP status.
        body: An attrs class for a documented error body, else JSON, else 2,000 characters of text, else None.
        route: Method and path.
        retry_after: Seconds that the server asks to wait, or None.
        server: Name and address of the server.
    """

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
    """400: the request is incorrect. ``body.errors.json`` says why."""


class AuthenticationError(APIStatusError):
    """401: the key is missing, wrong, expired, or of another server."""


class PermissionDeniedError(APIStatusError):
    """403: the key is valid, but may not do this."""


class NotFoundError(APIStatusError):
    """404: no such resource, or none that this key may see."""


class UnsupportedMediaTypeError(APIStatusError):
    """415: the body was not sent as JSON."""


class RateLimitError(APIStatusError):
    """429: the quota of the organization is used up, for ``retry_after`` seconds if the server says so."""

    transient = True


class InternalServerError(APIStatusError):
    """5xx: the server or a gateway failed."""


class ScanError(PartooError):
    """A scan ended early, or had failures that the caller did not want.

    Attributes:
        report: The ``ScanReport`` of what was done.
    """

    def __init__(self, message: str, report: ScanReport, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.report = report


def _status_message(status: int, route: str, detail: str, server: str) -> str:
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    message = phrase + (f" for {route}" if route else "") + (f": {detail}" if detail else "")
    if status in (401, 403) and server:
        # The commonest cause by far: production and sandbox keys look the same and are not interchangeable.
        why = "is this" if status == 401 else "the key may lack the right, a puller may lock the target, or it is"
        message += f" (sent to {server}; {why} a key of another server, such as a sandbox key on production?)"
    if 300 <= status < 400 and status != 304:
        message += " (redirects are never followed: the key goes to the chosen server only; check the server's URL)"
    return message
