"""What visitors send that cannot be is 404 or 422 without a line in the log; and an outage is few lines."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from partoo_async import AuthenticationError, ConfigurationError, InternalServerError, PartooClient
from partoo_async.emulator import Emulator
from partoo_async.integrations import aiohttp as aiohttp_integration
from partoo_async.integrations import problems
from partoo_async.integrations.asgi import DeadlineMiddleware
from partoo_async.integrations.problems import log_problem, problem_of
from partoo_async.testing import make_client
from tests.integrations.conftest import PATIENCE
from tests.integrations.serving import served

fastapi = pytest.importorskip("fastapi", reason="needs the extra fastapi")

from partoo_async.integrations import fastapi as fastapi_integration  # noqa: E402 - see above

BAD_IDS = ["-1", "abc", str(2**63), "1e3", "1.5", "0x7", "true", "None", "+", "%", "\0", " ", "7 7", "7" * 300]
BAD_IDS += [chr(0x667), chr(0xFF17), chr(0xB2)]  # digits to Python, though not to ASCII

FastAPI, Request = fastapi.FastAPI, fastapi.Request


async def read(partoo: PartooClient, section: Any, group: Any) -> str:
    return (await partoo.groups.get(section, group)).name


def fastapi_app(emulator: Emulator) -> Any:
    app = FastAPI(lifespan=fastapi_integration.lifespan(lambda: make_client(emulator)))
    fastapi_integration.add_exception_handlers(app)
    app.add_middleware(DeadlineMiddleware, seconds=PATIENCE)

    @app.get("/groups/{section}/{group}")
    async def group(section: int, group: int, partoo: fastapi_integration.Partoo) -> str:
        return await read(partoo, section, group)

    @app.get("/text/{section}/{group}")
    async def text(section: str, group: str, partoo: fastapi_integration.Partoo) -> str:
        return await read(partoo, section, group)

    @app.post("/groups")
    async def create(body: dict[str, Any], partoo: fastapi_integration.Partoo) -> None:
        await partoo.groups.create(body["section"], name=body["name"], business_ids=body["businesses"])

    return app


def aiohttp_app(emulator: Emulator) -> web.Application:
    app = web.Application(middlewares=[aiohttp_integration.error_middleware])
    app.cleanup_ctx.append(aiohttp_integration.client_context(lambda: make_client(emulator)))

    async def text(request: web.Request) -> web.Response:
        partoo, at = request.app[aiohttp_integration.PARTOO], request.match_info
        return web.json_response(await read(partoo, at["section"], at["group"]))

    async def create(request: web.Request) -> web.Response:
        partoo, body = request.app[aiohttp_integration.PARTOO], await request.json()
        await partoo.groups.create(body["section"], name=body["name"], business_ids=body["businesses"])
        return web.json_response(None)

    app.add_routes([web.get("/text/{section}/{group}", text), web.post("/groups", create)])
    return app


@pytest.fixture(params=["fastapi", "aiohttp"])
async def site(request: pytest.FixtureRequest, emulator: Emulator) -> Any:
    async with AsyncExitStack() as stack:
        if request.param == "fastapi":
            yield await stack.enter_async_context(served(fastapi_app(emulator)))
        else:
            server = await stack.enter_async_context(TestServer(aiohttp_app(emulator)))
            yield await stack.enter_async_context(aiohttp.ClientSession(server.make_url("/")))


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_an_id_that_cannot_be_is_not_found(
    site: aiohttp.ClientSession, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever stands where an id belongs: 404, or the framework's 422, no request to Partoo, nothing in the log."""
    statuses = {}
    for bad in BAD_IDS:
        for path in ("/text/7/{}", "/text/{}/42", "/groups/7/{}"):
            async with site.get(path.format(quote(bad, safe=""))) as response:
                statuses[path, bad] = response.status
    assert {key: status for key, status in statuses.items() if status not in (404, 422)} == {}
    assert not emulator.requests
    assert lines(caplog) == []


VALUES: list[tuple[dict[str, Any], int]] = [
    ({"section": True}, 404),
    ({"section": 7.5}, 404),
    ({"section": "x"}, 404),
    ({"name": ""}, 422),
    ({"name": "a/b"}, 422),
    ({"name": "\ud800"}, 422),
    ({"businesses": [""]}, 422),
    ({"businesses": [7]}, 422),
]


async def test_a_value_that_partoo_does_not_take(
    site: aiohttp.ClientSession, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A visitor's name or list that the API takes from nobody is a 422, and no mistake of the application."""
    for change, status in VALUES:
        body = {"section": 7, "name": "New", "businesses": ["a"]} | change
        async with site.post("/groups", json=body) as response:
            assert (response.status, response.content_type) == (status, "application/problem+json"), change
    assert not emulator.requests
    assert lines(caplog) == []


def raised(error: Exception) -> Any:
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that lines are counted by."""
    now = [0.0]
    monkeypatch.setattr(problems.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(problems, "_lines", type(problems._lines)())
    return now


def outage() -> Any:
    return raised(InternalServerError(503, None, "GET /sections/7", None, "", "server"))


def test_an_outage_is_few_lines(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """1,000 pages that fail in 25 s are three lines, the first of them at once, and each says how many it is for."""
    for number in range(1000):
        clock[0] = number / 40
        log_problem(outage(), "GET", f"/groups/7/{number}")
    said = [record.getMessage() for record in caplog.records]
    assert [text.partition(" is answered")[0] for text in said] == [
        f"GET '/groups/7/{number}'" for number in (0, 400, 800)
    ]
    assert ["more like it" in text for text in said] == [False, True, True]
    assert "(399 more like it since the last line)" in said[1]


def test_one_error_does_not_hide_another(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """Lines are counted for each class of error and each place in the application that it came through."""
    for _ in range(3):
        log_problem(outage(), "GET", "/a")
        log_problem(raised(AuthenticationError(401, None, "GET /sections/7", None, "", "server")), "GET", "/a")
        log_problem(raised(ConfigurationError("one")), "GET", "/a")
        log_problem(raised_elsewhere(ConfigurationError("two")), "GET", "/a")
    assert len(caplog.records) == 4
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2 + [logging.ERROR] * 2
    assert all(record.exc_info for record in caplog.records[2:])


def raised_elsewhere(error: Exception) -> Any:
    try:
        raise error
    except type(error) as caught:
        return caught


async def test_applications_do_not_hide_each_others_lines(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """Each event loop, and with it each test of an application, has its own count."""
    log_problem(outage(), "GET", "/")

    def of_another() -> None:
        log_problem(outage(), "GET", "/")

    of_another()
    assert len(caplog.records) == 1

    async def other() -> None:
        of_another()

    thread = threading.Thread(target=lambda: asyncio.run(other()))
    thread.start()
    thread.join()
    assert len(caplog.records) == 2


@pytest.mark.parametrize("fact", ["unknown_id", "invalid_value"])
def test_what_a_visitor_sent_is_quiet(fact: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is told at the level DEBUG alone."""
    error = ConfigurationError("", **{fact: True})
    with caplog.at_level(logging.DEBUG, "partoo_async.web"):
        assert log_problem(error, "GET", "/").status == problem_of(error).status < 500
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]
