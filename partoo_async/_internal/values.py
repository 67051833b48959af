"""Values as JSON: every model, and whatever a scan or a comparison returns, has ``to_dict()`` from here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from partoo_async.errors import PartooError

__all__ = ["Compared", "Slotted", "Value", "error_object", "plain"]


class Compared:
    """Base of attrs classes that are compared, hashed and shown by their fields.

    Give them ``@frozen(eq=False, repr=False)``: attrs would compile the same three methods for each class, which takes
    longer at import than all the rest of it.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, field.name) == getattr(other, field.name) for field in _fields(self))

    def __hash__(self) -> int:
        # None stands for "as compared".
        hashed = [getattr(self, field.name) for field in _fields(self) if field.hash is not False]
        return hash((type(self), *hashed))

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={(field.repr if callable(field.repr) else repr)(getattr(self, field.name))}"
            for field in _fields(self)
            if field.repr
        ]
        return f"{type(self).__qualname__.rpartition('.')[2]}({', '.join(shown)})"


def _fields(value: object) -> tuple[attrs.Attribute[Any], ...]:
    fields: tuple[attrs.Attribute[Any], ...] = getattr(type(value), "__attrs_attrs__", ())
    return fields


class Slotted:  # noqa: PLW1641 - Python gives it no hash by itself
    """Base of plain classes that are compared by their slots, in which each class keeps what it was made of.

    For what no caller sees: attrs would compile an ``__init__`` for each class at import.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names: tuple[str, ...] = type(self).__slots__
        return all(getattr(self, name) == getattr(other, name) for name in names)


class Value(Compared):
    """Base of attrs classes that become JSON."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values, for ``json.dumps``.

        Sequences are lists, numbers that JSON lacks are None, and an error is an object of its class ("type"),
        "message", "status" (or None) and "transient".
        """
        fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(type(self))  # type: ignore[arg-type]  # of each subclass
        return {field.name: plain(getattr(self, field.name)) for field in fields}


def plain(value: object) -> Any:
    """Return a value as JSON has it. Raises ``TypeError`` for a kind that JSON lacks."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, PartooError):
        return error_object(value)
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    raise TypeError(f"JSON has no {type(value).__name__}")


def error_object(error: PartooError) -> dict[str, Any]:
    """Return an error as a JSON object."""
    return {
        "type": type(error).__name__,
        "message": str(error),
        "status": getattr(error, "status", None),
        "transient": error.transient,
    }
