"""The two middlewares that put faults around every response and around the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async.emulator.faults.active import Fault, Faults
from partoo_async.emulator.faults.exchange import Exchange
from partoo_async.emulator.http.http_io import BASE_PATH, FAULT_KIND, REUSED

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

__all__ = ["inject", "skip_operation"]

_FAULT = web.RequestKey("playing", Fault)


def inject(faults: Faults, error_key: str) -> Middleware:
    """Return a middleware that plays ``faults`` on every response, errors included."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Only what is under the base path belongs to the API.
        if not request.path.startswith(f"{BASE_PATH}/"):
            return await handler(request)
        exchange = None
        for fault in faults.hitting(
            request.method, request.path.removeprefix(BASE_PATH), reused=request.get(REUSED, False)
        ):
            request[_FAULT], request[FAULT_KIND] = fault, fault.kind
            if exchange is None:
                exchange = Exchange(request, await handler(request), error_key)
            elif exchange.succeeded and not fault.processed:
                # Too late: the operation ran for an earlier fault, which then found nothing to spoil.
                fault.miss()
                continue
            played = fault.play(exchange)
            if played is not None:
                return played
        request.pop(FAULT_KIND, None)
        request.pop(_FAULT, None)
        return await handler(request) if exchange is None else exchange.response

    return middleware


@web.middleware
async def skip_operation(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Skip the operation if a fault says that the server does not process the request."""
    # It goes in after the rate limit, which counts such a request too.
    fault = request.get(_FAULT)
    if fault is None or fault.processed:
        return await handler(request)
    # Read to the end: the operating system turns a close with unread data into a reset.
    await request.read()
    return web.Response(body=b"{}", content_type="application/json")
