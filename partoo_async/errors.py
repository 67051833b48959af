"""Everything that can go wrong, as one tree::

    PartooError
    ├── ConfigurationError (ValueError)       a bad key, server or argument; nothing was sent
    ├── ClientClosedError (RuntimeError)      the client is closed, or belongs to another event loop or process
    ├── QuotaExceededError                    refused here, never sent: the quota cannot serve it in time
    ├── DeadlineExceededError (TimeoutError)  the whole call ran out of time
    ├── APIConnectionError                    no complete answer
    │   └── APITimeoutError (TimeoutError)    one attempt ran out of time
    ├── APIResponseValidationError            the answer does not fit the schema, or is too large
    ├── APIStatusError                        any status that is not a success
    │   ├── BadRequestError                   400
    │   ├── AuthenticationError               401
    │   ├── PermissionDeniedError             403
    │   ├── NotFoundError                     404
    │   ├── UnsupportedMediaTypeError         415
    │   ├── RateLimitError                    429
    │   └── InternalServerError               5xx
    └── ScanError                             a scan ended before its last group

Every error pickles and copies, carries what was tried in ``attempts``, and holds neither the API key nor a live
response.
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
    """One try of a call that failed.

    ``outcome`` is the status ("503") or the error's class name ("APITimeoutError"); ``elapsed`` is how long the try
    took, in seconds, without the wait for quota; ``request_sent`` says whether the server may have seen it.
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
    """The base of every error that this package raises on purpose."""

    attempts: tuple[Attempt, ...] = ()
    """What was tried before this error was raised, oldest first. Empty when nothing was sent."""

    transient: bool = False
    """Whether the same call may succeed later without any change: a fault of line, quota or server."""

    repeats: int | None = None
    """How often at most it is worth asking again because of it; None leaves that to the ``RetryPolicy``."""

    hurried: bool = False
    """Whether the call gave up for want of time alone: with more of it, it would have tried again."""

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
    """A bad key, server or argument. Raised before anything is sent; the message says how to mend it."""

    unknown_id: bool = False
    """Whether it is about a number or a text that is no id of anything, such as -1: a visitor may have sent it."""


class ClientClosedError(PartooError, RuntimeError):
    """The client is closed, or was made for another event loop or another process."""

    def __init__(self, message: str, request_sent: bool = False) -> None:
        super().__init__(message)
        self.request_sent = request_sent
        """True when the client was closed while the request was under way, so that the server may have seen it."""


class QuotaExceededError(PartooError):
    """The quota cannot serve this call before its deadline, so it was never sent.

    ``retry_after``: seconds until the quota is expected to have room for it.
    """

    transient = hurried = True

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceededError(PartooError, TimeoutError):
    """The whole call, with its waits and retries, ran out of time.

    ``last_error``: the error of the last attempt that was made, None when none was.
    """

    transient = hurried = True

    def __init__(self, message: str, last_error: PartooError | None = None) -> None:
        super().__init__(message)
        self.last_error = last_error


class APIConnectionError(PartooError):
    """No complete answer arrived: the connection was refused, cut, or spoke broken HTTP.

    ``request_sent``: False only when the server cannot have seen the request. ``route``: method and path.
    """

    transient = True
    stale: bool = False  # whether a read met a connection that had been closed since it was used

    def __init__(self, message: str, request_sent: bool = True, route: str = "") -> None:
        super().__init__(message)
        self.request_sent = request_sent
        self.route = route


class APITimeoutError(APIConnectionError, TimeoutError):
    """One attempt ran out of time."""


class APIResponseValidationError(PartooError):
    """The answer does not fit the schema, is not JSON, or is too large.

    ``problems``: a tuple of texts like ``expected int @ $.id``; they never quote the payload. ``status`` and ``route``
    tell which answer it was.
    """

    repeats: int | None = 2
    foreign: bool = False  # whether it is the answer to another question, by its id

    def __init__(self, problems: tuple[str, ...], status: int = 200, route: str = "") -> None:
        super().__init__(f"unusable {status} answer to {route or 'the request'}: {'; '.join(problems)}")
        self.problems = problems
        self.status = status
        self.route = route


class APIStatusError(PartooError):
    """The server answered with a status that is not a success; subclasses stand for single statuses.

    ``status``: the HTTP status. ``body``: the attrs class of a documented error body where it fits, else the decoded
    JSON, else the first 2,000 characters of the text, else None. ``route``: method and path. ``retry_after``: seconds
    that the server asked to wait, or None. ``server``: name and address of the server that answered.
    """

    def __init__(
        self,
        status: int,
        body: object = None,
        route: str = "",
        retry_after: float | None = None,
        detail: str = "",
        server: str = "",
    ) -> None:
        super().__init__(_status_message(status, route, detail, server))
        self.status = status
        self.body = body
        self.route = route
        self.retry_after = retry_after
        self.server = server


class BadRequestError(APIStatusError):
    """400: the server finds the request incorrect; ``body.errors.json`` says what."""


class AuthenticationError(APIStatusError):
    """401: the key is missing, wrong, expired, or of another server."""


class PermissionDeniedError(APIStatusError):
    """403: the key is valid but may not do this."""


class NotFoundError(APIStatusError):
    """404: no such resource, or none that this key may see."""


class UnsupportedMediaTypeError(APIStatusError):
    """415: the body was not sent as JSON."""


class RateLimitError(APIStatusError):
    """429: the quota of the organization is used up; ``retry_after`` says for how many seconds, if the server did."""

    transient = True


class InternalServerError(APIStatusError):
    """5xx: the server or a gateway before it failed."""


class ScanError(PartooError):
    """A scan ended before its last group, or ended with failures that the caller did not want.

    ``report``: the ``ScanReport`` of what was done until then.
    """

    def __init__(self, message: str, report: ScanReport) -> None:
        super().__init__(message)
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
