"""The HTTP side of values: ids and bodies out of a request, JSON answers and error bodies out of the emulator."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from partoo_async.emulator.rules import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["error_answer", "id_list", "json_answer", "json_body", "path_id", "query_int", "text"]

_DETAIL_KEYS = {401: "authentication", 403: "authorization"}
_DETAILS: dict[int, str] = {
    401: "User not authenticated",
    403: "Operation not allowed",
    404: "Resource not found",
    415: "Unsupported media type. Please use application/json",
    429: "Too many requests",
}
"""The documented texts, but for 429, whose body is an open question."""


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a compact JSON answer."""
    # Encoded to ASCII escapes, so that even a lone surrogate in a name can be sent back as it came.
    body = json.dumps(value, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def error_answer(
    status: int, key: str, detail: object = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error in the documented shape, under the top-level ``key`` "errors" or "error".

    ``detail`` defaults to the documented text of the status, or the name of a status that has none. Both keys are
    documented, in different places: the OpenAPI document has the plural, the errors guide mostly the singular.
    """
    detail = detail or _DETAILS.get(status, HTTPStatus(status).phrase)
    return json_answer({key: {_DETAIL_KEYS.get(status, "json"): detail}}, status, headers)


def path_id(request: web.Request, name: str) -> int:
    """Return an id out of the path, documented as an integer; raises ``InvalidError`` for anything but digits."""
    value = request.match_info[name]
    # 19 digits hold any 64-bit id; more would only feed int() with work.
    if not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise InvalidError(name, "Not a valid integer.")
    return int(value)


def query_int(request: web.Request, name: str, default: int) -> int:
    """Return an integer out of the query, or ``default`` without one; raises ``InvalidError`` if it is not one."""
    value = request.query.get(name)
    if value is None:
        return default
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        raise InvalidError(name, "Not a valid integer.")
    return int(value)


async def json_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that a POST holds.

    Raises ``web.HTTPUnsupportedMediaType`` without the documented ``Content-Type: application/json``, and
    ``InvalidError`` for anything but an object.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        body = json.loads(await request.read())
    # Bad UTF-8 and numbers of 5,000 digits are ValueErrors too; deep nesting is not.
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
