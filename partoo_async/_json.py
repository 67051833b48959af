"""JSON in and out: the only module that knows orjson."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

__all__ = ["InvalidJSONError", "decode_exactly", "decode_json", "encode_json"]

_LONG_NUMBER = re.compile(rb"[0-9]{19}")


class InvalidJSONError(ValueError):
    """The body is not one complete JSON value in UTF-8."""


def decode_json(body: bytes) -> Any:
    """Return the JSON value of a body in UTF-8, whatever its content type said. Raises ``InvalidJSONError``.

    NaN, Infinity, lone surrogates, and nesting deeper than 1,024 are refused; of a duplicate key the last one wins.
    """
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
