"""What a scan does to the pages of a web application that shares its quota, and they to it, on real sockets.

    python -m benchmarks.web              # five to six minutes
    python -m benchmarks.web --part 10    # a tenth of it

The quota is scaled down from 300 in 60 s to 300 in 6 s. An emulator in a process of its own answers after 50 ms. Pages
come at random moments, 200 in the time of a scan of 5,000 groups. Prints markdown, a row when its
phase ends.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import random
from statistics import median, quantiles
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async import PartooClient, RateLimit
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LIMIT = RateLimit(300, 6.0)
LATE = 0.05
SCANNED, SHOWN = 1, 2
PAGES_A_SECOND = 2.0


def say(text: str) -> None:
    print(text, flush=True)  # a line for each phase, when it ends


async def emulate(groups: int, pipe: Connection) -> None:
    sections = [
        EmulatedSection(number, f"S{number}", {one: EmulatedGroup(one, f"G{one}") for one in range(groups)})
        for number in (SCANNED, SHOWN)
    ]
    async with Emulator(sections=sections, rate_limit=LIMIT, latency=LATE) as emulator:
        pipe.send(emulator.url)
        # Each message asks for how the quota was kept since the last one.
        while await asyncio.to_thread(pipe.recv):
            refused = sum(seen.status == 429 for seen in emulator.requests)
            pipe.send((refused, emulator.busiest_window()))


def serve(groups: int, pipe: Connection) -> None:
    asyncio.run(emulate(groups, pipe))


@frozen
class Run:
    """``latencies``: of each page's call, in seconds; ``seconds``: of the scan, 0 without one."""

    latencies: list[float]
    seconds: float

    def row(self, name: str) -> None:
        cells = ["-"] * 4
        if self.latencies:
            cuts = quantiles(self.latencies, n=100, method="inclusive")
            cells = [f"{one * 1000:.1f}" for one in (median(self.latencies), cuts[94], cuts[98], max(self.latencies))]
        say(f"| {name} | {' | '.join(cells)} | {f'{self.seconds:.1f}' if self.seconds else '-'} |")


async def run(url: str, *, groups: int, pages: int) -> Run:
    chance, loop = random.Random(1), asyncio.get_running_loop()
    latencies: list[float] = []

    async def visit(client: PartooClient, number: int, when: float) -> None:
        await asyncio.sleep(when)
        started = loop.time()
        await client.groups.get(SHOWN, number)
        latencies.append(loop.time() - started)

    async with PartooClient("emulator-key", server=url, rate_limit=LIMIT) as client, asyncio.TaskGroup() as visitors:
        client.session.quota.hold_reserve()  # as the integrations do
        for number in range(pages):
            visitors.create_task(visit(client, number, chance.uniform(0, pages / PAGES_A_SECOND)))
        seconds = 0.0
        if groups:
            report = await client.scan(SCANNED).collect()
            report.raise_for_failures()
            seconds = report.seconds
    return Run(latencies, seconds)


async def alone(url: str) -> Run:
    """The scan by itself, outside of a web application: it may use the whole quota."""
    async with PartooClient("emulator-key", server=url, rate_limit=LIMIT) as client:
        report = await client.scan(SCANNED).collect()
    report.raise_for_failures()
    return Run([], report.seconds)


async def measure(groups: int, pages: int, pipe: Connection) -> None:
    url = await asyncio.to_thread(pipe.recv)
    say("| | median ms | p95 ms | p99 ms | longest ms | scan s |")
    say("| --- | --- | --- | --- | --- | --- |")
    by_itself = await alone(url)
    by_itself.row("scan alone")
    await asyncio.sleep(LIMIT.per)  # the window of one run is not that of the next
    quiet = await run(url, groups=0, pages=pages)
    quiet.row(f"{pages} pages alone")
    await asyncio.sleep(LIMIT.per)
    both = await run(url, groups=groups, pages=pages)
    both.row("both")
    pipe.send(True)
    refused, busiest = await asyncio.to_thread(pipe.recv)
    pipe.send(False)
    added = (median(both.latencies) - median(quiet.latencies)) * 1000
    longer = both.seconds / by_itself.seconds
    say(f"\nThe scan adds {added:.1f} ms to the median page.")
    say(f"The pages, and the reserve that is held for them, make the scan {longer:.3f} times as long.")
    say(f"{refused} 429s, busiest window {busiest} requests.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=int, default=1, help="measure one part of so many")
    part = parser.parse_args().part
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    groups, pages = 5_000 // part, 200 // part
    server = spawning.Process(target=serve, args=(groups, theirs), daemon=True)
    server.start()
    asyncio.run(measure(groups, pages, ours))
    server.join()


if __name__ == "__main__":
    main()
