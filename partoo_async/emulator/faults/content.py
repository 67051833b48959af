"""A well framed success with wrong content: no JSON, invalid JSON, or JSON that does not fit the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async.emulator.faults.kinds import Kind, Option, check_at_least_one, check_field, one_of
from partoo_async.emulator.faults.statuses import html_page

if TYPE_CHECKING:
    from aiohttp import web

    from partoo_async.emulator.faults.exchange import Exchange

__all__ = ["KINDS"]

# The members of an object, each value as text: an encoder could not make most of this.
_Texts: TypeAlias = list[tuple[str, str]]


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _object(members: Iterable[tuple[str, str]]) -> bytes:
    return ("{" + ",".join(f"{_text(name)}:{text}" for name, text in members) + "}").encode()


def _texts(members: Iterable[tuple[str, Any]]) -> _Texts:
    return [(name, _text(value)) for name, value in members]


def _other_body(exchange: Exchange, body: bytes) -> web.Response:
    return exchange.with_body(body)


def _html(exchange: Exchange) -> web.Response:
    return exchange.with_body(html_page("Welcome"), ("Content-Type", "text/html"))


def _truncated_json(exchange: Exchange) -> web.Response:
    return exchange.with_body(exchange.body[: len(exchange.body) // 2])


def _bom(exchange: Exchange) -> web.Response:
    return exchange.with_body(b"\xef\xbb\xbf" + exchange.body)


def _json_list(exchange: Exchange) -> web.Response:
    return exchange.with_body(b"[" + exchange.body + b"]")


def _json_string(exchange: Exchange) -> web.Response:
    # Encoded twice, which is how it happens in practice.
    return exchange.with_body(_text(exchange.body.decode()).encode())


def _other(value: object) -> str:
    # A value of another type that a lenient decoder would convert to the right one.
    match value:
        case bool():
            return _text(str(value).lower())
        case int() | float():
            return _text(str(value))
        case str():
            return "7"
        case list():
            return "{}"
        case _:
            return "[]"


_Change: TypeAlias = Callable[[_Texts, int, Any], None]


def _changed(exchange: Exchange, field: str | None, change: _Change) -> web.Response | None:
    """Change ``field``, or the first one; ``change`` gets the members, the field's place and its value."""
    members = exchange.json_members()
    places = [place for place, (name, _) in enumerate(members or ()) if field in (name, None)]
    if members is None or not places:
        return None
    texts = _texts(members)
    change(texts, places[0], members[places[0]][1])
    return exchange.with_body(_object(texts))


def _replaced(exchange: Exchange, field: str | None, make: Callable[[Any], str]) -> web.Response | None:
    def change(texts: _Texts, place: int, value: object) -> None:
        texts[place] = (texts[place][0], make(value))

    return _changed(exchange, field, change)


def _nan(exchange: Exchange, field: str | None, value: str) -> web.Response | None:
    return _replaced(exchange, field, lambda _: value)


def _huge_integer(exchange: Exchange, field: str | None, digits: int) -> web.Response | None:
    return _replaced(exchange, field, lambda _: "9" * digits)


def _missing_field(exchange: Exchange, field: str | None) -> web.Response | None:
    def change(texts: _Texts, place: int, _: object) -> None:
        del texts[place]

    return _changed(exchange, field, change)


def _another(value: object) -> str:
    # Another value of the same type, so that it fits the schema as well.
    match value:
        case bool():
            return _text(not value)
        case int():
            return _text(value + 1)
        case str():
            return _text(value[:-1] + ("1" if value.endswith("0") else "0"))
        case _:
            return "[]"


def _duplicate_key(exchange: Exchange, field: str | None) -> web.Response | None:
    def change(texts: _Texts, place: int, value: object) -> None:
        # At the end, which is what most decoders keep; and of the right type, so that only the key is wrong.
        texts.append((texts[place][0], _another(value)))

    return _changed(exchange, field, change)


def _extended(exchange: Exchange, name: str, text: str) -> web.Response | None:
    members = exchange.json_members()
    return None if members is None else exchange.with_body(_object([*_texts(members), (name, text)]))


def _deep_nesting(exchange: Exchange, depth: int) -> web.Response | None:
    return _extended(exchange, "nested", "[" * depth + "]" * depth)


def _in_text(exchange: Exchange, inserted: bytes) -> web.Response | None:
    """Insert bytes at the start of the first text; None if there is no text."""
    members = exchange.json_members() or []
    texts = [value for _, value in members if isinstance(value, str)]
    if not texts:
        return None
    first = _text(texts[0]).encode()
    before, quoted, after = _object(_texts(members)).partition(b":" + first)
    return exchange.with_body(before + b':"' + inserted + quoted.removeprefix(b':"') + after)


_success = partial(Kind, on_success=True)
_FIELD = Option("field", None, check_field)

KINDS = (
    _success("empty", "200 with an empty body", partial(_other_body, body=b"")),
    _success("html", "200 with a page in HTML", _html),
    _success("truncated_json", "half the JSON, with the length of that half", _truncated_json),
    _success("bom", "a byte order mark before the JSON", _bom),
    _success("json_null", "`null` instead of the object", partial(_other_body, body=b"null")),
    _success("json_list", "the object as the one element of a list", _json_list),
    _success("json_string", "the object encoded twice, which is a string", _json_string),
    _success("invalid_utf8", "a byte in a text that is no UTF-8", partial(_in_text, inserted=b"\xff")),
    _success("lone_surrogate", "half a surrogate pair in a text", partial(_in_text, inserted=b"\\ud800")),
    _success(
        "nan",
        "a `value` that is no number of JSON in `field`",
        _nan,
        (_FIELD, Option("value", "NaN", one_of("NaN", "Infinity", "-Infinity", "1e999"))),
    ),
    _success(
        "huge_integer",
        "an integer of so many `digits` in `field`",
        _huge_integer,
        (_FIELD, Option("digits", 10_000, check_at_least_one)),
    ),
    _success(
        "deep_nesting",
        "one more field, with lists in lists, `depth` of them",
        _deep_nesting,
        (Option("depth", 200_000, check_at_least_one),),
    ),
    _success("duplicate_key", "`field` twice, the second time with another value", _duplicate_key, (_FIELD,)),
    _success("wrong_type", "a value of another type in `field`", partial(_replaced, make=_other), (_FIELD,)),
    _success("null_field", "`null` in `field`", partial(_replaced, make=lambda _: "null"), (_FIELD,)),
    _success("missing_field", "no `field`", _missing_field, (_FIELD,)),
    _success(
        "extra_field",
        "one more field, which nothing announced",
        partial(_extended, name="unexpected", text='{"new":[1,2.5,null]}'),
    ),
    _success("id_mismatch", "the id of another thing", partial(_replaced, field="id", make=_another)),
)
