"""Groups of every size, and what a very large response does to the other tasks of an event loop.

    python -m benchmarks.large [--quick] [--rounds N] [--json FILE]

First the CPU time of a get, and of a scan per group, over that of aiohttp and orjson as a textbook has it, round by
round. Then the longest time that the event loop stands still while it reads a group of 100,000 businesses, a section of
100,000 groups, or begins to scan it, without a journal or with one: CPU time between two turns of another task, so that
a busy machine adds nothing. A full pass of Python's garbage collector may fall into it; so there is a figure without
the collector, too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import orjson

from benchmarks.bench import BASE, OURS, cores, measure, working
from benchmarks.bench_server import business_ids, free_port, group, serving, wait_until_up
from benchmarks.clients import CLIENTS, KEY
from benchmarks.clients.partoo_get import QUOTA
from benchmarks.figures import Figures, parser, ratios_of
from partoo_async import PartooClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

SIZES = (3, 50, 500, 2_000, 10_000, 100_000)
IN_FLIGHT = (1, 32, 200)
HUGE = 100_000
GOAL, GOAL_OF_HUGE, LONGEST_STALL = 0.95, 1.05, 15.0


class LargeServer(asyncio.Protocol):
    """Sends a group to whoever asks for one, and else a section of as many groups. Those of section 8 have more."""

    def __init__(self, size: int) -> None:
        self._group = group("1", business_ids(size)).encode()
        groups = [{"id": one, "name": f"Group {one} of many", "has_puller": False} for one in range(size)]
        section = {"id": 7, "name": "Country", "groups": groups, "can_edit": True, "has_puller": False}
        self._section = orjson.dumps(section)
        more = [{**one, "order": 1} for one in groups]
        self._drifting = orjson.dumps({**section, "id": 8, "groups": more})

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Send the response."""
        body = self._group if b"/groups/" in data else self._drifting if b"/sections/8 " in data else self._section
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def serve(port: int, size: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: LargeServer(size), "127.0.0.1", port)
    await server.serve_forever()


@contextmanager
def serving_large(size: int) -> Iterator[str]:
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "benchmarks.large", "--serve", str(port), str(size)]) as process:
        try:
            wait_until_up(process, port)
            yield f"http://127.0.0.1:{port}/v2"
        finally:
            process.terminate()


async def longest_stall(work: Callable[[], Awaitable[object]]) -> float:
    """Return the most milliseconds of CPU time between two turns of another task while ``work`` runs."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    found = await work()
    del found  # to drop it takes its time, too
    await asyncio.sleep(0)
    ticking.cancel()
    return longest * 1e3


async def stalls(url: str, rounds: int, place: Path) -> dict[str, list[float]]:
    async with PartooClient(KEY, server=url, rate_limit=QUOTA) as partoo:

        async def begin_scan(journal: Path | None = None) -> object:
            async with partoo.scan(7, journal=journal) as scan:
                return scan.plan

        numbers = itertools.count()

        reads: dict[str, Callable[[], Awaitable[object]]] = {
            "a group": lambda: partoo.groups.get(7, 1, fresh=True),
            "a section": lambda: partoo.sections.get(7, fresh=True),
            "a section of groups with one field more": lambda: partoo.sections.get(8, fresh=True),
            "begin a scan": begin_scan,
            "begin a scan with a journal": lambda: begin_scan(place / str(next(numbers))),
        }
        found: dict[str, list[float]] = {}
        for name, read in reads.items():
            await read()  # imports and connects
            found[name] = [await longest_stall(read) for _ in range(rounds)]
            gc.collect()
            gc.disable()
            found[f"{name}, no garbage collector"] = [await longest_stall(read) for _ in range(rounds)]
            gc.enable()
        return found


def measure_sizes(figures: Figures, arguments: argparse.Namespace) -> None:
    server_core, client_core = cores()
    sizes, in_flight = ((50, 10_000), (32,)) if arguments.quick else (SIZES, IN_FLIGHT)
    with ExitStack() as stack:
        url, _ = stack.enter_context(serving([*sizes], server_core))
        workers = [stack.enter_context(working(client, url, client_core, "", uvloop=False)) for client in OURS]
        for size in sizes:
            for concurrency in in_flight:
                cell = measure(workers, concurrency, size, arguments)
                for client in OURS[1:]:
                    name = f"{CLIENTS[client]}, {size:,} ids, {concurrency} in flight"
                    goal = GOAL_OF_HUGE if size == HUGE else GOAL
                    figures.add(name, ratios_of(cell, client, BASE), "x textbook", goal=goal)


def measure_stalls(figures: Figures, arguments: argparse.Namespace) -> None:
    size = HUGE // 4 if arguments.quick else HUGE
    with serving_large(size) as url:
        command = [sys.executable, "-m", "benchmarks.large", "--stalls", url, str(arguments.rounds)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    for name, values in json.loads(answer).items():
        figures.add(f"{name}, {size:,}: longest stall", values, "ms", goal=LONGEST_STALL)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--serve", nargs=2, type=int, help=argparse.SUPPRESS)
    options.add_argument("--stalls", nargs=2, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.serve:
        asyncio.run(serve(*arguments.serve))
    elif arguments.stalls:
        url, rounds = arguments.stalls
        with tempfile.TemporaryDirectory() as place:
            print(json.dumps(asyncio.run(stalls(url, int(rounds), Path(place)))))
    else:
        arguments.rounds = arguments.rounds or (2 if arguments.quick else 7)
        arguments.seconds = 0.1 if arguments.quick else 0.5
        figures = Figures("large", arguments.json)
        measure_sizes(figures, arguments)
        measure_stalls(figures, arguments)


if __name__ == "__main__":
    main()
