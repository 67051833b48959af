"""The small service of ``fastapi_app`` with aiohttp.web: groups, scans in the background, and the same page.

    PARTOO_API_KEY=... python -m examples.aiohttp_app.app

Scans, settings and the page are those of the FastAPI app. One process is one worker.
"""

import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import attrs
from aiohttp import web

from examples.fastapi_app.page import HEADERS, PAGE
from examples.fastapi_app.scans import Scans
from examples.fastapi_app.settings import PAGE_SECONDS, SCANS, make_client
from partoo_async.integrations.aiohttp import PARTOO, client_context, deadline_middleware, error_middleware

BACKGROUND: web.AppKey[Scans] = web.AppKey("background", Scans)

# An id of at most 18 digits is below 2**63. Not \d, which takes digits of any script.
NUMBER = "[0-9]{1,18}"


async def background(app: web.Application) -> AsyncIterator[None]:
    async with Scans(app[PARTOO], SCANS) as app[BACKGROUND]:
        yield


async def group(request: web.Request) -> web.Response:
    found = await request.app[PARTOO].groups.get(request.match_info["section_id"], request.match_info["group_id"])
    return web.json_response(attrs.asdict(found))


async def sections(request: web.Request) -> web.Response:
    page = await request.app[PARTOO].sections.list()
    return web.json_response([{"id": one.id, "name": one.name} for one in page.sections])


async def scans(request: web.Request) -> web.Response:
    return web.json_response([attrs.asdict(state) for state in request.app[BACKGROUND].recent()])


async def start(request: web.Request) -> web.Response:
    try:
        sections = (await request.json())["sections"]
    except (json.JSONDecodeError, TypeError, KeyError):
        raise web.HTTPBadRequest(text='expected {"sections": [7, 9]}') from None
    if not sections or not isinstance(sections, list) or not all(re.fullmatch(NUMBER, str(one)) for one in sections):
        raise web.HTTPBadRequest(text="sections: expected a list of ids")
    state = request.app[BACKGROUND].start(sections)
    return web.json_response(attrs.asdict(state), status=202, headers={"Location": f"/scans/{state.id}"})


async def scan(request: web.Request) -> web.Response:
    state = request.app[BACKGROUND].state(request.match_info["scan_id"])
    if state is None:
        raise web.HTTPNotFound(text="no such scan")
    return web.json_response(attrs.asdict(state))


async def events(request: web.Request) -> web.StreamResponse:
    background = request.app[BACKGROUND]
    if background.state(request.match_info["scan_id"]) is None:
        raise web.HTTPNotFound(text="no such scan")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    await response.write(b"retry: 1000\n\n")
    with suppress(ConnectionResetError):  # whoever looked has gone
        async for now in background.follow(request.match_info["scan_id"]):
            await response.write(f"event: state\ndata: {json.dumps(attrs.asdict(now))}\n\n".encode())
    return response


async def page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html", headers=HEADERS)


async def end_streams(app: web.Application) -> None:
    app[BACKGROUND].stopping.set()


async def health(request: web.Request) -> web.Response:
    quota, running = request.app[PARTOO].quota, request.app[BACKGROUND].running
    return web.json_response({"worker": os.getpid(), "scans": running, "quota": attrs.asdict(quota)})


def make_app() -> web.Application:
    app = web.Application(middlewares=[error_middleware, deadline_middleware(PAGE_SECONDS)])
    app.cleanup_ctx.extend([client_context(make_client), background])
    app.on_shutdown.append(end_streams)  # before aiohttp waits for the last response
    app.add_routes(
        [
            web.get("/", page),
            web.get("/sections", sections),
            web.get(rf"/groups/{{section_id:{NUMBER}}}/{{group_id:{NUMBER}}}", group),
            web.get("/scans", scans),
            web.post("/scans", start),
            web.get("/scans/{scan_id:[0-9a-f]{16}}", scan),
            web.get("/scans/{scan_id:[0-9a-f]{16}}/events", events),
            web.get("/health", health),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
