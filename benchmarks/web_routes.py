"""What a FastAPI route costs with the integration, beside the same route written with bare aiohttp and orjson.

    python -m benchmarks.web_routes                # a minute: the applications are called in this process
    python -m benchmarks.web_routes --wrk          # then under uvicorn, asked by wrk, each route in turn
    python -m benchmarks.web_routes --rounds 5     # default 9

CPU time of the process that serves, per request, in interleaved rounds of changing order: the median, and that of the
ratios within a round. The API is nginx on the other core. Each phase is printed as it ends.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from fastapi import Depends, FastAPI

from benchmarks.bench_report import middle
from benchmarks.bench_server import free_port, serving, wait_until_up
from benchmarks.clients import KEY
from benchmarks.figures import keep, parser
from partoo_async import PartooClient, RateLimit
from partoo_async.integrations.asgi import DeadlineMiddleware
from partoo_async.integrations.fastapi import Partoo, add_exception_handlers, lifespan, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SIZE = 50  # businesses of each group
AT_ONCE = 50
ROUTES = {
    "bare": "aiohttp and orjson, by hand",
    "client": "the integration, without a deadline",
    "middleware": "the integration, DeadlineMiddleware",
    "within": "the integration, Depends(within())",
}

http: aiohttp.ClientSession


@asynccontextmanager
async def session(_: FastAPI) -> AsyncIterator[None]:
    global http
    async with aiohttp.ClientSession(headers={"x-APIKey": KEY}, connector=aiohttp.TCPConnector(limit=AT_ONCE)) as http:
        yield


def bare(api: str) -> FastAPI:
    app = FastAPI(lifespan=session)

    @app.get("/groups/{section}/{group}")
    async def group(section: int, group: int) -> dict[str, Any]:
        async with http.get(f"{api}/sections/{section}/groups/{group}") as response:
            found = orjson.loads(await response.read())
        return {"name": found["name"], "businesses": len(found["business_ids"])}

    return app


def integrated(api: str, **options: Any) -> FastAPI:
    quota = RateLimit(10**9, 60.0)
    app = FastAPI(lifespan=lifespan(lambda: PartooClient(KEY, server=api, rate_limit=quota, max_concurrency=AT_ONCE)))
    add_exception_handlers(app)

    @app.get("/groups/{section}/{group}", **options)
    async def group(section: int, group: int, partoo: Partoo) -> dict[str, Any]:
        found = await partoo.groups.get(section, group)
        return {"name": found.name, "businesses": len(found.business_ids)}

    return app


def applications(api: str) -> dict[str, FastAPI]:
    apps = {"bare": bare(api), "client": integrated(api), "middleware": integrated(api)}
    apps["middleware"].add_middleware(DeadlineMiddleware, seconds=30.0)
    return apps | {"within": integrated(api, dependencies=[Depends(within(30.0))])}


class Started:
    """Applications of which each has its state, without a server."""

    def __init__(self, apps: dict[str, FastAPI]) -> None:
        self.apps, self.states = apps, dict[str, Any]()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            over = asyncio.Event()
            ready = []
            for name, app in self.apps.items():
                ready.append(asyncio.Event())
                tasks.create_task(self._live(name, app, ready[-1], over))
            for event in ready:
                await event.wait()
            try:
                yield
            finally:
                over.set()

    async def _live(self, name: str, app: FastAPI, ready: asyncio.Event, over: asyncio.Event) -> None:
        async with app.router.lifespan_context(app) as state:
            self.states[name] = dict(state or {})
            ready.set()
            await over.wait()

    async def ask(self, name: str, path: str) -> None:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"accept", b"*/*")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": self.states[name].copy(),
        }
        await self.apps[name](scope, receive, send)
        assert sent[0]["status"] == 200, sent

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Under a server: ``/bare/groups/...`` is the application ``bare``."""
        if scope["type"] == "lifespan":
            await receive()
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        _, name, rest = scope["path"].split("/", 2)
        scope = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "state": self.states[name].copy()}
        await self.apps[name](scope, receive, send)


def make_app() -> Started:
    """What uvicorn serves."""
    return Started(applications(os.environ["API"]))


numbers = itertools.count(1)


async def load(started: Started, name: str, requests: int) -> float:
    """CPU seconds of a request."""

    async def work() -> None:
        for _ in range(requests // AT_ONCE):
            await started.ask(name, f"/groups/{SIZE}/{next(numbers)}")

    before = time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(work())
    return (time.process_time() - before) / (requests // AT_ONCE * AT_ONCE)


def say(text: str) -> None:
    print(text, flush=True)


def table(costs: dict[str, list[float]], part: str, path: Path | None) -> None:
    say("\n| route | CPU µs a request | beside the bare route |\n| --- | --- | --- |")
    for name, route in ROUTES.items():
        ratios = [one / other for one, other in zip(costs[name], costs["bare"], strict=True)]
        say(f"| {route} | {median(costs[name]) * 1e6:.0f} | {middle(ratios)} |")
        keep(path, part, route, ratios, "of bare aiohttp")


async def in_process(api: str, rounds: int, requests: int, path: Path | None) -> None:
    started = Started(applications(api))
    costs: dict[str, list[float]] = {name: [] for name in ROUTES}
    async with started.running():
        for name in ROUTES:
            await load(started, name, requests // 4)
        for number in range(rounds):
            names = list(ROUTES)[number % len(ROUTES) :] + list(ROUTES)[: number % len(ROUTES)]
            for name in names:
                costs[name].append(await load(started, name, requests))
            say(f"round {number + 1}: " + ", ".join(f"{name} {costs[name][-1] * 1e6:.0f} µs" for name in ROUTES))
    table(costs, "web, in process", path)


SCRIPT = """
local n = {start}
request = function() n = n + 1; return wrk.format("GET", "/{name}/groups/{size}/" .. n) end
"""


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(api: str, rounds: int, seconds: int, path: Path | None) -> None:
    port = free_port()
    server = ["-m", "uvicorn", "benchmarks.web_routes:make_app", "--factory", "--port", str(port)]
    server += ["--log-level", "warning", "--no-access-log"]
    costs: dict[str, list[float]] = {name: [] for name in ROUTES}
    rates: dict[str, list[float]] = {name: [] for name in ROUTES}
    with (
        tempfile.TemporaryDirectory() as place,
        subprocess.Popen([sys.executable, *server], env=os.environ | {"API": api}) as process,
    ):
        try:
            wait_until_up(process, port)
            for number in range(-1, rounds):
                for name in ROUTES:
                    script = Path(place, "wrk.lua")
                    script.write_text(SCRIPT.format(start=next(numbers) * 10**7, name=name, size=SIZE), "utf-8")
                    command = ["wrk", "-t1", f"-c{AT_ONCE}", f"-d{seconds}s", "-s", str(script)]
                    before = cpu_of(process.pid)
                    said = subprocess.run(
                        [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
                    ).stdout
                    spent, done = cpu_of(process.pid) - before, int(re.findall(r"(\d+) requests in", said)[0])
                    assert "Non-2xx" not in said, said
                    if number >= 0:  # the first round warms up
                        costs[name].append(spent / done)
                        rates[name].append(float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0]))
                        say(f"round {number + 1}: {name}: {rates[name][-1]:.0f}/s, {spent / done * 1e6:.0f} µs")
        finally:
            process.terminate()
    table(costs, "web, uvicorn", path)
    say("\n| route | requests a second | beside the bare route |\n| --- | --- | --- |")
    for name, route in ROUTES.items():
        ratios = [one / other for one, other in zip(rates[name], rates["bare"], strict=True)]
        say(f"| {route} | {median(rates[name]):.0f} | {middle(ratios)} |")


def main() -> None:
    taken = parser(__doc__)
    taken.add_argument("--requests", type=int, help="of each route in a round, default 2000")
    taken.add_argument("--seconds", type=int, default=3, help="of wrk, for each route in a round")
    taken.add_argument("--wrk", action="store_true", help="also under uvicorn, asked by wrk")
    options = taken.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 9)
    options.requests = options.requests or (200 if options.quick else 2000)
    with serving([SIZE], None) as (api, what):
        say(f"Python {sys.version.split()[0]}, {what}, {SIZE} businesses, {AT_ONCE} at once")
        asyncio.run(in_process(api, options.rounds, options.requests, options.json))
        if options.wrk:
            assert shutil.which("wrk"), "wrk is not installed"
            wrk(api, options.rounds, options.seconds, options.json)


if __name__ == "__main__":
    main()
