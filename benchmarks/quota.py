"""How long scans take under a quota, and how many 429s they meet.

    python -m benchmarks.quota            # real limit (300 a minute), virtual time: seconds of wall time
    python -m benchmarks.quota --real     # scaled-down limit (30 in 2 s) on real sockets: five minutes

Both run whole scans with the client as it is. The first replaces its transport with a simulated network and its
event loop's clock with a faked one; the second replaces nothing. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import random
import time
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from partoo_async import PartooClient, RateLimit, ScanReport, Server
from partoo_async._http import Response
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.emulator.requestlog import busiest_window
from partoo_async.emulator.windows import WINDOWS, Clock, Window
from tests.virtual import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

# The servers


@define
class WeightedCounter:
    """A counter for each minute of the clock; the one before counts by the part of it that the last minute covers.

    The usual approximation of a sliding window with two numbers. It takes a burst for evenly spread requests.
    """

    limit: RateLimit
    clock: Clock
    _minute: float = field(init=False, default=-math.inf)
    _before: int = field(init=False, default=0)
    _count: int = field(init=False, default=0)

    def admit(self) -> float:
        now, per = self.clock(), self.limit.per
        minute = math.floor(now / per)
        if minute > self._minute:
            self._before = self._count if minute == self._minute + 1 else 0
            self._minute, self._count = minute, 0
        passed = now / per - minute
        if self._before * (1 - passed) + self._count + 1 <= self.limit.requests:
            self._count += 1
            return 0.0
        left = self.limit.requests - self._count - 1
        return per * ((1 - left / self._before if left >= 0 and self._before else 1.0) - passed)


KINDS: dict[str, tuple[str, Callable[[RateLimit, Clock], Window]]] = {
    "fixed": ("fixed window", WINDOWS["fixed"]),
    "sliding": ("sliding window", WINDOWS["sliding"]),
    "sliding_counts_rejects": ("sliding, counts rejects", WINDOWS["sliding_counts_rejects"]),
    "token_bucket": ("token bucket", WINDOWS["token_bucket"]),
    "weighted": ("weighted two-window counter", WeightedCounter),
}


def optimum(kind: str, requests: int, limit: RateLimit) -> float:
    """The least seconds that the server allows, with answers in no time."""
    if kind == "token_bucket":
        return max(0.0, (requests - limit.requests) * limit.per / limit.requests)
    return (math.ceil(requests / limit.requests) - 1) * limit.per


def ratio(seconds: float, best: float) -> str:
    return f"{seconds / best:.3f}" if best else "-"


# Virtual time


class SimulatedTransport:
    """A network and a server in place of the client's connections: 20 to 200 ms each way, whole-second Retry-After."""

    closed = False

    def __init__(self, window: Window, seed: int) -> None:
        self.window = window
        self.random = random.Random(seed)
        self.received: list[float] = []
        self.refused: list[float] = []

    async def exchange(self, server: Server, request: Any, key: Any, until: float) -> Response:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.random.uniform(0.02, 0.2))
        self.received.append(loop.time())
        wait = self.window.admit()
        await asyncio.sleep(self.random.uniform(0.02, 0.2))
        if wait:
            self.refused.append(loop.time())
            return Response(429, {"Retry-After": str(math.ceil(wait))}, b"{}")
        group = request.path.rpartition("/")[2].encode()
        return Response(200, {}, b'{"id": %b, "name": "G", "has_puller": false, "business__in": []}' % group)

    async def ready(self, *_: object) -> None:
        pass

    async def aclose(self) -> None:
        pass


@frozen
class Outcome:
    """What one scan took. ``most_refused``: 429s in the worst minute."""

    seconds: float
    refused: int
    most_refused: int
    failed: int


async def simulate(
    kind: str, requests: int, limit: RateLimit, *, spent: bool = False, other: float = 0.0, phase: float = 0.0
) -> Outcome:
    """Run one scan. ``other``: requests a second of another consumer; ``phase``: how far the server's clock is off."""
    loop = asyncio.get_running_loop()
    window = KINDS[kind][1](RateLimit(limit.requests, limit.per), lambda: loop.time() + phase)
    if spent:
        while not window.admit():
            pass
    transport = SimulatedTransport(window, requests)

    async def consume() -> None:
        while True:
            window.admit()
            await asyncio.sleep(1 / other)

    consumer = asyncio.create_task(consume()) if other else None
    client = PartooClient("key", server="http://127.0.0.1:9/v2", rate_limit=limit)
    client.session.transport = transport  # type: ignore[assignment]
    async with client:
        report = await client.scan(7, group_ids=range(requests)).collect()
    if consumer is not None:
        consumer.cancel()
    assert len({item.group_id for item in report.items}) == requests
    assert busiest_window(transport.received, limit.per) <= limit.requests
    refused = transport.refused
    return Outcome(report.seconds, len(refused), busiest_window(refused, limit.per), len(report.failed))


def worst(kind: str, requests: int, limit: RateLimit, **options: Any) -> Outcome:
    """The slowest run. Only the counter that is tied to the server's clock depends on when a scan begins."""
    phases = range(0, 60, 10) if kind == "weighted" else (0,)
    runs = [run_virtual(simulate(kind, requests, limit, phase=phase, **options)) for phase in phases]
    return max(runs, key=lambda run: run.seconds)


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells: str) -> None:
    print()
    row(*cells)
    row(*("---" for _ in cells))


def virtual() -> None:
    burst, smooth = RateLimit(), RateLimit(pacing="smooth")
    counts = (100, 300, 1000, 5000)
    print("\nSeconds / optimum / 429s:")
    head("server", "pacing", *(f"N = {count:,}" for count in counts))
    for pacing, limit in (("burst", burst), ("smooth", smooth)):
        for kind, (name, _) in KINDS.items():
            runs = [(worst(kind, count, limit), optimum(kind, count, limit)) for count in counts]
            row(name, pacing, *(f"{run.seconds:.1f} / {best:.0f} / {run.refused}" for run, best in runs))
    print("\nN = 1,000 while somebody else uses the same quota: seconds / 429s / 429s in the worst minute:")
    head("somebody else", "server", "burst", "smooth", "burst, share=0.5")
    for text, options in (("has just spent it", {"spent": True}), ("takes half", {"other": 2.5})):
        for kind, (name, _) in KINDS.items():
            runs_of_kind = [worst(kind, 1000, limit, **options) for limit in (burst, smooth, RateLimit(share=0.5))]
            assert not any(run.failed for run in runs_of_kind)
            row(text, name, *(f"{run.seconds:.1f} / {run.refused} / {run.most_refused}" for run in runs_of_kind))


# Real sockets


class RawServer:
    """Plain asyncio, not the emulator: reads and counts requests, and hangs up on a part of them without an answer."""

    def __init__(self, window: Window, drops: float, seed: int = 1) -> None:
        self.window = window
        self.drops = drops
        self.random = random.Random(seed)
        self.received: list[float] = []
        self.refused = self.dropped = 0

    async def __aenter__(self) -> Server:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return Server("raw", f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v2")

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.received.append(loop.time())
                wait = self.window.admit()
                if self.random.random() < self.drops:
                    self.dropped += 1
                    return
                group = request.split(b" ", 2)[1].rpartition(b"/")[2]
                body = b'{"id": %b, "name": "G", "has_puller": false, "business__in": []}' % group
                top = b"200 OK"
                if wait:
                    self.refused += 1
                    top, body = b"429 Too Many Requests\r\nRetry-After: %.2f" % (wait + 0.01), b"{}"
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (top, len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def scan(server: Server, requests: int, limit: RateLimit) -> ScanReport:
    async with PartooClient("emulator-key", server=server, rate_limit=limit) as client:
        report = await client.scan(7, group_ids=range(requests)).collect()
    report.raise_for_failures()
    assert len({item.group_id for item in report.items}) == requests
    return report


async def real() -> None:
    limit, requests = RateLimit(30, 2.0), 500
    head("server", "window", "sends", "seconds", "optimum", "ratio", "429s", "busiest window")

    def result(server: str, kind: str, report: ScanReport, received: list[float], refused: int) -> None:
        best = optimum(kind, len(received), limit)
        times = f"{report.seconds:.2f}", f"{best:.2f}", ratio(report.seconds, best)
        row(server, KINDS[kind][0], len(received), *times, refused, busiest_window(received, limit.per))

    for kind in WINDOWS:
        groups = {number: EmulatedGroup(number, f"G{number}") for number in range(requests)}
        async with Emulator(
            sections=[EmulatedSection(7, "S", groups)],
            rate_limit=limit,
            window=kind,  # type: ignore[arg-type]
        ) as emulator:
            report = await scan(emulator.server, requests, limit)
            refused = sum(seen.status == 429 for seen in emulator.requests)
            result("emulator", kind, report, [seen.time for seen in emulator.requests], refused)
    for kind, drops in (*((kind, 0.0) for kind in WINDOWS), ("sliding", 0.1)):
        raw = RawServer(WINDOWS[kind](limit, time.monotonic), drops)
        async with raw as server:
            report = await scan(server, requests, limit)
        name = f"raw socket, {raw.dropped} connections dropped" if drops else "raw socket"
        result(name, kind, report, raw.received, raw.refused)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", action="store_true", help="real sockets and real time, about five minutes")
    arguments = parser.parse_args()
    # The pauses are what is measured here, in figures.
    logging.getLogger("partoo_async").setLevel(logging.ERROR)
    if arguments.real:
        asyncio.run(real())
    else:
        virtual()


if __name__ == "__main__":
    main()
