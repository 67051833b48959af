"""What happens to a request before it reaches its operation, one concern each; ``app`` lists them in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import TypeAlias

from aiohttp import web

from partoo_async.emulator.handlers import BASE_PATH
from partoo_async.emulator.quota import Quota
from partoo_async.emulator.requestlog import RequestLog, SeenRequest
from partoo_async.emulator.rules import Forbidden, Invalid, Unknown
from partoo_async.emulator.wire import error_answer

__all__ = ["Middleware", "authenticate", "explain", "hold_back", "limit", "record"]

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware: TypeAlias = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]

KEY_ID = "key_id"


def hold_back(latency: tuple[float, float], random: Random) -> Middleware:
    """Return a middleware that delays every answer by ``latency``, a (low, high) pair of seconds."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The answer is late, not its effect: a client that gives up on a write finds it done, the hard case.
        response = await handler(request)
        await asyncio.sleep(random.uniform(*latency))
        return response

    return middleware


def record(log: RequestLog) -> Middleware:
    """Return a middleware that adds every request to ``log``, once its answer is decided."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        received = time.monotonic()
        status = None
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            resource = request.match_info.route.resource
            route = None if resource is None else resource.canonical.removeprefix(BASE_PATH)
            log.add(SeenRequest(received, request.method, request.path, route, request.get(KEY_ID), status))

    return middleware


def explain(error_key: str, unknown_status: int) -> Middleware:
    """Return a middleware that turns every refusal into its status and documented body.

    ``unknown_status`` is for an unknown section or group: the documentation lists no 404 for reading a group, so
    whether that is a 404 or a 403 is an open question.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Invalid as error:
            return error_answer(400, error_key, error.problems)
        except Forbidden:
            return error_answer(403, error_key)
        except Unknown:
            return error_answer(unknown_status, error_key)
        except web.HTTPException as error:
            return error_answer(error.status, error_key, None if error.status in (404, 415) else error.reason)

    return middleware


def authenticate(key_ids: Mapping[str, str], error_key: str) -> Middleware:
    """Return a middleware that answers 401 unless the ``x-APIKey`` header holds one of the keys of ``key_ids``."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        key_id = key_ids.get(request.headers.get("x-APIKey", ""))
        if key_id is None:
            return error_answer(401, error_key)
        request[KEY_ID] = key_id
        return await handler(request)

    return middleware


def limit(quota: Quota, error_key: str) -> Middleware:
    """Return a middleware that answers 429 to every request over the quota."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = quota.refuse()
        if refusal is not None:
            return error_answer(429, error_key, headers=refusal)
        return await handler(request)

    return middleware
