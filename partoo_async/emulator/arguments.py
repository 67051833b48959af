"""The arguments of ``Emulator``, checked: each wrong one gives one ``ConfigurationError`` that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from partoo_async._internal.checks import check_kind, check_seconds
from partoo_async.emulator.behaviour import Behaviour
from partoo_async.emulator.data.businesses import EmulatedBusiness
from partoo_async.emulator.data.keys import ROLES, Caller, EmulatedKey
from partoo_async.emulator.data.lazy import LazyGroups
from partoo_async.emulator.data.store import EmulatedGroup, EmulatedSection
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


def check_behaviour(value: object) -> Behaviour:
    """Return how open questions are answered, None for the likeliest way."""
    behaviour: Behaviour = Behaviour() if value is None else check_kind("behaviour", value, Behaviour)
    return behaviour


def _role(value: object) -> EmulatedKey:
    if isinstance(value, EmulatedKey):
        return value
    if isinstance(value, str) and value in ROLES:
        return EmulatedKey(cast("Role", value))
    # No echo: where keys and roles were mixed up, this is a key.
    raise ConfigurationError(
        f"api_keys: expected for each key a role, {' or '.join(map(repr, ROLES))}, or an EmulatedKey"
    )


def check_keys(api_key: object, api_keys: object) -> dict[str, Caller]:
    """Return whom each key stands for: "key-1" for ``api_key``, then "key-2" and on.

    ``api_keys``: several keys, or a mapping of keys to roles or ``EmulatedKey`` objects, in which ``api_key`` may
    stand, too, to be another than an administrator's.
    """
    more = () if api_keys is None else api_keys
    if isinstance(more, (str, bytes)) or not isinstance(more, Iterable):
        raise ConfigurationError(
            f"api_keys: expected several keys, such as ['first', 'second'], not one {type(more).__name__}"
        )
    roles = {key: _role(value) for key, value in more.items()} if isinstance(more, Mapping) else {}
    callers: dict[str, Caller] = {}
    for number, key in enumerate([api_key, *more], start=1):
        name = "api_key" if number == 1 else "api_keys"
        # Like the client's own rule for keys, and like it without an echo of what may be a real one.
        if not isinstance(key, str) or not key or key != key.strip() or not (key.isascii() and key.isprintable()):
            raise ConfigurationError(f"{name}: expected a text of printable ASCII without spaces around it")
        callers.setdefault(key, Caller(f"key-{number}", roles.get(key, EmulatedKey())))
    return callers


def check_latency(value: object) -> tuple[float, float]:
    """Return the lowest and the highest latency in seconds, for a number or a (low, high) pair."""
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
    # The empty string would quietly mean every address of the machine.
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"host: expected a host of this machine, such as '127.0.0.1', not {value!r}")
    return value.strip()


def check_port(value: object) -> int:
    """Return the port, 0 for a free one."""
    # True is an int, and as a port it would be 1.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        raise ConfigurationError(f"port: expected an int from 1 to 65535, or 0 for a free one, not {value!r}")
    return value


def check_rate_limit(value: object) -> RateLimit | None:
    """Return the limit, None for none."""
    limit: RateLimit | None = check_kind("rate_limit", value, RateLimit, type(None))
    return limit


def check_retry_after(value: object) -> str | float:
    """Return how ``Retry-After`` is written: a style, or a constant number of seconds."""
    if isinstance(value, str):
        if value in ("remaining", "date", "absent"):
            return value
        raise ConfigurationError(
            f"retry_after: expected 'remaining', 'date', 'absent' or a number of seconds, not {value!r}"
        )
    return check_seconds("retry_after", value, zero=True)


def check_sections(sections: object) -> dict[int, EmulatedSection]:
    """Return the sections by id, the very objects that were given, so that whoever made them can edit them."""
    by_id: dict[int, EmulatedSection] = {}
    if not isinstance(sections, Iterable):
        raise ConfigurationError(f"sections: expected several EmulatedSection objects, not {type(sections).__name__}")
    for section in sections:
        if not isinstance(section, EmulatedSection):
            raise ConfigurationError(f"sections: expected EmulatedSection objects, not {type(section).__name__}")
        if section.id in by_id:
            raise ConfigurationError(f"sections: two of them have the id {section.id}; give each its own")
        # Lazy groups fit their ids, and a check would make them all.
        groups: Mapping[Any, Any] = {} if isinstance(section.groups, LazyGroups) else section.groups
        # An easy slip when groups are written by hand, and one that would show as a wrong answer much later.
        for group_id, group in groups.items():
            if not isinstance(group, EmulatedGroup) or group.id != group_id:
                raise ConfigurationError(
                    f"sections: section {section.id} has no EmulatedGroup of that id under groups[{group_id!r}];"
                    " groups maps each group's id to the group"
                )
        by_id[section.id] = section
    return by_id


def check_businesses(businesses: object) -> dict[str, EmulatedBusiness]:
    """Return the businesses by id, the very objects that were given, so that whoever made them can edit them."""
    if businesses is None:
        return {}
    if isinstance(businesses, str) or not isinstance(businesses, Iterable):
        raise ConfigurationError(
            f"businesses: expected several EmulatedBusiness objects, not {type(businesses).__name__}"
        )
    by_id: dict[str, EmulatedBusiness] = {}
    for business in businesses:
        if not isinstance(business, EmulatedBusiness):
            raise ConfigurationError(f"businesses: expected EmulatedBusiness objects, not {type(business).__name__}")
        if business.id in by_id:
            raise ConfigurationError(f"businesses: two of them have the id {business.id!r}; give each its own")
        by_id[business.id] = business
    return by_id
