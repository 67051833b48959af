"""Drift: harmless differences between a response and the documentation, and the values that fill its gaps."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import attrs

from partoo_async.models import Group, GroupSummary, Section

if TYPE_CHECKING:
    from collections import Counter

__all__ = ["fill_missing", "optional_item", "tuple_item"]

# The value of a field that the server left out or sent as null. ``id`` and ``name`` have none: a response without them
# is an error. The flags of a section are here since the list of sections may come without them.
_NEUTRAL: dict[type, dict[str, object]] = {
    Group: {"has_puller": False, "business_ids": []},
    GroupSummary: {"has_puller": False},
    Section: {"groups": [], "can_edit": False, "has_puller": False},
}


def tuple_item(kind: Any) -> Any:
    """Return ``X`` of ``tuple[X, ...]``, and None for any other type."""
    args = get_args(kind)
    return args[0] if get_origin(kind) is tuple and len(args) == 2 and args[1] is ... else None


def optional_item(kind: Any) -> Any:
    """Return ``X`` of ``X | None``, and None for any other type."""
    args = get_args(kind)
    if get_origin(kind) not in (Union, UnionType) or len(args) != 2 or NoneType not in args:
        return None
    return args[0] if args[1] is NoneType else args[1]


def _holds_models(kind: Any) -> bool:
    inner = optional_item(kind) or tuple_item(kind)
    return attrs.has(kind) if inner is None else _holds_models(inner)


def fill_missing(data: object, cls: Any, path: str, drift: Counter[str], paths: list[str]) -> object:
    """Return a copy of ``data`` without unknown fields, and with neutral values for missing ones.

    Args:
        data: Decoded JSON. What has a wrong type stays as it is: the converter refuses it.
        cls: The type that is expected.
        path: Where ``data`` stands in the response: ``$`` for the whole.
        drift: Counts each difference by field, such as ``Group.business_ids missing``.
        paths: Gets each difference with its place, such as ``missing @ $.business_ids``.
    """
    cls = optional_item(cls) or cls
    item = tuple_item(cls)
    if item is not None:
        # A list of texts may have a million of them: nothing in it can be missing.
        if not isinstance(data, list) or not _holds_models(item):
            return data
        return [fill_missing(value, item, f"{path}[{index}]", drift, paths) for index, value in enumerate(data)]
    if not attrs.has(cls) or not isinstance(data, dict):
        return data

    def note(field: str, problem: str) -> None:
        drift[f"{cls.__name__}.{field} {problem}"] += 1
        paths.append(f"{problem} @ {path}.{field}")

    attrs.resolve_types(cls)  # the annotations are strings until then
    filled: dict[str, object] = {}
    known = {field.name: field for field in attrs.fields(cls) if field.init}
    for name in data:  # in the order of the document, so that two runs report the same
        if name not in known:
            note(_field_label(name), "unknown")
    for name, field in known.items():
        value = data.get(name)
        if value is None and name in _NEUTRAL.get(cls, {}):
            note(name, "null" if name in data else "missing")
            filled[name] = _NEUTRAL[cls][name]
        elif name in data:
            filled[name] = fill_missing(value, field.type, f"{path}.{name}", drift, paths)
    return filled


def _field_label(name: str) -> str:
    # The name of an unknown field is text of the server, and gets into logs: keep it short and on one line.
    return name if name.isidentifier() and len(name) <= 64 else "(unprintable name)"
