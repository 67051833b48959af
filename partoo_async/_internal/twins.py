"""Makes objects of frozen classes quickly, where there are a million of them."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["twin_of"]


def twin_of(cls: type[Any]) -> type[Any]:
    """Return a class like a frozen one of attrs that can be changed: make its object, then set ``__class__``.

    A frozen class has to set each field by a call, which takes two thirds of the time that an object takes. Where the
    two cannot be exchanged, as with weak references before CPython 3.12, the class itself is returned.
    """
    fields = attrs.fields(cls)
    if hasattr(cls, "__attrs_post_init__") or not all(map(_is_set_as_given, fields)):
        return cls
    alike: dict[str, Any] = {field.name: attrs.field(default=field.default) for field in fields}
    weakref_slot = "__weakref__" in cls.__slots__
    twin = attrs.make_class(
        cls.__name__, alike, cls.__bases__, eq=False, repr=False, slots=True, weakref_slot=weakref_slot
    )
    blank: Any = object.__new__(twin)
    try:
        blank.__class__ = cls
    except TypeError:
        return cls
    return twin


def _is_set_as_given(field: attrs.Attribute[Any]) -> bool:
    return field.init and field.converter is None and field.validator is None
