"""What happens to a request before it reaches its operation, one concern each; ``app`` lists them in order."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async.emulator.domain_errors import RefusedError, RefusedKeyError, UnauthenticatedError
from partoo_async.emulator.faults.injection import fault_of, sent_status
from partoo_async.emulator.http.handlers import BASE_PATH
from partoo_async.emulator.http.http_io import CALLER, caller_of
from partoo_async.emulator.http.requestlog import RequestLog, SeenRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from aiohttp.typedefs import Handler, Middleware

    from partoo_async.emulator.behaviour import Behaviour
    from partoo_async.emulator.data.keys import Caller
    from partoo_async.emulator.http.error_responses import Refusals
    from partoo_async.emulator.rate_limits.quota import Quota

__all__ = ["authenticate", "explain", "hold_back", "limit", "record"]


def hold_back(latency: tuple[float, float], random: Random) -> Middleware:
    """Return a middleware that delays every answer by ``latency``, a (low, high) pair of seconds."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The answer is late, not its effect: a client that gives up on a write finds it done, the hard case.
        response = await handler(request)
        if latency[1]:
            await asyncio.sleep(random.uniform(*latency))
        return response

    return middleware


def record(log: RequestLog) -> Middleware:
    """Return a middleware that adds every request to ``log``, once its answer is decided."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Before the body is read and the quota asked: the client's own window must hold at this moment.
        received = time.monotonic()
        status = None
        try:
            response = await handler(request)
            status = sent_status(response)
            return response
        finally:
            # Also when the request is cut off: it was received, and a client is judged by that.
            resource = request.match_info.route.resource
            route = None if resource is None else resource.canonical.removeprefix(BASE_PATH)
            caller = request.get(CALLER)
            key_id = None if caller is None else caller.id
            fault = fault_of(request)
            log.add(SeenRequest(received, request.method, request.path, route, key_id, status, fault))

    return middleware


def explain(refusals: Refusals) -> Middleware:
    """Return a middleware that turns every refusal into its status and body."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as error:
            return refusals.answer(error)
        except web.HTTPException as error:
            return refusals.framework(error)

    return middleware


def authenticate(callers: Mapping[str, Caller], behaviour: Behaviour) -> Middleware:
    """Return a middleware that refuses a request unless its ``x-APIKey`` header is one of the keys of ``callers``."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A plain lookup: there is no secret here that the time it takes could give away.
        caller = callers.get(request.headers.get("x-APIKey", ""))
        if caller is None:
            raise UnauthenticatedError
        request[CALLER] = caller
        if caller.key.expired:
            raise RefusedKeyError(behaviour.expired_key)
        if not caller.comes_from(request.remote):
            raise RefusedKeyError(behaviour.refused_ip)
        return await handler(request)

    return middleware


def limit(quotas: Mapping[int, Quota]) -> Middleware:
    """Return a middleware that refuses every request over the quota, before anything else about it is looked at.

    ``quotas``: by organization, since the documented limit is an organization's. Whose a provider's requests to others
    use up is not documented; here they are its own organization's.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        quotas[caller_of(request).key.org_id].check()
        return await handler(request)

    return middleware
