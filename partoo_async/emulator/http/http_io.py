"""The HTTP side of values: ids and bodies out of a request, JSON answers and error bodies out of the emulator."""

from __future__ import annotations

import json
import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from partoo_async.emulator.data.keys import Caller
from partoo_async.emulator.domain_errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CALLER",
    "caller_of",
    "error_answer",
    "id_list",
    "integer",
    "json_answer",
    "json_body",
    "optional_int",
    "path_id",
    "per_page",
    "query_int",
    "query_list",
    "query_number",
    "query_org",
    "text",
]

CALLER = web.RequestKey("caller", Caller)
"""Where a request holds who it comes from, once that is known."""

_LIMIT = 2**63
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")

_DETAIL_KEYS = {401: "authentication", 403: "authorization"}
_DETAILS: dict[int, object] = {
    400: {},
    401: "User not authenticated",
    403: "Operation not allowed",
    404: "Resource not found",
    415: "Unsupported media type. Please use application/json",
    429: "Too many requests",
}
"""The documented details, but for 429, whose body is an open question."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps would make one for each answer


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a compact JSON answer."""
    # Encoded to ASCII escapes, so that even a lone surrogate in a name can be sent back as it came.
    body = _to_json(value).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def error_answer(
    status: int, key: str, detail: object = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error in the documented shape, under the top-level ``key`` "errors" or "error".

    ``detail`` defaults to the documented text of the status, or the name of a status that has none. Both keys are
    documented, in different places: the OpenAPI document has the plural, the errors guide mostly the singular.
    """
    if detail is None:
        detail = _DETAILS.get(status, HTTPStatus(status).phrase)
    return json_answer({key: {_DETAIL_KEYS.get(status, "json"): detail}}, status, headers)


def path_id(request: web.Request, name: str) -> int:
    """Return an id out of the path, documented as an integer; raises ``InvalidError`` for anything but digits."""
    value = request.match_info[name]
    if value.startswith("-"):
        raise InvalidError(name, "Not a valid integer.")
    return integer(name, value)


def caller_of(request: web.Request) -> Caller:
    """Return who a request comes from; every one that reaches an operation has been authenticated."""
    return request[CALLER]


def integer(name: str, value: str) -> int:
    """Return a 64-bit integer written in digits, or raise ``InvalidError`` that names the field."""
    digits = value.removeprefix("-")
    # 19 digits hold any of them; more would only feed int() with work.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19 and -_LIMIT <= int(value) < _LIMIT):
        raise InvalidError(name, "Not a valid integer.")
    return int(value)


def query_int(request: web.Request, name: str, default: int) -> int:
    """Return an integer out of the query, or ``default`` without one; raises ``InvalidError`` if it is not one."""
    value = request.query.get(name)
    return default if value is None else integer(name, value)


def query_org(request: web.Request) -> int | None:
    """Return the organization that the query asks for, None if it does not."""
    value = request.query.get("org_id")
    return None if value is None else integer("org_id", value)


def per_page(request: web.Request) -> int:
    """Return how many things a page holds: 30 unless asked, at most 100, as everywhere in the API."""
    found = query_int(request, "per_page", 30)
    if not 1 <= found <= 100:
        raise InvalidError("per_page", "Must be between 1 and 100.")
    return found


def query_number(request: web.Request, name: str) -> float | None:
    """Return a finite number out of the query, None without one."""
    value = request.query.get(name)
    if value is None:
        return None
    # float() would also take "nan", "1_0", " 1 " and digits of other scripts; 1e999 is its infinity.
    if not _NUMBER.fullmatch(value) or math.isinf(float(value)):
        raise InvalidError(name, "Not a valid number.")
    return float(value)


def query_list(request: web.Request, name: str) -> list[str] | None:
    """Return the comma-separated values of a parameter, which may also be given repeatedly; None without it."""
    values = request.query.getall(name, None)
    return None if values is None else [item for value in values for item in value.split(",") if item]


async def _read(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (web.RequestPayloadError, ConnectionError):
        # A body in another encoding than it says, or one whose sender has gone. The framework would raise the same
        # again when it looks for the rest of it.
        request.content.feed_eof()
        raise InvalidError("_schema", "Invalid JSON body.") from None


async def json_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that a POST holds.

    Raises ``web.HTTPUnsupportedMediaType`` without the documented ``Content-Type: application/json``, and
    ``InvalidError`` for anything but an object.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        body = json.loads(await _read(request))
        # Half a surrogate pair is no character: no answer in UTF-8 could bring it back.
        json.dumps(body, ensure_ascii=False).encode()
    # Bad UTF-8, half a character and numbers of 5,000 digits are ValueErrors too; deep nesting is not.
    except (ValueError, RecursionError):
        raise InvalidError("_schema", "Invalid JSON body.") from None
    if not isinstance(body, dict):
        raise InvalidError("_schema", "Invalid input type.")
    return body


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a required string of a body, or raise ``InvalidError``."""
    if name not in body:
        raise InvalidError(name, "Missing data for required field.")
    value = body[name]
    if not isinstance(value, str):
        raise InvalidError(name, "Not a valid string.")
    return value


def id_list(body: Mapping[str, Any], name: str) -> list[str]:
    """Return a required array of strings of a body, or raise ``InvalidError``."""
    if name not in body:
        raise InvalidError(name, "Missing data for required field.")
    value = body[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidError(name, "Not a valid list of strings.")
    return value


def optional_int(body: Mapping[str, Any], name: str) -> int | None:
    """Return an integer of a body, None without it; digits in a string are one, as some clients send them."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return integer(name, value)
    # 7.0 is an integer to JSON Schema, and True is none, though one to Python.
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (isinstance(value, int) or whole) or not 0 <= value < _LIMIT:
        raise InvalidError(name, "Not a valid integer.")
    return int(value)
