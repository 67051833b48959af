"""aiohttp.web: a client for the application, errors as responses, deadlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from partoo_async._call.deadline import deadline
from partoo_async._internal.checks import check_seconds
from partoo_async.client import PartooClient
from partoo_async.errors import PartooError
from partoo_async.integrations._serving import GRACE, client_lifespan
from partoo_async.integrations.problems import log_problem, partoo_error_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp.typedefs import Handler, Middleware

__all__ = ["PARTOO", "client_context", "deadline_middleware", "error_middleware"]

PARTOO: web.AppKey[PartooClient] = web.AppKey("partoo_async", PartooClient)
"""The key of the client: ``app[PARTOO]``, in a sub-application ``request.config_dict[PARTOO]``."""


def client_context(
    make: Callable[[], PartooClient] = PartooClient, *, grace: float = GRACE
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a context for ``app.cleanup_ctx`` that holds one client, as ``app[PARTOO]``.

    Append it before contexts that use the client.

    Args:
        make: Returns the client. Called when the application starts.
        grace: Seconds for calls in progress when the application stops.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    open_client = client_lifespan(make, grace)

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with open_client() as client:
            app[PARTOO] = client
            yield

    return context


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Respond with a ``Problem`` to errors of this package, and log them to ``partoo_async.web``."""
    try:
        return await handler(request)
    except (PartooError, ExceptionGroup) as error:
        ours = partoo_error_in(error)
        # A response that has begun cannot be replaced: raised again, the error makes aiohttp cut the connection.
        if ours is None or request.writer.output_size > 0:
            raise
        problem = log_problem(ours, request.method, request.path)
    return web.Response(status=problem.status, body=problem.body, headers=problem.headers)


def deadline_middleware(seconds: float) -> Middleware:
    """Return a middleware that puts a ``deadline()`` around each request.

    Tasks inherit it, unless started by ``create_task(job(), context=Context())``.

    Args:
        seconds: The longest time for a request.

    Raises:
        ConfigurationError: ``seconds`` is not above 0.
    """
    check_seconds("deadline_middleware", seconds)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        with deadline(seconds):
            return await handler(request)

    return middleware
