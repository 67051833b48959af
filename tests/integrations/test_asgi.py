"""The ASGI integration: with Starlette served by uvicorn, with Django's shape of application, and by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from partoo_async import ConfigurationError, PartooClient, deadline
from partoo_async._call.deadline import ambient_deadline
from partoo_async.emulator import Emulator
from partoo_async.integrations.asgi import (
    DeadlineMiddleware,
    LifespanMiddleware,
    ProblemMiddleware,
    get_client,
    lifespan,
)
from partoo_async.testing import make_client
from tests.integrations.conftest import PATIENCE
from tests.integrations.serving import served
from tests.support.each import each

starlette = pytest.importorskip("starlette", reason="needs the extra fastapi")

from starlette.applications import Starlette  # noqa: E402 - see above
from starlette.background import BackgroundTask  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse  # noqa: E402
from starlette.routing import Mount, Route  # noqa: E402

INF = float("inf")


async def show_group(request: Request) -> Response:
    group = await get_client(request).groups.get(request.path_params["section"], request.path_params["group"])
    return PlainTextResponse(group.name)


ROUTES = [Route("/groups/{section}/{group}", show_group)]


def app_on(emulator: Emulator, *routes: Any, seconds: float = PATIENCE) -> Starlette:
    middleware = [Middleware(ProblemMiddleware), Middleware(DeadlineMiddleware, seconds=seconds)]
    client = lifespan(lambda: make_client(emulator))
    return Starlette(routes=[*ROUTES, *routes], lifespan=client, middleware=middleware)


async def django_like(scope: Any, receive: Any, send: Any) -> None:
    """An application that knows no lifespan, and says so as Django does."""
    if scope["type"] == "lifespan":
        raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")
    name = (await get_client(scope).groups.get(7, 42)).name
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": name.encode()})


async def text(http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with http.get(path) as response:
        return response.status, await response.text()


async def test_starlette_has_all_of_it(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """One client, from a lifespan; for mounted applications, too; errors as problems."""
    app = app_on(emulator, Mount("/inner", Starlette(routes=ROUTES)))
    async with served(app) as http:
        assert await text(http, "/groups/7/42") == (200, "France")
        assert await text(http, "/inner/groups/7/42") == (200, "France")
        async with http.get("/groups/7/9999") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")
            assert response.headers["Cache-Control"] == "no-store"
            assert (await response.json())["status"] == 404
        client: PartooClient = app.state.partoo
        assert not client.closed
    assert client.closed
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("with_app", [True, False])
async def test_a_lifespan_takes_any_application_or_none(emulator: Emulator, with_app: bool) -> None:
    """Starlette and Litestar call it with the application, others without; Litestar keeps state in the application."""
    app = SimpleNamespace(state=SimpleNamespace()) if with_app else None
    enter = lifespan(lambda: make_client(emulator))
    async with enter(app) if with_app else enter() as state:
        client = state["partoo"]
        assert get_client({"state": dict(state)}) is client
        if app is not None:
            assert get_client(SimpleNamespace(scope={"app": app})) is client
        assert (await client.groups.get(7, 42)).name == "France"
    assert client.closed


async def test_an_application_without_a_lifespan_gets_one(emulator: Emulator) -> None:
    """LifespanMiddleware opens the client when the server starts, and closes it when that stops, whatever is inside."""
    made: list[PartooClient] = []

    def make() -> PartooClient:
        made.append(make_client(emulator))
        return made[-1]

    async with served(LifespanMiddleware(django_like, make)) as http:
        assert len(made) == 1
        assert await text(http, "/") == await text(http, "/") == (200, "France")
    assert [client.closed for client in made] == [True]


async def test_an_application_that_ignores_its_lifespan_gets_one(emulator: Emulator) -> None:
    """It returns at once and says nothing; the client lives as long as the server."""

    async def ignores(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await django_like(scope, receive, send)

    async with served(LifespanMiddleware(ignores, lambda: make_client(emulator))) as http:
        assert await text(http, "/") == (200, "France")


async def test_the_lifespan_inside_lies_within_that_of_the_client(emulator: Emulator) -> None:
    """The application's own lifespan has the client from its start to its end, and its state reaches its requests."""
    seen: list[Any] = []

    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {"mine": "kept"}
        seen.append(client.closed)

    async def mine(request: Request) -> Response:
        return PlainTextResponse(request.state.mine)

    client = make_client(emulator)
    app = LifespanMiddleware(Starlette(routes=[*ROUTES, Route("/mine", mine)], lifespan=own), lambda: client)
    async with served(app) as http:
        assert await text(http, "/mine") == (200, "kept")
        assert await text(http, "/groups/7/42") == (200, "France")
    assert (seen, client.closed) == ([False], True)


async def run_lifespan(app: Any, *received: str, state: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return what an application says when it gets these messages."""
    messages = iter(received)
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": f"lifespan.{next(messages)}"}

    async def send(message: Any) -> None:
        said.append(dict(message))

    await app({"type": "lifespan"} | ({} if state is None else {"state": state}), receive, send)
    return said


@pytest.mark.parametrize("server_has_state", [True, False])
async def test_a_server_without_state_does(emulator: Emulator, server_has_state: bool) -> None:
    """The client reaches the requests whether the server passes state on or not."""
    app = LifespanMiddleware(django_like, lambda: make_client(emulator))
    state: dict[str, Any] | None = {} if server_has_state else None
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "lifespan.startup.complete":
            scope = {"type": "http"} | ({} if state is None else {"state": dict(state)})
            await app(scope, _never, send)

    messages = iter(["startup", "shutdown"])

    async def receive() -> dict[str, Any]:
        return {"type": f"lifespan.{next(messages)}"}

    await app({"type": "lifespan"} | ({} if state is None else {"state": state}), receive, send)
    assert [message.get("body") for message in sent if "body" in message] == [b"France"]
    assert sent[-1] == {"type": "lifespan.shutdown.complete"}


async def test_a_client_that_cannot_be_made_stops_the_server() -> None:
    """The server is told in words, not by a traceback, and does not start."""
    (failed,) = await run_lifespan(LifespanMiddleware(django_like, lambda: PartooClient("")), "startup")
    assert failed["type"] == "lifespan.startup.failed"
    assert "api_key" in failed["message"]


async def test_a_failure_inside_is_told_once(emulator: Emulator) -> None:
    """An application that says that its start failed is not taken for one without a lifespan; the client is closed."""

    @asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[None]:
        raise ConfigurationError("mine")
        yield

    client = make_client(emulator)
    app = LifespanMiddleware(Starlette(lifespan=own), lambda: client)
    said: list[str] = []

    async def send(message: Any) -> None:
        said.append(message["type"])

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    with pytest.raises(ConfigurationError, match="mine"):
        await app({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.failed"]
    assert client.closed


async def test_a_server_that_runs_no_lifespan_gets_a_client(emulator: Emulator) -> None:
    """One for all requests, made at the first, in its event loop."""
    made: list[PartooClient] = []

    def make() -> PartooClient:
        made.append(make_client(emulator))
        return made[-1]

    app = LifespanMiddleware(django_like, make)
    bodies: list[Any] = []

    async def send(message: Any) -> None:
        bodies.append(message.get("body"))

    for _ in range(2):
        await app({"type": "http"}, _never, send)
    assert bodies == [None, b"France"] * 2
    (client,) = made
    await client.aclose()


async def _never() -> Any:
    raise AssertionError


@each("connection", [SimpleNamespace(), SimpleNamespace(scope={}), {}, {"state": None}, None])
def test_a_forgotten_lifespan_is_named(connection: Any) -> None:
    """A request under WSGI has no scope at all, and is refused in the same words."""
    with pytest.raises(ConfigurationError, match="LifespanMiddleware"):
        get_client(connection)


async def test_a_request_has_its_time(emulator: Emulator) -> None:
    """DeadlineMiddleware bounds whatever a request awaits of Partoo, which is a 504 then."""
    emulator.faults.add("stall", match="GET /sections/7/groups/43")
    async with served(app_on(emulator, seconds=0.2)) as http:
        assert (await text(http, "/groups/7/43"))[0] == 504
        assert (await text(http, "/groups/7/42"))[0] == 200


async def test_a_deadline_ends_with_the_response(emulator: Emulator) -> None:
    """A stream is within it to its last part; a background task after the response, and the next request, are not."""
    seen: dict[str, float] = {}

    def note(name: str) -> None:
        seen[name] = ambient_deadline()

    async def stream() -> AsyncIterator[str]:
        note("first part")
        yield "one"
        note("last part")

    async def later(name: str) -> None:
        note(name)

    async def streamed(request: Request) -> Response:
        note("route")
        return StreamingResponse(stream(), background=BackgroundTask(later, "after the stream"))

    async def plain(request: Request) -> Response:
        return JSONResponse(None, background=BackgroundTask(later, "after the response"))

    async with served(app_on(emulator, Route("/streamed", streamed), Route("/plain", plain))) as http:
        for path in ("/streamed", "/plain"):
            assert (await text(http, path))[0] == 200
    assert {name for name, until in seen.items() if until == INF} == {"after the stream", "after the response"}
    assert len(seen) == 5


async def call(app: Any, kind: str = "http") -> None:
    async def send(message: Any) -> None:
        pass

    await app({"type": kind, "method": "GET", "path": "/"}, _never, send)


async def test_a_deadline_does_not_leak(emulator: Emulator) -> None:
    """Not into who called the application, nor into a task that outlives the request, however that ends; within
    another deadline, the earlier one counts, and that of outside stays."""
    tasks: list[asyncio.Task[float]] = []
    seen: list[float] = []
    over = asyncio.Event()

    async def job() -> float:
        await over.wait()
        return ambient_deadline()

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        seen.append(ambient_deadline())
        tasks.append(asyncio.create_task(job()))
        raise LookupError

    with pytest.raises(LookupError):
        await call(DeadlineMiddleware(inside, 3.0))
    assert ambient_deadline() == INF
    with deadline(5.0):
        until = ambient_deadline()
        for seconds in (3.0, 100.0):
            with pytest.raises(LookupError):
                await call(DeadlineMiddleware(inside, seconds))
        assert ambient_deadline() == until
    assert max(seen) == until > seen[1]
    over.set()
    assert await asyncio.gather(*tasks) == [INF, until, until]


async def test_a_websocket_has_no_deadline() -> None:
    """It lives longer than any request, and each of its calls has the time that the client gives."""
    seen: list[float] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        seen.append(ambient_deadline())

    await call(ProblemMiddleware(DeadlineMiddleware(inside, 3.0)), "websocket")
    assert seen == [INF]


async def test_an_answer_that_has_begun_is_cut(emulator: Emulator) -> None:
    """An error in the middle of a stream cannot become another answer: the visitor sees that the rest is missing."""

    async def parts(partoo: PartooClient) -> AsyncIterator[str]:
        yield "one"
        await partoo.groups.get(7, 9999)

    async def stream(request: Request) -> Response:
        return StreamingResponse(parts(get_client(request)))

    async with served(app_on(emulator, Route("/stream", stream))) as http, http.get("/stream") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await response.read()


async def test_errors_of_others_are_left_alone(emulator: Emulator) -> None:
    """A group with an error that is not ours is the framework's affair."""

    async def both(request: Request) -> Response:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(get_client(request).groups.get(7, 9999))
            if request.query_params:
                raise LookupError
        raise AssertionError

    async with served(app_on(emulator, Route("/both", both))) as http:
        assert (await text(http, "/both"))[0] == 404
        assert (await text(http, "/both?bad")) == (500, "Internal Server Error")


def test_bad_arguments_are_refused_at_once() -> None:
    """When the application is put together, and not when it starts or is asked."""
    for build in (lifespan, lambda make: LifespanMiddleware(django_like, make)):
        with pytest.raises(ConfigurationError, match="make: expected a callable"):
            build("production")  # type: ignore[arg-type, operator]
    with pytest.raises(ConfigurationError, match="grace"):
        lifespan(grace=-1)
    with pytest.raises(ConfigurationError, match="DeadlineMiddleware"):
        DeadlineMiddleware(django_like, 0)
