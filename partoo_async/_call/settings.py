"""The options of a client, checked once and frozen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import Attribute, evolve, field, fields, frozen

from partoo_async._internal.callbacks import check_callback
from partoo_async._internal.reprs import total_repr
from partoo_async._internal.secret import Secret, resolve_api_key
from partoo_async.errors import ConfigurationError
from partoo_async.events import Event
from partoo_async.policy import RateLimit, RetryPolicy, as_int, check_count, check_seconds
from partoo_async.servers import Server, resolve_server

__all__ = ["Settings"]


def _seconds(_: object, attribute: Attribute[float], value: object) -> None:
    check_seconds(attribute.name, value)


def _kind(*kinds: type) -> Callable[[object, Attribute[Any], object], None]:
    def check(_: object, attribute: Attribute[Any], value: object) -> None:
        if not isinstance(value, kinds):
            names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
            raise ConfigurationError(f"{attribute.name}: expected {names}, not {type(value).__name__}")

    return check


@total_repr
@frozen
class Settings:
    """What ``with_options`` may change; the session's own options (proxy, TLS) are fixed for its life."""

    api_key: Secret | Callable[[], Awaitable[str]]
    server: Server
    timeout: float = field(validator=_seconds)
    attempt_timeout: float = field(validator=_seconds)
    retry: RetryPolicy = field(validator=_kind(RetryPolicy))
    rate_limit: RateLimit | None = field(validator=_kind(RateLimit, type(None)))
    max_concurrency: int = field(converter=as_int)
    on_event: Callable[[Event], object] | None = field()
    strict: bool = field(validator=_kind(bool))
    cache_ttl: float | None = field(default=None)

    @max_concurrency.validator
    def _check_max_concurrency(self, _: Attribute[int], value: object) -> None:
        check_count("max_concurrency", value, least=1)

    @on_event.validator
    def _check_on_event(self, _: Attribute[Any], value: object) -> None:
        check_callback("on_event", value)

    @cache_ttl.validator
    def _check_cache_ttl(self, _: Attribute[Any], value: object) -> None:
        if value is not None:
            check_seconds("cache_ttl", value)

    @classmethod
    def resolve(cls, *, api_key: Any, server: Any, **options: Any) -> Settings:
        """Return settings with key and server taken from the environment where they are None."""
        return cls(api_key=resolve_api_key(api_key), server=resolve_server(server), **options)

    def change(self, **changes: Any) -> Settings:
        """Return a copy with some options changed. Raises ``ConfigurationError`` for one that cannot be."""
        names = [option.name for option in fields(Settings)]
        for name in changes:
            if name not in names:
                raise ConfigurationError(
                    f"{name}: with_options() cannot change it; it takes {', '.join(sorted(names))}"
                )
        if "api_key" in changes:
            changes["api_key"] = resolve_api_key(changes["api_key"])
        if "server" in changes:
            changes["server"] = resolve_server(changes["server"])
        return evolve(self, **changes)
