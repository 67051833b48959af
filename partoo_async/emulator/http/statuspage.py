"""What the emulator shows to people: a page at ``/`` that follows its requests, fed by ``/status.json``.

Both stand beside the API: they need no key, show none, cost no quota and are not in ``Emulator.requests``.
"""

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

from partoo_async.emulator.http.http_io import json_answer

if TYPE_CHECKING:
    from collections import Counter

    from aiohttp.typedefs import Handler, Middleware

    from partoo_async.emulator.http.requestlog import RequestLog
    from partoo_async.emulator.rate_limits.quota import Quota
    from partoo_async.emulator.rate_limits.windows import Window

__all__ = ["feed", "show_status"]

_LATEST = 25
_LONGEST_PATH = 200
_RATE_OVER = 5.0  # seconds


def show_status(log: RequestLog, quota: Quota | None) -> Middleware:
    """Return a middleware that answers for the page and its feed, and passes everything else on.

    It goes outside of all others, so that no key is asked for, no fault strikes and nothing is recorded.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The path first: of all requests, nearly none are for people.
        if request.path in _ANSWERS and request.method in ("GET", "HEAD"):
            return _ANSWERS[request.path](log, quota)
        return await handler(request)

    return middleware


def feed(log: RequestLog, quota: Quota | None, now: float) -> dict[str, Any]:
    """Return what the page shows, as JSON values; ``now`` is a time of the log, in seconds."""
    # The log is in the order of answers, so that a slow request may hide a few behind it: a rate to look at.
    recent = sum(1 for _ in takewhile(lambda seen: seen.time > now - _RATE_OVER, reversed(log)))
    return {
        "requests": log.statuses.total(),
        "per_second": recent / _RATE_OVER,
        "quota": quota and _use(quota.window),
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


def _use(window: Window) -> dict[str, Any]:
    return {"used": window.used(), "limit": window.limit.requests, "per": window.limit.per}


def _counts(counter: Counter[Any]) -> list[dict[str, Any]]:
    named = {"no answer" if name is None else str(name): count for name, count in counter.items()}
    return [{"name": name, "count": count} for name, count in sorted(named.items())]


@cache
def _page() -> tuple[bytes, str]:
    """Return the page and its content security policy."""
    page = Path(__file__).with_suffix(".html").read_bytes()
    # By their hashes only this style and this script run, even if a name or a path were ever shown as HTML.
    inside = {
        tag: base64.b64encode(hashlib.sha256(text).digest()).decode()
        for tag, text in re.findall(rb"<(style|script)>(.*?)</\1>", page, re.DOTALL)
    }
    policy = (
        f"default-src 'none'; connect-src 'self'; img-src data:; style-src 'sha256-{inside[b'style']}';"
        f" script-src 'sha256-{inside[b'script']}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy


def _show_page(_: RequestLog, __: Quota | None) -> web.Response:
    page, policy = _page()
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return web.Response(body=page, content_type="text/html", charset="utf-8", headers=headers)


def _show_feed(log: RequestLog, quota: Quota | None) -> web.Response:
    return json_answer(feed(log, quota, time.monotonic()), headers={"Cache-Control": "no-store"})


def _show_no_icon(_: RequestLog, __: Quota | None) -> web.Response:
    # Browsers ask for one by themselves, and a 404 would look like a fault of the client under test.
    return web.Response(status=204)


_ANSWERS = {"/": _show_page, "/status.json": _show_feed, "/favicon.ico": _show_no_icon}
