"""Checks of arguments: each takes a name and a value, and returns the value or raises ``ConfigurationError``."""

# The error begins with the name, and says what was expected and what came.

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partoo_async._internal.callables import is_async
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = [
    "ID_LIMIT",
    "as_int",
    "check_business_ids",
    "check_callback",
    "check_choice",
    "check_count",
    "check_file",
    "check_flag",
    "check_fraction",
    "check_id",
    "check_ids",
    "check_kind",
    "check_name",
    "check_number",
    "check_seconds",
    "check_text",
    "valid",
]

ID_LIMIT = 2**63
"""Ids are non-negative and fit a signed 64-bit integer."""

_MOST = 10**300  # a float holds it, with room to multiply
_LONG = 10**39


def valid(check: Callable[..., object], *arguments: object, **options: object) -> Callable[..., None]:
    """Return an attrs validator of a check, to be combined with others: ``optional(valid(check_count, least=1))``."""

    def validate(_: object, attribute: Attribute[Any], value: object) -> None:
        check(attribute.name, value, *arguments, **options)

    return validate


def _shown(value: object) -> str:
    """Return a number as it is, and anything else by its type."""
    # A text in the wrong argument may be the API key.
    if isinstance(value, int) and abs(value) >= _LONG:
        return "a number of more than 39 digits"  # Python refuses to print the longest ones
    return repr(value) if isinstance(value, (int, float)) else type(value).__name__


def _hint(value: object) -> str:
    """Return what to say of several ids in a text, and of an object of the API that came in place of its id."""
    if isinstance(value, str):
        return "; for several pass a list" if "," in value else ""
    kind = type(value).__name__.removesuffix("Summary")
    return f"; pass the id: {kind.lower()}.id" if isinstance(getattr(value, "id", None), (int, str)) else ""


def as_int(value: Any) -> Any:
    """Return a value that stands for an int, such as numpy's, as one; anything else as it is."""
    if type(value) is int or isinstance(value, bool):
        return value
    try:
        return int(operator.index(value))
    except TypeError:
        return value


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)  # for Python, True is an int


def check_seconds(name: str, value: Any, *, zero: bool = False) -> float:
    """Return a finite number of seconds, above zero or with ``zero`` at least that."""
    value = as_int(value)
    bound = "at least 0" if zero else "above 0"
    if not _is_number(value, int, float):
        raise ConfigurationError(f"{name}: expected a number of seconds {bound}, not {type(value).__name__}")
    if not 0 <= value <= _MOST or (value == 0 and not zero):
        raise ConfigurationError(f"{name}: expected a finite number of seconds {bound}, not {_shown(value)}")
    return float(value)


def check_number(name: str, value: Any) -> float:
    """Return a finite number."""
    value = as_int(value)
    if not _is_number(value, int, float):
        raise ConfigurationError(f"{name}: expected a number, not {type(value).__name__}")
    if not -_MOST <= value <= _MOST:
        raise ConfigurationError(f"{name}: expected a finite number, not {_shown(value)}")
    return float(value)


def check_count(name: str, value: Any, *, least: int, data: bool = False) -> int:
    """Return an int of at least ``least``. ``data``: it is sent to Partoo, and may come from a visitor."""
    number: int = as_int(value)
    if not _is_number(number, int):
        raise ConfigurationError(f"{name}: expected an int of at least {least}, not {type(value).__name__}")
    if number < least:
        raise ConfigurationError(f"{name}: expected at least {least}, not {_shown(number)}", invalid_value=data)
    return number


def check_fraction(name: str, value: Any, *, zero: bool = True, one: bool = True) -> float:
    """Return a number from 0 to 1, both ends included unless ``zero`` or ``one`` is False."""
    inside = _is_number(value, int, float) and 0 <= value <= 1
    if not inside or (value == 0 and not zero) or (value == 1 and not one):
        interval = f"{'of at least' if zero else 'above'} 0 and {'at most' if one else 'below'} 1"
        raise ConfigurationError(f"{name}: expected a fraction {interval}, not {_shown(value)}")
    return float(value)


def check_kind(name: str, value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        names = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
        raise ConfigurationError(f"{name}: expected {names}, not {type(value).__name__}")
    return value


def check_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name}: expected True or False, not {_shown(value)}")
    return value


def check_choice(name: str, value: Any, choices: Iterable[object]) -> Any:
    allowed = list(choices)
    for choice in allowed:
        # The type, too: 1 equals True and 404.0 equals 404. But an enum of strings is one.
        if (type(value) is type(choice) or isinstance(value, str)) and value == choice:
            return choice
    came = repr(value) if isinstance(value, str) else _shown(value)
    raise ConfigurationError(f"{name}: expected {' or '.join(map(repr, allowed))}, not {came}")


def check_callback(name: str, value: Any) -> Any:
    """Return None or a plain callable."""
    if value is not None and not callable(value):
        raise ConfigurationError(f"{name}: expected a callable or None, not {type(value).__name__}")
    if isinstance(value, type):
        raise ConfigurationError(f"{name}: expected an object, not its class; write {value.__name__}()")
    if is_async(value):
        raise ConfigurationError(f"{name}: expected a plain callable; nobody would await what this async one returns")
    return value


def check_file(name: str, value: Any, expected: str = "the path of a file") -> Path:
    """Return the path of a file, which need not exist."""
    try:
        path = Path(value)
    except TypeError:
        raise ConfigurationError(f"{name}: expected {expected}, not {type(value).__name__}") from None
    if not os.fspath(value):
        raise ConfigurationError(f"{name}: expected {expected}, not an empty one")
    try:
        possible = b"\0" not in os.fsencode(path)  # what came from the system can be encoded, whatever its bytes
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise ConfigurationError(f"{name}: expected a name that a file can have, not {str(path)!r}")
    return path


def check_id(name: str, value: object) -> int:
    """Return an id as an int. A string of ASCII digits is one, too."""
    if type(value) is int and 0 <= value < ID_LIMIT:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(ID_LIMIT)):
        value = int(value)
    value = as_int(value)
    if type(value) is int and 0 <= value < ID_LIMIT:
        return value
    number = _is_number(value, int)
    scalar = isinstance(value, (str, int, float))  # what a visitor's JSON has where an id belongs
    expected = "an id from 0 to 2**63 - 1" if number else "an int, or a string of digits"
    text = isinstance(value, str)
    shown = "a string with other characters" if text and value else _shown(value)
    raise ConfigurationError(f"{name}: expected {expected}, not {shown}{_hint(value)}", unknown_id=scalar)


def check_ids(name: str, values: Any) -> tuple[int, ...]:
    """Return one id, or several, each once and in their order."""
    values = as_int(values)
    if isinstance(values, (int, str)):
        values = [values]
    if not isinstance(values, Iterable):
        text = f"{name}: expected an id or an iterable of ids, not {type(values).__name__}{_hint(values)}"
        raise ConfigurationError(text)
    ids = tuple(dict.fromkeys(check_id(name, value) for value in values))
    if not ids:
        raise ConfigurationError(f"{name}: expected at least one id", invalid_value=True)
    return ids


def check_text(name: str, value: object) -> str:
    """Return a string that UTF-8 can express."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name}: expected a string, not {type(value).__name__}{_hint(value)}")
    # Raised after the except block: the UnicodeEncodeError, which would be its context, holds the text.
    try:
        value.encode()
    except UnicodeEncodeError:
        pass
    else:
        return str.__str__(value)  # an enum of strings would print its name
    problem = "the text holds half a surrogate pair, which UTF-8 cannot express"
    raise ConfigurationError(f"{name}: {problem}", invalid_value=True)


def check_name(name: str, value: object) -> str:
    text = check_text(name, value)
    if not text.strip():
        raise ConfigurationError(f"{name}: expected a name, not an empty string", invalid_value=True)
    for char in ",;/":
        if char in text:
            problem = f"the API allows no {char!r} in the name of a section or group"
            raise ConfigurationError(f"{name}: {problem}", invalid_value=True)
    return text


def check_business_ids(name: str, value: object) -> list[str]:
    # A string is an iterable of strings, and never what was meant.
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ConfigurationError(f"{name}: expected an iterable of strings, not {type(value).__name__}{_hint(value)}")
    ids = list(value)
    for index, item in enumerate(ids):
        if not isinstance(item, str) or not item:
            problem = f"expected non-empty strings; item {index} is {type(item).__name__}{_hint(item)}"
            raise ConfigurationError(f"{name}: {problem}", invalid_value=isinstance(item, (str, int, float)))
        check_text(name, item)
    return ids
