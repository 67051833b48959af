"""Ten minutes of bad weather: 50 callers and three scans with journals against an emulator that fails one GET in five.

    python -m benchmarks.soak                 # ten minutes
    python -m benchmarks.soak --seconds 60

Every call has to end in the right result, in an error of ours, or in the cancellation that was asked for; every scan
has to give every group once; no window of the server may see more than the limit; and between the beginning and the
end, memory, sockets and tasks must not have grown. Prints its figures, and exits with 1 if any of that is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import resource
import ssl
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

from attrs import define, field

from partoo_async import Event, NotFoundError, PartooClient, PartooError, RateLimit, RequestEvent, RetryPolicy
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator

KEY = "soak-key"
# A request that was given up may reach a busy server late. A sixtieth of the window is allowed for that: a second of
# the real minute, and here a tenth of one.
LIMIT = RateLimit(1800, 6.0)
GROUPS = 60
SECTIONS = (1, 2, 3)
CHAOS = 0.2
MEBIBYTE = 2**20
MOST_GROWTH = 8 * MEBIBYTE


async def serve() -> None:
    # In a process of its own, so that what it remembers is not taken for growth of the client.
    sections = [
        EmulatedSection(number, f"S{number}", {one: EmulatedGroup(one, f"G{one}") for one in range(GROUPS)})
        for number in SECTIONS
    ]
    async with Emulator(
        sections=sections, api_key=KEY, rate_limit=LIMIT, chaos=CHAOS, latency=(0.0, 0.02), seed=1
    ) as emulator:
        print(emulator.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)  # until the client closes it
        print(json.dumps({"seen": len(emulator.requests), "busiest": emulator.busiest_window()}), flush=True)


def resident() -> int:
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * resource.getpagesize() if path.exists() else 0


def descriptors() -> int:
    path = Path("/proc/self/fd")
    return len(os.listdir(path)) if path.exists() else 0


@define
class Samples:
    # One of each kind a second, without the time in which caches fill.
    memory: list[float] = field(factory=list)
    sockets: list[float] = field(factory=list)
    tasks: list[float] = field(factory=list)

    async def take(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            gc.collect()
            self.memory.append(resident())
            self.sockets.append(descriptors())
            self.tasks.append(len(asyncio.all_tasks()))

    @staticmethod
    def growth(values: list[float]) -> float:
        # Medians of the second quarter and of the last: the first is warming up, single values are noise.
        quarter = max(1, len(values) // 4)
        return statistics.median(values[-quarter:]) - statistics.median(values[quarter : 2 * quarter] or values)


@define
class Soak:
    client: PartooClient
    folder: Path
    until: float
    outcomes: Counter[str] = field(factory=Counter)
    wrong: list[str] = field(factory=list)
    chance: random.Random = field(factory=lambda: random.Random(5))

    @property
    def over(self) -> bool:
        return asyncio.get_running_loop().time() >= self.until

    async def call(self) -> str:
        section, group = self.chance.choice(SECTIONS), self.chance.randrange(GROUPS + 5)
        kind = self.chance.randrange(4)
        try:
            if kind == 0:
                page = await self.client.sections.list()
                return "done" if [one.id for one in page.sections] == list(SECTIONS) else "wrong"
            if kind == 1:
                answer = await self.client.request("GET", f"/sections/{section}/groups/{group}")
                return "done" if answer["id"] == group else "wrong"
            found = await self.client.groups.get(section, group)
        except NotFoundError:
            return "missing" if group >= GROUPS and kind else "wrong"
        except PartooError as error:
            return type(error).__name__
        return "done" if (found.id, found.name) == (group, f"G{group}") else "wrong"

    async def caller(self) -> None:
        while not self.over:
            task = asyncio.create_task(self.call())
            if self.chance.random() < 0.05:
                await asyncio.sleep(self.chance.random() * 0.05)
                task.cancel()
            await asyncio.wait([task])
            error = None if task.cancelled() else task.exception()
            outcome = "cancelled" if task.cancelled() else "wrong" if error else task.result()
            self.outcomes[outcome] += 1
            if outcome == "wrong":
                self.wrong.append(repr(error))

    async def scans(self, section: int) -> None:
        number = 0
        while not self.over:
            number += 1
            path = self.folder / f"{section}-{number}.db"
            # Left in the middle, and gone on with.
            try:
                async with self.client.scan(section, journal=path) as scan:
                    async for item in scan:
                        if item.group_id is not None and self.chance.random() < 0.05:
                            break
                report = await self.client.scan(section, journal=path, resume=True).collect()
            except PartooError as error:
                self.outcomes[f"scan {type(error).__name__}"] += 1
                continue
            finally:
                path.unlink(missing_ok=True)
            ids = [item.group_id for item in report.items]
            # A section that could not be read even so is one outcome, beside those that were recorded before.
            whole = len({*ids}) == len(ids) and (None in ids or {*ids} == {*range(GROUPS)})
            self.outcomes["scan done" if whole else "wrong"] += 1
            if not whole:
                self.wrong.append(f"scan of {section}: {ids}")


async def weather(url: str, seconds: float, callers: int, folder: Path) -> tuple[Soak, Samples, Counter[str]]:
    told: Counter[str] = Counter()

    def note(event: Event) -> None:
        told[type(event).__name__ if not isinstance(event, RequestEvent) else f"request {event.error or 'ok'}"] += 1

    samples = Samples()
    async with PartooClient(
        KEY,
        server=url,
        timeout=20.0,
        attempt_timeout=0.4,
        retry=RetryPolicy(initial_backoff=0.02, max_backoff=0.2),
        rate_limit=LIMIT,
        ssl_context=ssl.create_default_context(),  # here, so that no attempt's time contains it
        on_event=note,
    ) as client:
        soak = Soak(client, folder, asyncio.get_running_loop().time() + seconds)
        sampler = asyncio.create_task(samples.take(max(0.2, min(1.0, seconds / 40))))
        await asyncio.gather(*(soak.caller() for _ in range(callers)), *(soak.scans(one) for one in SECTIONS))
        sampler.cancel()
        await asyncio.wait([sampler])
        state = repr(client.session.context.concurrency)
        if "0 of 32 in flight, 0 waiting" not in state or client.quota.waiting:
            soak.wrong.append(f"left behind: {state}, {client.quota}")
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        soak.wrong.append(f"tasks left behind: {left}")
    return soak, samples, told


async def main(seconds: float, callers: int) -> int:
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.soak", "--serve"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    url = (await server.stdout.readline()).decode().strip()
    with tempfile.TemporaryDirectory() as folder:
        soak, samples, told = await weather(url, seconds, callers, Path(folder))
    server.stdin.close()
    seen = json.loads(await server.stdout.read())
    await server.wait()
    memory, sockets, tasks = (samples.growth(one) for one in (samples.memory, samples.sockets, samples.tasks))
    sent = sum(count for kind, count in told.items() if kind.startswith("request"))
    print(f"outcomes:  {dict(soak.outcomes.most_common())}")
    print(f"events:    {dict(told.most_common())}")
    print(f"requests:  {sent} told of, {seen['seen']} seen by the server; busiest window {seen['busiest']}")
    print(
        f"growth:    {memory / MEBIBYTE:.1f} MiB of {resident() / MEBIBYTE:.0f}, {sockets:+g} files, {tasks:+g} tasks"
    )
    wrong = [*soak.wrong[:10]]
    if seen["busiest"] > LIMIT.requests:
        wrong.append(f"more than {LIMIT.requests} requests in a window")
    # What was cancelled may have arrived without an event; a scan that is left cancels what it has in flight.
    scans = sum(count for kind, count in soak.outcomes.items() if kind.startswith("scan"))
    if not sent <= seen["seen"] <= sent + soak.outcomes["cancelled"] + 32 * (scans + len(SECTIONS)):
        wrong.append("the server saw other requests than the client told of")
    if memory > MOST_GROWTH or sockets > 64 or tasks > 2 * callers:
        wrong.append("something grows")
    print("\n".join(["wrong:", *wrong]) if wrong else "all is well")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--callers", type=int, default=50)
    parser.add_argument("--serve", action="store_true", help="be the server, for the client that started this")
    given = parser.parse_args()
    sys.exit(asyncio.run(serve() if given.serve else main(given.seconds, given.callers)))
