"""The keywords of ``with_options``, for type checkers and editors: no program imports them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from partoo_async.events import Event
    from partoo_async.policy import RateLimit, RetryPolicy
    from partoo_async.servers import Server

__all__ = ["Changes"]


class Changes(TypedDict, total=False):
    """The keywords of ``with_options``: what is left out stays as it is."""

    api_key: str | Callable[[], Awaitable[str]] | None
    server: Server | str | None
    timeout: float
    attempt_timeout: float
    retry: RetryPolicy
    rate_limit: RateLimit | None
    max_concurrency: int
    on_event: Callable[[Event], object] | None
    strict: bool
    cache_ttl: float | None
