"""aiohttp.web: a client for the life of the application, errors as answers, and a bound on each request.

As in ::

    app = web.Application(middlewares=[error_middleware, deadline_middleware(3.0)])
    app.cleanup_ctx.append(client_context())

    async def group(request: web.Request) -> web.Response:
        group = await request.app[PARTOO].groups.get(7, request.match_info["group_id"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async._call.deadline import deadline
from partoo_async._internal.checks import check_seconds
from partoo_async.client import PartooClient
from partoo_async.errors import PartooError
from partoo_async.integrations._serving import GRACE, explain, serving
from partoo_async.integrations.problems import partoo_error_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp.typedefs import Handler, Middleware

__all__ = ["PARTOO", "client_context", "deadline_middleware", "error_middleware"]

PARTOO: web.AppKey[PartooClient] = web.AppKey("partoo_async", PartooClient)
"""Where the application keeps its client: ``app[PARTOO]``, in a sub-application ``request.config_dict[PARTOO]``."""


def client_context(
    make: Callable[[], PartooClient] = PartooClient, *, grace: float = GRACE
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a context for ``app.cleanup_ctx`` that holds one client, as ``app[PARTOO]``.

    ``make``: returns the client; called when the application starts. Contexts that are appended after it may use the
    client to their end. ``grace``: seconds that calls under way get when the application stops. In this process bulk
    work leaves the reserve of the quota free at all times.

    Raises ``ConfigurationError`` for a bad argument.
    """
    open_client = serving(make, grace)

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with open_client() as client:
            app[PARTOO] = client
            yield

    return context


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error of this package that a handler lets through, or its ``TaskGroup``, with an RFC 9457 problem.

    See ``partoo_async.integrations.problems``; the error itself goes to the logger ``partoo_async.web``. An answer that
    has begun cannot be replaced: then the error goes on, and aiohttp cuts the connection.
    """
    try:
        return await handler(request)
    except (PartooError, ExceptionGroup) as error:
        ours = partoo_error_in(error)
        if ours is None or request.writer.output_size > 0:
            raise
        problem = explain(ours, request.method, request.path)
    return web.Response(status=problem.status, body=problem.body, headers=problem.headers)


def deadline_middleware(seconds: float) -> Middleware:
    """Return a middleware that puts an ambient ``deadline()`` around each request.

    Tasks that a handler starts inherit it; what shall outlive the request needs
    ``asyncio.create_task(job(), context=Context())``.

    Raises ``ConfigurationError`` for anything but a number of seconds above 0.
    """
    check_seconds("deadline_middleware", seconds)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        with deadline(seconds):
            return await handler(request)

    return middleware
