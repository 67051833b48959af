"""FastAPI (extra ``fastapi``): a client for the application, errors as responses, deadlines."""

# No `from __future__ import annotations`: FastAPI reads annotations at run time.
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Annotated, Any

from partoo_async._call.deadline import deadline
from partoo_async._internal.checks import check_seconds
from partoo_async._internal.version import install_command
from partoo_async.client import PartooClient
from partoo_async.errors import PartooError
from partoo_async.integrations import asgi
from partoo_async.integrations._serving import GRACE
from partoo_async.integrations.problems import log_problem, partoo_error_in

try:
    from fastapi import Depends, FastAPI, Request, Response
    from fastapi.requests import HTTPConnection
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] not in ("fastapi", "starlette"):
        raise
    raise ModuleNotFoundError(
        f"partoo_async.integrations.fastapi needs FastAPI: {install_command('fastapi')}", name=_missing.name
    ) from None

__all__ = ["Partoo", "add_exception_handlers", "get_client", "lifespan", "within"]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]


def lifespan(make: Callable[[], PartooClient] = PartooClient, *, grace: float = GRACE) -> Lifespan:
    """Return a lifespan for ``FastAPI(lifespan=...)`` that holds one client, as ``request.state.partoo``.

    A lifespan of your own enters it and yields its state, too.

    Args:
        make: Returns the client. Called in each worker when it starts.
        grace: Seconds for calls in progress when the application stops.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    return asgi.lifespan(make, grace=grace)


# A coroutine: FastAPI would call a plain function in a thread. An HTTPConnection may be a WebSocket, too.
async def get_client(connection: HTTPConnection) -> PartooClient:
    """Return the client of the application.

    Args:
        connection: The request or the WebSocket, which FastAPI passes.

    Raises:
        ConfigurationError: The application has no ``lifespan()`` of this module, or its server runs none.
    """
    return asgi.get_client(connection.scope)


Partoo = Annotated[PartooClient, Depends(get_client)]
"""The annotation of a parameter that is to be the application's client."""


def within(seconds: float) -> Callable[[HTTPConnection], AsyncIterator[None]]:
    """Return a dependency that puts a ``deadline()`` around a request, to the end of its response.

    As ``dependencies=[Depends(within(3.0))]`` of a route. ``app.add_middleware(DeadlineMiddleware, seconds=3.0)`` costs
    less for a whole application. Tasks inherit it, unless started by ``create_task(job(), context=Context())``.

    Args:
        seconds: The longest time for a request.

    Raises:
        ConfigurationError: ``seconds`` is not above 0.
    """
    check_seconds("within", seconds)

    async def bounded(connection: HTTPConnection) -> AsyncIterator[None]:
        with deadline(seconds) if connection.scope["type"] == "http" else nullcontext():
            yield

    return bounded


def add_exception_handlers(app: FastAPI) -> None:
    """Respond with a ``Problem`` to errors of this package, and log them to ``partoo_async.web``.

    Args:
        app: The application.
    """
    # A TaskGroup in a route raises groups.
    app.add_exception_handler(PartooError, _respond)
    app.add_exception_handler(ExceptionGroup, _respond)


async def _respond(request: Request, error: Exception) -> Response:
    ours = partoo_error_in(error)
    if ours is None:
        raise error
    problem = log_problem(ours, request.method, request.url.path)
    return Response(problem.body, problem.status, problem.headers)
