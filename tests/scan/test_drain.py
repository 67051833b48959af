"""The end of a scan before its end: cancelled, timed out or left, it starts nothing more and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from partoo_async import (
    APIStatusError,
    ClientClosedError,
    Group,
    PartooClient,
    RateLimit,
    RetryPolicy,
    ScanError,
    ScanItem,
    ScanSuccess,
)
from partoo_async._protocol.http import Response
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.scope import Scope
from tests.support.common import FAST, PATIENCE
from tests.support.raw_server import raw_server
from tests.support.simulated import Partoo, assert_nothing_left, client_of, journals_in_virtual_time, recorded
from tests.support.virtual import run_virtual

GRACE = 2.0
NEVER = 1e6


async def cancelled(work: Any, *moments: float) -> float:
    """Run this in a task, cancel it after each of these seconds, and return how long it took after the first."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    handles = [loop.call_later(moment, task.cancel) for moment in moments]
    await asyncio.wait([task])
    for handle in handles:
        handle.cancel()
    assert task.cancelled()
    return loop.time() - handles[0].when()


def groups_of(items: list[ScanItem]) -> set[int | None]:
    return {item.group_id for item in items}


def test_answers_within_the_grace_are_recorded(tmp_path: Path) -> None:
    """Seven requests are in flight when the scan is cancelled. Those answered within two seconds are recorded, the
    others are dropped then, and none starts any more."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: 0.0 if key[1] is None else key[1] * 0.5  # type: ignore[method-assign]

    async def main() -> None:
        async with client_of(partoo, max_concurrency=8) as client:
            took = await cancelled(client.scan(1, journal=tmp_path / "scan.db").collect(), 0.4)
            assert took == pytest.approx(GRACE)
            assert_nothing_left(client, partoo)
            # 0.5 s, 1.0 s, 1.5 s and 2.0 s are within 0.4 s + 2.0 s.
            assert groups_of(await recorded(tmp_path / "scan.db")) == {1, 2, 3, 4}
            assert {group_id for _, (_, group_id) in partoo.arrived} == {None, *range(1, 8)}

    with journals_in_virtual_time():
        run_virtual(main())


def test_a_second_cancellation_cuts_the_grace_short(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C again, and again, is not kept waiting, and what came until then is recorded."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: 0.0 if key[1] is None else key[1] * 0.5  # type: ignore[method-assign]

    async def main() -> None:
        async with client_of(partoo, max_concurrency=8) as client:
            path = tmp_path / "scan.db"
            assert await cancelled(client.scan(1, journal=path).collect(), 0.4, 1.2) == pytest.approx(0.8)
            assert_nothing_left(client, partoo)
            assert groups_of(await recorded(path)) == {1, 2}
            again = client.scan(1, journal=path, resume=True).collect()
            assert await cancelled(again, 0.4, 0.5, 0.5, 0.5) == pytest.approx(0.1)
            assert_nothing_left(client, partoo)
            assert groups_of(await recorded(path)) == {1, 2}

    with journals_in_virtual_time():
        run_virtual(main())


def test_a_silent_server_does_not_hold_a_scan_past_its_grace(tmp_path: Path) -> None:
    """Requests that are never answered end with the grace; without a journal there is none, and they end at once."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: 0.0 if key[1] is None else NEVER  # type: ignore[method-assign]

    async def main() -> None:
        async with client_of(partoo) as client:
            took = await cancelled(client.scan(1, journal=tmp_path / "scan.db").collect(), 5.0)
            assert took == pytest.approx(GRACE)
            assert_nothing_left(client, partoo)
            assert await cancelled(client.scan(1).collect(), 5.0) == pytest.approx(0.0)
            assert_nothing_left(client, partoo)

    with journals_in_virtual_time():
        run_virtual(main())


@pytest.mark.parametrize("with_journal", [False, True])
def test_cancelled_at_any_moment(tmp_path: Path, with_journal: bool) -> None:
    """In all phases, waits for the quota and pauses included: no request starts after the cancellation, the grace is
    kept, and every slot and place comes back."""
    chance = random.Random(1)

    async def main(number: int) -> None:
        partoo = Partoo({1: list(range(30)), 2: list(range(30))}, seed=number, late=chance.choice([0.1, 3.0, 30.0]))
        partoo.faults = chance.choice([0.0, 0.3])
        # One of them is told to come back later.
        partoo.answers[1, 7] = Response(429, {"Retry-After": "9"}, b"")
        options: dict[str, Any] = {"journal": tmp_path / f"{number}.db"} if with_journal else {}
        async with client_of(partoo, rate_limit=RateLimit(10, 4.0), max_concurrency=8) as client:
            moment = asyncio.get_running_loop().time() + chance.uniform(0.0, 25.0)
            took = await cancelled(client.scan([1, 2], **options).collect(), moment - asyncio.get_running_loop().time())
            assert took <= (GRACE if with_journal else 0.0) + 0.001
            assert all(arrived <= moment for arrived, _ in partoo.arrived)
            assert_nothing_left(client, partoo)
            await asyncio.sleep(60)
            assert client.quota.used == 0

    with journals_in_virtual_time():
        for number in range(25):
            run_virtual(main(number))


def test_a_failure_that_was_cut_short_is_no_outcome(tmp_path: Path) -> None:
    """A 500 within the grace would have been tried again. It is not recorded, so that a run that keeps failures asks
    for that group too; a 404 is an outcome at any time."""
    path = tmp_path / "scan.db"
    partoo = Partoo({1: [1, 2, 3]})
    partoo.missing = {(1, 2)}
    partoo.answers = {(1, 1): Response(500, {}, b""), (1, 3): Response(429, {"Retry-After": "30"}, b"")}
    partoo.delay = lambda key: 0.0 if key[1] is None else 1.0  # type: ignore[method-assign]

    async def main() -> None:
        async with client_of(partoo) as client:
            assert await cancelled(client.scan(1, journal=path).collect(), 0.5) == pytest.approx(0.5)
            assert_nothing_left(client, partoo)
            assert groups_of(await recorded(path)) == {2}
            partoo.answers.clear()
            report = await client.scan(1, journal=path, resume=True, retry_failed=False).collect()
            assert groups_of(list(report.succeeded)) == {1, 3}
            assert [item.recorded for item in report.failed] == [True]

    with journals_in_virtual_time():
        run_virtual(main())


def test_a_wait_between_two_tries_is_not_sat_out(tmp_path: Path) -> None:
    """A group that waits for its next try, and one that waits for the quota, are dropped at once."""
    partoo = Partoo({1: [1, 2, 3, 4]})
    partoo.faults = 1.0
    partoo.delay = lambda key: 0.0  # type: ignore[method-assign]
    patient = RetryPolicy(initial_backoff=60.0, max_backoff=60.0)

    async def main() -> None:
        async with client_of(partoo, retry=patient, rate_limit=RateLimit(2, 60.0)) as client:
            scan = client.scan(1, group_ids=[1, 2, 3, 4], journal=tmp_path / "scan.db")
            assert await cancelled(scan.collect(), 1.0) == pytest.approx(0.0)
            assert_nothing_left(client, partoo)
            assert await recorded(tmp_path / "scan.db") == []

    with journals_in_virtual_time():
        run_virtual(main())


def test_a_request_that_waits_for_its_key_is_not_sent_any_more(tmp_path: Path) -> None:
    """A key that comes from elsewhere, and comes after the cancellation, sends nothing."""
    partoo = Partoo({1: [1, 2, 3, 4]})

    async def key() -> str:
        await asyncio.sleep(1.0)
        return "key"

    async def main() -> None:
        async with client_of(partoo) as client:
            scan = client.with_options(api_key=key).scan(1, group_ids=[1, 2, 3, 4], journal=tmp_path / "scan.db")
            assert await cancelled(scan.collect(), 0.5) == pytest.approx(0.0)
            assert_nothing_left(client, partoo)
            assert partoo.arrived == []

    with journals_in_virtual_time():
        run_virtual(main())


@pytest.mark.parametrize("with_journal", [False, True])
def test_a_timeout_around_a_scan(tmp_path: Path, with_journal: bool) -> None:
    """asyncio.timeout() around a scan is a TimeoutError, nothing remains, and the client can be used."""
    partoo = Partoo({1: list(range(100))}, late=1.0)
    options: dict[str, Any] = {"journal": tmp_path / "scan.db"} if with_journal else {}

    async def main() -> None:
        async with client_of(partoo, max_concurrency=4) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(7.0):
                    await client.scan(1, **options).collect()
            assert_nothing_left(client, partoo)
            assert (await client.groups.get(1, 42)).id == 42

    with journals_in_virtual_time():
        run_virtual(main())


def test_one_of_two_scans_is_cancelled() -> None:
    """A cancelled scan takes nothing from another one of the same client."""
    partoo = Partoo({1: list(range(50)), 2: list(range(50))})

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(10, 1.0)) as client:
            other = asyncio.ensure_future(client.scan(2).collect())
            await cancelled(client.scan(1).collect(), 3.0)
            assert len((await other).succeeded) == 50
            assert_nothing_left(client, partoo)

    run_virtual(main())


class MineError(Exception):
    """Raised by the one who consumes a scan."""


@pytest.mark.parametrize("with_journal", [False, True])
def test_leaving_by_an_exception(tmp_path: Path, with_journal: bool) -> None:
    """An error in the loop's body comes out as it is, after the scan has stopped."""
    partoo = Partoo({1: list(range(100))})
    options: dict[str, Any] = {"journal": tmp_path / "scan.db"} if with_journal else {}

    async def main() -> None:
        async with client_of(partoo) as client:
            with pytest.raises(MineError):
                async with client.scan(1, **options) as scan:
                    async for _ in scan:
                        raise MineError
            assert_nothing_left(client, partoo)
            with pytest.raises(ClientClosedError):
                aiter(scan)
            assert (await client.groups.get(1, 42)).id == 42

    with journals_in_virtual_time():
        run_virtual(main())


def test_a_scan_that_is_closed_while_it_reads_its_sections() -> None:
    """aclose() from elsewhere, before the first group was asked for: then none is."""
    partoo = Partoo({1: list(range(10)), 2: list(range(10))}, late=4.0)

    async def main() -> None:
        async with client_of(partoo) as client:
            scan = client.scan([1, 2])
            asyncio.get_running_loop().call_later(0.1, lambda: closing.append(asyncio.ensure_future(scan.aclose())))
            closing: list[asyncio.Future[None]] = []
            async with scan:
                await asyncio.sleep(60)
                with pytest.raises(ClientClosedError):
                    aiter(scan)
            await closing[0]
            assert_nothing_left(client, partoo)
            assert [group_id for _, (_, group_id) in partoo.arrived] == [None, None]

    run_virtual(main())


async def test_the_journal_is_flushed_however_often_that_is_cancelled(tmp_path: Path) -> None:
    """What was handed to the journal is on the disk when it is closed, and its task and its thread have ended."""
    items = [ScanSuccess(7, number, Group(number, "G", False, ()), None, 1, 0.1) for number in range(50)]
    journal = await Journal.open(tmp_path / "scan.db", "http://127.0.0.1:9/v2", Scope((7,)), resume=False)
    recording = [asyncio.create_task(journal.record(item)) for item in items]
    await asyncio.sleep(0)
    closing = asyncio.create_task(journal.aclose())
    await asyncio.sleep(0)
    while not closing.done():
        closing.cancel()
        await asyncio.sleep(0)
    assert closing.cancelled()
    await asyncio.gather(*recording)
    assert not our_tasks()
    await assert_no_thread_is_left()
    assert len(await recorded(tmp_path / "scan.db")) == 50


def demo(groups: int) -> list[EmulatedSection]:
    return [EmulatedSection(7, "S", {number: EmulatedGroup(number, f"G{number}") for number in range(groups)})]


def our_tasks() -> list[asyncio.Task[Any]]:
    """The tasks that the client started; the emulator has some of its own in the same loop."""
    return [task for task in asyncio.all_tasks() if "partoo_async/scan" in str(task.get_coro())]


async def assert_no_thread_is_left() -> None:
    for thread in [one for one in threading.enumerate() if "connection_worker" in one.name]:
        await asyncio.to_thread(thread.join, PATIENCE)  # it may be at its last instruction
        assert not thread.is_alive()


async def test_cancelled_on_a_real_socket(tmp_path: Path) -> None:
    """Cancelled again and again at random moments: all that the server answered is recorded, nothing twice."""
    chance = random.Random(2)
    path = tmp_path / "scan.db"
    async with (
        Emulator(sections=demo(150), rate_limit=None, latency=(0.0, 0.02)) as emulator,
        PartooClient(emulator.api_key, server=emulator.server, rate_limit=None, max_concurrency=8) as client,
    ):
        for _ in range(8):
            task = asyncio.create_task(client.scan(7, journal=path, resume=True).collect())
            await asyncio.sleep(chance.uniform(0, 0.06))
            task.cancel()
            await asyncio.wait([task])
            assert not our_tasks()
            await assert_no_thread_is_left()
            asked = [seen.path for seen in emulator.requests if "/groups/" in seen.path]
            await asyncio.sleep(0.03)
            assert len(asked) == len([seen for seen in emulator.requests if "/groups/" in seen.path])
            assert sorted(asked) == sorted(f"/v2/sections/7/groups/{key}" for key in groups_of(await recorded(path)))
            assert client.quota.waiting == 0
        report = await client.scan(7, journal=path, resume=True).collect()
        assert groups_of(list(report.succeeded)) == set(range(150))


@pytest.mark.parametrize("turns", range(0, 45, 3))
async def test_cancelled_while_the_journal_is_made(tmp_path: Path, turns: int) -> None:
    """However early the cancellation comes, it leaves no lock and no thread, and the next run can begin."""
    path = tmp_path / "scan.db"
    async with (
        Emulator(sections=demo(3), rate_limit=None) as emulator,
        PartooClient(emulator.api_key, server=emulator.server, rate_limit=None) as client,
    ):
        task = asyncio.create_task(client.scan(7, journal=path).collect())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert not our_tasks()
        await assert_no_thread_is_left()
        report = await client.scan(7, journal=path, resume=True).collect()
        assert len(report.succeeded) == 3


async def test_no_connection_is_left() -> None:
    """Requests that are dropped close their connections; the server sees them go."""
    async with raw_server(None) as server, PartooClient("key", server=server.url, retry=FAST) as client:
        task = asyncio.create_task(client.scan(7, group_ids=range(9)).collect())
        async with asyncio.timeout(PATIENCE):
            while len(server.requests) < 9:
                await asyncio.sleep(0.01)
            assert len(server.open) == 9
            task.cancel()
            await asyncio.wait([task])
            server.stopped.set()  # the server only notices when it looks
            while server.open:
                await asyncio.sleep(0.01)
        assert not our_tasks()
        assert len(server.requests) == 9
        assert "0 of 32 in flight, 0 waiting" in repr(client.session.context.concurrency)


@pytest.mark.skipif(os.name != "posix", reason="no such signals there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_a_scan_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """With add_signal_handler(task.cancel), as the documentation says, a signal is a clean end to go on from."""
    path = tmp_path / "scan.db"
    async with (
        Emulator(sections=demo(60), rate_limit=None, latency=0.01) as emulator,
        PartooClient(emulator.api_key, server=emulator.server, rate_limit=None, max_concurrency=4) as client,
    ):
        loop = asyncio.get_running_loop()

        def halfway(progress: Any) -> None:
            if progress.done == 30:
                os.kill(os.getpid(), number)

        task = asyncio.create_task(client.scan(7, journal=path, on_progress=halfway).collect())
        loop.add_signal_handler(number, task.cancel)
        try:
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(asyncio.CancelledError):
                    await task
        finally:
            loop.remove_signal_handler(number)
        assert not our_tasks()
        assert 30 <= len(await recorded(path)) < 60
        assert len((await client.scan(7, journal=path, resume=True).collect()).succeeded) == 60


def test_the_report_of_an_early_end_is_complete() -> None:
    """What ends a scan early leaves no task behind either, and its error has what was until then."""
    partoo = Partoo({1: list(range(100))})
    partoo.missing = {(1, number) for number in range(20, 100)}

    async def main() -> None:
        async with client_of(partoo, max_concurrency=4) as client:
            with pytest.raises(ScanError, match="4 failed, and max_failures=3") as caught:
                await client.scan(1, max_failures=3).collect()
            assert_nothing_left(client, partoo)
        failed = caught.value.report.failed
        assert len(failed) == 4
        assert all(isinstance(item.error, APIStatusError) for item in failed)
        assert groups_of(list(caught.value.report.succeeded)) <= set(range(20))

    run_virtual(main())
