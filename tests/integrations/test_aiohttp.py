"""The aiohttp.web integration, against an emulator on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from partoo_async import ConfigurationError, PartooClient, Priority
from partoo_async.emulator import Emulator
from partoo_async.integrations.aiohttp import PARTOO, client_context, deadline_middleware, error_middleware
from partoo_async.testing import make_client
from tests.integrations.conftest import PATIENCE


async def show_group(request: web.Request) -> web.Response:
    partoo = request.config_dict[PARTOO]
    group = await partoo.groups.get(request.match_info["section_id"], request.match_info["group_id"])
    return web.json_response(group.name)


def app_on(emulator: Emulator, *middlewares: Any) -> web.Application:
    app = web.Application(middlewares=[error_middleware, *middlewares])
    app.cleanup_ctx.append(client_context(lambda: make_client(emulator)))
    app.add_routes([web.get("/groups/{section_id}/{group_id}", show_group)])
    return app


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(app), timeout=aiohttp.ClientTimeout(PATIENCE)) as http:
        yield http


async def test_one_client_for_the_life_of_the_application(emulator: Emulator) -> None:
    """Under a typed key, for sub-applications too; closed when the application has ended."""
    app, inner = app_on(emulator), web.Application()
    inner.add_routes([web.get("/groups/{section_id}/{group_id}", show_group)])
    app.add_subapp("/inner", inner)
    async with served(app) as http:
        for path in ("/groups/7/42", "/inner/groups/7/42"):
            async with http.get(path) as response:
                assert (response.status, await response.json()) == (200, "France")
        assert not app[PARTOO].closed
    assert app[PARTOO].closed


async def test_bulk_work_leaves_the_reserve_from_the_start(emulator: Emulator) -> None:
    """No visitor was seen yet, and still bulk work of an application does not take the last tenth of the quota."""
    app = web.Application()
    app.cleanup_ctx.append(client_context(lambda: PartooClient(emulator.api_key, server=emulator.server)))
    async with served(app):
        while app[PARTOO].session.quota.try_acquire(Priority.BULK):
            pass
        assert app[PARTOO].quota.available == 30


async def test_errors_are_problems(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """A visitor gets a problem without what Partoo said, and the log gets the error."""
    emulator.faults.add("status", status=403, match="GET /sections/7/groups/43")
    async with served(app_on(emulator)) as http:
        async with http.get("/groups/7/9999") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")
            assert (await response.json())["status"] == 404
        async with http.get("/groups/7/43") as response:
            assert response.status == 502
            assert "403" not in await response.text()
        assert "403 Forbidden" in caplog.text
        emulator.faults.add("rate_limited", retry_after=30)
        async with http.get("/groups/7/42") as response:
            assert response.status == 503
            assert 25 <= int(response.headers["Retry-After"]) <= 31
    assert emulator.api_key not in caplog.text


async def test_errors_of_a_task_group_are_problems(emulator: Emulator) -> None:
    """Groups that are read at once fail as one does; a group with another error is left to the framework."""

    async def both(request: web.Request) -> web.Response:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(request.app[PARTOO].groups.get(7, 9999))
            if request.query:
                raise ValueError
        raise AssertionError

    app = app_on(emulator)
    app.add_routes([web.get("/both", both)])
    async with served(app) as http:
        async with http.get("/both") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")
        async with http.get("/both?bad") as response:
            assert (response.status, response.content_type) == (500, "text/plain")


async def test_a_request_has_its_time(emulator: Emulator) -> None:
    """deadline_middleware() bounds whatever a request awaits of Partoo; what takes less time is not touched."""
    emulator.faults.add("stall", match="GET /sections/7/groups/43")
    async with served(app_on(emulator, deadline_middleware(0.2))) as http, http.get("/groups/7/43") as response:
        assert response.status == 504
    async with served(app_on(emulator, deadline_middleware(PATIENCE))) as http, http.get("/groups/7/42") as response:
        assert response.status == 200


async def test_an_answer_that_has_begun_is_cut(emulator: Emulator) -> None:
    """An error in the middle of a stream cannot become another answer: the visitor sees that the rest is missing."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one,")
        await request.app[PARTOO].groups.get(7, 9999)
        raise AssertionError

    app = app_on(emulator)
    app.add_routes([web.get("/stream", stream)])
    async with served(app) as http, http.get("/stream") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientError):
            await response.read()


async def test_a_background_job_gets_its_grace(emulator: Emulator) -> None:
    """A call that is under way when the application stops is answered before the client is closed; started in a context
    of its own, it does not have its request's deadline."""
    slow = emulator.faults.add("slow_body", seconds=0.5, match="GET /sections/7/groups/43")
    jobs: list[asyncio.Task[Any]] = []

    async def start(request: web.Request) -> web.Response:
        jobs.append(asyncio.create_task(request.app[PARTOO].groups.get(7, 43), context=Context()))
        return web.Response(status=202)

    app = app_on(emulator, deadline_middleware(0.2))
    app.add_routes([web.post("/jobs", start)])
    async with served(app) as http, http.post("/jobs"):
        async with asyncio.timeout(PATIENCE):
            while not slow.hits:
                await asyncio.sleep(0.01)
    assert app[PARTOO].closed
    assert (await jobs[0]).id == 43


def test_bad_arguments_are_refused_at_once() -> None:
    """When the application is put together, and not when it starts or is asked."""
    with pytest.raises(ConfigurationError, match="make: expected a callable"):
        client_context("production")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="deadline_middleware"):
        deadline_middleware(-1)
