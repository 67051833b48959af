"""JSON in and out: the only module that knows orjson."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

__all__ = ["InvalidJSONError", "TooManyValuesError", "decode_exactly", "decode_json", "encode_json"]

_LONG_NUMBER = re.compile(rb"[0-9]{19}")
# A byte of JSON can become thirty in memory: 32 MiB of "{}," are a gigabyte, and seconds of work. A section of 100,000
# groups has as many objects and thrice as many fields; 32 MiB of business ids, the most that is read, are 1.2 million.
_MOST_CONTAINERS = 250_000
_MOST_FIELDS = 600_000
_MOST_VALUES = 1_500_000
# No shorter body can have so many, so that the bytes of nearly all need not be counted.
_SHORT = 2 * _MOST_CONTAINERS


class InvalidJSONError(ValueError):
    """The body is not one complete JSON value in UTF-8."""


class TooManyValuesError(InvalidJSONError):
    """The body would become too large in memory."""


def decode_json(body: bytes) -> Any:
    """Return the JSON value of a body in UTF-8, whatever its content type said. Raises ``InvalidJSONError``.

    NaN, Infinity, lone surrogates, and nesting deeper than 1,024 are refused; of a duplicate key the last one wins.
    Raises ``TooManyValuesError``, one of these, before anything is made of a body that holds too much.
    """
    if len(body) > _SHORT:
        _check_size(body)
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        pass
    raise InvalidJSONError("the body is empty" if not body.strip() else "the body is not complete, valid JSON")


def decode_exactly(body: bytes) -> Any:
    """Return the same as ``decode_json``, and integers of more than 64 bits as they are, where that makes floats.

    Raises ``InvalidJSONError``.
    """
    value = decode_json(body)
    if not _LONG_NUMBER.search(body):
        return value
    try:
        return json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        pass
    raise InvalidJSONError("the body has numbers of more than 64 bits, and is nested too deep to be read exactly")


def _check_size(body: bytes) -> None:
    # Those in texts count, too: they are few.
    if body.count(b"{") + body.count(b"[") > _MOST_CONTAINERS:
        raise TooManyValuesError(f"the body holds more than {_MOST_CONTAINERS} objects and lists")
    if body.count(b":") > _MOST_FIELDS:
        raise TooManyValuesError(f"the body holds more than {_MOST_FIELDS} fields")
    if body.count(b",") > _MOST_VALUES:
        raise TooManyValuesError(f"the body holds more than {_MOST_VALUES} values")


def encode_json(value: object) -> bytes:
    """Return a value as JSON. Raises ``TypeError`` for what JSON cannot express."""
    body = orjson.dumps(value)
    if b"null" in body:  # also what orjson makes of nan and inf
        _refuse_non_finite(value)
    return body


def _refuse_non_finite(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError("JSON knows no nan and no inf")
    if isinstance(value, dict):
        for inner in value.values():
            _refuse_non_finite(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_non_finite(inner)
