"""Checks of what callers pass in: each refuses with one clear ``ConfigurationError``, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from partoo_async.errors import ConfigurationError
from partoo_async.policy import as_int

__all__ = [
    "ID_LIMIT",
    "check_business_ids",
    "check_id",
    "check_name",
    "check_path",
    "encode_params",
    "shown",
]

_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")

ID_LIMIT = 2**63
"""Ids are non-negative and fit a signed 64-bit integer."""


def check_id(name: str, value: object) -> int:
    """Return a section or group id as an int from 0 to 2**63 - 1; a string of ASCII digits will do.

    Raises ``ConfigurationError``, which names the argument. A bool is not an id, though Python takes it for one.
    """
    if type(value) is int and 0 <= value < ID_LIMIT:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(ID_LIMIT)):
        value = int(value)
    value = as_int(value)
    if type(value) is int and 0 <= value < ID_LIMIT:
        return value
    number = isinstance(value, int) and not isinstance(value, bool)
    expected = "an id from 0 to 2**63 - 1" if number else "an int, or a string of digits"
    unknown = number or isinstance(value, str)
    raise ConfigurationError(f"{name}: expected {expected}, not {shown(value)}", unknown_id=unknown)


def shown(value: object) -> str:
    # Short values help to find the mistake; long ones, and those of other types, may be anything, a key among it.
    if isinstance(value, int) and abs(value) >= 10**39:
        return "a number of more than 39 digits"  # Python refuses to print the longest ones
    return repr(value) if isinstance(value, (int, float)) else type(value).__name__


def check_text(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        problem = f"{name}: the text holds half a surrogate pair, which UTF-8 cannot express"
    else:
        return
    raise ConfigurationError(problem)


def check_name(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"name: expected a string, not {type(value).__name__}")
    if not value.strip():
        raise ConfigurationError("name: expected a name, not an empty string")
    for char in ",;/":
        if char in value:
            raise ConfigurationError(f"name: the API allows no {char!r} in the name of a section or group")
    check_text("name", value)
    return value


def check_business_ids(value: object) -> list[str]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigurationError(f"business_ids: expected an iterable of strings, not {type(value).__name__}")
    ids = list(value)
    for index, item in enumerate(ids):
        if not isinstance(item, str) or not item:
            raise ConfigurationError(
                f"business_ids: expected non-empty strings; item {index} is {item.__class__.__name__}"
            )
        check_text("business_ids", item)
    return ids


def check_path(path: object) -> str:
    """Return the path, escaped where needed. Nothing gets through that another route or host would read."""
    if not isinstance(path, str) or "://" in path or not re.match(r"/|\w|%", path):
        raise ConfigurationError("path: expected a path below the server's base URL, such as '/business/search'")
    path = str.__str__(path)  # an enum of strings would print its name
    if not path.startswith("/"):
        path = "/" + path
    if path.startswith("//") or any(char in path for char in "?#\\") or not path.isprintable():
        raise ConfigurationError(
            "path: '//' in front, '?', '#', '\\' and control characters are not allowed; use params="
        )
    for segment in path.split("/"):
        # Servers fold these, escaped or not, so that the request would leave the place it was meant for. A gateway
        # and a server behind it unescape twice.
        while (plain := unquote(segment)) != segment:
            segment = plain  # noqa: PLW2901 - unquoted until nothing changes
        # Some servers cut off what follows a ';' before they fold.
        if {".", ".."} & set(re.split(r"[/\\;]", segment)):
            raise ConfigurationError("path: '.' and '..' are not allowed as parts of the path")
    return _LONE_PERCENT.sub("%25", quote(path, safe="/%:@!$&'()*+,;=-._~"))


def encode_params(params: Mapping[str, Any] | None) -> str:
    if params is not None and not isinstance(params, Mapping):
        raise ConfigurationError(f"params: expected a mapping, not {type(params).__name__}")
    # Lists go comma-separated and flags in lower case, as in the parameters that the documentation shows.
    given = {_plain(name): value for name, value in (params or {}).items() if value is not None}
    pairs = {name: _parameter(name, value) for name, value in given.items()}
    for name, value in pairs.items():
        check_text("params", f"{name}{value}")
    return "?" + urlencode(pairs, safe=",", quote_via=quote) if pairs else ""


def _plain(name: object) -> str:
    return str.__str__(name) if isinstance(name, str) else str(name)


def _parameter(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    value = as_int(value)
    if isinstance(value, int) and abs(value) < 10**39:
        return str(value)
    # An enum of strings or floats would print its name.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return ",".join(_parameter(name, item) for item in value)
    raise ConfigurationError(f"params: {name!r} is {type(value).__name__}; expected str, int, float, bool or a list")
