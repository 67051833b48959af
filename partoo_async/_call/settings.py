"""The options of a client, checked once and frozen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, fields, frozen
from attrs.validators import optional

from partoo_async._internal.checks import (
    as_int,
    check_callback,
    check_count,
    check_flag,
    check_kind,
    check_seconds,
    valid,
)
from partoo_async._internal.hints import keyword_hint
from partoo_async._internal.reprs import total_repr
from partoo_async._internal.secret import Secret, protect, resolve_api_key
from partoo_async._internal.values import Compared
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit, RetryPolicy
from partoo_async.servers import Server, resolve_server

if TYPE_CHECKING:
    from partoo_async._call.changes import Changes
    from partoo_async.events import Event  # noqa: TC004 - nobody asks for the types of the fields

__all__ = ["Settings", "protect_key"]


def protect_key(changes: Changes) -> Changes:
    """Wrap the key in place, so that no frame of a later error holds it."""
    if "api_key" in changes:
        changes["api_key"] = protect(changes["api_key"])
    return changes


@total_repr
@frozen(eq=False, repr=False)
class Settings(Compared):
    """What ``with_options`` may change. The options of connections (proxy, TLS) are fixed."""

    api_key: Secret | Callable[[], Awaitable[str]]
    server: Server
    timeout: float = field(validator=valid(check_seconds))
    attempt_timeout: float = field(validator=valid(check_seconds))
    retry: RetryPolicy = field(validator=valid(check_kind, RetryPolicy))
    rate_limit: RateLimit | None = field(validator=valid(check_kind, RateLimit, type(None)))
    max_concurrency: int = field(converter=as_int, validator=valid(check_count, least=1))
    on_event: Callable[[Event], object] | None = field(validator=valid(check_callback))
    strict: bool = field(validator=valid(check_flag))
    cache_ttl: float | None = field(default=None, validator=optional(valid(check_seconds)))

    @classmethod
    def resolve(cls, *, api_key: Any, server: Any, **options: Any) -> Settings:
        """Return settings. A key or server that is None comes from the environment."""
        return cls(api_key=resolve_api_key(api_key), server=resolve_server(server), **options)

    def change(self, **changes: Any) -> Settings:
        """Return a copy with other options. Raises ``ConfigurationError`` for one that cannot change."""
        names = [option.name for option in fields(Settings)]
        for name in changes:
            if name not in names:
                taken = f"{', '.join(sorted(names))}{keyword_hint(name, names)}"
                raise ConfigurationError(f"{name}: with_options() cannot change it; it takes {taken}")
        if "api_key" in changes:
            changes["api_key"] = resolve_api_key(changes["api_key"])
        if "server" in changes:
            changes["server"] = resolve_server(changes["server"])
        return evolve(self, **changes)
