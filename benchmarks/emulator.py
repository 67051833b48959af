"""What the emulator costs: a GET next to the client, a page of a search, an organization of a million groups.

``python -m benchmarks.emulator``. The emulator runs in a process of its own and says how much CPU it has used; the
client is this process. A ratio of 0.5 means that one emulator serves two workers as fast as they can read.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from attrs import frozen

from benchmarks.figures import Figures, cpu_seconds, parser, peak_bytes
from partoo_async import PartooClient
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KEY = "emulator-key"
_SEARCHES = {
    "as it is": "",
    "page 50 of 100 each": "per_page=100&page=50",
    "by status": "status=open,closed,opening_soon,temporarily_closed",
    "by groups": "groups=1,2,150",
    "modified since": "modified__gte=1750000000",
    "query": "query=lyon",
    "name and city": "name=comptoir&city=ly",
    "in order of names": "order_by=-name",
}


@frozen
class _Served:
    """An emulator in another process."""

    url: str
    pipe: Connection

    def used(self) -> tuple[float, int]:
        """Return its CPU time in seconds, and the peak of its memory in bytes."""
        self.pipe.send("used")
        found: tuple[float, int] = self.pipe.recv()
        return found

    def get(self, path: str) -> bytes:
        """Return the body of a response."""
        with urlopen(Request(self.url + path, headers={"x-APIKey": _KEY})) as response:
            body: bytes = response.read()
            return body

    def cost(self, path: str) -> float:
        """Return the seconds of its CPU for one request."""
        before = self.used()[0]
        self.get(path)
        return self.used()[0] - before


def _chain(groups: int, size: int) -> Emulator:
    ids = [f"{number:024x}" for number in range(size)]
    made = {number: EmulatedGroup(number, f"Group {number}", business_ids=ids) for number in range(1, groups + 1)}
    return Emulator(sections=[EmulatedSection(1, "Section", made)], rate_limit=None)


def _profile(name: Any, groups: int | None) -> Emulator:
    return Emulator.with_profile(name, groups=groups, rate_limit=None)


def _serve(pipe: Connection, make: Callable[..., Emulator], arguments: tuple[Any, ...]) -> None:
    async def run() -> None:
        async with make(*arguments) as emulator:
            pipe.send(emulator.url)
            over, loop = asyncio.Event(), asyncio.get_running_loop()

            def told() -> None:
                if pipe.recv() == "used":
                    pipe.send((cpu_seconds(), peak_bytes()))
                else:
                    over.set()

            loop.add_reader(pipe.fileno(), told)
            await over.wait()
            loop.remove_reader(pipe.fileno())

    asyncio.run(run())


@contextmanager
def _served(make: Callable[..., Emulator], *arguments: Any) -> Iterator[_Served]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, make, arguments))
    process.start()
    try:
        yield _Served(ours.recv(), ours)
    finally:
        ours.send("stop")
        process.join()


async def _scan(url: str) -> int:
    async with (
        PartooClient(_KEY, server=Server("emulator", url), rate_limit=None) as partoo,
        partoo.scan([1]) as scan,
    ):
        return sum([1 async for _ in scan])


def _gets(figures: Figures, sizes: tuple[int, ...], groups: int, rounds: int) -> None:
    for size in sizes:
        with _served(_chain, groups, size) as emulator:
            asyncio.run(_scan(emulator.url))  # warm
            theirs, ours = [], []
            for _ in range(rounds):
                before, at = emulator.used()[0], cpu_seconds()
                read = asyncio.run(_scan(emulator.url))
                ours.append((cpu_seconds() - at) / read * 1e6)
                theirs.append((emulator.used()[0] - before) / read * 1e6)
        figures.add(f"GET group, {size:,} ids: emulator", theirs, "us")
        figures.add(f"GET group, {size:,} ids: client", ours, "us")
        ratios = [emulated / client for emulated, client in zip(theirs, ours, strict=True)]
        figures.add(f"GET group, {size:,} ids: emulator to client", ratios, "x", goal=0.5)


def _searches(figures: Figures, rounds: int) -> None:
    with _served(_profile, "extreme", None) as emulator:
        figures.add("extreme: first search", [emulator.cost("/business/search") * 1e3], "ms")
        for name, query in _SEARCHES.items():
            emulator.cost(f"/business/search?{query}")
            costs = [emulator.cost(f"/business/search?{query}") * 1e3 for _ in range(rounds)]
            figures.add(f"extreme: search {name}", costs, "ms", goal=5)


def _many_groups(figures: Figures, profile: str, groups: int) -> None:
    with _served(_profile, profile, groups) as emulator:
        name = f"{profile}, {groups:,} groups"
        seconds, peak = emulator.used()
        figures.add(f"{name}: start", [seconds], "s")
        figures.add(f"{name}: started", [peak / 1e6], "MB")
        figures.add(f"{name}: list all sections", [emulator.cost("/sections")], "s")
        before, search, waits = emulator.used()[0], Thread(target=emulator.get, args=["/business/search"]), [0.0]
        search.start()
        while search.is_alive():
            at = time.perf_counter()
            emulator.get("/sections/1/groups/1")
            waits.append(time.perf_counter() - at)
            search.join(0.05)
        figures.add(f"{name}: first search", [emulator.used()[0] - before], "s")
        figures.add(f"{name}: longest wait for a group meanwhile", [max(waits) * 1e3], "ms")
        figures.add(f"{name}: second search", [emulator.cost("/business/search?page=2")], "s")
        figures.add(f"{name}: peak", [emulator.used()[1] / 1e6], "MB", goal=500)


def main() -> None:
    """Print the figures."""
    options = parser(__doc__).parse_args()
    figures = Figures("emulator", options.json)
    rounds = options.rounds or (2 if options.quick else 9)
    _gets(figures, (20,) if options.quick else (20, 2_000), 200 if options.quick else 4_000, rounds)
    _searches(figures, rounds)
    _many_groups(figures, "extreme", 5_000 if options.quick else 1_000_000)
    if not options.quick:
        _many_groups(figures, "typical", 1_000_000)


if __name__ == "__main__":
    main()
