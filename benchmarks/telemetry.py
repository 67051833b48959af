"""What ``Telemetry`` adds to the CPU time of a call, as a ratio to the same call without it.

    python -m benchmarks.telemetry               # a minute
    python -m benchmarks.telemetry --rounds 15   # steadier

Each client has a process of its own, and they take turns, as in ``benchmarks.bench``. By hand: a span and a value
around a call without ``Telemetry``, which is what OpenTelemetry takes by itself. Prints markdown.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack

from benchmarks.bench import cores, measure, working
from benchmarks.bench_report import head, ratios, row, summary
from benchmarks.bench_server import serving
from benchmarks.figures import keep, parser

BASE = "partoo_get"
CLIENTS = {
    BASE: "without telemetry",
    "telemetry_api": "no SDK",
    "telemetry_sampled": "SDK, one trace of a hundred",
    "telemetry_sdk": "SDK, every trace",
    "telemetry_by_hand": "SDK, every trace, by hand",
}
GOALS = {"telemetry_api": 1.05, "telemetry_sdk": 1.6}


def main() -> None:
    taken = parser(__doc__)
    taken.add_argument("--concurrency", nargs="+", type=int, default=[1, 50], help="requests in flight")
    taken.add_argument("--size", type=int, default=50, help="businesses of a group")
    taken.add_argument("--seconds", type=float, help="how long a round lasts for each")
    taken.add_argument("--no-nginx", action="store_true", help="take the server of ours even where nginx is there")
    arguments = taken.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 7)
    arguments.seconds = arguments.seconds or (0.05 if arguments.quick else 0.5)
    server_core, core = cores()
    with ExitStack() as stack:
        path = stack.enter_context(tempfile.TemporaryDirectory())
        url, _ = stack.enter_context(serving([arguments.size], server_core, nginx=not arguments.no_nginx))
        workers = [stack.enter_context(working(client, url, core, path, uvloop=False)) for client in CLIENTS]
        cells = [measure(workers, concurrency, arguments.size, arguments) for concurrency in arguments.concurrency]
    head("telemetry", *(f"{concurrency} in flight" for concurrency in arguments.concurrency))
    for client, name in CLIENTS.items():
        row(name, *(summary(cell, client, BASE) for cell in cells))
        for concurrency, cell in zip(arguments.concurrency, cells, strict=True):
            goal = GOALS.get(client)
            found = ratios(cell, client, BASE)
            keep(arguments.json, "telemetry", f"{name}, {concurrency} in flight", found, "of none", goal=goal)


if __name__ == "__main__":
    main()
