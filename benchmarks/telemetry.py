"""What ``Telemetry`` adds to the CPU time of a call, as a ratio to the same call without it.

    python -m benchmarks.telemetry               # a minute
    python -m benchmarks.telemetry --rounds 15   # steadier

Each client has a process of its own, and they take turns, as in ``benchmarks.bench``. Prints markdown.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack

from benchmarks.bench import cores, measure, working
from benchmarks.bench_report import head, row, summary
from benchmarks.bench_server import serving

BASE = "partoo_get"
CLIENTS = {
    BASE: "without telemetry",
    "telemetry_api": "no SDK",
    "telemetry_sampled": "SDK, one trace of a hundred",
    "telemetry_sdk": "SDK, every trace",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concurrency", nargs="+", type=int, default=[1, 50], help="requests in flight")
    parser.add_argument("--size", type=int, default=50, help="businesses of a group")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--no-nginx", action="store_true", help="take the server of ours even where nginx is there")
    arguments = parser.parse_args()
    server_core, core = cores()
    with ExitStack() as stack:
        path = stack.enter_context(tempfile.TemporaryDirectory())
        url, _ = stack.enter_context(serving([arguments.size], server_core, nginx=not arguments.no_nginx))
        workers = [stack.enter_context(working(client, url, core, path, uvloop=False)) for client in CLIENTS]
        cells = [measure(workers, concurrency, arguments.size, arguments) for concurrency in arguments.concurrency]
    head("telemetry", *(f"{concurrency} in flight" for concurrency in arguments.concurrency))
    for client, name in CLIENTS.items():
        row(name, *(summary(cell, client, BASE) for cell in cells))


if __name__ == "__main__":
    main()
