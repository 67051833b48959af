"""What becomes of tasks whose workers die, of clients of the other kind, and of workers that cannot take part."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tblib.pickling_support

from partoo_async import (
    ConfigurationError,
    NotFoundError,
    Organization,
    PartooSession,
    Priority,
    RateLimit,
    RedisQuota,
    ScanError,
    ScanItem,
)
from partoo_async._internal.secret import Secret
from partoo_async.distributed import cluster, distributed_scan, worker
from partoo_async.distributed.payload import Answers, Job, SealedKey, seal
from partoo_async.emulator import Emulator
from tests.support.dask import Client, KilledWorker, LocalCluster


async def collect(client: Any, emulator: Emulator, **options: Any) -> list[Any]:
    options = {"server": emulator.server, "rate_limit": None} | options
    organizations = {"a": Organization(emulator.api_key, [1, 2])}
    return [item async for _, item in distributed_scan(organizations, client=client, **options)]


def spoil(client: Any, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Let the first tasks end as those do whose workers died; return the names of all tasks."""
    gather, names = client.gather, []

    async def spoiled(future: Any, **options: Any) -> Any:
        names.append(future.key)
        if len(names) <= times:
            raise KilledWorker(future.key, SimpleNamespace(address="tcp://10.0.0.1:1"), 3)
        return await gather(future, **options)

    monkeypatch.setattr(client, "gather", spoiled)
    return names


async def test_a_task_that_its_workers_died_of_is_sent_anew(
    dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a new name, or the scheduler would say at once that it is the one that killed them."""
    names = spoil(dask, monkeypatch, 2)
    found = await collect(dask, emulator)
    assert sorted(item.group_id for item in found) == [10, 11, 20, 21]
    assert len(names) == len({*names}) == 4
    assert {name.partition("-")[0] for name in names} == {"partoo_read"}


async def test_a_task_that_kills_every_worker_ends_the_scan(
    dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three times; a journal would go on."""
    names = spoil(dask, monkeypatch, 1000)
    (error,) = await collect(dask, emulator)
    assert isinstance(error, ScanError)
    assert error.transient
    assert "the cluster does not read any more: Attempted to run task" in str(error)
    assert len(names) == 3


async def test_tasks_that_the_scheduler_drops_end_the_scan(
    dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart of the cluster; it is not taken for a cancellation of the caller."""
    submit = dask.submit

    def dropped(*arguments: Any, **options: Any) -> Any:
        future = submit(*arguments, **options)
        task = asyncio.ensure_future(future.cancel())
        tasks.append(task)
        return future

    tasks: list[Any] = []
    monkeypatch.setattr(dask, "submit", dropped)
    found = await collect(dask, emulator)
    assert isinstance(found[-1], ScanError)
    assert "the cluster does not read any more" in str(found[-1])
    await asyncio.gather(*tasks)


async def test_a_client_that_is_not_asynchronous(emulator: Emulator) -> None:
    """Has its loop in a thread, and does as well."""
    options: dict[str, Any] = {"processes": False, "dashboard_address": "127.0.0.1:0", "silence_logs": 50}
    with LocalCluster(n_workers=1, threads_per_worker=4, **options) as local, Client(local) as client:
        found = await collect(client, emulator)
    assert sorted(item.group_id for item in found) == [10, 11, 20, 21]
    assert all(isinstance(item, ScanItem) for item in found)


async def test_workers_without_the_package_are_told_of(
    dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By their address, before anything is sent; another version is a warning."""

    async def missing() -> Any:
        raise ModuleNotFoundError("No module named 'partoo_async'")

    async def older() -> Any:
        return "process", "0.0.1", False

    monkeypatch.setattr(worker, "whoami", older)
    with caplog.at_level(logging.WARNING, "partoo_async.scan"):
        await collect(dask, emulator)
    assert len([text for text in caplog.messages if "has partoo-async 0.0.1, and this is" in text]) == 2
    monkeypatch.setattr(worker, "whoami", missing)
    before = len(emulator.requests)
    with pytest.raises(ConfigurationError, match="client: worker inproc://.* cannot use partoo-async, .*No module"):
        await collect(dask, emulator)
    assert len(emulator.requests) == before


async def test_a_worker_that_has_just_died_is_no_fault(
    dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler may still list it; the others do the work, and it gets no part of the quota."""
    run = dask.run

    async def without_one(*arguments: Any, **options: Any) -> Any:
        found = await run(*arguments, **options)
        return found | {next(iter(found)): ConnectionResetError()}

    monkeypatch.setattr(dask, "run", without_one)
    assert len(await collect(dask, emulator)) == 4


async def test_everything_is_sent_with_bulk_priority(
    dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list, the sections and the groups: else they would keep other bulk work from the reserve of the quota."""
    send, seen = PartooSession.send, []

    async def noted(self: PartooSession, operation: Any, **options: Any) -> Any:
        seen.append(options["priority"])
        return await send(self, operation, **options)

    monkeypatch.setattr(PartooSession, "send", noted)
    organizations = {"a": Organization(emulator.api_key)}
    async for _ in distributed_scan(organizations, client=dask, server=emulator.server, rate_limit=None):
        pass
    assert {*seen} == {Priority.BULK}
    assert len(seen) > 60


async def test_a_cluster_without_workers_has_no_shares(emulator: Emulator) -> None:
    """There is nobody yet to count; with a shared quota its tasks would wait for one."""
    options: dict[str, Any] = {"processes": False, "asynchronous": True, "dashboard_address": "127.0.0.1:0"}
    async with (
        LocalCluster(n_workers=0, silence_logs=50, **options) as local,
        Client(local, asynchronous=True) as client,
    ):
        with pytest.raises(ConfigurationError, match="client: the cluster has no worker yet"):
            await collect(client, emulator, rate_limit=RateLimit())


async def test_a_worker_that_does_not_reply(dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told of, instead of waiting without a word."""

    async def silent() -> Any:
        await asyncio.sleep(3600)

    monkeypatch.setattr(worker, "whoami", silent)
    monkeypatch.setattr(cluster, "_HELLO", 0.05)
    with pytest.raises(ConfigurationError, match="client: not all workers replied within 0.05 s"):
        await collect(dask, emulator)


async def test_what_nobody_uses_is_closed(dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections of a run whose driver was killed, and of an organization that has ended: at the second sweep."""

    async def nothing(_run: str) -> None:
        return

    monkeypatch.setattr(worker, "_SWEEP", 0.05)
    monkeypatch.setattr(worker, "leave", nothing)  # as if the driver had been killed
    await collect(dask, emulator)
    (desk,) = worker._desks.values()
    while worker._desks:
        await asyncio.sleep(0.01)
    assert all(base.closed for base in desk._bases.values())


@pytest.mark.parametrize("show", [repr, str, lambda sealed: f"{sealed}", lambda sealed: repr(vars_of(sealed))])
def test_a_sealed_key_is_shown_by_nothing_but_a_pickle(show: Any) -> None:
    """Which is how it travels; the type that holds keys elsewhere goes on to refuse that."""
    secret = Secret("a-key-that-must-not-be-found")
    sealed = seal(secret)
    assert isinstance(sealed, SealedKey)
    assert "a-key-that" not in show(sealed)
    opened = pickle.loads(pickle.dumps(sealed)).open()
    assert opened.fingerprint == secret.fingerprint
    with pytest.raises(TypeError, match="an API key is not pickled"):
        pickle.dumps(secret)


def vars_of(sealed: SealedKey) -> dict[str, Any]:
    """What a debugger or a crash reporter would list."""
    return {name: getattr(sealed, name) for name in SealedKey.__slots__}


async def test_processes_share_the_quota_of_each_organization(
    dask: Any, emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the store that is named, to which a key from a callable makes no difference; and nothing is said of shares."""
    key = emulator.api_key

    async def fetch() -> str:
        return key

    organizations = {"a": Organization(key, [1, 2]), "b": Organization(fetch, [3])}
    options: dict[str, Any] = {"server": emulator.server, "quota": f"file://{tmp_path}/quota"}
    with caplog.at_level(logging.WARNING, "partoo_async"):
        found = [item async for _, item in distributed_scan(organizations, client=dask, **options)]
    assert sorted(item.group_id for item in found if isinstance(item, ScanItem)) == [10, 11, 20, 21, 30, 31]
    assert not caplog.messages
    assert (tmp_path / "quota").exists()


async def test_a_quota_in_redis_has_a_name_where_the_key_has_none(dask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An organization whose key a callable fetches is known by its name; any other one by its key."""
    jobs: list[Job] = []

    async def compute(_self: Any, _function: Any, job: Job, questions: Any) -> Answers:
        jobs.append(job)
        return Answers([NotFoundError(404)] * len(questions))

    async def fetch() -> str:
        return "key"

    monkeypatch.setattr(cluster.Cluster, "_compute", compute)
    organizations = {"acme": Organization("key", [1]), "bolt": Organization(fetch, [1])}
    quota = RedisQuota("redis://:a-password@localhost/0")
    async for _ in distributed_scan(organizations, client=dask, quota=quota):
        pass
    assert sorted((job.number, job.quota.name) for job in jobs) == [(2, None), (3, "bolt")]
    assert "a-password" not in repr(jobs)
    with pytest.raises(ConfigurationError, match="quota: one name would join all organizations"):
        distributed_scan(organizations, client=dask, quota="redis://localhost/0?name=acme")


async def test_errors_are_pickled_bare(dask: Any, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask has every exception pickled with what it came of, which may hold keys and need not pickle at all. Errors of
    this package leave that behind, those of a worker and those of the program that uses Dask."""
    locked = OSError("of a connection")
    locked.lock = threading.Lock()  # type: ignore[attr-defined]
    send = PartooSession.send

    async def failing(self: PartooSession, operation: Any, **options: Any) -> Any:
        if "/groups/" in operation.request.path:
            raise NotFoundError(404) from locked
        return await send(self, operation, **options)

    monkeypatch.setattr(PartooSession, "send", failing)
    tblib.pickling_support.install()
    found = await collect(dask, emulator)
    assert {type(item.error) for item in found} == {NotFoundError}
    assert {item.error.__cause__ for item in found} == {None}
    error = NotFoundError(404)
    error.__cause__ = locked
    assert pickle.loads(pickle.dumps(error)).__cause__ is None


@pytest.mark.parametrize(("failures", "works"), [(0, True), (2, True), (3, False)])
async def test_a_worker_tries_thrice_to_connect_to_a_store(
    monkeypatch: pytest.MonkeyPatch, failures: int, works: bool
) -> None:
    """A worker that is just starting may be slow, and one failure would end the whole organization."""
    tries = []

    class Slow:
        async def __aenter__(self) -> None:
            tries.append(1)
            if len(tries) <= failures:
                raise ConfigurationError("quota: the shared store cannot be used")

    monkeypatch.setattr(worker, "_START_AGAIN", 0.0)
    session: Any = Slow()
    if works:
        await worker._start(session)
    else:
        with pytest.raises(ConfigurationError, match="cannot be used"):
            await worker._start(session)
    assert len(tries) == min(failures + 1, 3)
