"""How a response differs from the documentation, and what is put in place of what is missing."""

from __future__ import annotations

from typing import Any

import attrs

from partoo_async._protocol.kinds import optional_item, rest_field, tuple_item
from partoo_async.models import Group, GroupSummary, Section

__all__ = ["NEUTRAL", "fill_missing", "kind_of", "learn"]

_MAX_NAMES = 32  # that are learned of a class: a server that names its fields at random must not fill the memory
_LONGEST_NAME = 64  # characters

# The value of a field that the server left out or sent as null. ``id`` and ``name`` have none: a response without them
# is an error. The flags of a section are here since the list of sections may come without them.
NEUTRAL: dict[type, dict[str, Any]] = {
    Group: {"has_puller": False, "business_ids": []},
    GroupSummary: {"has_puller": False},
    Section: {"groups": [], "can_edit": False, "has_puller": False},
}


def learn(data: object, kind: Any, unknown: dict[type, list[str]] | None) -> dict[type, list[str]] | None:
    """Return the names of fields that JSON data has besides those of its classes, with those ``unknown`` until now.

    None: there are no new ones, and no drift if there was none before (``unknown`` is None).
    """
    found: dict[type, set[str]] = {}
    is_new = _differ([data], kind, found) and unknown is None
    names = {cls: [*known] for cls, known in (unknown or {}).items()}
    for cls, others in found.items():
        known = names.setdefault(cls, [])
        for name in sorted(others.difference(known)):
            if _is_plain(name) and len(known) < _MAX_NAMES:
                known.append(name)
                is_new = True
    return names if is_new else None


def _is_plain(name: str) -> bool:
    # msgspec takes no other name. A response with one is decoded as slowly as the first one.
    return len(name) <= _LONGEST_NAME and name.isprintable() and not {'"', "\\"} & {*name}


def _differ(values: list[Any], kind: Any, unknown: dict[type, set[str]]) -> bool:
    """Return whether JSON values of one kind differ from it. The names of ``unknown`` fields are added, by class."""
    kind = optional_item(kind) or kind
    item = tuple_item(kind)
    if item is not None:
        lists = [value for value in values if isinstance(value, list)]
        return _holds_models(item) and _differ([one for value in lists for one in value], item, unknown)
    if not attrs.has(kind):
        return False
    attrs.resolve_types(kind)
    # All objects together: there may be thousands.
    objects = [value for value in values if isinstance(value, dict)]
    types = {field.name: field.type for field in attrs.fields(kind) if field.init}
    others = set[str]().union(*objects) - types.keys()
    if others:
        unknown.setdefault(kind, set()).update(others)
    inner = [_differ([one[name] for one in objects if name in one], types[name], unknown) for name in types]
    missing = any(one.get(name) is None for name in NEUTRAL.get(kind, ()) for one in objects)
    return bool(others) or missing or any(inner)


def fill_missing(data: object, cls: Any, path: str, drift: dict[str, None], paths: list[str]) -> object:
    """Return JSON data without unknown fields, and with neutral values for missing ones. Notes both."""
    cls = optional_item(cls) or cls
    item = tuple_item(cls)
    if item is not None:
        # A list of texts may have a million of them: nothing in it can be missing.
        if not isinstance(data, list) or not _holds_models(item):
            return data
        return [fill_missing(value, item, f"{path}[{index}]", drift, paths) for index, value in enumerate(data)]
    # What has a wrong type stays as it is: the converter refuses it.
    if not attrs.has(cls) or not isinstance(data, dict):
        return data
    return _fill_object(data, cls, path, drift, paths)


def _fill_object(
    data: dict[str, object], cls: Any, path: str, drift: dict[str, None], paths: list[str]
) -> dict[str, object]:
    def note(field: str, problem: str) -> None:
        drift[kind_of(cls, field, problem)] = None
        paths.append(f"{problem} @ {path}.{_label(field)}")

    attrs.resolve_types(cls)  # the annotations are strings until then
    filled: dict[str, object] = {}
    rest = rest_field(cls)
    known = {field.name: field for field in attrs.fields(cls) if field.init and field.name != rest}
    for name, value in data.items():  # in the order of the document, so that two runs report the same
        if name not in known and rest is None:
            note(name, "unknown")
        elif name not in known:
            filled[name] = value  # kept in that field: no drift
    for name, field in known.items():
        value = data.get(name)
        if value is None and name in NEUTRAL.get(cls, {}):
            note(name, "null" if name in data else "missing")
            filled[name] = NEUTRAL[cls][name]
        elif name in data:
            filled[name] = fill_missing(value, field.type, f"{path}.{name}", drift, paths)
    return filled


def _holds_models(kind: Any) -> bool:
    inner = optional_item(kind) or tuple_item(kind)
    return attrs.has(kind) if inner is None else _holds_models(inner)


def kind_of(cls: type, field: str, problem: str) -> str:
    """Return a kind of drift: ``Group.business_ids missing``."""
    return f"{cls.__name__}.{_label(field)} {problem}"


def _label(name: str) -> str:
    """Return the name of a field for people."""
    # That of an unknown field is text of the server, and gets into logs: keep it short and on one line.
    return name if name.isidentifier() and len(name) <= _LONGEST_NAME else "(unprintable name)"
