"""The one table of failures: which error each is, whether it is retried, and what a scan and a shell make of it.

To change how a 503 is retried, give it a row of its own in ``STATUSES``. Nothing else has to change but
``docs/errors.md``, which shows the table and is tested against it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import Factory, field, frozen

from partoo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    InternalServerError,
    NotFoundError,
    PartooError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedMediaTypeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FAILURES",
    "OTHER_5XX",
    "OTHER_STATUS",
    "STATUSES",
    "Repeat",
    "Rule",
    "proxy_rule",
    "rule_of",
    "status_rule",
]

E = TypeVar("E", bound=PartooError)


class Repeat(Enum):
    """Which requests the client sends again after a failure. The value is the docs' word."""

    NEVER = "none"
    READS = "reads"
    ALL = "all"  # writes, too: the server cannot have processed the request


@frozen
class Rule(Generic[E]):
    """What follows from one kind of failure.

    Attributes:
        error: The class that is raised.
        repeat: What is sent again.
        max_retries: Upper bound on its retries. None: ``RetryPolicy.max_retries``.
        exit_code: That of the command line: 2 wrong usage, 3 refused or unusable, 4 no usable response in time.
        outage: A scan holds when everybody meets it: the server, or the connection to it, is at fault.
        transient: As in ``PartooError``.
    """

    error: type[E]
    repeat: Repeat = Repeat.NEVER
    max_retries: int | None = None
    exit_code: int = 4
    outage: bool = False
    transient: bool = field(default=Factory(lambda self: self.repeat is not Repeat.NEVER, takes_self=True))

    def make(self, *args: Any, **options: Any) -> E:
        """Return an error that carries the rule. The arguments are those of its class."""
        build: Callable[..., E] = self.error
        return build(*args, transient=self.transient, max_retries=self.max_retries, **options)


STATUSES: dict[int, Rule[APIStatusError]] = {
    400: Rule(BadRequestError, exit_code=3),
    401: Rule(AuthenticationError, exit_code=3),
    403: Rule(PermissionDeniedError, exit_code=3),
    404: Rule(NotFoundError, exit_code=3),
    408: Rule(APIStatusError, Repeat.READS, outage=True),
    415: Rule(UnsupportedMediaTypeError, exit_code=3),
    425: Rule(APIStatusError, Repeat.READS, outage=True),
    429: Rule(RateLimitError, Repeat.ALL),
    # 501 and 505 are about the request, 511 about the network in front of the server: a retry gets the same response.
    501: Rule(InternalServerError),
    505: Rule(InternalServerError),
    511: Rule(InternalServerError),
}
OTHER_5XX: Rule[APIStatusError] = Rule(InternalServerError, Repeat.READS, outage=True)
OTHER_STATUS: Rule[APIStatusError] = Rule(APIStatusError, exit_code=3)

# No connection, or one that broke before the request was sent.
UNSENT = Rule(APIConnectionError, Repeat.ALL, outage=True)
CONNECT_TIMEOUT = Rule(APITimeoutError, Repeat.ALL, outage=True)
TLS = Rule(APIConnectionError)  # a retry cannot mend a certificate
PROXY_REFUSED = Rule(APIConnectionError)  # nor bring the password that a 407 asks for
CUT = Rule(APIConnectionError, Repeat.READS, outage=True)
# A server that sends such a response twice is likely to go on so. This holds for the next three.
MALFORMED = Rule(APIConnectionError, Repeat.READS, max_retries=2, outage=True)
UNREADABLE = Rule(APIResponseValidationError, Repeat.READS, max_retries=2, exit_code=3)
FOREIGN = Rule(APIResponseValidationError, Repeat.READS, max_retries=1, exit_code=3)
UNUSABLE = Rule(APIResponseValidationError, exit_code=3)
ATTEMPT_TIMEOUT = Rule(APITimeoutError, Repeat.READS, outage=True)
CLOSED = Rule(ClientClosedError)
CONFIGURATION = Rule(ConfigurationError, exit_code=2)
# Within the call there is no time left to retry.
DEADLINE = Rule(DeadlineExceededError, transient=True)
QUOTA = Rule(QuotaExceededError, transient=True)
_OTHER = Rule(PartooError, Repeat.READS)

FAILURES: dict[str, Rule[Any]] = {
    "bad argument, key or server": CONFIGURATION,
    "client closed": CLOSED,
    "no room in the quota": QUOTA,
    "`timeout` over": DEADLINE,
    "no connection: refused, DNS, failing proxy": UNSENT,
    "no connection in time": CONNECT_TIMEOUT,
    "TLS": TLS,
    "proxy refuses": PROXY_REFUSED,
    "connection cut": CUT,
    "`attempt_timeout` over": ATTEMPT_TIMEOUT,
    "response is no HTTP": MALFORMED,
    "body is no JSON, or cannot be decompressed": UNREADABLE,
    "body of another group or section": FOREIGN,
    "body too large, or of another shape; response to a write cut off": UNUSABLE,
}
"""The rules that no status decides, by the docs' words for them."""


def status_rule(status: int) -> Rule[APIStatusError]:
    """Return the rule of a status. The body has no say."""
    return STATUSES.get(status) or (OTHER_5XX if 500 <= status < 600 else OTHER_STATUS)


def proxy_rule(status: int) -> Rule[APIConnectionError]:
    """Return the rule of a proxy's refusal to connect, by the status of its response."""
    return UNSENT if status_rule(status).transient else PROXY_REFUSED


def rule_of(error: PartooError) -> Rule[Any]:
    """Return the rule of an error. Its own ``transient`` and ``max_retries`` go before those of the rule."""
    if isinstance(error, APIStatusError):
        return status_rule(error.status)
    if isinstance(error, APIConnectionError):
        return CUT if error.request_sent else UNSENT
    return next((rule for rule in FAILURES.values() if isinstance(error, rule.error)), _OTHER)
