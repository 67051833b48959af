"""Other responses instead of the real one: errors with all sorts of ``Retry-After``, gateway pages, redirects."""

from __future__ import annotations

import math
import re
import time
from email.utils import formatdate
from functools import partial
from http import HTTPStatus

from aiohttp import web

from partoo_async.emulator.faults.exchange import Exchange, ScriptedResponse, head, send_bytes
from partoo_async.emulator.faults.kinds import Kind, Option, check_error_status, check_header, check_wait, one_of
from partoo_async.emulator.http.http_io import error_response, json_response

__all__ = ["KINDS", "html_page"]

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
# The port of the discard service. Nothing listens there.
_DISCARD_PORT = 9


def html_page(title: str) -> bytes:
    """Return a page as proxies make them."""
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1><hr>gateway</body></html>".encode()


def _status(exchange: Exchange, status: int) -> web.Response:
    # Proxies use statuses that are in no standard, such as 520. They have no phrase.
    return json_response({exchange.error_key: {"json": _PHRASES.get(status, f"Status {status}")}}, status)


def _gateway_page(_: Exchange, status: int) -> web.Response:
    body = html_page(f"{status} {_PHRASES[status]}")
    return web.Response(body=body, status=status, content_type="text/html")


def _seconds(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"


def _refused(exchange: Exchange, status: int, text: str | None) -> web.Response:
    return error_response(status, exchange.error_key, headers={} if text is None else {"Retry-After": text})


def _refused_for(exchange: Exchange, status: int, retry_after: float) -> web.Response:
    return _refused(exchange, status, _seconds(retry_after))


def _refused_until(exchange: Exchange, retry_after: float) -> web.Response:
    # Rounded up: a date has whole seconds, and the one before would be too early.
    return _refused(exchange, 429, formatdate(math.ceil(time.time() + retry_after), usegmt=True))


def _redirect(_: Exchange, status: int, location: str) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


def _redirect_port(exchange: Exchange, status: int) -> web.Response:
    host = re.sub(r":\d+$", "", exchange.request.host)
    return _redirect(exchange, status, f"http://{host}:{_DISCARD_PORT}{exchange.request.path_qs}")


def _redirect_back(exchange: Exchange, status: int, scheme: str) -> web.Response:
    # To the name and port that the client used.
    return _redirect(exchange, status, f"{scheme}://{exchange.request.host}{exchange.request.path_qs}")


def _bare(_: Exchange, status: int) -> web.Response:
    return web.Response(status=status)


def _no_content_with_body(exchange: Exchange) -> ScriptedResponse:
    framing = ("Content-Type: application/json", f"Content-Length: {len(exchange.body)}")
    return send_bytes([head("204 No Content", *framing) + exchange.body], 204, keep_open=True)


# By default a gateway refuses the request before the server sees it. It may also give up on the server afterwards.
_gateway = partial(Kind, processed=(False, True))
_WAIT = Option("retry_after", 1.0, check_wait)
_MOVED = Option("status", 302, one_of(301, 302, 303, 307, 308))
_ELSEWHERE = Option("location", "http://elsewhere.invalid/", check_header)

KINDS = (
    _gateway("status", "an error with any `status`", _status, (Option("status", 500, check_error_status),)),
    _gateway(
        "gateway_page",
        "a 502, 503 or 504 with a page in HTML",
        _gateway_page,
        (Option("status", 502, one_of(502, 503, 504)),),
    ),
    _gateway("unavailable", "503 with `retry_after` in seconds", partial(_refused_for, status=503), (_WAIT,)),
    _gateway("rate_limited", "429 with `retry_after` in seconds", partial(_refused_for, status=429), (_WAIT,)),
    _gateway("rate_limited_date", "429 with a date, `retry_after` seconds from now", _refused_until, (_WAIT,)),
    _gateway("rate_limited_absent", "429 without `Retry-After`", partial(_refused, status=429, text=None)),
    _gateway("rate_limited_negative", "429 with `Retry-After: -5`", partial(_refused, status=429, text="-5")),
    _gateway("rate_limited_garbage", "429 with `Retry-After: soon`", partial(_refused, status=429, text="soon")),
    _gateway("rate_limited_absurd", "429 that asks for a year", partial(_refused, status=429, text="31536000")),
    _gateway("redirect", "a redirect to another host, or to any `location`", _redirect, (_MOVED, _ELSEWHERE)),
    _gateway("redirect_port", "a redirect to another port of the same host", _redirect_port, (_MOVED,)),
    _gateway(
        "redirect_scheme",
        "a redirect from http to https, same host and port",
        partial(_redirect_back, scheme="https"),
        (_MOVED,),
    ),
    _gateway("redirect_loop", "a redirect to the very same address", partial(_redirect_back, scheme="http"), (_MOVED,)),
    _gateway("redirect_nowhere", "a redirect without `Location`", _bare, (_MOVED,)),
    _gateway("redirect_file", "a redirect to a local file", partial(_redirect, location="file:///dev/null"), (_MOVED,)),
    _gateway("no_content", "204, no body", partial(_bare, status=204)),
    # The real response is the body that must not be there.
    Kind("no_content_with_body", "204, and yet a body", _no_content_with_body),
    _gateway("reset_content", "205, no body", partial(_bare, status=205)),
    _gateway("not_modified", "304, no body", partial(_bare, status=304)),
)
