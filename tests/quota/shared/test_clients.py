"""Clients whose processes share a quota: how it is given, who connects and who closes, and what users see."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError, FileQuota, PartooClient, Quota, RateLimit, RedisQuota
from partoo_async.quota.shared import connect
from partoo_async.quota.shared.descriptions import Description
from partoo_async.quota.shared.file_store import FileStore
from partoo_async.testing import MockResponse, MockTransport
from tests.support.common import PATIENCE
from tests.support.each import each

SMALL = RateLimit(30, 60.0)


def transport() -> MockTransport:
    group = {"id": 1, "name": "", "has_puller": False, "business_ids": []}
    return MockTransport(lambda _: MockResponse(json=group))


def client(quota: Any = None, key: Any = "key", **options: Any) -> PartooClient:
    return PartooClient(key, quota=quota, transport=transport(), **{"rate_limit": SMALL, **options})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "partoo.quota"


async def used_in(path: Path) -> dict[str, int]:
    """What the file says of each quota: used slots, those of dead members included."""
    from partoo_async.quota.shared.overview import quotas_in

    return {view.quota: view.used for view in await quotas_in(FileQuota(path))}


# How it is given


async def test_a_quota_is_given_as_a_description_a_url_or_by_the_environment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are one quota, of all clients that have the same key."""
    async with client(FileQuota(path)) as one, client(path.as_uri()) as two:
        monkeypatch.setenv("PARTOO_QUOTA", path.as_uri())
        async with client() as three:
            for number, partoo in enumerate((one, two, three), 1):
                await partoo.groups.get(7, 1, fresh=True)
                assert (partoo.quota.mode, partoo.quota.used) == ("shared", number)
    assert list((await used_in(path)).values()) == [3]


async def test_an_argument_goes_before_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota of the process's own, or no limit at all, is a wish, too; an empty variable is none."""
    monkeypatch.setenv("PARTOO_QUOTA", "redis://nowhere.invalid")
    async with client(Quota(SMALL)) as own, client(rate_limit=None) as unlimited, client(FileQuota(path)) as shared:
        assert [partoo.quota.mode for partoo in (own, unlimited, shared)] == ["own", "own", "shared"]
    monkeypatch.setenv("PARTOO_QUOTA", " ")
    async with client() as partoo:
        assert partoo.quota.mode == "own"


@each(
    ("quota", "problem"),
    [
        ("host:6379", "^quota: expected a URL"),
        ("redis://:s3cret@", "^quota: .*names no host"),
        (3, "^quota: expected Quota or FileQuota or RedisQuota or str or None, not int"),
    ],
)
def test_what_is_no_quota_is_refused(quota: Any, problem: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=problem) as caught:
        client(quota)
    frames = [entry for entry in caught.traceback if entry.path.parent.name != "shared"]
    assert len(frames) > 1
    assert "s3cret" not in repr([entry.frame.f_locals for entry in frames])


def test_the_environment_is_named_in_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nobody would find where the bad value comes from."""
    monkeypatch.setenv("PARTOO_QUOTA", "memcached://host")
    with pytest.raises(ConfigurationError, match="^PARTOO_QUOTA: expected a URL"):
        client()


def test_there_is_nothing_to_share_without_a_limit(path: Path) -> None:
    """Both given, one of them is a mistake."""
    with pytest.raises(ConfigurationError, match="^quota: without a rate_limit"):
        client(FileQuota(path), rate_limit=None)


async def fetch_key() -> str:
    return "key"


async def test_a_callable_needs_a_name_in_redis(path: Path) -> None:
    """It may give another key at any time, whose quota would be another one."""
    with pytest.raises(ConfigurationError, match=r"^quota: .*callable.*RedisQuota\(url, name="):
        client(RedisQuota("redis://host"), fetch_key)
    with pytest.raises(ConfigurationError, match="callable"):
        client(RedisQuota("redis://host")).with_options(api_key=fetch_key)
    client("redis://host?name=acme", fetch_key)
    async with client(FileQuota(path), fetch_key) as called, client(FileQuota(path)) as given:
        await called.groups.get(7, 1, fresh=True)
        assert (called.quota.used, called.quota.mode) == (1, "shared")
        await given.groups.get(7, 1, fresh=True)
        assert given.quota.used == 2, "in a file, each key that a callable gives has the quota of that key"


async def test_each_key_and_server_has_its_own_quota_in_a_file(path: Path) -> None:
    """So that several organizations share a file; the limit is no part of the name."""
    async with client(FileQuota(path)) as one, client(FileQuota(path), "other") as two:
        async with client(FileQuota(path), server="sandbox") as three:
            async with client(FileQuota(path), rate_limit=RateLimit(10, 60.0)) as four:
                for partoo in (one, one, two, three, four):
                    await partoo.groups.get(7, 1, fresh=True)
    assert sorted((await used_in(path)).values()) == [1, 1, 3]


# Who connects and who closes


class Counted(FileStore):
    """Counts how many are open."""

    open_now = 0

    async def open(self) -> None:
        await super().open()
        Counted.open_now += 1

    async def aclose(self) -> None:
        await super().aclose()
        Counted.open_now -= 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    def store_of(description: Description, name: str, timeout: float) -> Counted:
        assert isinstance(description, FileQuota)
        return Counted(os.path.abspath(description.path), name, timeout)

    monkeypatch.setattr(connect, "store_of", store_of)
    monkeypatch.setattr(Counted, "open_now", 0)
    return Counted


async def test_the_last_client_disconnects(path: Path, counted: type[Counted]) -> None:
    """Clients of one process are one member, connected once, until the last one of them is closed."""
    one, two = client(FileQuota(path)), client(FileQuota(path))
    async with one:
        async with two:
            assert counted.open_now == 1
            await two.groups.get(7, 1, fresh=True)
            assert one.quota.members == 1
        assert counted.open_now == 1
        await one.groups.get(7, 1, fresh=True)
    assert counted.open_now == 0
    await one.aclose()
    async with client(FileQuota(path)) as again:
        assert counted.open_now == 1
        await again.groups.get(7, 1, fresh=True)
        assert again.quota.used == 3
    assert counted.open_now == 0


async def test_without_async_with_the_first_call_connects(path: Path, counted: type[Counted]) -> None:
    """And ``aclose`` disconnects."""
    partoo = client(FileQuota(path))
    assert counted.open_now == 0
    await partoo.groups.get(7, 1, fresh=True)
    assert counted.open_now == 1
    await partoo.aclose()
    assert counted.open_now == 0


async def test_a_copy_uses_the_quota_of_its_key(path: Path, counted: type[Counted]) -> None:
    """The copy with another key disconnects its own when it is closed, and the original those of forgotten copies."""
    async with client(FileQuota(path)) as partoo:
        await partoo.groups.get(7, 1, fresh=True)
        copy, other = partoo.with_options(timeout=5.0), partoo.with_options(api_key="other")
        forgotten = partoo.with_options(api_key="third")
        for one in (copy, other, forgotten):
            await one.groups.get(7, 1, fresh=True)
        assert counted.open_now == 3
        await copy.aclose()
        assert counted.open_now == 3
        await other.aclose()
        assert counted.open_now == 2
        forgotten = None
        gc.collect()
        await partoo.groups.get(7, 1, fresh=True)
        assert partoo.quota.used == 3
    assert counted.open_now == 0


async def test_a_copy_with_another_limit_shares_the_store(path: Path) -> None:
    """What it sends counts for the others; without a limit it counts nowhere."""
    async with client(FileQuota(path)) as partoo:
        await partoo.groups.get(7, 1, fresh=True)
        await partoo.with_options(rate_limit=RateLimit(20, 60.0)).groups.get(7, 1, fresh=True)
        unlimited = partoo.with_options(rate_limit=None)
        await unlimited.groups.get(7, 1, fresh=True)
        assert unlimited.quota.mode == "own"
    assert list((await used_in(path)).values()) == [2]


def test_a_client_in_each_of_several_event_loops(path: Path) -> None:
    """Threads with loops of their own, one after the other or at once: each request counts, and nothing is left."""
    failed: list[BaseException] = []

    async def main() -> None:
        async with client(FileQuota(path, fallback=1.0)) as partoo:
            for _ in range(3):
                await partoo.groups.get(7, 1, fresh=True)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failed.append(error)

    run()
    run()
    at_once = [threading.Thread(target=run) for _ in range(3)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join(PATIENCE)
    gc.collect()
    assert failed == []
    assert list(asyncio.run(used_in(path)).values()) == [15]


class LastTask(asyncio.SelectorEventLoop):
    """An event loop that ends when it has made one task more, before that begins."""

    last = False

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        if self.last:
            self.stop()
        return super().create_task(*args, **kwargs)


def test_the_last_client_leaves_though_the_event_loop_of_another_thread_ends(path: Path) -> None:
    """That loop keeps the lease; what is left for it to do is done in the client's own, without a warning."""
    loop, opened = LastTask(), threading.Event()
    first = client(FileQuota(path, fallback=1.0))

    def run() -> None:
        loop.run_until_complete(first.groups.get(7, 1, fresh=True))
        loop.call_soon(opened.set)
        loop.run_forever()
        loop.close()

    async def main() -> None:
        async with client(FileQuota(path, fallback=1.0)) as second:
            await second.groups.get(7, 1, fresh=True)
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(first.aclose(), loop))
            loop.last = True

    thread = threading.Thread(target=run)
    thread.start()
    assert opened.wait(PATIENCE)
    asyncio.run(main())
    thread.join(PATIENCE)
    assert loop.is_closed()
    gc.collect()
    assert list(asyncio.run(used_in(path)).values()) == [2]


def test_a_client_that_was_never_closed_leaves_no_warning(path: Path) -> None:
    """Its event loop is gone, as in a test client: another loop finds the quota all the same."""
    partoo = client(FileQuota(path, fallback=1.0))
    for _ in range(3):
        asyncio.run(partoo.groups.get(7, 1, fresh=True))  # type: ignore[arg-type]  # a coroutine, as an awaitable
    del partoo
    gc.collect()
    assert list(asyncio.run(used_in(path)).values()) == [3]


# The store


async def test_a_store_that_cannot_be_used_is_an_error_at_the_start(tmp_path: Path) -> None:
    """Of ``async with``, or else of the first call; it says what is wrong."""
    for quota in (FileQuota(tmp_path / "missing" / "x"), FileQuota(tmp_path)):
        with pytest.raises(ConfigurationError, match="^quota: the shared store cannot be used: "):
            async with client(quota):
                pass
        partoo = client(quota)
        with pytest.raises(ConfigurationError, match="^quota: the shared store cannot be used: "):
            await partoo.groups.get(7, 1, fresh=True)
        await partoo.aclose()


async def test_a_missing_library_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra ``redis``."""
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"redis: expected to be installed.*\[redis\]"):
        async with client("redis://host"):
            pass
