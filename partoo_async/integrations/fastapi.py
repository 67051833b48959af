"""FastAPI: a client for the life of the application, handed to the routes that ask for it. Needs the extra ``fastapi``.

Annotations are read here at run time, as FastAPI does, so there is no ``from __future__ import annotations``::

    app = FastAPI(lifespan=lifespan())
    add_exception_handlers(app)

    @app.get("/groups/{section_id}/{group_id}", dependencies=[Depends(within(3.0))])
    async def group(section_id: int, group_id: int, partoo: Partoo) -> Group:
        return await partoo.groups.get(section_id, group_id)
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

from partoo_async._call.deadline import deadline
from partoo_async._internal.checks import check_seconds
from partoo_async._internal.version import install_command
from partoo_async.client import PartooClient
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.integrations._serving import GRACE, explain, serving
from partoo_async.integrations.problems import partoo_error_in

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

_NAME = "partoo"

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]


def lifespan(make: Callable[[], PartooClient] = PartooClient, *, grace: float = GRACE) -> Lifespan:
    """Return a lifespan for ``FastAPI(lifespan=...)`` that holds one client, as ``request.state.partoo``.

    A lifespan of your own enters it, takes ``["partoo"]`` from what it gives, and yields that along with its own.
    ``make``: returns the client; called in each worker when it starts. ``grace``: seconds that calls under way get when
    the application stops. In this process bulk work leaves the reserve of the quota free at all times.

    Raises ``ConfigurationError`` for a bad argument.
    """
    open_client = serving(make, grace)

    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with open_client() as client:
            yield {_NAME: client}

    return run


async def get_client(connection: HTTPConnection) -> PartooClient:  # async, or each request would take a thread for it
    """Return the client of the application, for requests and WebSockets, those of mounted applications too.

    Raises ``ConfigurationError`` when the application has no ``lifespan()`` of this module, or its server runs none.
    """
    client = getattr(connection.state, _NAME, None)
    if not isinstance(client, PartooClient):
        raise ConfigurationError(
            "lifespan: expected FastAPI(lifespan=lifespan()) of partoo_async.integrations.fastapi, and a server that"
            " runs it; a lifespan of your own that enters it has to yield what it gives"
        )
    return client


Partoo = Annotated[PartooClient, Depends(get_client)]
"""The annotation of a parameter that is to be the application's client."""


def within(seconds: float) -> Callable[[], AsyncIterator[None]]:
    """Return a dependency that puts an ambient ``deadline()`` around a request, from here to the end of its answer.

    For one route or a whole application: ``dependencies=[Depends(within(3.0))]``. Tasks that the request starts inherit
    it, FastAPI's background tasks too; what shall outlive it needs ``asyncio.create_task(job(), context=Context())``.

    Raises ``ConfigurationError`` for anything but a number of seconds above 0.
    """
    check_seconds("within", seconds)

    async def bounded() -> AsyncIterator[None]:
        with deadline(seconds):
            yield

    return bounded


def add_exception_handlers(app: FastAPI) -> None:
    """Answer every error of this package that a route lets through, or its ``TaskGroup``, with an RFC 9457 problem.

    See ``partoo_async.integrations.problems``; the error itself goes to the logger ``partoo_async.web``.
    """
    app.add_exception_handler(PartooError, _answer)
    app.add_exception_handler(ExceptionGroup, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    ours = partoo_error_in(error)
    if ours is None:
        raise error
    problem = explain(ours, request.method, request.url.path)
    return Response(problem.body, problem.status, problem.headers)
