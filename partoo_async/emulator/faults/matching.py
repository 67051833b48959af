"""Which requests a fault is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from partoo_async.emulator.http.handlers import BASE_PATH
from partoo_async.errors import ConfigurationError

__all__ = ["Match", "Predicate", "check_match"]

Predicate: TypeAlias = Callable[[str, str], bool]
"""Whether a request of this method and this path, without base path and query, is meant."""

Match: TypeAlias = str | Predicate | None
"""What ``emulator.faults.add(match=...)`` takes."""

_WANTED = (
    "expected a method, a path such as '/sections/7', a template such as"
    " 'GET /sections/{section_id}/groups/{group_id}', or a function of method and path"
)


def _path_pattern(path: str) -> re.Pattern[str]:
    path = path.removeprefix(BASE_PATH) if path.startswith(f"{BASE_PATH}/") else path
    # {section_id} stands for one segment, whatever its name; everything else for itself.
    parts = re.split(r"(\{\w+\})", path)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts))


def check_match(value: object) -> Predicate:
    """Return a predicate for ``value``, None for every request; raises ``ConfigurationError`` for anything else.

    A text is a method, a path, or a method and a path. ``{name}`` in the path stands for any one segment: the template
    of a route matches every request of it, and ``/sections/7/groups/{group_id}`` the groups of one section.
    """
    if value is None:
        return lambda _method, _path: True
    if callable(value):
        return value
    if not isinstance(value, str):
        raise ConfigurationError(f"match: {_WANTED}, not {type(value).__name__}")
    # The method in capitals, as HTTP spells it: a word in small letters is a path that lacks its slash. The path
    # without a query, which is not compared, and with whole braces.
    words = re.fullmatch(r"(?P<method>[A-Z]+)?(?:(?:^|\s+)(?P<path>/(?:[^\s?#{}]|\{\w+\})*))?", value.strip())
    if words is None or not words[0]:
        raise ConfigurationError(f"match: {_WANTED}, not {value!r}")
    wanted, path = words["method"], words["path"]
    pattern = None if path is None else _path_pattern(path)

    def matches(method: str, path: str) -> bool:
        return wanted in (method, None) and (pattern is None or pattern.fullmatch(path) is not None)

    return matches
