"""Bytes to models and back: the only module that knows cattrs.

Types are strict: plain cattrs would turn ``"false"`` into True, and a string into a tuple of letters. Drift is
tolerated: unknown fields, and missing or null ones that have a neutral value. A fast, exact converter decodes what has
the documented shape. What it refuses is decoded again by a slow one, which explains.
"""

from __future__ import annotations

import logging
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from cattrs import Converter, transform_error
from cattrs.gen import make_dict_structure_fn

from partoo_async._protocol.drift import fill_missing, optional_item, tuple_item
from partoo_async._protocol.json import InvalidJSONError, decode_exactly, decode_json
from partoo_async.errors import APIResponseValidationError
from partoo_async.models import BadRequestBody, ForbiddenBody, UnauthenticatedBody

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from partoo_async._protocol.http import Request

__all__ = ["Decoder", "decode_error_body"]

T = TypeVar("T")
_logger = logging.getLogger("partoo_async")

_ID_LIMIT = 2**63
_MAX_PROBLEMS = 20
_MAX_DRIFT = 500  # kinds: a server that names its fields at random must not fill the memory
_MAX_EXCERPT = 2000  # characters

# Status -> the documented body, and the field of its errors that holds the message.
_ERROR_BODIES: dict[int, tuple[type, str]] = {
    400: (BadRequestBody, "json"),
    401: (UnauthenticatedBody, "authentication"),
    403: (ForbiddenBody, "authorization"),
}


class _MismatchError(TypeError):
    """A value has the wrong type. The text says what was expected, and never quotes the value."""


def _strict(kind: type[T]) -> Callable[[object, Any], T]:
    def structure(value: object, _: Any) -> T:
        # ``type() is``, not isinstance: True is an int to Python, but not an id.
        if type(value) is kind:
            return value
        raise _MismatchError(f"expected {kind.__name__}")

    return structure


def _structure_int(value: object, _: Any) -> int:
    if type(value) is int:
        if 0 <= value < _ID_LIMIT:
            return value
        raise _MismatchError("expected int from 0 to 2**63 - 1")
    raise _MismatchError("expected int")


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


_SCALARS: dict[type, Callable[[object, Any], Any]] = {
    int: _structure_int,
    float: _structure_float,
    str: _strict(str),
    bool: _strict(bool),
}


def _check_decodable(kind: Any, where: str) -> None:
    """Raise ``TypeError`` for a type that cattrs would decode by its own, lenient rules."""
    inner = optional_item(kind) or tuple_item(kind)
    if inner is not None:
        _check_decodable(inner, where)
    elif not (kind is Any or kind in _SCALARS or attrs.has(kind)):
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

    def structure(value: Any, kind: Any) -> Any:
        if type(value) is not dict:
            raise _MismatchError("expected object")
        # If all fields are required, counting the keys is enough, and fast: each field is looked up anyway. If one is
        # optional, an unknown key may stand in its place, so the names are compared.
        if exact and (len(value) != count if all_required else not value.keys() <= names):
            raise _MismatchError("unknown or missing fields")
        return generated(value, kind)

    return structure


def _make_tuple_hook(kind: Any, converter: Converter, *, exact: bool) -> Callable[[object, Any], tuple[Any, ...]]:
    item = tuple_item(kind)
    if exact and item is str:
        return _structure_texts
    # The list hook of cattrs names the index of a bad item, but takes any iterable: the type is checked here.
    items: Any = list[item]  # type: ignore[valid-type]  # made at run time, once for each type
    generic = converter.get_structure_hook(items)

    def structure(value: object, _: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _MismatchError("expected list")
        return tuple(generic(value, items))

    return structure


@cache
def _make_converter(*, exact: bool) -> Converter:
    """Return a converter. No type is left to the defaults of cattrs.

    Args:
        exact: Refuse unknown fields, and name no paths, which is faster. Otherwise the reverse.
    """
    # Cached and made on demand: generating the hooks at import would make the import a fifth slower.
    converter = Converter(detailed_validation=not exact)
    for kind, hook in _SCALARS.items():
        converter.register_structure_hook(kind, hook)
    # Factories, not a list of models: each new model is covered as it is written.
    converter.register_structure_hook_factory(attrs.has, lambda cls: _make_model_hook(cls, converter, exact=exact))
    converter.register_structure_hook_factory(
        lambda kind: tuple_item(kind) is not None, lambda kind: _make_tuple_hook(kind, converter, exact=exact)
    )
    return converter


def _explain(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "missing"
    return str(error) if isinstance(error, _MismatchError) else "unexpected value"


class Decoder:
    """Decodes the bodies of responses into models, and counts drift.

    Attributes:
        drift: A kind of drift, such as ``Group.business_ids missing``, to the number of responses that showed it. The
            first of each kind is logged as a WARNING.
        strict: Raise ``APIResponseValidationError`` for drift instead.
    """

    __slots__ = ("_hooks", "drift", "strict")

    def __init__(self, *, strict: bool = False) -> None:
        self.strict: bool = strict
        self._hooks: dict[type, Callable[[Any, Any], Any]] = {}
        self.drift: Counter[str] = Counter()

    def decode(self, body: bytes, cls: type[T], request: Request) -> T:
        """Return the body as an instance of an attrs class.

        Args:
            body: The whole body, in JSON.
            cls: The attrs class.
            request: The one that was answered, for the error.

        Raises:
            InvalidJSONError: The body is no JSON. It may have been cut off: a retry may help.
            APIResponseValidationError: The JSON does not fit the class. A retry does not help.
            TypeError: A field of the class has a type that no rule decodes.
        """
        data = decode_json(body)
        hook = self._hooks.get(cls)
        if hook is None:
            hook = self._hooks[cls] = _make_converter(exact=True).get_structure_hook(cls)
        try:
            value: T = hook(data, cls)
        except Exception:  # noqa: S110 - cattrs may raise anything; the slow converter explains
            pass
        else:
            return value
        return self._decode_slowly(data, cls, request)

    def _decode_slowly(self, data: object, cls: type[T], request: Request) -> T:
        drift: Counter[str] = Counter()
        paths: list[str] = []
        filled = fill_missing(data, cls, "$", drift, paths)
        if self.strict and paths:
            raise APIResponseValidationError(tuple(paths[:_MAX_PROBLEMS]), route=request.route)
        try:
            value = _make_converter(exact=False).structure(filled, cls)
        except Exception as error:
            problems = tuple(transform_error(error, format_exception=_explain)[:_MAX_PROBLEMS])
        else:
            self._count(drift)
            return value
        # Raised after the except block: the frames of cattrs hold the payload, and would be in the traceback.
        raise APIResponseValidationError(problems, route=request.route)

    def _count(self, drift: Counter[str]) -> None:
        for kind in drift:
            if kind not in self.drift and len(self.drift) >= _MAX_DRIFT:
                continue
            if kind not in self.drift:
                _logger.warning("the API's answers differ from its documentation: %s (logged once)", kind)
            self.drift[kind] += 1


def decode_error_body(status: int, body: bytes) -> tuple[object, object]:
    """Return the body of an error response as ``(value, raw)``. Never raises.

    Args:
        status: Decides which documented class is tried: that of 400, 401 or 403.
        body: The whole body.

    Returns:
        ``raw`` is the JSON value, else the first 2,000 characters of the text, else None. ``value`` is the documented
        class where ``raw`` fits it under ``errors`` or ``error``, else the same as ``raw``.
    """
    try:
        raw = decode_exactly(body)
    except InvalidJSONError:
        # A character takes at most 4 bytes.
        text = body[: 4 * _MAX_EXCERPT].decode("utf-8", "replace").strip()[:_MAX_EXCERPT] or None
        return text, text
    documented = _ERROR_BODIES.get(status)
    if documented is None or not isinstance(raw, dict):
        return raw, raw
    cls, message = documented
    errors = raw.get("errors", raw.get("error"))
    if isinstance(errors, dict) and errors and message not in errors:
        return raw, raw  # the default text of the class would hide what the server said
    try:
        return _make_converter(exact=False).structure({"errors": errors}, cls), raw
    except Exception:  # cattrs may raise anything: a body that does not fit stays as it came
        return raw, raw
