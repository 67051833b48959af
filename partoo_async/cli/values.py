"""Values of options that need no library to be read.

Newer releases of typer check every value with pydantic, the defaults too, and its import takes as long as all the rest
of a command. Text, whole numbers and defaults go without; typer has the others, and all that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any, get_args, get_origin

__all__ = ["read_quickly"]


def read_quickly(parameters: list[Any]) -> list[Any]:
    """Let the parameters of a command read their values in this way, where typer does it by itself; return them."""
    for parameter in parameters:
        slow = getattr(parameter, "get_runtime_param", None)
        if slow is not None and not isinstance(slow, _Quick) and hasattr(parameter, "type_descriptor"):
            parameter.get_runtime_param = _Quick(parameter, slow)
    return parameters


class _Quick:
    """What typer asks for, and then to coerce a value."""

    def __init__(self, parameter: Any, slow: Any) -> None:
        self._slow = slow
        self._kind, self._is_list = _kind(parameter.type_descriptor.annotation)
        bounds = (getattr(parameter, bound, None) for bound in ("min", "max"))
        plain = not getattr(parameter, "count", False) and all(bound is None for bound in bounds)
        readers: dict[type, Callable[[Any], Any]] = {str: str} | ({int: _whole, float: _decimal} if plain else {})
        self._read = readers.get(self._kind)

    def __call__(self) -> _Quick:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value as the command gets it."""
        is_many = param.multiple or param.nargs == -1
        if value is None:
            return () if is_many else None
        if isinstance(value, self._kind) and not isinstance(value, str):
            return value
        if self._read is not None and is_many is self._is_list:
            try:
                return [self._read(one) for one in value] if is_many else self._read(value)
            except ValueError:
                pass  # for typer to say so
        return self._slow().coerce(value, param=param, ctx=ctx)


def _kind(annotation: Any) -> tuple[type, bool]:
    """Return the class of a value, or of each value of a list; NoneType for what is neither."""
    given = [one for one in get_args(annotation) if one is not NoneType]
    if get_origin(annotation) is list:
        return (given[0], True) if isinstance(given[0], type) else (NoneType, True)
    if isinstance(annotation, type):
        return annotation, False
    return _kind(given[0]) if len(given) == 1 else (NoneType, False)


def _whole(text: object) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit():
        return int(text)
    raise ValueError


def _decimal(text: object) -> float:
    if isinstance(text, str) and text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    raise ValueError
