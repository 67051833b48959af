"""How long scans take under a quota, and how many 429s they meet.

    python -m benchmarks.quota            # real limit (300 a minute), virtual time: seconds of wall time
    python -m benchmarks.quota --minute   # real limit, real sockets and time: a minute and a half
    python -m benchmarks.quota --real     # scaled-down limit (30 in 2 s) on real sockets: five minutes

All run whole scans with the client as it is. The first replaces its transport with a simulated network and its event
loop's clock with a faked one; the others replace nothing. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from typing import TYPE_CHECKING

from benchmarks.quota_servers import KINDS, RawServer, optimum
from benchmarks.quota_virtual import worst
from partoo_async import PartooClient, RateLimit, ScanReport, Server
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.emulator.http.request_log import busiest_window
from partoo_async.emulator.rate_limiters import LIMITERS

if TYPE_CHECKING:
    from collections.abc import Coroutine


def ratio(seconds: float, best: float) -> str:
    return f"{seconds / best:.3f}" if best else "-"


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells: str) -> None:
    print()
    row(*cells)
    row(*("---" for _ in cells))


def virtual() -> None:
    burst, smooth = RateLimit(), RateLimit(pacing="smooth")
    counts = (100, 300, 1000, 5000)
    print("\nSeconds / optimum / ratio / 429s:")
    head("server", "pacing", *(f"N = {count:,}" for count in counts))
    for pacing, limit in (("burst", burst), ("smooth", smooth)):
        for kind, (name, _) in KINDS.items():
            runs = [(worst(kind, count, limit), optimum(kind, count, limit)) for count in counts]
            cells = (
                f"{run.seconds:.1f} / {best:.0f} / {ratio(run.seconds, best)} / {run.refused}" for run, best in runs
            )
            row(name, pacing, *cells)
    print("\nN = 1,000 while somebody else uses the same quota: seconds / 429s / 429s in the worst minute:")
    shared(spent=True, other=0.0)
    print("\nThe same, and what that is of the optimum for half of the quota:")
    shared(spent=False, other=2.5)


def shared(*, spent: bool, other: float) -> None:
    head("has just spent it" if spent else "takes half", "burst", "smooth", "burst, share=0.5")
    for kind, (name, _) in KINDS.items():
        cells = []
        for limit in (RateLimit(), RateLimit(pacing="smooth"), RateLimit(share=0.5)):
            run = worst(kind, 1000, limit, spent=spent, other=other)
            assert not run.failed
            of_best = "" if spent else f" / {ratio(run.seconds, optimum(kind, 1000, limit, other))}"
            cells.append(f"{run.seconds:.1f} / {run.refused} / {run.most_refused}{of_best}")
        row(name, *cells)


async def scan(server: Server, requests: int, limit: RateLimit) -> ScanReport:
    async with PartooClient("emulator-key", server=server, rate_limit=limit) as client:
        report = await client.scan(7, group_ids=range(requests)).collect()
    report.raise_for_failures()
    assert len({item.group_id for item in report.items}) == requests
    return report


class Real:
    """Scans on real sockets, a line for each."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        head("server", "window", "sends", "seconds", "optimum", "ratio", "429s", "busiest window")

    def line(self, server: str, kind: str, report: ScanReport, received: list[float], refused: int) -> None:
        best = optimum(kind, len(received), self.limit)
        times = f"{report.seconds:.2f}", f"{best:.2f}", ratio(report.seconds, best)
        row(server, KINDS[kind][0], len(received), *times, refused, busiest_window(received, self.limit.per))

    async def emulator(self, kind: str, requests: int) -> None:
        groups = {number: EmulatedGroup(number, f"G{number}") for number in range(requests)}
        async with Emulator(
            sections=[EmulatedSection(7, "S", groups)],
            rate_limit=self.limit,
            window=kind,  # type: ignore[arg-type]
        ) as emulator:
            report = await scan(emulator.server, requests, self.limit)
            refused = sum(seen.status == 429 for seen in emulator.requests)
            self.line("emulator", kind, report, [seen.time for seen in emulator.requests], refused)

    async def raw(self, kind: str, requests: int, drops: float) -> None:
        raw = RawServer(LIMITERS[kind](self.limit, time.monotonic), drops)
        async with raw as server:
            report = await scan(server, requests, self.limit)
        name = f"raw socket, {raw.dropped} connections dropped" if drops else "raw socket"
        self.line(name, kind, report, raw.received, raw.refused)


async def real() -> None:
    runs = Real(RateLimit(30, 2.0))
    for kind in LIMITERS:
        await runs.emulator(kind, 500)
    for kind, drops in (*((kind, 0.0) for kind in LIMITERS), ("sliding", 0.1)):
        await runs.raw(kind, 500, drops)


async def minute() -> None:
    runs = Real(RateLimit())
    each = [run for kind in LIMITERS for run in (runs.emulator(kind, 600), runs.raw(kind, 600, 0.0))]

    async def later(seconds: float, run: Coroutine[None, None, None]) -> None:
        await asyncio.sleep(seconds)
        await run

    # A run is two bursts and a minute of waiting between them, in which those of the others take place.
    await asyncio.gather(*(later(3.0 * number, run) for number, run in enumerate(each)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", action="store_true", help="real sockets and real time, about five minutes")
    parser.add_argument("--minute", action="store_true", help="the same with the real limit, all servers side by side")
    arguments = parser.parse_args()
    # The pauses are what is measured here, in figures.
    logging.getLogger("partoo_async").setLevel(logging.ERROR)
    if arguments.minute:
        asyncio.run(minute())
    elif arguments.real:
        asyncio.run(real())
    else:
        virtual()


if __name__ == "__main__":
    main()
