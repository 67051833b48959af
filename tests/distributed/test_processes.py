"""A scheduler and three workers, each a process of its own: what is killed, and where the key is not."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from partoo_async import Organization, RateLimit, ScanError, ScanItem
from partoo_async.distributed import distributed_scan
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.support.common import PATIENCE
from tests.support.dask import Client
from tests.support.dask_nodes import Cluster, dask_cluster
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() there")

KEY = "sk-a-key-that-must-not-be-found-0123456789"

DRIVER = """
import os
from partoo_async import Organization, RateLimit
from partoo_async.distributed import distributed_scan

organizations = {{"agency": Organization(os.environ["KEY"])}}
options = {{"server": {url!r}, "journals": {journals!r}, "resume": True, "rate_limit": {rate_limit}}}
async for name, item in distributed_scan(organizations, client=client, **options, quota={quota!r}):
    print("ITEM", name, item.section_id, item.group_id, item.recorded, item.error, flush=True)
"""


def emulated(sections: int, **options: Any) -> Emulator:
    """As many sections, each with one group."""
    there = [EmulatedSection(n, f"S{n}", {n * 10: EmulatedGroup(n * 10, "G", False, ["a"])}) for n in range(sections)]
    return Emulator(sections=there, api_key=KEY, **options)


def outcomes(cluster: Cluster, name: str) -> list[list[str]]:
    """What a driver has printed."""
    path = cluster.folder / f"{name}.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split()[1:] for line in lines if line.startswith("ITEM")]


async def until(happened: Callable[[], bool], cluster: Cluster) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, cluster.logs()
        await asyncio.sleep(0.005)


def repeated(emulator: Emulator) -> int:
    """How many requests were sent again, those for the pages of the list left out."""
    paths = Counter(seen.path for seen in emulator.requests if not seen.path.endswith("/sections"))
    return sum(count - 1 for count in paths.values())


async def pages(cluster: Cluster) -> str:
    """All that the scheduler and a worker show of themselves."""
    bodies = []
    async with aiohttp.ClientSession() as session:
        for node in ("scheduler", "worker0"):
            base = await cluster.file(f"{node}.pages")
            for path in (
                "info/main/workers.html",
                "info/logs.html",
                "json/counts.json",
                "json/identity.json",
                "metrics",
            ):
                async with session.get(f"{base}/{path}") as response:
                    bodies.append(f"{node} {path} {response.status} {await response.text()}")
    return "\n".join(bodies)


async def test_a_story_of_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is killed with SIGKILL, then the driver, which is started again: each outcome comes once, and little is
    asked for again. The key is in no log, page or task name, nor in a journal."""
    monkeypatch.setenv("KEY", KEY)
    async with emulated(60, rate_limit=None, latency=0.02) as emulator, dask_cluster(tmp_path, 3) as (cluster, address):
        code = DRIVER.format(url=emulator.url, journals=str(tmp_path / "journals"), rate_limit=None, quota=None)
        cluster.start("first", "driver", address, code)
        await until(lambda: len(emulator.requests) >= 30, cluster)
        cluster.kill("worker1")
        await until(lambda: len(outcomes(cluster, "first")) >= 20, cluster)
        after_the_worker = repeated(emulator)
        cluster.kill("first")
        seen = len(outcomes(cluster, "first"))
        cluster.start("second", "driver", address, code)
        await cluster.file("second.ended")
        shown = await pages(cluster)
        async with Client(address, asynchronous=True) as client:
            names = str(await client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.task_prefixes]))
    found = outcomes(cluster, "second")
    assert sorted(int(group) for _, _, group, *_ in found) == [n * 10 for n in range(60)]
    assert {error for *_, error in found} == {"None"}
    assert sum(recorded == "True" for *_, recorded, _ in found) >= seen
    # Six tasks of eight were under way, of which the dead worker had a part.
    assert after_the_worker <= 48
    assert repeated(emulator) - after_the_worker <= 48 + 48
    assert "partoo_read" in names
    logs = cluster.logs()
    assert "scheduler.log" in logs
    assert "info/main/workers.html 200" in shown
    journals = b"".join(path.read_bytes() for path in (tmp_path / "journals").iterdir())
    assert KEY not in logs + shown + names
    assert KEY.encode() not in journals


async def test_a_scheduler_that_dies_ends_the_scan(tmp_path: Path) -> None:
    """With an error that says so, and a journal that goes on: nobody waits for ever."""
    sections = emulated(150, rate_limit=None, latency=0.02)
    async with sections as emulator, dask_cluster(tmp_path, 2) as (cluster, address):
        options: dict[str, Any] = {"server": emulator.server, "rate_limit": None, "journals": tmp_path / "journals"}
        found: list[Any] = []
        async with Client(address, asynchronous=True) as client:
            async for _, item in distributed_scan({"a": Organization(KEY)}, client=client, **options):
                found.append(item)
                if len(found) == 5:
                    cluster.kill("scheduler")
    assert isinstance(found[-1], ScanError)
    assert found[-1].transient
    assert "the cluster does not read any more" in str(found[-1])
    assert all(isinstance(item, ScanItem) for item in found[:-1])


@pytest.mark.parametrize(
    "killed", [pytest.param("worker1", marks=pytest.mark.soak), pytest.param("first", marks=pytest.mark.soak)]
)
async def test_a_shared_quota_holds_whoever_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    """300 sections, 600 requests, 30 in two seconds, shared by Redis: a worker is killed after 120 requests, or the
    driver, which is started again a second later. Never more than 30 in any window, and no 429."""
    monkeypatch.setenv("KEY", KEY)
    limit = RateLimit(30, 2.0)
    async with (
        redis_server(tmp_path) as redis,
        emulated(300, rate_limit=limit, latency=0.005) as emulator,
        dask_cluster(tmp_path, 3) as (cluster, address),
    ):
        options = {"url": emulator.url, "journals": str(tmp_path / "journals"), "quota": redis.url}
        code = DRIVER.format(**options, rate_limit="RateLimit(30, 2.0)")
        cluster.start("first", "driver", address, code)
        await until(lambda: len(emulator.requests) >= 120, cluster)
        cluster.kill(killed)
        last = "first"
        if killed == "first":
            await asyncio.sleep(1)
            last = "second"
            cluster.start(last, "driver", address, code)
        await cluster.file(f"{last}.ended")
    found = outcomes(cluster, last)
    assert sorted(int(group) for _, _, group, *_ in found) == [n * 10 for n in range(300)]
    assert {error for *_, error in found} == {"None"}
    assert emulator.busiest_window(2.0) <= limit.requests
    assert {seen.status for seen in emulator.requests} == {200}
    assert repeated(emulator) <= (16 if killed == "worker1" else 64)
