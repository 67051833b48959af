"""Processes that share a quota, and a ledger that stamps what arrives at the server: each is a process of its own.

``python -m tests.support.processes ledger`` and ``... worker`` are the two programs. Both talk JSON lines on their
standard streams.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field

from partoo_async import PartooClient, PartooError, RateLimit
from tests.support.redis_server import RedisServer, free_port, redis_server

LATENCY = 0.005


# The ledger


class Ledger(asyncio.Protocol):
    """Answers every GET of a group after 5 ms; ``refusal``: the next one gets a 429 with so many seconds."""

    stamps: ClassVar[list[float]] = []
    refusal = 0
    refused = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            Ledger.stamps.append(time.monotonic())
            answer = self.answer(head)
            asyncio.get_running_loop().call_later(LATENCY, self.send, answer)

    def answer(self, head: bytes) -> bytes:
        if Ledger.refusal:
            seconds, Ledger.refusal = Ledger.refusal, 0
            Ledger.refused += 1
            return b"HTTP/1.1 429 x\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n" % seconds
        group = int(head.split(b" ")[1].rsplit(b"/", 1)[1])
        body = b'{"id": %d, "name": "", "has_puller": false, "business_ids": []}' % group
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def send(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


async def keep_ledger() -> None:
    server = await asyncio.get_running_loop().create_server(Ledger, "127.0.0.1", 0)
    say({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"})
    while word := await asyncio.to_thread(sys.stdin.readline):
        if word.strip() == "tell":
            say({"stamps": Ledger.stamps, "now": time.monotonic(), "refused": Ledger.refused})
        else:
            Ledger.refusal = int(word)


# A worker


async def work(url: str, quota: str, first: int, groups: int, limit: int, per: float, interactive: int) -> None:
    lags, latencies, failed, begun = [], [], [], time.monotonic()

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            lags.append(time.monotonic() - before - 0.02)

    async with PartooClient("key", server=url, quota=quota or None, rate_limit=RateLimit(limit, per)) as partoo:
        say({"pid": os.getpid()})
        await asyncio.to_thread(sys.stdin.readline)
        watching, begun, done = asyncio.create_task(watch()), time.monotonic(), 0
        if interactive:
            for number in range(interactive):
                await asyncio.sleep(random.uniform(0.5, 0.9) * per / 2)
                before = time.monotonic()
                try:
                    await partoo.groups.get(7, number)
                    done += 1
                except PartooError as error:
                    failed.append(repr(error))
                latencies.append(time.monotonic() - before)
        else:
            async with partoo.scan(7, group_ids=range(first, first + groups)) as scan:
                async for item in scan:
                    if item.error is None:
                        done += 1
                    else:
                        failed.append(repr(item.error))
        took, mode = time.monotonic() - begun, partoo.quota.mode
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    say({"done": done, "failed": failed, "took": took, "lag": max(lags), "mode": mode, "latencies": latencies})


def say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


# The driver


@define(eq=False)
class Process:
    """One of them, as the driver sees it."""

    process: asyncio.subprocess.Process
    pid: int = 0  # its own, where another process stands before it
    result: dict[str, Any] = field(factory=dict)
    log: list[str] = field(factory=list)

    async def hear(self) -> dict[str, Any]:
        """Return the next line that it says; {} when it has ended."""
        assert self.process.stdout is not None
        return dict(json.loads(await self.process.stdout.readline() or b"{}"))

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    async def finish(self) -> None:
        self.result = await self.hear()
        assert self.process.stderr is not None
        self.log = (await self.process.stderr.read()).decode().splitlines()
        await self.process.wait()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)


@asynccontextmanager
async def started(
    python: Sequence[str], *words: str, environment: dict[str, str] | None = None
) -> AsyncIterator[Process]:
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    command = [*python, "-m", "tests.support.processes", *words]
    process = await asyncio.create_subprocess_exec(*command, env=environment, limit=2**24, **pipes)
    try:
        yield Process(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def busiest(stamps: Sequence[float], per: float) -> int:
    """The most arrivals in any window."""
    most = start = 0
    for end, stamp in enumerate(stamps):
        while stamp - stamps[start] >= per:
            start += 1
        most = max(most, end - start + 1)
    return most


@define(eq=False)
class Fleet:
    """A run: workers that scan, or call interactively, the ledger, and the store between them."""

    ledger: Process
    workers: list[Process]
    file: Path
    redis: RedisServer | None
    begun: float

    async def at(self, seconds: float) -> None:
        """Wait until so many seconds after the start."""
        await asyncio.sleep(max(0.0, self.begun + seconds - time.monotonic()))


@define
class Outcome:
    """What came of a run. ``optimum``: seconds that so many requests take with the whole quota."""

    limit: int
    per: float
    took: float
    stamps: list[float]
    refused: int
    results: list[dict[str, Any]]
    logs: list[str]

    @property
    def busiest(self) -> int:
        return busiest(self.stamps, self.per)

    @property
    def optimum(self) -> float:
        return max(0.0, (len(self.stamps) - self.limit) / self.limit * self.per)

    @property
    def ratio(self) -> float:
        return self.took / self.optimum

    @property
    def failed(self) -> list[str]:
        return [text for result in self.results for text in result.get("failed", ())]

    @property
    def lag(self) -> float:
        return max((float(result["lag"]) for result in self.results if result), default=0.0)


async def run(
    python: Sequence[str],
    folder: Path,
    store: str,
    *,
    groups: int,
    workers: int = 3,
    limit: int = 30,
    per: float = 2.0,
    event: Callable[[Fleet], Awaitable[object]] | None = None,
    interactive: int = 0,
    environments: Sequence[dict[str, str]] = (),
) -> Outcome:
    """Let workers scan at once, and something happen to them meanwhile.

    Args:
        python: The command that starts a Python.
        folder: For the file, or for Redis.
        store: "file" or "redis".
        groups: How many each worker reads.
        workers: How many there are.
        limit: Requests in any window.
        per: Seconds of a window.
        event: What happens.
        interactive: Calls of one more worker, which reads groups at random moments.
        environments: Of the first workers, where it differs.
    """
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(redis_server(folder, port=free_port())) if store == "redis" else None
        file = folder / "partoo.quota"
        ledger = await stack.enter_async_context(started(python, "ledger"))
        url = (await ledger.hear())["url"]
        members = []
        for number in range(workers + bool(interactive)):
            calls = interactive if number == workers else 0
            words = {"url": url, "quota": redis.url if redis else file.as_uri(), "first": number * 10_000}
            words |= {"groups": groups, "limit": limit, "per": per, "interactive": calls}
            environment = environments[number] if number < len(environments) else None
            given = [f"{name}={value}" for name, value in words.items()]
            members.append(await stack.enter_async_context(started(python, "worker", *given, environment=environment)))
        for member in members:
            member.pid = (await member.hear()).get("pid", 0)
            if not member.pid:
                await member.finish()
                raise AssertionError(member.log)
        fleet = Fleet(ledger, members, file, redis, time.monotonic())
        for member in members:
            member.tell("go")
        happening = asyncio.create_task(_happen(event, fleet))
        await asyncio.gather(*(member.finish() for member in members))
        await happening
        ledger.tell("tell")
        told = await ledger.hear()
    results, logs = [member.result for member in members], [line for member in members for line in member.log]
    took = max((float(result["took"]) for result in results if result), default=0.0)
    return Outcome(limit, per, took, told["stamps"], told["refused"], results, logs)


async def _happen(event: Callable[[Fleet], Awaitable[object]] | None, fleet: Fleet) -> None:
    if event is not None:
        await event(fleet)


if __name__ == "__main__":
    if sys.argv[1] == "ledger":
        asyncio.run(keep_ledger())
    else:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        given = dict(word.split("=", 1) for word in sys.argv[2:])
        counts = {name: int(given.pop(name)) for name in ("first", "groups", "limit", "interactive")}
        seconds = float(given.pop("per"))
        asyncio.run(work(**given, **counts, per=seconds))  # type: ignore[arg-type]
