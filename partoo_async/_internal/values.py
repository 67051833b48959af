"""Values as JSON: every model, and whatever a scan or a comparison returns, has ``to_dict()`` from here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from partoo_async.errors import PartooError

__all__ = ["Value", "error_object", "plain"]


class Value:
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
