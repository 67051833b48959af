"""Many organizations over real connections, in this process and in one that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections import Counter
from contextlib import aclosing
from pathlib import Path

import pytest

from partoo_async import (
    AuthenticationError,
    ConfigurationError,
    FileQuota,
    Organization,
    PartooClient,
    PartooError,
    RedisQuota,
    scan_many,
)
from partoo_async.emulator import EmulatedGroup, EmulatedKey, EmulatedSection, Emulator
from partoo_async.quota.shared.overview import quotas_in
from tests.hostile.watcher import Watcher
from tests.support.common import PATIENCE
from tests.support.redis_server import redis_server

GROUPS = 12


def emulated(organizations: int) -> Emulator:
    """An emulator of so many organizations, each with a section of its number and the key ``key-<number>``."""
    sections = []
    for number in range(organizations):
        ids = range(number * 100, number * 100 + GROUPS)
        groups = {n: EmulatedGroup(n, f"G{n}", business_ids=[f"b{n}"]) for n in ids}
        sections.append(EmulatedSection(number, f"S{number}", groups, org_id=number))
    keys = {f"key-{number}": EmulatedKey(org_id=number) for number in range(organizations)}
    return Emulator(sections=sections, api_keys={"emulator-key": EmulatedKey(), **keys}, rate_limit=None)


def organizations_of(count: int) -> dict[str, Organization]:
    return {f"o{number}": Organization(f"key-{number}") for number in range(count)}


async def test_organizations_share_the_connections() -> None:
    """Thirty organizations with keys of their own, and a wrong one: each gets its own groups, over no more connections
    than there were requests in flight, and nothing is left."""
    async with Watcher() as watcher, emulated(30) as emulator:
        organizations = organizations_of(30) | {"wrong": Organization("key-of-nobody")}
        found: dict[str, list[int]] = {}
        async for name, item in scan_many(organizations, server=emulator.server, at_once=4, max_concurrency=2):
            if name == "wrong":
                assert isinstance(item, AuthenticationError)
            else:
                assert not isinstance(item, AuthenticationError)
                assert item.error is None
                found.setdefault(name, []).append(item.group.id)
        expected = {f"o{n}": list(range(n * 100, n * 100 + GROUPS)) for n in range(30)}
        assert {name: sorted(numbers) for name, numbers in found.items()} == expected
        assert watcher.established <= 4 * 2
    await watcher.assert_nothing_left()


async def test_at_once_bounds_threads(tmp_path: Path) -> None:
    """With journals there are no more threads than organizations at once, whatever their number; all end."""
    before = threading.active_count()
    most = 0
    async with emulated(20) as emulator:
        scans = scan_many(organizations_of(20), server=emulator.server, at_once=3, journals=tmp_path)
        async for _ in scans:
            most = max(most, threading.active_count() - before)
    assert 1 <= most <= 2 * 3  # an organization that ends may still be closing its file when the next one begins
    async with asyncio.timeout(PATIENCE):
        while threading.active_count() > before:
            await asyncio.sleep(0.001)


async def test_a_break_on_real_connections_leaves_nothing(tmp_path: Path) -> None:
    """Neither tasks, sockets nor open journals: another run goes on at once."""
    async with Watcher() as watcher, emulated(10) as emulator:
        emulator.faults.add("stall", seconds=0.05)
        async with aclosing(scan_many(organizations_of(10), server=emulator.server, journals=tmp_path)) as items:
            await anext(items)
        names = [
            name
            async for name, _ in scan_many(organizations_of(10), server=emulator.server, journals=tmp_path, resume=True)
        ]
        assert Counter(names) == {f"o{number}": GROUPS for number in range(10)}
    await watcher.assert_nothing_left()


async def test_processes_share_the_quota_of_each_organization(tmp_path: Path) -> None:
    """Beside a file, each key has a quota of its own in it, and two names with one key have one; all have left it."""
    described = FileQuota(tmp_path / "quota")
    organizations = organizations_of(3) | {"twin": Organization("key-0")}
    async with Watcher() as watcher, emulated(3) as emulator:
        async for _, item in scan_many(organizations, server=emulator.server, quota=described):
            assert not isinstance(item, PartooError)
        quotas = await quotas_in(described)
        each = GROUPS + 2  # with the list and the section
        assert sorted(quota.used for quota in quotas) == [each, each, 2 * each]
        assert not any(member.held or member.alive for quota in quotas for member in quota.members)
    await watcher.assert_nothing_left()


async def test_a_quota_in_redis_has_a_name_where_the_key_has_none(tmp_path: Path) -> None:
    """An organization whose key a callable fetches is known by its name there, any other one by its key: no two share
    a quota, whichever is the first and whether or not the callable is the same. Another process joins by the name."""

    async def fetch() -> str:
        return "key-0"

    organizations = {
        "acme": Organization(fetch),
        "bolt": Organization("key-1"),
        "cone": Organization(fetch),
        "dome": Organization("key-2"),
    }
    async with Watcher() as watcher, redis_server(tmp_path) as redis, emulated(3) as emulator:
        async for _, item in scan_many(organizations, server=emulator.server, quota=redis.url):
            assert not isinstance(item, PartooError)
        each = GROUPS + 2  # with the list and the section
        quotas = await quotas_in(RedisQuota(redis.url))
        assert [quota.used for quota in quotas] == [each] * 4
        assert not any(member.held or member.alive for quota in quotas for member in quota.members)
        for key, name in (("key-0", "acme"), ("key-0", "cone"), ("key-1", None), ("key-2", None)):
            shared = RedisQuota(redis.url, name=name)
            async with PartooClient(key, server=emulator.server, quota=shared) as other:
                assert other.quota.used >= each
        assert len(await quotas_in(RedisQuota(redis.url))) == 4
    await watcher.assert_nothing_left()


async def test_a_quota_that_cannot_be_shared_is_one_error(tmp_path: Path) -> None:
    """Not one for each organization, and nothing is sent."""
    async with emulated(3) as emulator:
        with pytest.raises(ConfigurationError, match="quota"):
            async for _ in scan_many(
                organizations_of(3), server=emulator.server, quota=FileQuota(tmp_path / "missing" / "quota")
            ):
                raise AssertionError
        assert emulator.requests == ()


PROGRAM = """
import asyncio, json, os, signal, sys
from partoo_async import Organization, scan_many

async def main(count, journals, lines):
    organizations = {f"o{number}": Organization(f"key-{number}") for number in range(count)}
    async for name, item in scan_many(organizations, at_once=3, journals=journals, resume=True, max_concurrency=2):
        print(json.dumps([name, item.group_id, item.recorded]), flush=True)
        lines -= 1
        if lines == 0:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL there")
async def test_a_run_that_is_killed_is_gone_on_with(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """Killed -9 with three organizations in the making, again and again: what was printed is replayed, asked for no
    more, and in the end each group of each organization is there once."""
    async with emulated(8) as emulator:
        environment = os.environ | {"PARTOO_SERVER": emulator.url}
        done: set[tuple[str, int]] = set()
        for lines, code in ((20, -9), (45, -9), (70, -9), (1000, 0)):
            before = len(emulator.requests)
            words = (*quick_python, "-c", PROGRAM, "8", str(tmp_path), str(lines))
            process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, env=environment)
            output, _ = await process.communicate()
            assert process.returncode == code
            found = [(name, group) for name, group, _ in map(json.loads, output.splitlines())]
            asked = {seen.path for seen in emulator.requests[before:]}
            assert not any(path.endswith(f"/groups/{group}") for _, group in done for path in asked)
            assert len({*found}) == len(found)
            done |= {*found}
        assert sorted(found) == sorted((f"o{n}", n * 100 + k) for n in range(8) for k in range(GROUPS))
