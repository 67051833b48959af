"""Real processes that share a quota, real stores, and what goes wrong; ``make processes`` has the long forms.

Whatever happens, the server sees no more than the limit in any window, all groups are read, and no call fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import events
from tests.support.forks import AVAILABLE
from tests.support.processes import Fleet, Outcome, run

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs processes that start fast")

SECOND = {"per": 1.0, "groups": 25}


def both(*happenings: events.Event) -> events.Event:
    async def event(fleet: Fleet) -> None:
        for one in happenings:
            await one(fleet)

    return event


def check(found: Outcome, *, done: int) -> None:
    assert found.busiest <= found.limit
    assert found.failed == []
    assert sum(result.get("done", 0) for result in found.results) == done


async def test_a_file_that_is_removed_and_overwritten(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """In mid run: each is noticed at the next exchange, and the others report to the new file."""
    event = both(events.remove(0.4), events.overwrite(1.0))
    found = await run(quick_python, tmp_path, "file", event=event, **SECOND)
    check(found, done=75)
    assert (tmp_path / "partoo.quota.damaged").exists()
    assert {result["mode"] for result in found.results} == {"shared"}


async def test_a_process_that_is_killed(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """Its slots come back when its lease has ended and they have cooled."""
    found = await run(quick_python, tmp_path, "file", event=events.kill(0.6), **SECOND)
    check(found, done=50)
    assert found.results[0] == {}


async def test_a_file_that_another_process_locks(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """For some seconds: callers go on with the fallback, no event loop stands still, and all is well afterwards."""
    found = await run(quick_python, tmp_path, "file", event=events.lock(0.4, 2.4), **SECOND)
    check(found, done=75)
    assert found.lag < 1.5
    assert any("the store of the shared quota is away" in line for line in found.logs)
    assert not [line for line in found.logs if "Traceback" in line]


async def test_one_429_pauses_all_processes(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """Those in flight arrive in the pause, and after it one request alone, until it is answered."""
    event = events.refuse(0.5, 2)
    found = await run(quick_python, tmp_path, "file", event=event, **SECOND)
    check(found, done=75)
    assert found.refused == 1
    before, after = max(zip(found.stamps, found.stamps[1:], strict=False), key=lambda pair: pair[1] - pair[0])
    assert after - before >= 1.5, "the pause, but for the news of it"
    assert sum(stamp < after + 0.004 for stamp in found.stamps if stamp >= after) == 1, "the probe takes 5 ms"


async def test_a_redis_that_forgets(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """Its data, its script, and then a process that stood still meanwhile comes back with an old lease."""
    flushes = both(events.tell_redis("FLUSHALL", 0.6), events.tell_redis("SCRIPT FLUSH", 0.8), events.freeze(0.9, 1.5))
    found = await run(quick_python, tmp_path, "redis", event=flushes, **SECOND)
    check(found, done=75)


async def test_a_redis_that_is_killed_and_comes_back_empty(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """For two seconds nobody can reach it. The processes find it again by themselves."""
    found = await run(quick_python, tmp_path, "redis", event=events.restart_redis(0.4, 2.0), **SECOND)
    check(found, done=75)
    assert {result["mode"] for result in found.results} == {"shared"}
