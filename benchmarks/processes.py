"""Real processes that share a quota by a file or by Redis, and what goes wrong: the ledger's figures as a table.

    python -m benchmarks.processes              # some ten minutes; needs redis-server, and libfaketime for one row
    python -m benchmarks.processes --real       # and the real scale: 300 requests a minute
    python -m benchmarks.processes --only lock  # rows whose name has this

Three processes scan 100 groups each, 30 requests in 2 s, with responses after 5 ms. ``max`` is the most arrivals in any
window, ``optimum`` the seconds that as many requests take at the least. Exits with 1 if any row broke the limit or
showed an error to a caller.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.support import events
from tests.support.processes import Outcome, run

PYTHON = [sys.executable, "-W", "error"]
AHEAD = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
HOUR = os.environ | {"LD_PRELOAD": AHEAD, "FAKETIME": "+3600s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@define
class Row:
    name: str
    stores: str = "file redis"
    event: events.Event | None = None
    options: dict[str, Any] = field(factory=lambda: {"groups": 100})


ROWS = [
    Row("3 x 170", options={"groups": 170}),
    Row("12 x 20", options={"groups": 20, "workers": 12}),
    Row("interactive beside a scan", options={"groups": 250, "workers": 1, "interactive": 20}),
    Row("kill -9 of a process", event=events.kill(4.0)),
    Row("SIGSTOP of a process for 4 s", event=events.freeze(4.0, 4.0)),
    Row("one 429, Retry-After 3", event=events.refuse(4.0, 3)),
    Row("one wall clock an hour ahead", options={"groups": 60, "environments": [HOUR]}),
    Row("Redis SIGSTOP for 7 s", "redis", events.freeze_redis(4.0, 7.0)),
    Row("Redis killed, back empty after 7 s", "redis", events.restart_redis(4.0, 7.0)),
    Row("Redis killed, back empty at once", "redis", events.restart_redis(4.0, 0.0)),
    # In the middle of the second window: 60 requests are left, for 9 of each window of 2 s.
    Row("Redis killed for good", "redis", events.kill_redis(3.0), {"groups": 40}),
    Row("Redis back with a dump of 4 s ago", "redis", events.restart_redis(6.0, 0.0, saved=2.0)),
    Row("FLUSHALL three times", "redis", events.tell_redis("FLUSHALL", 3.0, 6.0, 9.0)),
    Row("SCRIPT FLUSH", "redis", events.tell_redis("SCRIPT FLUSH", 4.0)),
    Row("file removed", "file", events.remove(4.0)),
    Row("file overwritten", "file", events.overwrite(4.0)),
    Row("file locked for 6 s", "file", events.lock(4.0, 6.0)),
]
REAL = [Row("300 in 60 s, 3 x 300", options={"groups": 300, "limit": 300, "per": 60.0})]


async def measure(row: Row, store: str) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return await run(PYTHON, Path(folder), store, event=row.event, **row.options)


def line(row: Row, store: str, found: Outcome) -> str:
    notes = [f"lag {found.lag:.2f} s"]
    calls = sorted(seconds for result in found.results for seconds in result.get("latencies", ()))
    if calls:
        middle, late = statistics.median(calls), calls[int(len(calls) * 0.9)]
        notes.append(f"calls: p50 {middle * 1000:.1f} ms, p90 {late:.2f} s, max {calls[-1]:.2f} s")
    if found.refused:
        gap = max((after - before, before) for before, after in zip(found.stamps, found.stamps[1:], strict=False))
        notes.append(f"{found.refused} refused; longest silence {gap[0]:.2f} s")
    warnings = sum("WARNING" in entry or "away" in entry for entry in found.logs)
    notes += [f"{warnings} warnings"] if warnings else []
    notes += [f"{len(found.failed)} FAILED: {found.failed[0]}"] if found.failed else []
    figures = f"{found.busiest} of {found.limit} | {found.took:.1f} | {found.optimum:.1f} | {found.ratio:.3f}"
    return f"| {row.name} | {store} | {figures} | {', '.join(notes)} |"


async def main(chosen: list[Row]) -> int:
    print("| | store | max | s | optimum | ratio | |\n|---|---|---|---|---|---|---|", flush=True)
    bad = 0
    for row in chosen:
        for store in row.stores.split():
            found = await measure(row, store)
            bad += found.busiest > found.limit or bool(found.failed)
            print(line(row, store, found), flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    rows = [*ROWS, *(REAL if given.real else [])]
    sys.exit(asyncio.run(main([row for row in rows if given.only.lower() in row.name.lower()])))
