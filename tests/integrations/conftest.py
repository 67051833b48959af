"""Emulators and applications on real sockets: in this process, or as processes of their own."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from partoo_async.emulator import Emulator, Fault
from partoo_async.testing import ThreadedEmulator
from tests.support.common import PATIENCE

ROOT = Path(__file__).parent.parent.parent
# What a server's log has when something went wrong; uvicorn writes it all to standard error.
TROUBLE = ("WARNING", "ERROR", "CRITICAL", "Traceback", "Warning:", "never retrieved", "never awaited")


def free_port() -> int:
    """Return a port that stays free until a service has it: systems hand out higher ones to whoever asks for any, and
    other tests, which run beside this one, ask all the time."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Service:
    """An application that runs as a process of its own, its standard error in a file."""

    def __init__(self, command: list[str], port: int, environment: dict[str, str], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.log = log
        others = {name: value for name, value in os.environ.items() if not name.startswith("PARTOO_")}
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", *command],
                cwd=ROOT,
                env=others | environment,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    async def ready(self, http: aiohttp.ClientSession) -> Self:
        """Return when it answers."""
        async with asyncio.timeout(PATIENCE):
            while True:
                assert self.process.poll() is None, self.log.read_text()
                try:
                    await self.get(http, "/health")
                except aiohttp.ClientError:
                    await asyncio.sleep(0.03)
                else:
                    return self

    async def get(self, http: aiohttp.ClientSession, path: str) -> Any:
        async with http.get(self.url + path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def workers(self, http: aiohttp.ClientSession, count: int, without: int = 0) -> set[int]:
        """Return the process ids of its workers, all of which answer."""
        found: set[int] = set()
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                found.add((await self.get(http, "/health"))["worker"])
                found.discard(without)
        return found

    async def until(self, http: aiohttp.ClientSession, scan_id: str, phase: str) -> Any:
        """Return the state of a scan when it is in this phase."""
        async with asyncio.timeout(PATIENCE):
            while True:
                state = await self.get(http, f"/scans/{scan_id}")
                if state["phase"] == phase:
                    return state
                assert state["phase"] != "failed", state
                await asyncio.sleep(0.03)

    async def stopped(self) -> int:
        """Return the exit code, once it has ended by itself."""
        return await asyncio.to_thread(self.process.wait, PATIENCE)

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.stopped()

    def trouble(self) -> list[str]:
        """Return the lines of its log that tell of trouble."""
        # uvicorn's parent process leaves its listening socket to the end of the process: that is its own affair.
        lines = [line for line in self.log.read_text().splitlines() if f"', {self.port})>" not in line]
        return [line for line in lines if any(word in line for word in TROUBLE)]


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[tuple[Service, aiohttp.ClientSession]]:
    """Yield the service once it answers, and a session that takes a new connection for each request."""
    # A connection that is kept would always reach the same worker.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE)) as http:
            yield await service.ready(http), http
    finally:
        if service.process.poll() is None:
            service.process.terminate()
        try:
            service.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            service.process.kill()
            service.process.wait()


@pytest.fixture
def partoo() -> Iterator[ThreadedEmulator]:
    """An emulator in a thread, for applications in other processes."""
    with ThreadedEmulator(rate_limit=None) as emulator:
        yield emulator


def environment_for(emulator: Emulator, directory: Path, **more: str) -> dict[str, str]:
    """Return the environment of an example application that talks to the emulator."""
    return {
        "PARTOO_SERVER": emulator.url,
        "PARTOO_API_KEY": emulator.api_key,
        "RATE_LIMIT": "10000/60",
        "PAGE_SECONDS": "60",
        "SCANS_DIR": str(directory / "scans"),
        "PYTHONPATH": str(ROOT),
    } | more


def hold_up(emulator: Emulator) -> tuple[list[int], Fault, Fault]:
    """Let answers be under way when a service is stopped: return the groups of section 7, all of which come slowly, the
    fault that makes them, and one by which the even groups of section 9 never come."""

    def even(_: str, path: str) -> bool:
        return path.startswith("/sections/9/groups/") and path.endswith(tuple("02468"))

    slow = emulator.faults.add("slow_body", seconds=0.5, match="GET /sections/7/groups/{group_id}")
    return sorted(emulator.sections[7].groups), slow, emulator.faults.add("stall", match=even)


def times_asked(emulator: Emulator, section_id: int) -> Counter[int]:
    """Return how often each group of a section was asked for."""
    start = f"/sections/{section_id}/groups/"
    paths = [seen.path.partition(start)[2] for seen in emulator.requests if start in seen.path]
    return Counter(int(path) for path in paths)


def fastapi_service(emulator: Emulator, directory: Path, *, workers: int = 2, **more: str) -> Service:
    """Start the FastAPI example under uvicorn."""
    port = free_port()
    environment = environment_for(emulator, directory, WEB_CONCURRENCY=str(workers), **more)
    command = ["-m", "uvicorn", "examples.fastapi_app.app:app", "--port", str(port)]
    return Service(command, port, environment, directory / "log")
