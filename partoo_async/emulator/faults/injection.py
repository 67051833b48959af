"""Where faults get at requests: two middlewares, one around everything that answers and one around the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from aiohttp import web

from partoo_async.emulator.faults.exchange import Exchange
from partoo_async.emulator.faults.raw import RawAnswer
from partoo_async.emulator.faults.rules import Fault, Faults
from partoo_async.emulator.http.handlers import BASE_PATH

if TYPE_CHECKING:
    from asyncio import Task

    from aiohttp.typedefs import Handler, Middleware

__all__ = ["fault_of", "inject", "sent_status", "spare"]

_FAULT = web.RequestKey("fault", Fault)


def fault_of(request: web.Request) -> str | None:
    """Return the kind of the fault that has hit this request, None without one."""
    fault = request.get(_FAULT)
    return None if fault is None else fault.kind


def sent_status(response: web.StreamResponse) -> int | None:
    """Return the status that the client gets to see, None if it gets no whole status line."""
    return response.line_status if isinstance(response, RawAnswer) else response.status


def inject(faults: Faults, error_key: str) -> Middleware:
    """Return a middleware that plays ``faults`` on answers, refusals among them: a line is cut for anybody."""
    # The framework has one task for each connection; nothing else that it shows tells two connections apart.
    seen: WeakSet[Task[None]] = WeakSet()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        reused = request.task in seen
        seen.add(request.task)
        # What is not under the base path is no part of the API.
        if not request.path.startswith(f"{BASE_PATH}/"):
            return await handler(request)
        exchange = None
        for fault in faults.hitting(request.method, request.path.removeprefix(BASE_PATH), reused=reused):
            request[_FAULT] = fault
            if exchange is None:
                exchange = Exchange(request, await handler(request), error_key)
            elif exchange.succeeded and not fault.processed:
                # Too late for it: an earlier fault let the operation go ahead, and then found nothing to spoil.
                fault.miss()
                continue
            played = fault.play(exchange)
            if played is not None:
                return played
        request.pop(_FAULT, None)
        return await handler(request) if exchange is None else exchange.response

    return middleware


@web.middleware
async def spare(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Leave out the operation where a fault says that the server did not act on the request.

    A middleware to go in after the quota, which counts such a request, too.
    """
    fault = request.get(_FAULT)
    if fault is None or fault.processed:
        return await handler(request)
    # To the end, or a close would turn into a reset: that is what systems send when something is left unread.
    await request.read()
    return web.Response(body=b"{}", content_type="application/json")
