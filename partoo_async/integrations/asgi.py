"""ASGI, for any framework: a client for the application, errors as responses, deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from partoo_async._call.deadline import Limit
from partoo_async._internal.checks import check_seconds
from partoo_async.client import PartooClient
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.integrations._serving import GRACE, client_lifespan, hold_reserve
from partoo_async.integrations.problems import log_problem, partoo_error_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from partoo_async.integrations.problems import Problem

__all__ = ["DeadlineMiddleware", "LifespanMiddleware", "ProblemMiddleware", "get_client", "lifespan"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Lifespan: TypeAlias = "Callable[..., AbstractAsyncContextManager[Mapping[str, Any]]]"

_NAME = "partoo"


def lifespan(make: Callable[[], PartooClient] = PartooClient, *, grace: float = GRACE) -> Lifespan:
    """Return a lifespan that holds one client: a function of the application, or of nothing, that returns a context.

    The context yields the state of Starlette: ``request.state.partoo``. If the application has a ``state``, as
    Litestar's, the client is ``app.state.partoo``, too.

    Args:
        make: Returns the client. Called in each worker when it starts.
        grace: Seconds for calls in progress when the application stops.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    open_client = client_lifespan(make, grace)

    @asynccontextmanager
    async def run(app: Any = None) -> AsyncIterator[Mapping[str, Any]]:
        async with open_client() as client:
            state = getattr(app, "state", None)
            if state is not None:
                setattr(state, _NAME, client)
            yield {_NAME: client}

    return run


def get_client(connection: Any) -> PartooClient:
    """Return the client of the application.

    Args:
        connection: A request or a WebSocket of a framework, or its ASGI scope.

    Raises:
        ConfigurationError: The application has neither ``lifespan()`` nor ``LifespanMiddleware``, or its server runs no
            lifespan.
    """
    scope = getattr(connection, "scope", connection)
    client = None
    if isinstance(scope, dict):  # nor is it one under WSGI
        client = (scope.get("state") or {}).get(_NAME) or getattr(getattr(scope.get("app"), "state", None), _NAME, None)
    if not isinstance(client, PartooClient):
        raise ConfigurationError(
            "lifespan: expected FastAPI(lifespan=lifespan()), or LifespanMiddleware(app), of partoo_async.integrations,"
            " and a server that runs it; a lifespan of your own that enters it has to yield its state"
        )
    return client


class LifespanMiddleware:
    """Holds one client for an application, whether that has a lifespan of its own or not, as Django.

    It goes around all other middleware. ``get_client(request)`` returns the client. A server without lifespans, such as
    daphne, has it from its first request to the end of the process.

    Args:
        app: The ASGI application.
        make: Returns the client. Called in each worker when it starts.
        grace: Seconds for calls in progress when the application stops.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(self, app: ASGIApp, make: Callable[[], PartooClient] = PartooClient, *, grace: float = GRACE) -> None:
        self._app = app
        self._make = make
        self._open = client_lifespan(make, grace)
        self._state: dict[str, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if self._loop is not asyncio.get_running_loop():
            self._use({}, hold_reserve(self._make()))
        state = scope.get("state") or {}
        if state.get(_NAME) is not self._state[_NAME]:  # the server has no state of its own
            scope = {**scope, "state": {**state, **self._state}}
        await self._app(scope, receive, send)

    def _use(self, state: dict[str, Any], client: PartooClient) -> None:
        state[_NAME] = client
        self._state, self._loop = state, asyncio.get_running_loop()

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the lifespan of the application inside that of the client."""
        inner = _InnerLifespan(await receive(), receive, send)
        async with AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(self._open())
            except PartooError as error:
                await send({"type": "lifespan.startup.failed", "message": f"partoo_async: {error}"})
                return
            # The server's own, where there is one: what the application adds has to reach its requests, too.
            state = scope.get("state")
            self._use({} if state is None else state, client)
            await inner.run(self._app, {**scope, "state": self._state})
        if inner.last is not None:
            await send(inner.last)


class _InnerLifespan:
    """The lifespan of an application whose end, ``last``, is told by others when the client is closed."""

    def __init__(self, startup: Message, receive: Receive, send: Send) -> None:
        self._startup: Message | None = startup
        self._receive = receive
        self._send = send
        self._told = False
        self.last: Message | None = None

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._hear, self._tell)
        except Exception:
            # An application without a lifespan raises something before it has said anything, or returns.
            if self._told:
                raise
        if not self._told:
            await self._send({"type": "lifespan.startup.complete"})
            await self._receive()
            self.last = {"type": "lifespan.shutdown.complete"}

    async def _hear(self) -> Message:
        startup, self._startup = self._startup, None
        return await self._receive() if startup is None else startup

    async def _tell(self, message: Message) -> None:
        self._told = True
        if message["type"].startswith("lifespan.shutdown"):
            self.last = message
        else:
            await self._send(message)


class DeadlineMiddleware:
    """Puts a ``deadline()`` around each HTTP request, to the end of its response.

    WebSockets, and work after the response, have the time that the client gives. Tasks inherit the deadline, unless
    started by ``create_task(job(), context=Context())``.

    Args:
        app: The ASGI application.
        seconds: The longest time for a request.

    Raises:
        ConfigurationError: ``seconds`` is not above 0.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = check_seconds("DeadlineMiddleware", seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = Limit.begin(self._seconds)

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                limit.lift()

        try:
            await self._app(scope, receive, sending)
        finally:
            limit.lift()
            limit.end()


class ProblemMiddleware:
    """Responds with a ``Problem`` to errors of this package, and logs them to ``partoo_async.web``.

    For frameworks that let errors of routes out, as Starlette; others take a handler that calls ``log_problem()``.

    Args:
        app: The ASGI application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except (PartooError, ExceptionGroup) as error:
            ours = partoo_error_in(error)
            # A response that has begun cannot be replaced: raised again, the error makes the server cut it.
            if ours is None or begun:
                raise
            await _respond(log_problem(ours, scope["method"], scope["path"]), send)


async def _respond(problem: Problem, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    headers.append((b"content-length", str(len(problem.body)).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": problem.body})
