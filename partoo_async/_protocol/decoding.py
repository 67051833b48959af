"""Bodies to models. Drift is tolerated and counted: harmless differences between a response and the documentation."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs

from partoo_async._protocol.json import SHORT_FOR_MODELS, check_size, decode_json
from partoo_async._protocol.kinds import optional_item, rest_field, tuple_item
from partoo_async._protocol.statuses import UNUSABLE
from partoo_async.models import Group, GroupSummary, Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from partoo_async._protocol.http import Request

__all__ = ["Decoded", "Decoder"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async")

_MAX_PROBLEMS = 20
_MAX_DRIFT = 500  # kinds: a server that names its fields at random must not fill the memory

# The value of a field that the server left out or sent as null. ``id`` and ``name`` have none: a response without them
# is an error. The flags of a section are here since the list of sections may come without them.
_NEUTRAL: dict[type, dict[str, object]] = {
    Group: {"has_puller": False, "business_ids": []},
    GroupSummary: {"has_puller": False},
    Section: {"groups": [], "can_edit": False, "has_puller": False},
}


class Decoder:
    """Decodes bodies into models, and counts drift, or refuses it if ``strict``."""

    __slots__ = ("_hooks", "_readers", "drift", "strict")

    def __init__(self, *, strict: bool = False) -> None:
        self.strict: bool = strict
        self._hooks: dict[type, Callable[[Any, Any], Any]] = {}
        self._readers: dict[type, Callable[[bytes], Any] | None] = {}
        self.drift: Counter[str] = Counter()  # such as "Group.business_ids missing" to a number of responses

    def decode(self, body: bytes, cls: type[T], request: Request) -> T:
        """Return a body as an instance of an attrs class.

        Raises:
            InvalidJSONError: The body is no JSON.
            APIResponseValidationError: The JSON does not fit the class.
            TypeError: A field of the class has a type that no rule decodes.
        """
        try:
            read = self._readers[cls]
        except KeyError:
            # Imported in a thread while a client connects: it takes as long as a dozen requests.
            from partoo_async._protocol.structs import reader  # noqa: PLC0415

            read = self._readers[cls] = reader(cls)
        if read is not None:
            if len(body) > SHORT_FOR_MODELS:
                check_size(body)
            try:
                value: T = read(body)
            except Exception:  # noqa: S110 - msgspec may raise several; what follows explains
                pass
            else:
                return value
        data = decode_json(body)
        hook = self._hooks.get(cls)
        if hook is None:
            from partoo_async._protocol.converters import exact_hook  # noqa: PLC0415 - as above

            hook = self._hooks[cls] = exact_hook(cls)
        try:
            value = hook(data, cls)
        except Exception:  # noqa: S110 - cattrs may raise anything; the slow converter explains
            pass
        else:
            return value
        return self._decode_slowly(data, cls, request)

    def _decode_slowly(self, data: object, cls: type[T], request: Request) -> T:
        from partoo_async._protocol.converters import problems_of, structure  # noqa: PLC0415 - as above

        drift: Counter[str] = Counter()
        paths: list[str] = []
        filled = _fill_missing(data, cls, "$", drift, paths)
        if self.strict and paths:
            raise UNUSABLE.make(tuple(paths[:_MAX_PROBLEMS]), route=request.route)
        try:
            value = structure(filled, cls)
        except Exception as error:  # cattrs may raise anything
            problems = tuple(problems_of(error)[:_MAX_PROBLEMS])
        else:
            self._count(drift)
            return value
        # Raised after the except block: the frames of cattrs hold the payload, and would be in the traceback.
        raise UNUSABLE.make(problems, route=request.route)

    def _count(self, drift: Counter[str]) -> None:
        for kind in drift:
            if kind not in self.drift:
                if len(self.drift) >= _MAX_DRIFT:
                    continue
                _logger.warning("the API's responses differ from its documentation: %s (logged once)", kind)
            self.drift[kind] += 1


class Decoded(Decoder):
    """Returns a value that was decoded before."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        super().__init__()
        self._value: Any = value

    def decode(self, body: bytes, cls: type[T], request: Request) -> T:
        """Return that value."""
        return cast("T", self._value)


def _fill_missing(data: object, cls: Any, path: str, drift: Counter[str], paths: list[str]) -> object:
    """Return JSON data without unknown fields, and with neutral values for missing ones. Notes both as drift."""
    cls = optional_item(cls) or cls
    item = tuple_item(cls)
    if item is not None:
        # A list of texts may have a million of them: nothing in it can be missing.
        if not isinstance(data, list) or not _holds_models(item):
            return data
        return [_fill_missing(value, item, f"{path}[{index}]", drift, paths) for index, value in enumerate(data)]
    # What has a wrong type stays as it is: the converter refuses it.
    if not attrs.has(cls) or not isinstance(data, dict):
        return data
    return _fill_object(data, cls, path, drift, paths)


def _fill_object(
    data: dict[str, object], cls: Any, path: str, drift: Counter[str], paths: list[str]
) -> dict[str, object]:
    def note(field: str, problem: str) -> None:
        drift[f"{cls.__name__}.{field} {problem}"] += 1
        paths.append(f"{problem} @ {path}.{field}")

    attrs.resolve_types(cls)  # the annotations are strings until then
    filled: dict[str, object] = {}
    rest = rest_field(cls)
    known = {field.name: field for field in attrs.fields(cls) if field.init and field.name != rest}
    for name, value in data.items():  # in the order of the document, so that two runs report the same
        if name not in known and rest is None:
            note(_field_label(name), "unknown")
        elif name not in known:
            filled[name] = value  # kept in that field: no drift
    for name, field in known.items():
        value = data.get(name)
        if value is None and name in _NEUTRAL.get(cls, {}):
            note(name, "null" if name in data else "missing")
            filled[name] = _NEUTRAL[cls][name]
        elif name in data:
            filled[name] = _fill_missing(value, field.type, f"{path}.{name}", drift, paths)
    return filled


def _holds_models(kind: Any) -> bool:
    inner = optional_item(kind) or tuple_item(kind)
    return attrs.has(kind) if inner is None else _holds_models(inner)


def _field_label(name: str) -> str:
    # The name of an unknown field is text of the server, and gets into logs: keep it short and on one line.
    return name if name.isidentifier() and len(name) <= 64 else "(unprintable name)"
