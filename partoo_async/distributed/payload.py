"""What travels to a worker of a cluster, and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from partoo_async._internal.secret import Secret
from partoo_async.policy import RateLimit, RetryPolicy
from partoo_async.servers import Server

if TYPE_CHECKING:
    from partoo_async.scan.fetcher import Figures

__all__ = ["Answers", "Job", "Question", "SealedKey", "seal"]


class SealedKey:
    """An API key on its way to a worker: a pickle holds it, and nothing that prints the object does."""

    # A type of its own, which only ``Job`` has, so that ``Secret`` goes on to refuse.
    __slots__ = ("_secret",)

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def open(self) -> Secret:
        """Return the key."""
        return self._secret

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> tuple[Any, ...]:
        return _sealed, (self._secret.reveal(),)


def _sealed(key: str) -> SealedKey:
    return SealedKey(Secret(key))


def seal(key: Secret | Callable[[], Awaitable[str]]) -> SealedKey | Callable[[], Awaitable[str]]:
    """Return a key as it travels. A callable is called on the worker."""
    return SealedKey(key) if isinstance(key, Secret) else key


@frozen
class Job:
    """What a worker needs to read for one organization."""

    run: str  # of ``distributed_scan``; a worker keeps connections for each
    number: int  # the organization's; its name stays at home
    key: SealedKey | Callable[[], Awaitable[str]]
    server: Server
    rate_limit: RateLimit | None
    quota: Any  # a description of where processes share it; None: each has a share
    timeout: float
    attempt_timeout: float
    retry: RetryPolicy
    strict: bool
    max_concurrency: int
    max_outage: float


class Question(NamedTuple):
    """A method of ``GroupFetcher``, by its name, and the argument."""

    method: str
    argument: Any


class Answers(NamedTuple):
    """What became of the questions of one task, in their order, and what it took."""

    answers: list[Any]  # an exception is raised where it was asked for
    figures: Figures | None = None
