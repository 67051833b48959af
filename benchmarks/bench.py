"""What a request costs the client, as a ratio to the bare aiohttp of a textbook.

    python -m benchmarks.bench --quick     # this package alone, 50 businesses: under a minute
    python -m benchmarks.bench             # every client, size and concurrency, with and without uvloop: half an hour

Every client runs in a process of its own on one core, the server on another. They take turns in short rounds, and the
ratios are those of the CPU time (user and system) per request within one round: seconds drift with the machine, ratios
much less. Prints markdown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench_generate import generate
from benchmarks.bench_report import Cell, head, machine, ratios, row, summary
from benchmarks.bench_server import serving
from benchmarks.clients import CLIENTS
from benchmarks.figures import keep, parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

BASE = "textbook"
OURS = (BASE, "partoo_get", "partoo_session", "partoo_scan")


class Worker:
    """One client in its process. ``missing`` says why there is none."""

    def __init__(self, client: str, process: subprocess.Popen[str]) -> None:
        self.client = client
        self.process = process
        self.missing: str | None = self._answer().get("missing")

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.client} ended with exit code {self.process.wait()}")
        return json.loads(line)

    def ask(self, *command: float) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._answer()


@contextmanager
def working(client: str, url: str, core: int | None, path: str, *, uvloop: bool) -> Iterator[Worker]:
    options = [*([] if core is None else ["--core", str(core)]), *(["--uvloop"] if uvloop else [])]
    command = [sys.executable, "-m", "benchmarks.bench_worker", client, url, *options]
    places = os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": places}
    ) as process:
        yield Worker(client, process)


def cores() -> tuple[int | None, int | None]:
    """One for the server and one for the clients; none where there is only one or where processes cannot be pinned."""
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (there[0], there[-1]) if len(there) > 1 else (None, None)


def measure(workers: Sequence[Worker], concurrency: int, size: int, arguments: argparse.Namespace) -> Cell:
    """Let the workers take turns, each round in another order, and return the seconds of CPU per request."""
    for worker in workers:
        worker.ask(concurrency, size)
    cell: Cell = {worker.client: [] for worker in workers}
    for turn in range(arguments.rounds):
        start = turn % len(workers)
        for worker in [*workers[start:], *workers[:start]]:
            requests, seconds = worker.ask(arguments.seconds)
            cell[worker.client].append(seconds / requests)
    return cell


def compare(arguments: argparse.Namespace, url: str, core: int | None, path: str, *, uvloop: bool) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(working(client, url, core, path, uvloop=uvloop)) for client in arguments.clients]
        present = [worker for worker in workers if worker.missing is None]
        if BASE not in {worker.client for worker in present}:
            print(f"\nNothing with uvloop: {workers[0].missing}" if uvloop else workers[0].missing)
            return
        print(f"\n### {'uvloop' if uvloop else 'asyncio'}")
        for worker in workers:
            if worker.missing is not None:
                print(f"\n{CLIENTS[worker.client]} was not measured: {worker.missing}.")
        for size in arguments.sizes:
            cells = [measure(present, concurrency, size, arguments) for concurrency in arguments.concurrency]
            print(f"\n{size:,} businesses; requests in flight:")
            head("client", *(str(concurrency) for concurrency in arguments.concurrency))
            for worker in present:
                row(CLIENTS[worker.client], *(summary(cell, worker.client, BASE) for cell in cells))
                for concurrency, cell in zip(arguments.concurrency, cells, strict=True):
                    name = f"{CLIENTS[worker.client]}, {size} businesses, {concurrency} in flight"
                    found = ratios(cell, worker.client, BASE)
                    keep(arguments.json, "clients" if not uvloop else "clients, uvloop", name, found, "of textbook")


def options() -> argparse.Namespace:
    taken = parser(__doc__)
    taken.add_argument("--clients", nargs="+", choices=CLIENTS, help=f"compared with {BASE}")
    taken.add_argument("--sizes", nargs="+", type=int, help="businesses of a group")
    taken.add_argument("--concurrency", nargs="+", type=int, default=[1, 10, 50, 200], help="requests in flight")
    taken.add_argument("--loops", nargs="+", choices=("asyncio", "uvloop"))
    taken.add_argument("--seconds", type=float, help="how long a round lasts for each client")
    taken.add_argument("--no-nginx", action="store_true", help="take the server of ours even where nginx is there")
    arguments = taken.parse_args()
    quick = arguments.quick
    arguments.clients = list(dict.fromkeys([BASE, *(arguments.clients or (OURS if quick else CLIENTS))]))
    arguments.sizes = arguments.sizes or ([50] if quick else [3, 50, 500, 2000])
    arguments.loops = arguments.loops or (["asyncio"] if quick else ["asyncio", "uvloop"])
    arguments.rounds = arguments.rounds or 7
    arguments.seconds = arguments.seconds or (0.4 if quick else 0.5)
    return arguments


def main() -> None:
    arguments = options()
    server_core, client_core = cores()
    with (
        tempfile.TemporaryDirectory() as path,
        serving(arguments.sizes, server_core, nginx=not arguments.no_nginx) as (url, server),
    ):
        print(machine(server, pinned=client_core is not None))
        for failure in generate(arguments.clients, Path(path)):
            print(f"\n{failure}")
        for loop in arguments.loops:
            compare(arguments, url, client_core, path, uvloop=loop == "uvloop")


if __name__ == "__main__":
    main()
