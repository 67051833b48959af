"""One middleware for each concern. ``Emulator`` sets their order."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async.emulator.domain_errors import RefusedError, RefusedKeyError, UnauthenticatedError
from partoo_async.emulator.http.http_io import BASE_PATH, CALLER, FAULT_KIND, caller_of
from partoo_async.emulator.http.request_log import RequestLog, SeenRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from aiohttp.typedefs import Handler, Middleware

    from partoo_async.emulator.behaviour import Behaviour
    from partoo_async.emulator.data.keys import Caller
    from partoo_async.emulator.http.error_responses import ErrorResponses
    from partoo_async.emulator.rate_limiters import ServerRateLimit

__all__ = ["authenticate", "delay", "limit_rate", "record", "respond_to_errors"]


def delay(latency: tuple[float, float], random: Random) -> Middleware:
    """Return a middleware that delays each response by between low and high seconds."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The response is late, not its effect: a client that gives up on a write finds it done, the hard case.
        response = await handler(request)
        if latency[1]:
            await asyncio.sleep(random.uniform(*latency))
        return response

    return middleware


def record(log: RequestLog) -> Middleware:
    """Return a middleware that logs every request once its response is decided."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Before the body is read and the rate limit asked: this is the moment that the client's own limiter counts.
        received = time.monotonic()
        status: int | None = None
        try:
            response = await handler(request)
            # A fault may send another status than it decided on, or no whole status line.
            status = getattr(response, "sent_status", response.status)
            return response
        finally:
            # Also for a request that is cut off: it was received, and the client's limiter is judged by that.
            resource = request.match_info.route.resource
            route = None if resource is None else resource.canonical.removeprefix(BASE_PATH)
            caller = request.get(CALLER)
            key_id = None if caller is None else caller.id
            kind = request.get(FAULT_KIND)
            log.add(SeenRequest(received, request.method, request.path, route, key_id, status, kind))

    return middleware


def respond_to_errors(error_responses: ErrorResponses) -> Middleware:
    """Return a middleware that turns domain and framework errors into responses."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as error:
            return error_responses.respond(error)
        except web.HTTPException as error:
            return error_responses.respond_to_framework(error)

    return middleware


def authenticate(callers: Mapping[str, Caller], behaviour: Behaviour) -> Middleware:
    """Return a middleware that refuses a request without a valid key in ``x-APIKey``."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A plain lookup: there is no secret here that its timing could give away.
        caller = callers.get(request.headers.get("x-APIKey", ""))
        if caller is None:
            raise UnauthenticatedError
        request[CALLER] = caller
        # Which status either of these gets is an open question.
        if caller.key.expired:
            raise RefusedKeyError(behaviour.expired_key)
        if not caller.comes_from(request.remote):
            raise RefusedKeyError(behaviour.refused_ip)
        return await handler(request)

    return middleware


def limit_rate(rate_limits: Mapping[int, ServerRateLimit]) -> Middleware:
    """Return a middleware that refuses a request over its organization's limit, before looking at anything else."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Documentation: page "Rate limits", the limit is an organization's. Whose limit a provider's requests to others
        # count against is open; here it is the provider's own.
        rate_limits[caller_of(request).key.org_id].check()
        return await handler(request)

    return middleware
