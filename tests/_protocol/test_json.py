"""Bodies to values and back."""

from __future__ import annotations

from typing import Any

import pytest

from partoo_async._protocol.json import (
    InvalidJSONError,
    TooManyValuesError,
    decode_exactly,
    decode_json,
    encode_json,
)
from tests.support.each import each


@each(
    ("body", "value"),
    [
        (b'{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        (b"\xef\xbb\xbf[1]", [1]),  # a byte order mark
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b" 7 ", 7),
    ],
)
def test_values(body: bytes, value: Any) -> None:
    """One JSON value in UTF-8, white space and a byte order mark around it."""
    assert decode_json(body) == decode_exactly(body) == value


@each(
    ("body", "text"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{", "the body is not complete, valid JSON"),
        (b"NaN", "the body is not complete, valid JSON"),
        (b'"\xff"', "the body is not complete, valid JSON"),
        (b'"\\ud800"', "the body is not complete, valid JSON"),
        (b"[1] [2]", "the body is not complete, valid JSON"),
        (b"[" * 2000 + b"]" * 2000, "the body is not complete, valid JSON"),
    ],
)
def test_what_is_no_value(body: bytes, text: str) -> None:
    """The error says which kind it is, holds nothing of the body, and has no context that does."""
    with pytest.raises(InvalidJSONError, match=f"^{text}$") as caught:
        decode_json(body)
    assert caught.value.__context__ is None


@each("number", [2**63, 2**64, -(2**70), 10**30])
def test_long_numbers(number: int) -> None:
    """They stay exact where that is asked for."""
    assert decode_exactly(b'{"id": %d}' % number) == {"id": number}


def test_long_numbers_that_are_nested_too_deep() -> None:
    """What only the slower decoder could read exactly, and cannot, is refused."""
    body = b"[" * 1000 + b"%d" % 2**70 + b"]" * 1000
    try:
        value = decode_exactly(body)
    except InvalidJSONError as error:
        assert "nested too deep" in str(error)  # noqa: PT017 - it depends on the Python
    else:
        while isinstance(value, list):
            (value,) = value
        assert value == 2**70


@each(
    ("piece", "text"),
    [(b"{},", "250000 objects and lists"), (b'"a":1,', "600000 fields"), (b"1,", "1500000 values")],
)
def test_more_values_than_memory_may_hold(piece: bytes, text: str) -> None:
    """They are counted before anything is decoded."""
    most = int(text.split(maxsplit=1)[0])
    with pytest.raises(TooManyValuesError, match=text):
        decode_json(b"[" + piece * (most + 1) + b"1]")


@each(("value", "body"), [({"name": "é", "ids": ["a"]}, b'{"name":"\xc3\xa9","ids":["a"]}'), (None, b"null")])
def test_bodies(value: Any, body: bytes) -> None:
    """Compact, and in UTF-8."""
    assert encode_json(value) == body


@each("value", [float("nan"), {"a": [float("inf")]}, {"a": ({"b": float("-inf")},)}, {1, 2}, object()])
def test_what_json_cannot_express(value: Any) -> None:
    """It is refused, and not sent as null."""
    with pytest.raises(TypeError):
        encode_json(value)
