"""JSON values to models: the only module that knows cattrs.

Strict in types, where plain cattrs would turn ``"false"`` into True.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn

from partoo_async._internal.checks import ID_LIMIT
from partoo_async._protocol.kinds import optional_item, rest_field, takes_rest, tuple_item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["exact_hook", "problems_of", "structure"]

T = TypeVar("T")


class _MismatchError(TypeError):
    """A value has the wrong type. The text never quotes it."""


def _strict(kind: type[T]) -> Callable[[object, Any], T]:
    def check(value: object, _: Any) -> T:
        # ``type() is``, not isinstance: True is an int to Python, but not an id.
        if type(value) is kind:
            return value
        raise _MismatchError(f"expected {kind.__name__}")

    return check


def _structure_int(value: object, _: Any) -> int:
    if type(value) is not int:
        raise _MismatchError("expected int")
    if not 0 <= value < ID_LIMIT:
        raise _MismatchError("expected int from 0 to 2**63 - 1")
    return value


def _structure_float(value: object, _: Any) -> float:
    if type(value) is float:
        return value
    # JSON has one type of number: 2.0 is often written as 2.
    if type(value) is int:
        return float(value)
    raise _MismatchError("expected float")


def _structure_texts(value: object, _: Any) -> tuple[str, ...]:
    if type(value) is not list:
        raise _MismatchError("expected list")
    # The fastest check that every item is a string: it raises TypeError for any other, and runs in C.
    "".join(value)
    return tuple(value)


def _structure_ints(value: object, _: Any) -> tuple[int, ...]:
    if type(value) is not list:
        raise _MismatchError("expected list")
    # As quick: a business may be in thousands of groups.
    if value and (set(map(type, value)) != {int} or min(value) < 0 or max(value) >= ID_LIMIT):
        raise _MismatchError("expected ints")
    return tuple(value)


_SCALARS: dict[type, Callable[[object, Any], Any]] = {
    int: _structure_int,
    float: _structure_float,
    str: _strict(str),
    bool: _strict(bool),
}


_EXACT_TUPLES: dict[type, Callable[[object, Any], tuple[Any, ...]]] = {str: _structure_texts, int: _structure_ints}


def _check_decodable(kind: Any, where: str) -> None:
    # A type without a rule here would be decoded by the rules of cattrs, which are lenient.
    inner = optional_item(kind) or tuple_item(kind)
    if inner is not None:
        _check_decodable(inner, where)
    elif not (kind is Any or takes_rest(kind) or kind in _SCALARS or attrs.has(kind)):
        raise TypeError(f"{where}: no rule decodes {kind}")


def _make_model_hook(cls: Any, converter: Converter, *, exact: bool) -> Callable[[Any, Any], Any]:
    attrs.resolve_types(cls)
    fields = [field for field in attrs.fields(cls) if field.init]
    for field in fields:
        _check_decodable(field.type, f"{cls.__name__}.{field.name}")
    generated: Callable[[Mapping[str, Any], Any], Any] = make_dict_structure_fn(
        cls, converter, _cattrs_detailed_validation=not exact
    )
    count = len(fields)
    names = frozenset(field.name for field in fields)
    all_required = all(field.default is attrs.NOTHING for field in fields)
    rest = rest_field(cls)
    required = {field.name for field in fields if field.default is attrs.NOTHING}

    def open_hook(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise _MismatchError("expected object")
        # Such an object is not documented to have every field: null is as good as missing.
        known: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for name, item in value.items():
            if name not in names or name == rest:
                others[name] = item
            elif item is not None or name in required:
                known[name] = item
        known[rest] = others  # type: ignore[index]  # only used where there is one
        return generated(known, kind)

    def hook(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise _MismatchError("expected object")
        # If all fields are required, counting the keys is enough, and fast: each field is looked up anyway. If one is
        # optional, an unknown key may stand in its place, so the names are compared.
        if exact and (len(value) != count if all_required else not value.keys() <= names):
            raise _MismatchError("unknown or missing fields")
        return generated(value, kind)

    return hook if rest is None else open_hook


def _make_tuple_hook(kind: Any, converter: Converter, *, exact: bool) -> Callable[[object, Any], tuple[Any, ...]]:
    item = tuple_item(kind)
    if exact and item in _EXACT_TUPLES:
        return _EXACT_TUPLES[item]
    # The list hook of cattrs names the index of a bad item, but takes any iterable: the type is checked here.
    items: Any = list[item]  # type: ignore[valid-type]  # made at run time, once for each type
    generic = converter.get_structure_hook(items)

    def hook(value: object, _: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _MismatchError("expected list")
        return tuple(generic(value, items))

    return hook


# Cached, with the hooks that it generates for each class on demand.
@cache
def _make_converter(*, exact: bool) -> Converter:
    # The exact one is fast. The other ignores unknown fields, and names the place of a fault.
    converter = Converter(detailed_validation=not exact)
    for kind, hook in _SCALARS.items():
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(takes_rest, lambda value, _: value)  # the class makes it read-only
    # Factories, not a list of models: each new model is covered as it is written.
    converter.register_structure_hook_factory(attrs.has, lambda cls: _make_model_hook(cls, converter, exact=exact))
    converter.register_structure_hook_factory(
        lambda kind: tuple_item(kind) is not None, lambda kind: _make_tuple_hook(kind, converter, exact=exact)
    )
    return converter


def exact_hook(cls: type[T]) -> Callable[[Any, type[T]], T]:
    """Return the fast decoder of a class. It raises some error for what does not fit."""
    return _make_converter(exact=True).get_structure_hook(cls)


def structure(data: object, cls: type[T]) -> T:
    """Return an instance of the class. Raises an error for ``problems_of``."""
    return _make_converter(exact=False).structure(data, cls)


def problems_of(error: Exception) -> list[str]:
    """Return what was wrong, and where: ``expected int @ $.id``."""
    return transform_error(error, format_exception=_explain)


def _explain(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "missing"
    return str(error) if isinstance(error, _MismatchError) else "unexpected value"
