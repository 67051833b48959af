"""The small service of ``fastapi_app`` with aiohttp.web: groups, and scans in the background.

    PARTOO_API_KEY=... python -m examples.aiohttp_app.app

Scans and settings are those of the FastAPI app. One process is one worker.
"""

import json
import os
import re
from collections.abc import AsyncIterator

import attrs
from aiohttp import web

from examples.fastapi_app.scans import Scans
from examples.fastapi_app.settings import PAGE_SECONDS, SCANS, make_client
from partoo_async.integrations.aiohttp import PARTOO, client_context, deadline_middleware, error_middleware

BACKGROUND: web.AppKey[Scans] = web.AppKey("background", Scans)

# An id of at most 18 digits is below 2**63. The router responds 404 to anything else.
NUMBER = r"\d{1,18}"


async def background(app: web.Application) -> AsyncIterator[None]:
    async with Scans(app[PARTOO], SCANS) as app[BACKGROUND]:
        yield


async def group(request: web.Request) -> web.Response:
    found = await request.app[PARTOO].groups.get(request.match_info["section_id"], request.match_info["group_id"])
    return web.json_response(attrs.asdict(found))


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


async def health(request: web.Request) -> web.Response:
    quota, running = request.app[PARTOO].quota, request.app[BACKGROUND].running
    return web.json_response({"worker": os.getpid(), "scans": running, "quota": attrs.asdict(quota)})


def make_app() -> web.Application:
    app = web.Application(middlewares=[error_middleware, deadline_middleware(PAGE_SECONDS)])
    app.cleanup_ctx.extend([client_context(make_client), background])
    app.add_routes(
        [
            web.get(rf"/groups/{{section_id:{NUMBER}}}/{{group_id:{NUMBER}}}", group),
            web.post("/scans", start),
            web.get("/scans/{scan_id:[0-9a-f]{16}}", scan),
            web.get("/health", health),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))
