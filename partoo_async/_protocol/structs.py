"""Bytes straight to models, where all came as documented: the only module that knows msgspec.

It says nothing about what does not fit: the converters do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import attrs
import msgspec

from partoo_async._internal.checks import ID_LIMIT
from partoo_async._internal.twins import twin_of
from partoo_async._protocol.kinds import optional_item, tuple_item

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["list_reader", "reader"]

T = TypeVar("T")

# Each is decoded by msgspec as strictly as by the converters: an int is no bool and no 1.0, a string is UTF-8.
_SCALARS: dict[Any, Any] = {int: Annotated[int, msgspec.Meta(ge=0, le=ID_LIMIT - 1)], str: str, bool: bool}


class _UnsuitableError(Exception):
    """A class has a field that is read in another way."""


def reader(cls: type[T]) -> Callable[[bytes], T] | None:
    """Return what decodes a body to a model; it raises some error for what does not fit. None: nothing does."""
    try:
        kind, make = _kind_of(cls)
    except _UnsuitableError:
        return None
    decode = msgspec.json.Decoder(kind).decode
    return lambda body: make(decode(body))


def list_reader(item: Any) -> Callable[[bytes], list[Any]] | None:
    """Return what decodes a JSON list of texts or models; it raises some error for what does not fit."""
    try:
        kind, make = _kind_of(item)
    except _UnsuitableError:
        return None
    decode = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]  # made at run time
    return decode if make is None else lambda body: [make(one) for one in decode(body)]


def _kind_of(kind: Any) -> tuple[Any, Any]:
    """Return what msgspec is to decode, and what makes the value of it; None: it is the value."""
    if kind in _SCALARS:
        return _SCALARS[kind], None
    item = optional_item(kind)
    if item is not None:
        inner, make = _kind_of(item)
        if make is None:
            return inner | None, None
        raise _UnsuitableError
    item = tuple_item(kind)
    if item is not None:
        inner, make = _kind_of(item)
        kind = tuple[inner, ...]  # type: ignore[valid-type]  # as above
        return kind, None if make is None else lambda values: tuple([make(value) for value in values])
    if not attrs.has(kind):
        raise _UnsuitableError
    return _struct_of(kind)


def _struct_of(cls: Any) -> tuple[type[msgspec.Struct], Callable[[Any], Any]]:
    attrs.resolve_types(cls)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    makers: list[tuple[int, Callable[[Any], Any]]] = []
    for index, field in enumerate(attrs.fields(cls)):
        if not field.init or field.converter is not None or isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
            raise _UnsuitableError
        kind, make = _kind_of(field.type)
        fields.append((field.name, kind) if field.default is attrs.NOTHING else (field.name, kind, field.default))
        if make is not None:
            makers.append((index, make))
    # gc=False: they live for as long as it takes to make the models of them.
    struct = msgspec.defstruct(cls.__name__, fields, forbid_unknown_fields=True, gc=False)
    values_of = msgspec.structs.astuple
    twin = twin_of(cls)

    def make_plain(one: msgspec.Struct) -> Any:
        model = twin(*values_of(one))
        model.__class__ = cls
        return model

    def make_model(one: msgspec.Struct) -> Any:
        values = [*values_of(one)]
        for index, make in makers:
            values[index] = make(values[index])
        return cls(*values)

    if makers:
        return struct, make_model
    return struct, make_plain if twin is not cls else lambda one: cls(*values_of(one))
