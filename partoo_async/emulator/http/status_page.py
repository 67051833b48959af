"""The status page at ``/`` and its data, ``/status.json``: no key is needed or shown, nothing is limited or logged."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from functools import cache
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from partoo_async.emulator.http.http_io import json_response

if TYPE_CHECKING:
    from collections import Counter

    from aiohttp.typedefs import Handler, Middleware

    from partoo_async.emulator.http.request_log import RequestLog
    from partoo_async.emulator.rate_limiters import RateLimiter, ServerRateLimit

__all__ = ["feed", "show_status"]

_LATEST = 25  # requests in the table
_LONGEST_PATH = 200  # characters
_RATE_OVER = 5.0  # seconds


def show_status(log: RequestLog, rate_limit: ServerRateLimit | None) -> Middleware:
    """Return a middleware that serves the page and its data. It goes outside of all others."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The path first: nearly all requests are for the API.
        if request.path in _PAGES and request.method in ("GET", "HEAD"):
            return _PAGES[request.path](log, rate_limit)
        return await handler(request)

    return middleware


def feed(log: RequestLog, rate_limit: ServerRateLimit | None, now: float) -> dict[str, Any]:
    """Return the data of the page as JSON values; ``now`` is in the log's seconds."""
    # The log is in the order of responses, so a slow request may hide a few behind it. Good enough to look at.
    recent = sum(1 for _ in takewhile(lambda seen: seen.time > now - _RATE_OVER, reversed(log)))
    return {
        "requests": log.statuses.total(),
        "per_second": recent / _RATE_OVER,
        "quota": rate_limit and _use(rate_limit.limiter),
        "statuses": _counts(log.statuses),
        "faults": _counts(log.faults),
        "latest": [
            {
                "seconds_ago": round(now - seen.time, 3),
                "method": seen.method,
                "path": seen.path[:_LONGEST_PATH],
                "key": seen.key_id,
                "status": seen.status,
                "fault": seen.fault,
            }
            for seen in islice(reversed(log), _LATEST)
        ],
    }


def _use(limiter: RateLimiter) -> dict[str, Any]:
    return {"used": limiter.used(), "limit": limiter.limit.requests, "per": limiter.limit.per}


def _counts(counter: Counter[Any]) -> list[dict[str, Any]]:
    named = {"no response" if name is None else str(name): count for name, count in counter.items()}
    return [{"name": name, "count": count} for name, count in sorted(named.items())]


@cache
def _page() -> tuple[bytes, str]:
    """Return the page and its content security policy."""
    page = Path(__file__).with_suffix(".html").read_bytes()
    # Their hashes allow only this style and this script, even if a name or a path were ever shown as HTML.
    inside = {
        tag: base64.b64encode(hashlib.sha256(text).digest()).decode()
        for tag, text in re.findall(rb"<(style|script)>(.*?)</\1>", page, re.DOTALL)
    }
    policy = (
        f"default-src 'none'; connect-src 'self'; img-src data:; style-src 'sha256-{inside[b'style']}';"
        f" script-src 'sha256-{inside[b'script']}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _show_page(_: RequestLog, __: ServerRateLimit | None) -> web.Response:
    page, policy = _page()
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return web.Response(body=page, content_type="text/html", charset="utf-8", headers=headers)


def _show_feed(log: RequestLog, rate_limit: ServerRateLimit | None) -> web.Response:
    return json_response(feed(log, rate_limit, time.monotonic()), headers={"Cache-Control": "no-store"})


def _show_no_icon(_: RequestLog, __: ServerRateLimit | None) -> web.Response:
    # Browsers request one by themselves. A 404 would look like a fault of the client under test.
    return web.Response(status=204)


_PAGES = {"/": _show_page, "/status.json": _show_feed, "/favicon.ico": _show_no_icon}
