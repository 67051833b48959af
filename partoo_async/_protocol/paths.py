"""Paths and queries of requests: checked, escaped, and brought into one form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from partoo_async._internal.checks import as_int, check_text
from partoo_async.errors import ConfigurationError

__all__ = ["check_path", "encode_params"]


def check_path(path: object) -> str:
    """Return the path, escaped where needed. What another route or host would read is refused."""
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
    return re.sub("%(?![0-9A-Fa-f]{2})", "%25", quote(path, safe="/%:@!$&'()*+,;=-._~"))


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
