"""The fields and the body of ``partoo request``, from words to values."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from partoo_async.cli.interrupts import interruptible
from partoo_async.cli.text import clean, json_value
from partoo_async.errors import ConfigurationError

__all__ = ["parse_fields", "read_input", "split_query"]

_CONSTANTS = {"true": True, "false": False, "null": None}


def parse_fields(texts: Iterable[str], typed: Iterable[str]) -> dict[str, Any]:
    """Return what ``-f`` and ``-F`` say. ``name[]=value``, repeated, makes a list; ``name[]``, an empty one.

    Raises:
        ConfigurationError: A word is no field, or a name is given twice.
    """
    fields: dict[str, Any] = {}
    for option, words in (("--raw-field", texts), ("--field", typed)):
        for word in words:
            name, mark, value = word.partition("=")
            if mark and name.endswith(":") and option == "--field":
                name, parsed = name[:-1], _json_of(f"{option} {clean(name[:-1])}", value)
            else:
                parsed = value if option == "--raw-field" else _typed(value)
            _put(fields, option, name, parsed, given=bool(mark))
    return fields


def _put(fields: dict[str, Any], option: str, name: str, value: Any, *, given: bool) -> None:
    bare = name.removesuffix("[]")
    if not bare or (not given and bare == name):
        also = ", or name:=JSON" if option == "--field" else ""
        raise ConfigurationError(f"{option}: expected name=value{also}, not {clean(name)!r}")
    listed = fields.setdefault(bare, []) if bare != name else None
    if listed is None and name not in fields:
        fields[name] = value
    elif not isinstance(listed, list):
        shown = clean(bare)
        raise ConfigurationError(f"{option}: {shown} is given twice; several values are {shown}[]=one {shown}[]=two")
    elif given:
        listed.append(value)


def _typed(value: str) -> Any:
    if value in _CONSTANTS:
        return _CONSTANTS[value]
    if value.startswith("@"):
        return _read("--field", value[1:])
    try:
        # As JSON has numbers: 007 stays a text.
        number = json_value(value)
    except ValueError:
        return value
    return number if isinstance(number, (int, float)) else value


def read_input(place: str) -> Any:
    """Return the JSON of a file, or of standard input for ``-``. Raises ``ConfigurationError``."""
    return _json_of("--input", _read("--input", place))


def _read(option: str, place: str) -> str:
    try:
        with interruptible():
            return sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"{option}: cannot read {clean(place)}: {problem}") from None


def _json_of(option: str, text: str) -> Any:
    try:
        return json_value(text)
    except ValueError as error:
        where = f" at {error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigurationError(f"{option}: expected JSON; it is not valid{where}") from None


def split_query(path: str, base_url: str) -> tuple[str, dict[str, str]]:
    """Return the path below the server, and the query behind it.

    Raises:
        ConfigurationError: It is the URL of another server, or has a parameter twice.
    """
    if "://" in path:
        if not path.startswith(f"{base_url}/"):
            # The key goes to the chosen server only.
            raise ConfigurationError(
                f"PATH: expected a path such as /sections, or a URL below {base_url}; see --server"
            )
        path = path.removeprefix(base_url)
    path, _, query = path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    params = dict(pairs)
    if len(params) < len(pairs):
        raise ConfigurationError("PATH: a parameter is given twice; several values are --raw-field NAME[]=TEXT")
    return path, params
