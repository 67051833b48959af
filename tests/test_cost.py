"""What a call costs, counted instead of timed: requests, connections, tasks, timers, memory, imports."""

from __future__ import annotations

import asyncio
import gc
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks import instructions
from benchmarks.bench_server import FixedServer, business_ids
from partoo_async import PartooClient, RateLimit
from tests.support.common import FAST

ROOT = Path(__file__).parent.parent
UNFELT = RateLimit(10**6, 60.0)


class Counting:
    """A server without tasks or timers of its own, so that all that a loop counts is the client's."""

    def __init__(self) -> None:
        self.bodies = {size: business_ids(size) for size in (3, 50, 2000)}
        self.connections = self.packets = 0
        self.requests: Counter[bytes] = Counter()
        self.url = ""

    def connection(self) -> asyncio.Protocol:
        counted = self

        class Connection(FixedServer):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                counted.connections += 1
                super().connection_made(transport)

            def data_received(self, data: bytes) -> None:
                counted.packets += 1
                counted.requests.update(re.findall(rb"GET (\S+) ", data))
                super().data_received(data)

        return Connection(self.bodies)


@pytest.fixture
async def counting() -> AsyncIterator[Counting]:
    counting = Counting()
    server = await asyncio.get_running_loop().create_server(counting.connection, "127.0.0.1", 0)
    counting.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    yield counting
    server.close()
    await server.wait_closed()


def client_of(counting: Counting, **options: Any) -> PartooClient:
    return PartooClient("key", server=counting.url, retry=FAST, rate_limit=UNFELT, **options)


@contextmanager
def tasks_created() -> Iterator[list[str]]:
    """The names of the coroutines that become tasks inside the block."""
    loop = asyncio.get_running_loop()
    names: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        names.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    try:
        yield names
    finally:
        loop.set_task_factory(None)


@contextmanager
def timers_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[asyncio.TimerHandle]]:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    call_at = loop.call_at

    def noted(*arguments: Any, **options: Any) -> asyncio.TimerHandle:
        timers.append(call_at(*arguments, **options))
        return timers[-1]

    with monkeypatch.context() as patch:
        patch.setattr(loop, "call_at", noted)  # call_later goes through it, too
        yield timers


@contextmanager
def traced() -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


async def scan(client: PartooClient, groups: int, *, section: int = 50) -> None:
    async with client.scan(section, group_ids=range(1, groups + 1)) as scan:
        done = 0
        async for item in scan:
            assert item.group is not None
            done += 1
    assert done == groups


# Requests and connections


async def test_a_get_is_one_request_in_one_packet(counting: Counting) -> None:
    """A hundred reads are a hundred requests, each sent at once, over one connection."""
    async with client_of(counting) as client:
        for number in range(100):
            await client.groups.get(50, number)
    assert set(counting.requests.values()) == {1}
    assert (counting.requests.total(), counting.packets, counting.connections) == (100, 100, 1)


async def test_a_scan_asks_once_for_each_group(counting: Counting) -> None:
    """A scan of 500 groups is 500 requests, over as many connections as it has workers."""
    async with client_of(counting, max_concurrency=8) as client:
        await scan(client, 500)
    assert set(counting.requests.values()) == {1}
    assert counting.requests.total() == 500
    assert counting.connections <= 7


async def test_connections_are_as_many_as_requests_in_flight(counting: Counting) -> None:
    """Two hundred calls at once share the eight connections that the client may have, and keep them."""
    async with client_of(counting, max_concurrency=8) as client:
        for _ in range(2):
            await asyncio.gather(*(client.groups.get(50, number) for number in range(200)))
    assert counting.requests.total() == 400
    assert counting.connections == 8


# Tasks and timers


async def test_a_get_takes_one_task(counting: Counting) -> None:
    """A read runs in a task, which others may share; there is no second one, for a timeout or a retry."""
    async with client_of(counting) as client:
        await client.groups.get(50, 1)
        with tasks_created() as tasks:
            for number in range(20):
                await client.groups.get(50, number)
    assert len(tasks) <= 20


async def test_a_scan_takes_a_task_for_each_worker(counting: Counting) -> None:
    """The tasks of a scan depend on its workers, not on its groups."""
    async with client_of(counting, max_concurrency=8) as client:
        await scan(client, 10)
        with tasks_created() as few:
            await scan(client, 100)
        with tasks_created() as many:
            await scan(client, 1000)
    assert len(few) == len(many) == 7


async def test_timers_do_not_grow_with_calls(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that never come do not take a timer each: two hundred calls over open connections set a handful."""
    async with client_of(counting) as client:
        await scan(client, 100)
        with timers_set(monkeypatch) as timers:
            for number in range(100):
                await client.groups.get(50, number)
            await scan(client, 100)
    assert len(timers) < 5


async def test_nothing_is_left_when_a_client_is_closed(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed client leaves neither a task nor a timer behind, those of the connections included."""
    loop = asyncio.get_running_loop()
    with timers_set(monkeypatch) as timers:
        async with client_of(counting) as client:
            await asyncio.gather(*(client.groups.get(50, number) for number in range(50)))
            await scan(client, 100)
    assert timers, "the way of counting does not see them"
    assert not [timer for timer in timers if not timer.cancelled() and timer.when() > loop.time()]
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Memory


async def test_a_get_keeps_nothing(counting: Counting) -> None:
    """What stays of a call is its slot of the quota: less than 100 bytes, until the window is over."""
    async with client_of(counting) as client:
        # The same few groups over and over, since the server here counts each path.
        for number in range(50):
            await client.groups.get(50, number)
        with traced():
            before, _ = tracemalloc.get_traced_memory()
            for number in range(500):
                await client.groups.get(50, number % 50)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
    assert (after - before) / 500 < 100


async def test_a_large_answer_is_not_copied_about(counting: Counting) -> None:
    """The peak of a read of 2,000 businesses is that of orjson, and at most two copies of the answer above it."""
    answer = b'{"business_ids":[%b]}' % counting.bodies[2000].encode()
    async with client_of(counting) as client:
        for number in range(5):
            await client.groups.get(2000, number)
        with traced():
            orjson.loads(answer)
            _, decoding = tracemalloc.get_traced_memory()
        with traced():
            group = await client.groups.get(2000, 7)
            _, reading = tracemalloc.get_traced_memory()
    assert len(group.business_ids) == 2000
    assert reading - decoding < 2 * len(answer)


async def test_a_scan_holds_a_few_groups_at_a_time(counting: Counting) -> None:
    """The peak of a scan is that of its workers: ten times the groups take hardly more than their ids."""

    async def peak(groups: int) -> int:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        await scan(client, groups)
        return tracemalloc.get_traced_memory()[1] - before

    async with client_of(counting, max_concurrency=8) as client:
        await scan(client, 50)
        with traced():
            few, many = await peak(50), await peak(500)
    # Kept, 450 groups of 50 businesses would be 2 MB.
    assert many - few < 450 * 400


# Imports, and the benchmarks themselves

HAPPY = """
import asyncio, sys
from partoo_async import PartooClient
from partoo_async.emulator import Emulator

async def main():
    async with Emulator() as emulator, PartooClient(emulator.api_key, server=emulator.server) as client:
        await client.groups.get(7, 42)
        await client.scan(7).collect()

asyncio.run(main())
print(*sys.modules)
"""


def python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_not_used_is_not_imported() -> None:
    """Neither the journal's library by reads and scans without one, nor anything of quotas that processes share."""
    modules = set(python("-c", HAPPY).split())
    assert "partoo_async.scan.worker_pool" in modules
    assert not {"aiosqlite", "sqlite3", "redis"} & modules
    assert not [name for name in modules if name.startswith("partoo_async.quota.shared")]


def test_the_import_loads_no_more_than_calls_need() -> None:
    """What only responses, failures, other sessions or scans need is loaded when they do."""
    modules = set(python("-c", "import sys, partoo_async; print(*sys.modules)").split())
    own = {name for name in modules if name.partition(".")[0] == "partoo_async"}
    assert len(own) <= 79
    assert not own & {f"partoo_async._explain.{name}" for name in ("advice", "curl", "facts", "failures", "text")}
    assert not own & {
        f"partoo_async._protocol.{name}" for name in ("error_bodies", "headers", "refusal", "retry_after")
    }
    assert not own & {f"partoo_async._call.{name}" for name in ("key_source", "observed", "read_cache")}
    assert not own & {f"partoo_async.{name}" for name in ("_internal.error_models", "events", "observers")}
    businesses = ("_internal.business_models", "_protocol.business_query", "resources.businesses")
    assert not own & {f"partoo_async.{name}" for name in businesses}
    assert not {"cattrs", "difflib", "importlib.metadata", "msgspec", "tenacity"} & modules


def test_what_responses_and_failures_need_is_loaded_before_the_first() -> None:
    """In a thread, by the first connection: an event loop would stall, and there may be no file handle left."""
    code = "import sys; from partoo_async._call.retrying import import_for_errors as load; load(); print(*sys.modules)"
    modules = set(python("-c", code).split())
    assert {"cattrs", "msgspec", "tenacity"} <= modules
    assert {"partoo_async._protocol.refusal", "partoo_async._internal.error_models"} <= modules


@pytest.mark.parametrize("module", ["partoo_async", "partoo_async.models", "partoo_async.resources"])
def test_what_is_not_loaded_yet_is_found(module: str) -> None:
    """Each public name is listed by ``dir()`` before anybody asks for it, and then is there."""
    lost = "[name for name in it.__all__ if name not in listed or not getattr(it, name)]"
    code = f"import {module} as it; listed = dir(it); print({lost})"
    assert python("-c", code) == "[]\n"


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ("on_event=print", {"events", "observers"}),
        ("on_event=partoo_async.Observer()", {"events", "observers"}),
        ("on_event=type('Calls', (partoo_async.Observer,), {'call_ended': print})()", {"observers", "_call.observed"}),
        ("cache_ttl=5.0", {"_call.read_cache"}),
        ("api_key=key", {"_call.key_source"}),
    ],
)
def test_what_an_option_needs_is_loaded_with_its_client(options: str, needed: set[str]) -> None:
    """Not at its first call, when there may be no file handle left."""
    made = f"partoo_async.PartooClient(**{{'api_key': 'key'}} | dict({options}))"
    code = f"import sys, partoo_async\nasync def key(): ...\n{made}"
    loaded = set(python("-c", f"{code}\nprint(*sys.modules)").split())
    assert {f"partoo_async.{name}" for name in needed} <= loaded


def test_an_unused_client_is_small() -> None:
    """Hundreds fit in a process: each takes a few KiB until it connects."""
    with traced():
        PartooClient("key-0")
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        clients = [PartooClient(f"key-{number}") for number in range(50)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    assert (after - before) / len(clients) < 12_000


def test_the_benchmark_measures() -> None:
    """The command of `make bench-quick` prints a ratio for reads and for scans."""
    options = ["--quick", "--rounds", "1", "--seconds", "0.05", "--concurrency", "2", "--sizes", "3", "--no-nginx"]
    table = python("-m", "benchmarks.bench", *options)
    assert re.search(r"^\| aiohttp, textbook \| \d+ µs \|$", table, re.MULTILINE)
    for client in ("partoo_async get", "partoo_async scan, per group"):
        assert re.search(rf"^\| {client} \| \*\*\d+\.\d+\*\* .*\|$", table, re.MULTILINE), table


def test_instructions_of_a_call_are_counted_alike_each_time() -> None:
    """The count behind `make instructions` is the same in each run, where it is of Python's own bytecodes."""
    first, second = (instructions.count("bytecodes", ["textbook", "partoo_get"]) for _ in range(2))
    assert first == second
    assert 500 < first["partoo_get"] < first["textbook"]


@pytest.mark.parametrize(("kept", "warns"), [(0.8, False), (0.78, False), (0.77, True)])
def test_growth_of_a_call_is_told(kept: float, warns: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A call that takes over 3 % more than is kept for this Python is a warning, which says how to accept it."""
    version = ".".join(map(str, sys.version_info[:2]))
    before = {version: {"bytecodes": {"textbook": 1.0, "partoo_get": kept}}, "2.7": {"bytecodes": {"partoo_get": 0.1}}}
    told = instructions.compare("bytecodes", {"textbook": 5000.0, "partoo_get": 4000.0}, before)
    assert [f"{4000 / 5000 / kept - 1:+.1%}" in text and "--accept" in text for text in told] == [True] * warns
    assert f"| 4,000 | 0.800 | {kept:.3f} |" in capsys.readouterr().out


def test_the_benchmark_of_telemetry_measures() -> None:
    """The command of `make bench-telemetry` prints a ratio for the API alone and for the SDK."""
    options = ["--rounds", "1", "--seconds", "0.05", "--concurrency", "2", "--size", "3", "--no-nginx"]
    table = python("-m", "benchmarks.telemetry", *options)
    for client in ("no SDK", "SDK, one trace of a hundred", "SDK, every trace"):
        assert re.search(rf"^\| {client} \| \*\*\d+\.\d+\*\* .*\|$", table, re.MULTILINE), table


def test_the_benchmark_of_strategies_counts() -> None:
    """The command of `make bench-strategies` prints requests and seconds for each, from results that are right."""
    table = python("-m", "benchmarks.strategies", "--profiles", "small")
    for strategy, requests in (("groups", 11), ("businesses", 12), ("auto, takes groups", 11)):
        assert re.search(rf"^\| small \| 2 \| 8 \| 30 \| {strategy} \| {requests} \| \d\.\d \|", table, re.MULTILINE)


def test_the_benchmark_of_nights_counts() -> None:
    """The command of `make bench-nights` prints requests and seconds of each night, from journals that are right."""
    table = python("-m", "benchmarks.nights", "--profiles", "small")
    for strategy in ("auto, takes groups", "groups"):
        night = r"\| 12 \| \d\.\d "
        assert re.search(rf"^\| small \| 8 \| 30 \| {strategy} {night * 3}\|$", table, re.MULTILINE)
