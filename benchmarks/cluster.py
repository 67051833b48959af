"""How much memory a scan on a Dask cluster takes, of each process, whatever its size.

    python -m benchmarks.cluster                    # five minutes: 1,000, 10,000 and 100,000 groups, and a journal
    python -m benchmarks.cluster --groups 1000

A scheduler, three workers, the driver and the server are a process each, on this host. What is measured is the peak of
the resident memory of each process, the interpreter and its libraries included. There is no quota: with one, 100,000
groups take five and a half hours. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

_PER_SECTION = 1_000
_BUSINESSES = ",".join(f'"5409c35a97bbc544{number:08x}"' for number in range(10))
_WORKERS = 3


def answer(path: str) -> str:
    parts = path.split("/")[3:]  # "", "v2", "sections"
    if len(parts) == 1:
        first = int(parts[0]) * _PER_SECTION
        groups = ",".join(
            f'{{"id":{number},"name":"Group {number}","has_puller":false}}'
            for number in range(first, first + _PER_SECTION)
        )
        return f'{{"id":{parts[0]},"name":"S","groups":[{groups}],"can_edit":true,"has_puller":false}}'
    return f'{{"id":{parts[2]},"name":"Group {parts[2]}","has_puller":false,"business_ids":[{_BUSINESSES}]}}'


async def serve() -> None:
    """Serve any section, with a thousand groups."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                body = answer(head.split(" ")[1])
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2", flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def drive(file: str, url: str, groups: int, journals: str | None) -> None:
    """Run one scan, and print how many groups came, in how many seconds."""
    from distributed import Client  # noqa: PLC0415 - only this process needs it

    from partoo_async import Organization  # noqa: PLC0415
    from partoo_async.distributed import distributed_scan  # noqa: PLC0415

    organizations = {"all": Organization("key", range(groups // _PER_SECTION))}
    options: dict[str, Any] = {"server": url, "rate_limit": None, "journals": journals}
    started, count = time.perf_counter(), 0
    async with Client(scheduler_file=file, asynchronous=True) as client:
        async for _, item in distributed_scan(organizations, client=client, **options):
            assert getattr(item, "error", item) is None, item
            count += 1
    assert count == groups, count
    print(json.dumps([time.perf_counter() - started, peak("self")]))


def peak(process: int | str) -> float:
    """The peak of the resident memory in MB, by Linux."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(groups: int, *, journal: bool) -> list[float]:
    """Return the seconds, and the peaks of the driver, the scheduler and the largest worker in MB."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        file = str(Path(folder) / "scheduler.json")

        def start(*words: str, **options: Any) -> subprocess.Popen[str]:
            process = stack.enter_context(subprocess.Popen([sys.executable, "-m", *words], text=True, **options))
            stack.callback(process.kill)
            return process

        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        server = start("benchmarks.cluster", "--serve", **pipes)
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        quiet = {"stderr": subprocess.DEVNULL}
        local = ("--host", "127.0.0.1", "--scheduler-file", file, "--no-dashboard")
        scheduler = start("distributed.cli.dask_scheduler", *local, "--port", "0", **quiet)
        workers = [
            start("distributed.cli.dask_worker", *local, "--no-nanny", "--nthreads", "4", **quiet)
            for _ in range(_WORKERS)
        ]
        time.sleep(5)  # until all have registered
        words = ["--drive", file, url, str(groups), *([str(Path(folder) / "journals")] if journal else [])]
        command = [sys.executable, "-m", "benchmarks.cluster", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        seconds, driver = json.loads(done.stdout)
        return [seconds, driver, peak(scheduler.pid), max(peak(worker.pid) for worker in workers)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of a scan on a cluster.")
    parser.add_argument("--groups", type=int, help="only so many, a multiple of 1,000")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--drive", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve())
        return
    if chosen.drive:
        file, url, groups, *rest = chosen.drive
        asyncio.run(drive(file, url, int(groups), rest[0] if rest else None))
        return
    print("| groups | journal | seconds | driver | scheduler | worker |\n|---:|---|---:|---:|---:|---:|", flush=True)
    sizes = [chosen.groups] if chosen.groups else [1_000, 10_000, 100_000]
    for groups, journal in [*((size, False) for size in sizes), (sizes[-1], True)]:
        seconds, *peaks = measure(groups, journal=journal)
        cells = " | ".join(f"{mb:.0f} MB" for mb in peaks)
        print(f"| {groups:,} | {'yes' if journal else 'no'} | {seconds:.0f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
