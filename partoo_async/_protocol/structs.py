"""Bytes straight to models: the only module that knows msgspec.

It says nothing about what does not fit: the converters do.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import attrs
import msgspec

from partoo_async._internal.checks import ID_LIMIT
from partoo_async._internal.twins import twin_of
from partoo_async._protocol.drift import NEUTRAL, kind_of
from partoo_async._protocol.kinds import optional_item, tuple_item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Unknown: TypeAlias = Mapping[type, list[str]]
    Make: TypeAlias = Callable[[Any, dict[str, None]], Any]
    PartReader: TypeAlias = Callable[[bytes, dict[str, None]], Any]

__all__ = ["part_reader", "plain_reader", "reader"]

# Each is decoded by msgspec as strictly as by the converters: an int is no bool and no 1.0, a string is UTF-8.
_SCALARS: dict[Any, Any] = {int: Annotated[int, msgspec.Meta(ge=0, le=ID_LIMIT - 1)], str: str, bool: bool}


class _UnsuitableError(Exception):
    """A class has a field that is read in another way."""


@cache  # for all clients of a process: it takes as long as a dozen requests
def reader(cls: Any) -> Callable[[bytes], Any] | None:
    """Return what decodes a body to a model; it raises some error for what does not fit. None: nothing does."""
    decode, make = _decoder_of(cls)
    if decode is None:
        return None
    no_drift = dict[str, None]()
    return lambda body: make(decode(body), no_drift)


def plain_reader(cls: Any) -> Callable[[bytes], Any] | None:
    """Return the same, but what it returns only has the fields of the model, and so have its parts."""
    decode: Callable[[bytes], Any] | None = _decoder_of(cls)[0]
    return decode


@cache
def _decoder_of(cls: Any) -> tuple[Any, Any]:
    """Return what decodes a body to a struct, and what makes a model of that. None: nothing does."""
    try:
        kind, make = _kind_of(cls)
    except _UnsuitableError:
        return None, None
    return msgspec.json.Decoder(kind).decode, make


def part_reader(item: Any, unknown: Unknown | None = None, *, many: bool = False) -> PartReader | None:
    """Return what decodes a body to a model or a text, or to a list of ``many``.

    Args:
        item: A model, or ``str``.
        unknown: Names of fields that may come besides those of a class, and are left out; what is missing gets a
            neutral value. None: both are refused.
        many: Whether the body is a list.

    Returns:
        It takes a body, and a dict that gets the kinds of its drift. It raises some error for what does not fit.
    """
    try:
        kind, make = _kind_of(item, unknown)
    except _UnsuitableError:
        return None
    decode = msgspec.json.Decoder(list[kind] if many else kind).decode  # type: ignore[valid-type]  # made at run time
    if make is None:
        return lambda body, _: decode(body)
    if many:
        return lambda body, drift: [make(one, drift) for one in decode(body)]
    return lambda body, drift: make(decode(body), drift)


def _kind_of(kind: Any, unknown: Unknown | None = None) -> tuple[Any, Any]:
    """Return what msgspec is to decode, and what makes the value of it; None: it is the value."""
    if kind in _SCALARS:
        return _SCALARS[kind], None
    item = optional_item(kind)
    if item is not None:
        inner, make = _kind_of(item, unknown)
        if make is None:
            return inner | None, None
        raise _UnsuitableError
    item = tuple_item(kind)
    if item is not None:
        inner, make = _kind_of(item, unknown)
        kind = tuple[inner, ...]  # type: ignore[valid-type]  # as above
        return kind, None if make is None else lambda values, drift: tuple([make(value, drift) for value in values])
    if not attrs.has(kind):
        raise _UnsuitableError
    return _struct_of(kind, unknown)


def _struct_of(cls: Any, unknown: Unknown | None) -> tuple[type[msgspec.Struct], Make]:
    attrs.resolve_types(cls)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    makers: list[tuple[int, Make]] = []
    neutral = {} if unknown is None else NEUTRAL.get(cls, {})
    for index, field in enumerate(attrs.fields(cls)):
        if not field.init or field.converter is not None or isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
            raise _UnsuitableError
        kind, make = _kind_of(field.type, unknown)
        if field.name in neutral:
            fields.append((field.name, kind | None | msgspec.UnsetType, msgspec.UNSET))
        else:
            fields.append((field.name, kind) if field.default is attrs.NOTHING else (field.name, kind, field.default))
        if make is not None:
            makers.append((index, make))
    if unknown is not None:
        return _lenient_struct(cls, fields, makers, unknown.get(cls, ()))
    # gc=False: they live for as long as it takes to make the models of them.
    struct = msgspec.defstruct(cls.__name__, fields, forbid_unknown_fields=True, gc=False)
    values_of = msgspec.structs.astuple
    twin = twin_of(cls)

    def make_plain(one: msgspec.Struct, _: object) -> Any:
        model = twin(*values_of(one))
        model.__class__ = cls
        return model

    def make_model(one: msgspec.Struct, drift: dict[str, None]) -> Any:
        values = [*values_of(one)]
        for index, make in makers:
            values[index] = make(values[index], drift)
        return cls(*values)

    if makers:
        return struct, make_model
    return struct, make_plain if twin is not cls else lambda one, _: cls(*values_of(one))


def _lenient_struct(
    cls: Any, fields: list[Any], makers: list[tuple[int, Make]], unknown: Sequence[str]
) -> tuple[type[msgspec.Struct], Make]:
    count = len(fields)
    # Other names than the server's, which need not be those of attributes.
    names = {f"unknown{number}": name for number, name in enumerate(unknown)}
    unknown_ones = [(count + number, kind_of(cls, name, "unknown")) for number, name in enumerate(unknown)]
    neutral = [
        (
            index,
            tuple(value) if isinstance(value, list) else value,
            kind_of(cls, name, "missing"),
            kind_of(cls, name, "null"),
        )
        for index, (name, *_) in enumerate(fields)
        for value in [NEUTRAL.get(cls, {}).get(name)]
        if value is not None
    ]
    # Any, not msgspec.Raw: what is left out has to be JSON all the same, to the last text in it.
    optional = [(name, Any, msgspec.UNSET) for name in names]
    # By keyword, since a field that must be there may follow one that need not.
    struct = msgspec.defstruct(
        cls.__name__, [*fields, *optional], forbid_unknown_fields=True, gc=False, kw_only=True, rename=names
    )
    values_of = msgspec.structs.astuple
    unset = msgspec.UNSET

    def make_model(one: msgspec.Struct, drift: dict[str, None]) -> Any:
        values = [*values_of(one)]
        for index, kind in unknown_ones:
            if values[index] is not unset:
                drift[kind] = None
        for index, value, missing, null in neutral:
            found = values[index]
            if found is None or found is unset:
                drift[null if found is None else missing] = None
                values[index] = value
        for index, make in makers:
            values[index] = make(values[index], drift)
        return cls(*values[:count])

    return struct, make_model
