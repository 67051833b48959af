"""JSON in and out: the only module that knows orjson."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "SHORT",
    "SHORT_FOR_MODELS",
    "InvalidJSONError",
    "TooManyValuesError",
    "check_size",
    "decode_exactly",
    "decode_json",
    "decode_short",
    "encode_json",
    "most_items",
    "plain_texts",
]

_LONG_NUMBER = re.compile(rb"[0-9]{19}")
# A byte of JSON can become thirty in memory: 32 MiB of "{}," are a gigabyte, and seconds of work. The limits allow a
# section of 100,000 groups (as many objects, three times as many fields) and 32 MiB of business ids (1.2 million).
_MOST_CONTAINERS = 250_000
_MOST_FIELDS = 600_000
_MOST_VALUES = 1_500_000
# A shorter body cannot have that many, so nearly no body is counted. A text and a comma have three bytes at least.
SHORT = 2 * _MOST_CONTAINERS
SHORT_FOR_MODELS = 3 * _MOST_VALUES


class InvalidJSONError(ValueError):
    """The body is not one complete JSON value in UTF-8."""


class TooManyValuesError(InvalidJSONError):
    """The body holds too many values: decoded, it would be too large for memory."""


# For a short text of our own: none of the checks that a response is worth. Raises ``ValueError``.
decode_short = orjson.loads


def decode_json(body: bytes) -> Any:
    """Return the JSON value of a body. Raises ``InvalidJSONError``."""
    # NaN, Infinity, lone surrogates and nesting deeper than 1,024 are invalid. The last of duplicate keys wins.
    if len(body) > SHORT:
        check_size(body)
    # Raised after the except block: the context would hold the payload.
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        pass
    raise InvalidJSONError("the body is empty" if not body.strip() else "the body is not complete, valid JSON")


def decode_exactly(body: bytes) -> Any:
    """Return the value like ``decode_json``, but keep integers of more than 64 bits exact."""
    value = decode_json(body)
    # orjson makes them floats. The standard library does not, and is slower: only bodies with long numbers pay for it.
    if not _LONG_NUMBER.search(body):
        return value
    try:
        return json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        pass
    raise InvalidJSONError("the body has numbers of more than 64 bits, and is nested too deep to be read exactly")


def most_items(fields: int) -> int:
    """Return how many objects of so many fields, or values that have none, a list may hold."""
    return min(_MOST_CONTAINERS, _MOST_FIELDS // fields) if fields else _MOST_VALUES


def check_size(body: bytes) -> None:
    """Raise ``TooManyValuesError`` if a body may hold too many values."""
    # Brackets and commas within strings count, too: to skip them would mean to parse.
    if body.count(b"{") + body.count(b"[") > _MOST_CONTAINERS:
        raise TooManyValuesError(f"the body holds more than {_MOST_CONTAINERS} objects and lists")
    if body.count(b":") > _MOST_FIELDS:
        raise TooManyValuesError(f"the body holds more than {_MOST_FIELDS} fields")
    if body.count(b",") > _MOST_VALUES:
        raise TooManyValuesError(f"the body holds more than {_MOST_VALUES} values")


def encode_json(value: object) -> bytes:
    """Return a value as compact JSON. Raises ``TypeError`` if JSON cannot express it."""
    body = orjson.dumps(value)
    if b"null" in body:  # orjson writes nan and inf as null, too
        _refuse_non_finite(value)
    return body


def plain_texts(texts: Sequence[Any]) -> str | None:
    """Return what is between the outer quotes of texts as JSON, spaced as the standard library does.

    None: there are none, some are no texts, or anything is to be escaped in them.
    """
    try:
        body, spaced = orjson.dumps(texts), '", "'.join(texts)
    except TypeError:
        return None
    # Whatever is escaped or beyond ASCII makes the body longer. A delete character does not.
    return spaced if len(body) == len(spaced) + 5 - len(texts) and "\x7f" not in spaced else None


def _refuse_non_finite(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError("JSON knows no nan and no inf")
    if isinstance(value, dict):
        for inner in value.values():
            _refuse_non_finite(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_non_finite(inner)
