"""A small service with FastAPI: groups, scans in the background, and a page that shows a scan live.

    PARTOO_API_KEY=... WEB_CONCURRENCY=2 uvicorn examples.fastapi_app.app:app

settings.py has the other variables. The service has no authentication: put your own before it.
"""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import attrs
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel, Field

from examples.fastapi_app.page import HEADERS, PAGE
from examples.fastapi_app.scans import Scans, State
from examples.fastapi_app.settings import PAGE_SECONDS, SCANS, make_client
from examples.fastapi_app.stopping import on_stop
from partoo_async import Group
from partoo_async.integrations.asgi import DeadlineMiddleware
from partoo_async.integrations.fastapi import Partoo, add_exception_handlers, lifespan

client_lifespan = lifespan(make_client)


@asynccontextmanager
async def everything(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    # The client outlives the scans, and the scans outlive the requests.
    async with client_lifespan(app) as state, Scans(state["partoo"], SCANS) as scans:
        with on_stop(scans.stopping.set):
            yield {**state, "scans": scans}


def get_scans(request: Request) -> Scans:
    scans: Scans = request.state.scans
    return scans


app = FastAPI(title="Groups", lifespan=everything)
app.add_middleware(DeadlineMiddleware, seconds=PAGE_SECONDS)
add_exception_handlers(app)

Background = Annotated[Scans, Depends(get_scans)]
Number = Annotated[int, InPath(ge=0, lt=2**63)]
ScanId = Annotated[str, InPath(pattern="^[0-9a-f]{16}$")]


class NewScan(BaseModel):
    sections: list[Annotated[int, Field(ge=0, lt=2**63)]] = Field(min_length=1, max_length=100)


@app.get("/groups/{section_id}/{group_id}")
async def group(section_id: Number, group_id: Number, partoo: Partoo) -> Group:
    return await partoo.groups.get(section_id, group_id)


@app.get("/sections")
async def sections(partoo: Partoo) -> list[dict[str, Any]]:
    """The first page of them, for the page to choose from."""
    return [{"id": one.id, "name": one.name} for one in (await partoo.sections.list()).sections]


@app.get("/scans")
async def all_scans(scans: Background) -> list[dict[str, Any]]:
    return [attrs.asdict(state) for state in scans.recent()]


@app.post("/scans", status_code=202)
async def start(new: NewScan, scans: Background, response: Response) -> dict[str, Any]:
    state = scans.start(new.sections)
    response.headers["Location"] = f"/scans/{state.id}"
    return attrs.asdict(state)


def known(scan_id: ScanId, scans: Background) -> State:
    state = scans.state(scan_id)
    if state is None:
        raise HTTPException(404, "no such scan")
    return state


@app.get("/scans/{scan_id}")
async def scan(state: Annotated[State, Depends(known)]) -> dict[str, Any]:
    return attrs.asdict(state)


@app.get("/scans/{scan_id}/events")
async def events(state: Annotated[State, Depends(known)], scans: Background) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"  # milliseconds until a browser reconnects when a worker has gone
        async for now in scans.follow(state.id):
            yield f"event: state\ndata: {json.dumps(attrs.asdict(now))}\n\n"

    # The second header tells nginx to pass each event on as it comes.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)


@app.get("/health")
async def health(partoo: Partoo, scans: Background) -> dict[str, Any]:
    return {"worker": os.getpid(), "scans": scans.running, "quota": attrs.asdict(partoo.quota)}


@app.get("/", response_class=HTMLResponse)
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers=HEADERS)
