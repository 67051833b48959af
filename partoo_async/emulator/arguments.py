"""Checks of the arguments of ``Emulator``: they return the value, or raise ``ConfigurationError``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from partoo_async._internal.checks import check_kind, check_seconds
from partoo_async.emulator.behaviour import Behaviour
from partoo_async.emulator.data.entities import EmulatedBusiness, EmulatedGroup, EmulatedSection
from partoo_async.emulator.data.keys import ROLES, Caller, EmulatedKey
from partoo_async.emulator.data.lazy import LazyGroups
from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit

if TYPE_CHECKING:
    from partoo_async.emulator.data.keys import Role

__all__ = [
    "check_behaviour",
    "check_businesses",
    "check_host",
    "check_keys",
    "check_latency",
    "check_port",
    "check_rate_limit",
    "check_retry_after",
    "check_sections",
]


_Entity = TypeVar("_Entity", EmulatedSection, EmulatedBusiness)


def check_behaviour(value: object) -> Behaviour:
    """Return how open questions are answered, None for the likeliest way."""
    behaviour: Behaviour = Behaviour() if value is None else check_kind("behaviour", value, Behaviour)
    return behaviour


def _role(value: object) -> EmulatedKey:
    if isinstance(value, EmulatedKey):
        return value
    if isinstance(value, str) and value in ROLES:
        return EmulatedKey(cast("Role", value))
    # The value is not shown: if keys and roles were mixed up, it is a key.
    raise ConfigurationError(
        f"api_keys: expected for each key a role, {' or '.join(map(repr, ROLES))}, or an EmulatedKey"
    )


def check_keys(api_key: object, api_keys: object) -> dict[str, Caller]:
    """Return the caller for each key."""
    # `api_keys` may map `api_key` too, so that it is not an administrator's.
    more = () if api_keys is None else api_keys
    if isinstance(more, (str, bytes)) or not isinstance(more, Iterable):
        raise ConfigurationError(
            f"api_keys: expected several keys, such as ['first', 'second'], not one {type(more).__name__}"
        )
    roles = {key: _role(value) for key, value in more.items()} if isinstance(more, Mapping) else {}
    callers: dict[str, Caller] = {}
    for number, key in enumerate([api_key, *more], start=1):
        name = "api_key" if number == 1 else "api_keys"
        # The client's own rule for keys. The value is not shown: it may be a real key.
        if not isinstance(key, str) or not key or key != key.strip() or not (key.isascii() and key.isprintable()):
            raise ConfigurationError(f"{name}: expected a text of printable ASCII without spaces around it")
        callers.setdefault(key, Caller(f"key-{number}", roles.get(key, EmulatedKey())))
    return callers


def check_latency(value: object) -> tuple[float, float]:
    """Return the lowest and the highest latency in seconds."""
    if not isinstance(value, (tuple, list)):
        seconds = check_seconds("latency", value, zero=True)
        return seconds, seconds
    if len(value) != 2:
        raise ConfigurationError(f"latency: expected seconds or a (low, high) pair, not {len(value)} numbers")
    low, high = (check_seconds("latency", item, zero=True) for item in value)
    if low > high:
        raise ConfigurationError(f"latency: expected (low, high) with low first, not ({low}, {high})")
    return low, high


def check_host(value: object) -> str:
    """Return the host to listen on."""
    # An empty string would mean every address of the machine.
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"host: expected a host of this machine, such as '127.0.0.1', not {value!r}")
    return value.strip()


def check_port(value: object) -> int:
    """Return the port."""
    # True is an int: as a port it would be 1.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise ConfigurationError(f"port: expected an int from 1 to 65535, or 0 for a free one, not {value!r}")
    return value


def check_rate_limit(value: object) -> RateLimit | None:
    """Return the limit, None for none."""
    limit: RateLimit | None = check_kind("rate_limit", value, RateLimit, type(None))
    return limit


def check_retry_after(value: object) -> str | float:
    """Return how ``Retry-After`` is written."""
    if isinstance(value, str):
        if value in ("remaining", "date", "absent"):
            return value
        raise ConfigurationError(
            f"retry_after: expected 'remaining', 'date', 'absent' or a number of seconds, not {value!r}"
        )
    return check_seconds("retry_after", value, zero=True)


def _by_id(name: str, values: object, kind: type[_Entity]) -> dict[Any, _Entity]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name}: expected several {kind.__name__} objects, not {type(values).__name__}")
    by_id: dict[Any, _Entity] = {}
    for value in values:
        if not isinstance(value, kind):
            raise ConfigurationError(f"{name}: expected {kind.__name__} objects, not {type(value).__name__}")
        if value.id in by_id:
            raise ConfigurationError(f"{name}: two of them have the id {value.id!r}; give each its own")
        # The same object, not a copy: tests edit it.
        by_id[value.id] = value
    return by_id


def check_sections(sections: object) -> dict[int, EmulatedSection]:
    """Return the sections by id."""
    by_id = _by_id("sections", sections, EmulatedSection)
    for section in by_id.values():
        # Lazy groups have the right ids, and a check would generate all of them.
        groups: Mapping[Any, Any] = {} if isinstance(section.groups, LazyGroups) else section.groups
        # An easy mistake in groups written by hand, which would only show as a wrong response much later.
        for group_id, group in groups.items():
            if not isinstance(group, EmulatedGroup) or group.id != group_id:
                raise ConfigurationError(
                    f"sections: section {section.id} has no EmulatedGroup of that id under groups[{group_id!r}];"
                    " groups maps each group's id to the group"
                )
    return by_id


def check_businesses(businesses: object) -> dict[str, EmulatedBusiness]:
    """Return the businesses by id."""
    return {} if businesses is None else _by_id("businesses", businesses, EmulatedBusiness)
