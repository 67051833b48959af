"""The FastAPI example under uvicorn, with two workers: as it would be deployed, and as deployments end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from partoo_async.testing import ThreadedEmulator
from tests.integrations.conftest import PATIENCE, Service, fastapi_service, hold_up, running, times_asked

pytest.importorskip("fastapi", reason="needs the extra fastapi")
pytest.importorskip("uvicorn", reason="needs uvicorn")

# Of the example, and half a minute of waiting for processes. test_aiohttp_app.py has the short form: one worker.
pytestmark = pytest.mark.soak

ONE_GROUP = "GET /sections/{section_id}/groups/{group_id}"
Running = tuple[Service, aiohttp.ClientSession]


async def start_scan(service: Service, http: aiohttp.ClientSession, *sections: int) -> Any:
    async with http.post(f"{service.url}/scans", json={"sections": sections}) as response:
        assert response.status == 202, await response.text()
        state = await response.json()
        assert response.headers["Location"] == f"/scans/{state['id']}"
        return state


async def events_of(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """Yield what a stream of server-sent events tells, until its end."""
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


async def told_by(worker: int, service: Service, scan_id: str) -> list[Any]:
    """Return every state that a worker tells of a scan."""
    while True:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as http:
            if (await service.get(http, "/health"))["worker"] != worker:
                continue
            # The connection is kept, and so is the worker at its other end.
            async with http.get(f"{service.url}/scans/{scan_id}/events") as response:
                assert response.content_type == "text/event-stream"
                return [state async for state in events_of(response)]


async def test_groups_and_health(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """Both workers serve groups, each with its half of the quota; a group that is not there is a problem."""
    async with running(fastapi_service(partoo, tmp_path)) as (service, http):
        workers = await service.workers(http, 2)
        assert len(workers) == 2
        assert (await service.get(http, "/health"))["quota"]["limit"] == 5_000
        group = await service.get(http, "/groups/7/42")
        assert (group["name"], len(group["business_ids"])) == ("France", 147)
        async with http.get(f"{service.url}/groups/7/9999") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")
        async with http.get(f"{service.url}/groups/7/-1") as response:
            assert response.status == 422
        async with http.get(f"{service.url}/scans/0123456789abcdef") as response:
            assert response.status == 404
        assert await service.stop() in (0, -signal.SIGTERM)
    assert service.trouble() == []


async def test_a_scan_is_told_live_by_either_worker(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """Whichever worker is asked knows the scan, tells its pauses and its progress as they come, and ends with it.

    A request has three seconds and the scan takes longer: it does not inherit its request's deadline."""
    async with running(fastapi_service(partoo, tmp_path, RATE_LIMIT="100/4", PAGE_SECONDS="3")) as (service, http):
        fault = partoo.faults.add("rate_limited", retry_after=4, match=ONE_GROUP, times=1)
        scan = await start_scan(service, http, 7, 9)
        workers = await service.workers(http, 2)
        async with asyncio.timeout(PATIENCE):
            for seen in await asyncio.gather(*(told_by(worker, service, scan["id"]) for worker in workers)):
                assert any(state["paused_for"] > 0 for state in seen)
                assert (seen[-1]["phase"], seen[-1]["done"], seen[-1]["total"]) == ("finished", 54, 54)
                assert [state["done"] for state in seen] == sorted(state["done"] for state in seen)
                assert len(seen) > 5
        assert fault.hits == 1
        assert await service.stop() in (0, -signal.SIGTERM)
    assert service.trouble() == []


async def test_sigterm_loses_no_answer(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """Told to stop in the middle of 24 requests, of a scan and of a stream, the workers answer every request, end the
    stream, and leave the scan to be gone on with. No warning, no traceback."""
    numbers, slow, stall = hold_up(partoo)
    async with running(fastapi_service(partoo, tmp_path)) as (service, http):
        await service.workers(http, 2)
        scan = await start_scan(service, http, 9)
        while (await service.get(http, f"/scans/{scan['id']}"))["done"] < 15:
            await asyncio.sleep(0.05)
        async with http.get(f"{service.url}/scans/{scan['id']}/events") as stream:
            await anext(aiter(events_of(stream)))
            pages = [asyncio.create_task(service.get(http, f"/groups/7/{number}")) for number in numbers]
            async with asyncio.timeout(PATIENCE):
                while slow.hits < len(numbers):
                    await asyncio.sleep(0.02)
            code = await service.stop()
            groups = await asyncio.gather(*pages)
            async with asyncio.timeout(PATIENCE):
                assert {state["phase"] async for state in events_of(stream)} <= {"running", "interrupted"}
        assert [group["id"] for group in groups] == numbers
        assert code in (0, -signal.SIGTERM)
    assert service.trouble() == []
    stall.remove()
    async with running(fastapi_service(partoo, tmp_path)) as (service, http):
        state = await service.until(http, scan["id"], "finished")
        assert (state["done"], state["total"], state["failed"]) == (30, 30, 0)
    # What was answered before the stop is recorded; only what never came is asked for again.
    asked = times_asked(partoo, 9)
    assert len(asked) == 30
    assert {times for number, times in asked.items() if number % 2} == {1}


async def test_a_killed_worker_harms_no_other(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """SIGKILL of the worker that scans: the other one answers on, uvicorn starts a new one, and the scan is finished by
    whichever finds it, without asking again for what its journal has."""
    async with running(fastapi_service(partoo, tmp_path, RATE_LIMIT="20/2")) as (service, http):
        workers = await service.workers(http, 2)
        scan = await start_scan(service, http, 9)
        async with asyncio.timeout(PATIENCE):
            while not (state := await service.get(http, f"/scans/{scan['id']}"))["done"]:
                await asyncio.sleep(0.05)
        killed = state["worker"]
        (survivor,) = workers - {killed}
        os.kill(killed, signal.SIGKILL)
        answers = 0
        async with asyncio.timeout(PATIENCE):
            while {survivor} >= (found := await _answering(service, http)):
                answers += len(found)
        assert answers
        (started,) = found - {survivor}
        assert started != killed
        assert len(await service.workers(http, 2, without=killed)) == 2
        state = await service.until(http, scan["id"], "finished")
        assert (state["done"], state["failed"]) == (30, 0)
        assert state["worker"] in (survivor, started)
    # Only what was under way when it was killed may be asked for twice.
    asked = times_asked(partoo, 9)
    assert len(asked) == 30
    assert asked.total() < 45
    assert service.trouble() == []


async def _answering(service: Service, http: aiohttp.ClientSession) -> set[int]:
    """Return the worker that answered; none if the connection was one that the killed worker had taken."""
    try:
        return {(await service.get(http, "/health"))["worker"]}
    except aiohttp.ClientConnectionError:
        return set()
