"""A Dask cluster of real processes on this host: a scheduler, workers, and drivers that can be killed.

This file is a program too. It imports everything once and forks a process for each line that it reads, or each of them
would take two seconds of imports. What they print is in files of the folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class Cluster:
    """The processes, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids: dict[str, int] = {}
        command = [sys.executable, "-X", "utf8", "-m", "tests.support.dask_nodes", str(folder)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._program = subprocess.Popen(command, cwd=ROOT, **pipes)

    def start(self, name: str, role: str, *arguments: Any) -> None:
        """Start a process: a ``scheduler``, a ``worker`` or a ``driver``."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps([name, role, *arguments]) + "\n")
        self._program.stdin.flush()
        self.pids[name] = int(self._program.stdout.readline())

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Kill a process. Nobody waits for it before the end, so that no other has its number."""
        os.kill(self.pids.pop(name), number)

    async def file(self, name: str) -> str:
        """Return what a process has written to a file, once it is there."""
        path, until = self.folder / name, time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < until, self.logs()
            await asyncio.sleep(0.02)
        return path.read_text()

    async def begin(self, workers: int, threads: int = 4) -> str:
        """Start a scheduler and workers, and return the scheduler's address."""
        self.start("scheduler", "scheduler")
        address = await self.file("scheduler.address")
        for number in range(workers):
            self.start(f"worker{number}", "worker", address, threads)
        for number in range(workers):
            await self.file(f"worker{number}.address")
        return address

    def logs(self) -> str:
        """Return all that was printed."""
        return "\n".join(f"{path.name}: {path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        for pid in self.pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._program.communicate()


@asynccontextmanager
async def dask_cluster(folder: Path, workers: int, threads: int = 4) -> AsyncIterator[tuple[Cluster, str]]:
    """Run a cluster; its processes are gone at the end."""
    cluster = Cluster(folder)
    try:
        yield cluster, await cluster.begin(workers, threads)
    finally:
        cluster.close()


async def _scheduler(name: str) -> None:
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as scheduler:
        _write(f"{name}.pages", f"http://127.0.0.1:{scheduler.http_server.port}")
        _write(f"{name}.address", scheduler.address)
        await scheduler.finished()


async def _worker(name: str, address: str, threads: int) -> None:
    async with Worker(address, nthreads=threads, name=name, dashboard_address="127.0.0.1:0") as worker:
        _write(f"{name}.pages", f"http://127.0.0.1:{worker.http_server.port}")
        _write(f"{name}.address", worker.address)
        await worker.finished()


async def _driver(name: str, address: str, code: str) -> None:
    """Run the code of a test, which is the body of a coroutine that has a ``client``."""
    async with Client(address, asynchronous=True) as client:
        names: dict[str, Any] = {}
        exec("async def run(client):\n" + "\n".join(f"    {line}" for line in code.splitlines()), names)
        await names["run"](client)
    _write(f"{name}.ended", "")


def _write(name: str, text: str) -> None:
    path = Path(sys.argv[1]) / name
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def _become(name: str, role: str, *arguments: Any) -> None:
    log = os.open(Path(sys.argv[1]) / f"{name}.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    asyncio.run({"scheduler": _scheduler, "worker": _worker, "driver": _driver}[role](name, *arguments))


if __name__ == "__main__":
    from distributed import Client, Scheduler, Worker

    import partoo_async.distributed
    import partoo_async.emulator  # noqa: F401

    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _become(*json.loads(line))
            os._exit(0)
        sys.stdout.write(f"{process}\n")
        sys.stdout.flush()
