"""One client in a process of its own, which measures what it is told to on its standard input.

    python -m benchmarks.bench_worker textbook http://127.0.0.1:8000/v2 --core 1 --uvloop

A line ``[concurrency, section]`` opens the client anew, ``[seconds]`` measures it, in JSON. So that many clients can
take turns, and the machine's moods meet all of them alike.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import os
import resource
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.clients import Run

# Fills the pool and the caches, before the time counts.
_WARM_UP = 0.2


def cpu_seconds() -> float:
    """Of all threads of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Measured:
    """The client, open for one number of requests in flight and one size of answers."""

    def __init__(self, module: Any, url: str) -> None:
        self.module = module
        self.url = url
        self.stack = AsyncExitStack()

    async def open(self, concurrency: int, section: int) -> None:
        await self.stack.aclose()
        self.run: Run = await self.stack.enter_async_context(self.module.connect(self.url, concurrency))
        self.section = section
        await self.run(section, _WARM_UP)

    async def measure(self, seconds: float) -> tuple[int, float]:
        await self.run(self.section, _WARM_UP / 4)
        gc.collect()  # what came before is not this round's; within it the collector runs as it likes
        before = cpu_seconds()
        requests = await self.run(self.section, seconds)
        return requests, cpu_seconds() - before


def new_loop(uvloop: bool) -> Callable[[], asyncio.AbstractEventLoop]:
    return importlib.import_module("uvloop").new_event_loop if uvloop else asyncio.new_event_loop  # type: ignore[no-any-return]


def say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("client")
    parser.add_argument("url")
    parser.add_argument("--core", type=int)
    parser.add_argument("--uvloop", action="store_true")
    arguments = parser.parse_args()
    if arguments.core is not None:
        os.sched_setaffinity(0, {arguments.core})
    try:
        module = importlib.import_module(f"benchmarks.clients.{arguments.client}")
        loop_factory = new_loop(arguments.uvloop)
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"pid": os.getpid()})
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        measured = Measured(module, arguments.url)
        for line in sys.stdin:
            command = json.loads(line)
            say(runner.run(measured.open(*command) if len(command) > 1 else measured.measure(*command)))
        runner.run(measured.stack.aclose())


if __name__ == "__main__":
    main()
