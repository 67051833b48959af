"""The aiohttp example as a process of its own."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import aiohttp

from partoo_async.testing import ThreadedEmulator
from tests.integrations.conftest import PATIENCE, Service, environment_for, free_port, hold_up, running, times_asked


def aiohttp_service(emulator: ThreadedEmulator, directory: Path, **more: str) -> Service:
    port = free_port()
    environment = environment_for(emulator, directory, PORT=str(port), **more)
    return Service(["-m", "examples.aiohttp_app.app"], port, environment, directory / "log")


async def test_groups_scans_and_health(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """The same answers as those of the FastAPI app, and refusals in words."""
    async with running(aiohttp_service(partoo, tmp_path)) as (service, http):
        assert (await service.get(http, "/groups/7/42"))["name"] == "France"
        async with http.get(f"{service.url}/groups/7/9999") as response:
            assert (response.status, response.content_type) == (404, "application/problem+json")
        async with http.post(f"{service.url}/scans", json={"sections": [7, 9]}) as response:
            assert response.status == 202
            place = response.headers["Location"]
            scan = await response.json()
        assert place == f"/scans/{scan['id']}"
        for _ in range(3):
            async with http.get(f"{service.url}/scans/{scan['id']}/events") as response:
                await response.content.readline()  # and then the visitor leaves
        state = await service.until(http, scan["id"], "finished")
        assert (state["done"], state["total"], state["failed"]) == (54, 54, 0)
        assert state["names"] == {"7": "Country", "9": partoo.sections[9].name}
        health = await service.get(http, "/health")
        assert (health["scans"], health["quota"]["limit"]) == (0, 10_000)
        assert [one["id"] for one in await service.get(http, "/scans")] == [scan["id"]]
        assert {"id": 7, "name": "Country"} in await service.get(http, "/sections")
        for place in ("/scans/0123456789abcdef", "/scans/0123456789abcdef/events", f"/groups/7/{chr(0x667)}"):
            async with http.get(service.url + place) as response:
                assert response.status == 404
        async with http.get(f"{service.url}/scans/{scan['id']}/events") as response:
            assert '"phase": "finished"' in (await response.text()).splitlines()[3]
        async with http.get(service.url) as response:
            assert "script-src 'sha256-" in response.headers["Content-Security-Policy"]
            assert "<title>Scan</title>" in await response.text()
        for bad in (b"x", b"[]", b"{}", b'{"sections": []}', b'{"sections": ["../7"]}', b'{"sections": [-1]}'):
            async with http.post(f"{service.url}/scans", data=bad) as response:
                assert response.status == 400, bad
        assert await service.stop() == 0
    assert service.trouble() == []


async def test_sigterm_loses_no_answer(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """Requests that are under way are answered, and an interrupted scan goes on in the next process."""
    numbers, slow, stall = hold_up(partoo)
    async with running(aiohttp_service(partoo, tmp_path)) as (service, http):
        async with http.post(f"{service.url}/scans", json={"sections": [9]}) as response:
            scan = await response.json()
        while (await service.get(http, f"/scans/{scan['id']}"))["done"] < 15:
            await asyncio.sleep(0.05)
        # As many as find a place beside the fifteen that never come.
        numbers = numbers[:10]
        pages = [asyncio.create_task(service.get(http, f"/groups/7/{number}")) for number in numbers]
        async with asyncio.timeout(PATIENCE):
            while slow.hits < len(numbers):
                await asyncio.sleep(0.02)
        service.process.send_signal(signal.SIGTERM)
        groups = await asyncio.gather(*pages)
        assert [group["id"] for group in groups] == numbers
        assert await service.stopped() == 0
    assert service.trouble() == []
    stall.remove()
    async with running(aiohttp_service(partoo, tmp_path)) as (service, http):
        state = await service.until(http, scan["id"], "finished")
        assert (state["done"], state["failed"]) == (30, 0)
    asked = times_asked(partoo, 9)
    assert len(asked) == 30
    assert {times for number, times in asked.items() if number % 2} == {1}


async def test_a_page_does_not_queue_behind_a_scan(partoo: ThreadedEmulator, tmp_path: Path) -> None:
    """A scan that has taken all that it may of a quota for hours leaves groups to be served at once."""
    async with running(aiohttp_service(partoo, tmp_path, RATE_LIMIT="40/3600")) as (service, http):
        async with http.post(f"{service.url}/scans", json={"sections": [7, 9]}) as response:
            assert response.status == 202
        async with asyncio.timeout(PATIENCE):
            while not (await service.get(http, "/health"))["quota"]["waiting_bulk"]:
                await asyncio.sleep(0.05)
        # A tenth of 40 is in reserve; what comes after is told when to come back.
        for number in (42, 43, 44, 45):
            assert (await service.get(http, f"/groups/7/{number}"))["id"] == number
        async with aiohttp.ClientSession() as other, other.get(f"{service.url}/groups/7/46") as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 3000
        assert await service.stop() == 0
    assert service.trouble() == []
