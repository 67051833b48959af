"""The HTTP side of values: reads requests, writes responses. ``faults`` may import it."""

from __future__ import annotations

import json
import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from partoo_async.emulator.data.keys import Caller
from partoo_async.emulator.domain_errors import InvalidError, UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "BASE_PATH",
    "CALLER",
    "FAULT_KIND",
    "REUSED",
    "bytes_response",
    "caller_of",
    "error_response",
    "id_list",
    "integer",
    "json_body",
    "json_response",
    "optional_int",
    "paginate",
    "path_id",
    "per_page",
    "query_int",
    "query_list",
    "query_number",
    "routes_of",
    "serves",
    "text",
    "to_json",
]

T = TypeVar("T")
Default = TypeVar("Default", int, None)
Handler = TypeVar("Handler", bound="Callable[..., object]")

# Every path of the real API begins with it.
BASE_PATH = "/v2"
# Set on a request once they are known: who it comes from, the kind of fault that is played on it, and whether its
# connection has served another one before.
CALLER = web.RequestKey("caller", Caller)
FAULT_KIND = web.RequestKey("fault_kind", str)
REUSED = web.RequestKey("reused", bool)

_LIMIT = 2**63
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")

# Documentation: page "Errors" and the OpenAPI document. The body of a 429 is an open question.
_DETAIL_KEYS = {401: "authentication", 403: "authorization"}
_DETAILS: dict[int, object] = {
    400: {},
    401: "User not authenticated",
    403: "Operation not allowed",
    404: "Resource not found",
    415: "Unsupported media type. Please use application/json",
    429: "Too many requests",
}

# Made once: json.dumps would make an encoder for each response.
to_json: Callable[[object], str] = json.JSONEncoder(separators=(",", ":")).encode


def serves(method: str, path: str) -> Callable[[Handler], Handler]:
    """Mark a method as the handler of an operation. ``path``: below the base path, with the names of ids in braces."""

    def mark(handler: Handler) -> Handler:
        handler.route = method, path  # type: ignore[attr-defined]
        return handler

    return mark


def routes_of(handlers: object) -> list[web.RouteDef]:
    """Return the routes of the marked methods, in their order."""
    marked = [(name, member.route) for name, member in vars(type(handlers)).items() if hasattr(member, "route")]
    # No HEAD, which the framework would add to each GET: the API documents none.
    return [
        web.route(
            method, BASE_PATH + path, getattr(handlers, name), **({"allow_head": False} if method == "GET" else {})
        )
        for name, (method, path) in marked
    ]


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a compact JSON response."""
    # Written in ASCII escapes, so that even a lone surrogate in a name is sent back as it came.
    return bytes_response(to_json(value).encode(), status, headers)


def bytes_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a response with JSON that is encoded already."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def error_response(
    status: int, key: str, detail: object = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error in the documented shape, by default with the documented text."""
    # Both top-level keys are documented: the OpenAPI document has "errors", the errors guide mostly "error".
    if detail is None:
        detail = _DETAILS.get(status, HTTPStatus(status).phrase)
    return json_response({key: {_DETAIL_KEYS.get(status, "json"): detail}}, status, headers)


def paginate(found: Sequence[T], page: int, size: int, past_end: str) -> tuple[Sequence[T], dict[str, int]]:
    """Return the items of one page, and its ``page``, ``max_page`` and ``count``."""
    # Documentation, newest wording: below 1 counts as 1. With nothing found, max_page is 0 here (an open question).
    page = max(page, 1)
    max_page = -(-len(found) // size)
    # The first page is never past the end: to find nothing is no mistake.
    if page > max(max_page, 1):
        if past_end == "refused":
            raise UnknownError("page")
        if past_end == "last":
            page = max(max_page, 1)
    start = (page - 1) * size
    return found[start : start + size], {"page": page, "max_page": max_page, "count": len(found)}


def path_id(request: web.Request, name: str) -> int:
    """Return an id from the path, or raise ``InvalidError``."""
    value = request.match_info[name]
    if value.startswith("-"):
        raise InvalidError(name, "Not a valid integer.")
    return integer(name, value)


def caller_of(request: web.Request) -> Caller:
    """Return who sent an authenticated request."""
    return request[CALLER]


def integer(name: str, value: str) -> int:
    """Return a 64-bit integer, or raise ``InvalidError``."""
    digits = value.removeprefix("-")
    # 19 digits are enough for any of them; more would only make work for int().
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19 and -_LIMIT <= int(value) < _LIMIT):
        raise InvalidError(name, "Not a valid integer.")
    return int(value)


def query_int(request: web.Request, name: str, default: Default) -> int | Default:
    """Return an integer from the query, or ``default``."""
    value = request.query.get(name)
    return default if value is None else integer(name, value)


def per_page(request: web.Request) -> int:
    """Return the page size that the query asks for."""
    # Documented for most lists: 30 by default, at most 100.
    found = query_int(request, "per_page", 30)
    if not 1 <= found <= 100:
        raise InvalidError("per_page", "Must be between 1 and 100.")
    return found


def query_number(request: web.Request, name: str) -> float | None:
    """Return a finite number from the query, or None."""
    value = request.query.get(name)
    if value is None:
        return None
    # float() would also take "nan", "1_0", " 1 " and digits of other scripts, and make 1e999 infinite.
    if not _NUMBER.fullmatch(value) or math.isinf(float(value)):
        raise InvalidError(name, "Not a valid number.")
    return float(value)


def query_list(request: web.Request, name: str) -> list[str] | None:
    """Return the values of a query parameter, or None."""
    # Separated by commas (documentation: page "Search for businesses"), or repeated, as many clients send lists.
    values = request.query.getall(name, None)
    return None if values is None else [item for value in values for item in value.split(",") if item]


async def _read(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (web.RequestPayloadError, ConnectionError):
        # A wrong encoding, or the sender has gone. Without this the framework raises the same error again.
        request.content.feed_eof()
        raise InvalidError("_schema", "Invalid JSON body.") from None


async def json_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body."""
    # Documentation: page "Errors", 415 without `Content-Type: application/json`.
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        body = json.loads(await _read(request))
        # Half a surrogate pair is no character: no response in UTF-8 could send it back.
        json.dumps(body, ensure_ascii=False).encode()
    # Bad UTF-8, half a character and numbers of 5,000 digits are ValueErrors too; deep nesting is not.
    except (ValueError, RecursionError):
        raise InvalidError("_schema", "Invalid JSON body.") from None
    if not isinstance(body, dict):
        raise InvalidError("_schema", "Invalid input type.")
    return body


def _required(body: Mapping[str, Any], name: str) -> object:
    if name not in body:
        raise InvalidError(name, "Missing data for required field.")
    return body[name]


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a required string of a body."""
    value = _required(body, name)
    if not isinstance(value, str):
        raise InvalidError(name, "Not a valid string.")
    return value


def id_list(body: Mapping[str, Any], name: str) -> list[str]:
    """Return a required array of strings of a body."""
    value = _required(body, name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidError(name, "Not a valid list of strings.")
    return value


def optional_int(body: Mapping[str, Any], name: str) -> int | None:
    """Return an integer of a body, or None."""
    value = body.get(name)
    if value is None:
        return None
    # Some clients send the digits as a string.
    if isinstance(value, str):
        return integer(name, value)
    # JSON Schema counts 7.0 as an integer. Python counts True as one.
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (isinstance(value, int) or whole) or not 0 <= value < _LIMIT:
        raise InvalidError(name, "Not a valid integer.")
    return int(value)
