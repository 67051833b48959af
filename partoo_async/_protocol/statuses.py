"""The one table of failures: what each raises, and what follows for retries, scans and the command line."""

# To change how a 503 is retried, give it a row here. ``docs/errors.md`` shows the table; a test compares them.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from partoo_async import errors

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STATUSES", "Rule", "proxy_rule", "rule_of", "status_rule"]

E = TypeVar("E", bound=errors.PartooError)


class Rule(Generic[E]):
    """A row of the table.

    Args:
        error: The class.
        retried: "all": the server cannot have processed the request.
        max_retries: Upper bound on the retries, None: ``RetryPolicy.max_retries``.
        exit_code: Of the command line: 2 wrong usage, 3 refused or unusable, 4 no usable response in time.
        outage: The server, or the connection to it, is at fault: a scan holds if every request meets it.
        transient: True as well for whatever is retried.
    """

    __slots__ = ("error", "exit_code", "max_retries", "outage", "retried", "transient")

    def __init__(
        self,
        error: type[E],
        retried: Literal["none", "reads", "all"] = "none",
        max_retries: int | None = None,
        exit_code: int = 4,
        outage: bool = False,
        transient: bool = False,
    ) -> None:
        self.error: type[E] = error
        self.retried: Literal["none", "reads", "all"] = retried
        self.max_retries: int | None = max_retries
        self.exit_code: int = exit_code
        self.outage: bool = outage
        self.transient: bool = transient or retried != "none"

    def make(self, *args: Any, **facts: Any) -> E:
        """Return an error that carries the rule. Arguments are those of its class."""
        build: Callable[..., E] = self.error
        return build(*args, transient=self.transient, max_retries=self.max_retries, **facts)


STATUSES: dict[int, Rule[errors.APIStatusError]] = {
    400: Rule(errors.BadRequestError, exit_code=3),
    401: Rule(errors.AuthenticationError, exit_code=3),
    403: Rule(errors.PermissionDeniedError, exit_code=3),
    404: Rule(errors.NotFoundError, exit_code=3),
    408: Rule(errors.APIStatusError, "reads", outage=True),
    415: Rule(errors.UnsupportedMediaTypeError, exit_code=3),
    425: Rule(errors.APIStatusError, "reads", outage=True),
    429: Rule(errors.RateLimitError, "all"),  # bounded by the deadline alone, not by RetryPolicy.max_retries
    # 501 and 505 are about the request, 511 about the network in front of the server: a retry gets the same response.
    501: Rule(errors.InternalServerError),
    505: Rule(errors.InternalServerError),
    511: Rule(errors.InternalServerError),
}
OTHER_5XX: Rule[errors.APIStatusError] = Rule(errors.InternalServerError, "reads", outage=True)
OTHER_STATUS: Rule[errors.APIStatusError] = Rule(errors.APIStatusError, exit_code=3)

CONFIGURATION = Rule(errors.ConfigurationError, exit_code=2)
CLOSED = Rule(errors.ClientClosedError)
# Both may succeed later, but not within the call: it has no time left.
QUOTA = Rule(errors.QuotaExceededError, transient=True)
DEADLINE = Rule(errors.DeadlineExceededError, transient=True)
UNSENT = Rule(errors.APIConnectionError, "all", outage=True)
CONNECT_TIMEOUT = Rule(errors.APITimeoutError, "all", outage=True)
TLS = Rule(errors.APIConnectionError)  # a retry cannot mend a certificate
PROXY_REFUSED = Rule(errors.APIConnectionError)  # nor bring the password that a 407 asks for
CUT = Rule(errors.APIConnectionError, "reads", outage=True)
ATTEMPT_TIMEOUT = Rule(errors.APITimeoutError, "reads", outage=True)
# A server that sends one of the next three twice is likely to go on so.
MALFORMED = Rule(errors.APIConnectionError, "reads", max_retries=2, outage=True)  # no HTTP
UNREADABLE = Rule(errors.APIResponseValidationError, "reads", max_retries=2, exit_code=3)  # no JSON
FOREIGN = Rule(errors.APIResponseValidationError, "reads", max_retries=1, exit_code=3)  # another id
UNUSABLE = Rule(errors.APIResponseValidationError, exit_code=3)  # of another shape, or too large
LOST_UPDATE = Rule(errors.LostUpdateError, exit_code=3, transient=True)  # the caller may try again, knowing that
_UNKNOWN = Rule(errors.PartooError, "reads")  # of a test double, say: its own ``transient`` decides


def status_rule(status: int) -> Rule[errors.APIStatusError]:
    """Return the rule of a status. The body has no say."""
    return STATUSES.get(status) or (OTHER_5XX if 500 <= status < 600 else OTHER_STATUS)


def proxy_rule(status: int) -> Rule[errors.APIConnectionError]:
    """Return the rule of a proxy's refusal, by its status."""
    return UNSENT if status_rule(status).transient else PROXY_REFUSED


def rule_of(error: errors.PartooError) -> Rule[Any]:
    """Return the rule of an error, but for ``transient`` and ``max_retries``, which it carries itself."""
    if isinstance(error, errors.APIStatusError):
        return status_rule(error.status)
    if isinstance(error, errors.APIConnectionError):
        return CUT if error.request_sent else UNSENT
    rules: tuple[Rule[Any], ...] = (CONFIGURATION, CLOSED, QUOTA, DEADLINE, UNREADABLE, LOST_UPDATE)
    return next((rule for rule in rules if isinstance(error, rule.error)), _UNKNOWN)
