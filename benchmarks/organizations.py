"""What it costs to scan hundreds of organizations in one process.

    python -m benchmarks.organizations              # a minute: 300 organizations of 20 sections with a group each
    python -m benchmarks.organizations --organizations 1000

The server is a process of its own, and answers 20 to 40 ms later; so is each run:
what is measured is that process alone, from its start. One organization has a wrong key. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Nothing of the package is imported up here: this process starts the others, and a process begins its life with the
# peak of the one that started it.

WAYS = {
    "a client each, all at once": {"way": "clients"},
    "`scan_many`, 64 at once": {"way": "many", "at_once": 64},
    "`scan_many`, all at once": {"way": "many", "at_once": 1_000_000},
    "`scan_many`, 64 at once, journals": {"way": "many", "at_once": 64, "journals": True},
    "`scan_many`, all at once, journals": {"way": "many", "at_once": 1_000_000, "journals": True},
}


async def serve() -> None:
    """Serve any section with one group to keys that begin with "key-"."""
    chance = random.Random(1)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                key = next(line[10:] for line in head if line.lower().startswith("x-apikey: "))
                status, body = "401 Unauthorized", "{}"
                if key.startswith("key-"):
                    status, body = "200 OK", answer(head[0].split(" ")[1].split("/"))
                await asyncio.sleep(chance.uniform(0.02, 0.04))
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def answer(parts: list[str]) -> str:
    """The body for a path below /v2: /sections/7 or /sections/7/groups/42."""
    number = int(parts[3])
    group = {"id": number, "name": f"G{number}", "has_puller": False}
    if len(parts) > 4:
        return json.dumps(group | {"business_ids": ["a", "b", "c"]})
    return json.dumps({"id": number, "name": "S", "groups": [group], "can_edit": True, "has_puller": False})


async def clients(url: str, keys: list[str], sections: range) -> int:
    from partoo_async import PartooClient  # noqa: PLC0415 - see above

    async def scan(key: str) -> int:
        async with PartooClient(key, server=url, max_concurrency=8) as partoo:
            return len((await partoo.scan(sections).collect()).succeeded)

    return sum(await asyncio.gather(*map(scan, keys)))


async def many(url: str, keys: list[str], sections: range, at_once: int, folder: str | None) -> int:
    from partoo_async import Organization, scan_many  # noqa: PLC0415 - see above
    from partoo_async.scan.items import ScanSuccess  # noqa: PLC0415 - see above

    organizations = {f"o{number}": Organization(key, sections) for number, key in enumerate(keys)}
    found = 0
    async for _, item in scan_many(organizations, server=url, at_once=at_once, journals=folder):
        found += isinstance(item, ScanSuccess)
    return found


async def measure(url: str, organizations: int, way: str, at_once: int, folder: str | None) -> None:
    """Run one way, and print its seconds, CPU seconds, peak memory, most threads and how many groups it found."""
    keys, sections = ["wrong", *(f"key-{number}" for number in range(organizations - 1))], range(20)
    threads, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            threads.append(threading.active_count() - 1)  # without this one

    watcher = threading.Thread(target=watch)
    watcher.start()
    started, cpu = time.perf_counter(), time.process_time()
    runs = clients(url, keys, sections) if way == "clients" else many(url, keys, sections, at_once, folder)
    found = await runs
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    over.set()
    watcher.join()
    # Linux counts kilobytes, macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps([seconds, cpu, peak, max(threads), found]))


def run(arguments: list[str]) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.organizations", *arguments]
    result: list[float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organizations", type=int, default=300)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--run", nargs=4)
    chosen = parser.parse_args()
    # A connection for each request in flight, and the files of each journal.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if chosen.serve:
        asyncio.run(serve())
        return
    if chosen.run:
        url, way, at_once, folder = chosen.run
        asyncio.run(measure(url, chosen.organizations, way, int(at_once), folder or None))
        return
    count = chosen.organizations
    print(f"{count} organizations of 20 sections with a group each, one of them with a wrong key\n")
    print("| | s | requests/s | CPU us a request | MB | threads |\n|---|---|---|---|---|---|")
    command = [sys.executable, "-m", "benchmarks.organizations", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip() + "/v2"
        requests = (count - 1) * 40 + 20
        for name, options in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                journals = os.fspath(Path(folder) / "journals") if options.get("journals") else ""
                words = ["--run", url, str(options["way"]), str(options.get("at_once", 0)), journals]
                seconds, cpu, peak, threads, found = run(["--organizations", str(count), *words])
            assert found == (count - 1) * 20
            cells = f"{seconds:.1f}", f"{requests / seconds:,.0f}", f"{cpu / requests * 1e6:.0f}"
            print(f"| {name} | {' | '.join(cells)} | {peak / 1e6:.0f} | {threads:.0f} |", flush=True)


if __name__ == "__main__":
    main()
