"""``distributed_scan`` on a cluster in this process: the same outcomes and errors as those of ``scan_many``."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from partoo_async import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    Organization,
    Quota,
    RateLimit,
    RetryPolicy,
    ScanError,
    ScanItem,
    scan_many,
)
from partoo_async.distributed import distributed_scan, worker
from partoo_async.distributed.scans import Options
from partoo_async.emulator import Emulator
from partoo_async.scan.many.scans import SessionOptions

ALL = sorted(one for n in range(1, 21) for one in (n * 10, n * 10 + 1))


async def collect(organizations: Any, client: Any, emulator: Emulator, **options: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    options = {"server": emulator.server, "rate_limit": None} | options
    async for name, item in distributed_scan(organizations, client=client, **options):
        found.setdefault(name, []).append(item)
    return found


def ids(items: list[Any]) -> list[int | None]:
    return sorted(item.group_id for item in items if isinstance(item, ScanItem) and item.error is None)


def tasks_of_the_package() -> list[str]:
    """What runs of it, on both sides, without the server."""
    codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()]
    files = [code.co_filename for code in codes if code is not None]
    return [file for file in files if "/partoo_async/" in file and "/emulator/" not in file]


@pytest.mark.parametrize("sections", [None, [*range(1, 21)]])
async def test_each_group_comes_once(dask: Any, emulator: Emulator, sections: list[int] | None) -> None:
    """Of all sections or of those that were named; each request is sent once."""
    found = await collect({"a": Organization(emulator.api_key, sections)}, dask, emulator)
    assert ids(found["a"]) == ALL
    assert len(found["a"]) == 40
    paths = [seen.path for seen in emulator.requests if "/sections/" in seen.path]
    assert len(paths) == len({*paths}) == 60


async def test_what_fails_is_as_in_scan_many(dask: Any, emulator: Emulator) -> None:
    """A wrong key is one error of its organization, an unreadable section one outcome; a key may come from a callable,
    which the workers call."""
    key, lock = emulator.api_key, threading.Lock()

    async def fetch() -> str:
        return key

    async def fetch_here() -> str:
        with lock:
            return key

    organizations = {
        "good": Organization(emulator.api_key, [1, 2]),
        "wrong": Organization("wrong-key", [1, 2]),
        "gone": Organization(emulator.api_key, [1, 404]),
        "called": Organization(fetch, [3]),
        "stays": Organization(fetch_here, [3]),
    }
    found = await collect(organizations, dask, emulator)
    assert ids(found["good"]) == [10, 11, 20, 21]
    assert [type(item) for item in found["wrong"]] == [AuthenticationError]
    (failure,) = [item for item in found["gone"] if item.error is not None]
    assert (failure.section_id, failure.group_id, type(failure.error)) == (404, None, NotFoundError)
    assert ids(found["gone"]) == [10, 11]
    assert ids(found["called"]) == [30, 31]
    (error,) = found["stays"]
    assert isinstance(error, ConfigurationError)
    assert "a callable for api_key or a quota must be picklable" in str(error)


async def test_a_journal_goes_on(dask: Any, emulator: Emulator, tmp_path: Path) -> None:
    """Recorded outcomes come without a request, and neither are the sections read again."""
    organizations = {"a": Organization(emulator.api_key, [*range(1, 21)])}
    options: dict[str, Any] = {"server": emulator.server, "rate_limit": None, "journals": tmp_path / "j"}
    taken = 0
    async with aclosing(distributed_scan(organizations, client=dask, **options)) as items:
        async for _ in items:
            taken += 1
            if taken == 10:
                break
    before = len(emulator.requests)
    with pytest.raises(ConfigurationError, match="exists already"):
        await collect(organizations, dask, emulator, journals=tmp_path / "j")
    found = await collect(organizations, dask, emulator, journals=tmp_path / "j", resume=True)
    assert ids(found["a"]) == ALL
    assert sum(item.recorded for item in found["a"]) >= 10
    assert not [seen.path for seen in emulator.requests[before:] if "/groups/" not in seen.path]


async def test_leaving_ends_what_the_workers_do(dask: Any, emulator: Emulator) -> None:
    """At once: neither a request that waits for the quota nor a retry is sent later, and no task is left."""
    organizations = {"a": Organization(emulator.api_key)}
    emulator.faults.add("status", match="GET /sections/{section_id}/groups/{group_id}", status=503)
    retry = RetryPolicy(max_retries=50, initial_backoff=60.0, max_backoff=60.0)
    scan = distributed_scan(organizations, client=dask, server=emulator.server, rate_limit=None, retry=retry)
    waiting = asyncio.ensure_future(anext(scan))
    while not any("/groups/" in seen.path for seen in emulator.requests):
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await scan.aclose()
    while tasks_of_the_package():
        await asyncio.sleep(0.01)
    assert worker._desks == {}
    while any((await dask.has_what()).values()):
        await asyncio.sleep(0.01)


async def test_a_whole_failure_of_one_leaves_the_others(dask: Any, emulator: Emulator) -> None:
    """``max_failures`` ends the organization alone, by a ``ScanError``; what was had until then came before."""
    emulator.faults.add("status", match="GET /sections/1/groups/10", status=404)
    organizations = {"a": Organization(emulator.api_key, [1]), "b": Organization(emulator.api_key, [2])}
    found = await collect(organizations, dask, emulator, max_failures=0)
    assert isinstance(found["a"][-1], ScanError)
    assert ids(found["b"]) == [20, 21]


async def test_without_a_shared_quota_each_process_has_a_part(
    dask: Any, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Both workers are this process, which has the whole; of two it would be the half, which is said once."""
    from partoo_async.distributed.cluster import Cluster

    with caplog.at_level(logging.WARNING, "partoo_async.scan"):
        await collect({"a": Organization(emulator.api_key, [1])}, dask, emulator, rate_limit=RateLimit(500, 60.0))
        assert not caplog.messages
        cluster = Cluster(dask, None, RateLimit())
        cluster._share(2)
    assert cluster._shares == 2
    (message,) = caplog.messages
    assert "each of the 2 workers gets 1/2 of every quota" in message


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"client": "tcp://127.0.0.1:8786"}, "client: expected a Client of Dask (distributed.Client), not str"),
        ({"quota": Quota()}, "quota: "),
        ({"resume": True}, "resume: goes with journals="),
        ({"at_once": 0}, "at_once: expected at least 1"),
        ({"rate_limit": 5}, "rate_limit: "),
        ({"timeout": 0}, "timeout: "),
        ({"server": "nowhere"}, "server: "),
    ],
)
async def test_bad_arguments_are_told_at_the_call(dask: Any, options: dict[str, Any], problem: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError) as caught:
        distributed_scan({"a": Organization("key")}, **({"client": dask} | options))
    assert str(caught.value).startswith(problem)


async def test_options_of_connections_do_not_travel(dask: Any) -> None:
    """They would be silently left out otherwise."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'proxy'"):
        distributed_scan({"a": Organization("key")}, client=dask, proxy="http://127.0.0.1:1")  # type: ignore[call-arg]


async def test_a_closed_client_is_told(dask: Any, emulator: Emulator) -> None:
    """As what it is, and not as a cluster without workers."""
    await dask.close()
    with pytest.raises(ConfigurationError, match="client: it is closed; use it inside 'async with Client"):
        await collect({"a": Organization("key")}, dask, emulator)


def test_the_signature_is_pinned() -> None:
    """As it is documented; what else there is goes by keywords that ``scan_many`` has, too."""
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(distributed_scan).parameters.values()
    ]
    assert str(inspect.Signature(plain)) == (
        "(organizations, *, client, server=None, quota=None, journals=None, resume=False, **options)"
    )
    assert Options.__annotations__.keys() - inspect.signature(scan_many).parameters.keys() <= {
        *SessionOptions.__annotations__
    }


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package itself imports without it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"distributed: expected to be installed for .*\[dask\]"):
        distributed_scan({"a": Organization("key")}, client=None)
