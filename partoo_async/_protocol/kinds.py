"""Questions about the type of a model's field, for all that read JSON by it."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import attrs

from partoo_async._internal.schema import TheRest

__all__ = ["optional_item", "rest_field", "takes_rest", "tuple_item"]


def tuple_item(kind: Any) -> Any:
    """Return ``X`` of ``tuple[X, ...]``, else None."""
    args = get_args(kind)
    return args[0] if get_origin(kind) is tuple and len(args) == 2 and args[1] is ... else None


def optional_item(kind: Any) -> Any:
    """Return ``X`` of ``X | None``, else None."""
    args = get_args(kind)
    if get_origin(kind) not in (Union, UnionType) or len(args) != 2 or NoneType not in args:
        return None
    return args[0] if args[1] is NoneType else args[1]


def takes_rest(kind: Any) -> bool:
    """Return whether a field of this type gets the unknown fields of its object."""
    return get_origin(kind) is Annotated and TheRest in get_args(kind)


def rest_field(cls: Any) -> str | None:
    """Return the name of the field that gets the unknown ones, or None."""
    attrs.resolve_types(cls)
    return next((field.name for field in attrs.fields(cls) if takes_rest(field.type)), None)
