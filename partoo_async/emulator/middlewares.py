"""What happens to a request before it reaches its operation, one concern each; ``app`` lists them in order."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async.emulator.handlers import BASE_PATH
from partoo_async.emulator.requestlog import RequestLog, SeenRequest
from partoo_async.emulator.rules import (
    ForbiddenError,
    InvalidError,
    OverQuotaError,
    RefusedError,
    UnauthenticatedError,
    UnknownError,
)
from partoo_async.emulator.wire import error_answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from aiohttp.typedefs import Handler, Middleware

    from partoo_async.emulator.quota import Quota

__all__ = ["authenticate", "explain", "hold_back", "limit", "record"]

_KEY_ID = web.RequestKey("key_id", str)


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
        # Before the body is read and the quota asked: the client's own window must hold at this moment.
        received = time.monotonic()
        status = None
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            # Also when the request is cut off: it was received, and a client is judged by that.
            resource = request.match_info.route.resource
            route = None if resource is None else resource.canonical.removeprefix(BASE_PATH)
            log.add(SeenRequest(received, request.method, request.path, route, request.get(_KEY_ID), status))

    return middleware


def explain(error_key: str, unknown_status: int) -> Middleware:
    """Return a middleware that turns every refusal into its status and body, under the key ``error_key``.

    ``unknown_status`` is for an unknown section or group: the documentation lists no 404 for reading a group, so
    whether that is a 404 or a 403 is an open question.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as error:
            return _refusal(error, error_key, unknown_status)
        except web.HTTPException as error:
            # An unknown route, a wrong method, a body that is no JSON or too large: the framework's own refusals.
            return error_answer(error.status, error_key)

    return middleware


def _refusal(error: RefusedError, error_key: str, unknown_status: int) -> web.Response:
    if isinstance(error, InvalidError):
        return error_answer(400, error_key, error.problems)
    if isinstance(error, OverQuotaError):
        headers = {} if error.retry_after is None else {"Retry-After": error.retry_after}
        return error_answer(429, error_key, headers=headers)
    statuses = {UnauthenticatedError: 401, ForbiddenError: 403, UnknownError: unknown_status}
    return error_answer(statuses[type(error)], error_key)


def authenticate(key_ids: Mapping[str, str]) -> Middleware:
    """Return a middleware that refuses a request unless its ``x-APIKey`` header is one of the keys of ``key_ids``."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A plain lookup: there is no secret here that the time it takes could give away.
        key_id = key_ids.get(request.headers.get("x-APIKey", ""))
        if key_id is None:
            raise UnauthenticatedError
        request[_KEY_ID] = key_id
        return await handler(request)

    return middleware


def limit(quota: Quota) -> Middleware:
    """Return a middleware that refuses every request over the quota, before anything else about it is looked at."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        quota.check()
        return await handler(request)

    return middleware
