"""Where the client's time goes when all is well, by function.

    python -m benchmarks.profile_get                       # groups.get, 50 businesses, 50 in flight
    python -m benchmarks.profile_get partoo_scan --lines 60
    python -m benchmarks.profile_get textbook              # what aiohttp alone spends

The profiler makes small functions look slower than they are; benchmarks.bench says what a change is worth. Prints
markdown; microseconds are per request.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import importlib
import os
import pstats
import re
from collections import Counter

from benchmarks.bench_report import head, row
from benchmarks.bench_server import serving
from benchmarks.clients import CLIENTS

# The part of a path that says whose code it is: an installed library, or what Python brings along.
_INSTALLED = re.compile(r".*/site-packages/")
_STANDARD = re.compile(r".*/lib/python3\.\d+/")


def place(file: str) -> str:
    """A path without where it happens to be installed."""
    if file == "~":
        return "built in"
    return _STANDARD.sub("", _INSTALLED.sub("", file)).removeprefix(os.getcwd() + os.sep)


async def profile(client: str, url: str, size: int, concurrency: int, seconds: float) -> tuple[int, cProfile.Profile]:
    profiler = cProfile.Profile()
    async with importlib.import_module(f"benchmarks.clients.{client}").connect(url, concurrency) as run:
        await run(size, 0.5)
        profiler.enable()
        requests = await run(size, seconds)
        profiler.disable()
    return requests, profiler


def tables(requests: int, profiler: cProfile.Profile, lines: int) -> None:
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    owners: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, _) in stats.items():
        owners[place(file).partition(os.sep)[0].removesuffix(".py")] += own
    head("own µs", "package")
    for owner, own in owners.most_common(12):
        row(f"{own / requests * 1e6:.1f}", owner)
    head("own µs", "with callees", "calls", "function")
    functions = sorted(stats.items(), key=lambda item: item[1][2], reverse=True)
    for (file, line, name), (_, calls, own, total, _) in functions[:lines]:
        where = f"{name}" if file == "~" else f"{place(file)}:{line} {name}"
        row(f"{own / requests * 1e6:.2f}", f"{total / requests * 1e6:.2f}", f"{calls / requests:.2f}", where)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", nargs="?", default="partoo_get", choices=CLIENTS)
    parser.add_argument("--size", type=int, default=50, help="businesses of a group")
    parser.add_argument("--concurrency", type=int, default=50, help="requests in flight")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--lines", type=int, default=40, help="how many functions are listed")
    arguments = parser.parse_args()
    with serving([arguments.size], None) as (url, _):
        requests, profiler = asyncio.run(
            profile(arguments.client, url, arguments.size, arguments.concurrency, arguments.seconds)
        )
    print(f"{CLIENTS[arguments.client]}: {requests:,} requests profiled")
    tables(requests, profiler, arguments.lines)


if __name__ == "__main__":
    main()
