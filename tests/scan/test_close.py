"""A scan that is closed before its end, by whom and whenever it is: it never looks like a whole or an empty one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from partoo_async import (
    ClientClosedError,
    ConfigurationError,
    PartooClient,
    RateLimit,
    Scan,
    ScanError,
    ScanItem,
    ScanReport,
    exports,
)
from partoo_async._protocol.http import Response
from partoo_async._transport import Exchange
from partoo_async.scan.journal import reader as recording
from partoo_async.scan.journal.journal import Journal
from tests.support.common import PATIENCE
from tests.support.simulated import Key, Partoo, assert_nothing_left, client_of, journals_in_virtual_time, recorded
from tests.support.virtual import run_virtual

SECTIONS = {1: [11, 12], 2: [21], 3: [], 4: [41, 42, 43]}
KEYS = {(section, group) for section, groups in SECTIONS.items() for group in groups}
# The first page is asked for at once, the second one must wait for a minute.
ONE_A_MINUTE = RateLimit(1, 60.0)
Consumed: TypeAlias = tuple[list[ScanItem], ScanReport]


class Paged(Partoo):
    """A Partoo that lists its sections, too, on pages of two. ``held``: a page that is never answered."""

    held = 0

    async def send(self, exchange: Exchange) -> Response:
        request, _until = exchange.request, exchange.until
        path, _, query = request.path.partition("?page=")
        if path != "/sections":
            return await super().send(exchange)
        page = int(query)
        self.arrived.append((asyncio.get_running_loop().time(), (0, -page)))
        self.in_flight += 1
        try:
            await asyncio.sleep(1e6 if page == self.held else self.chance.uniform(0, self.late))
        finally:
            self.in_flight -= 1
        ids = list(self.sections)[2 * page - 2 : 2 * page]
        rest = {"groups": [], "can_edit": True, "has_puller": False}
        sections = [{"id": section_id, "name": f"S{section_id}", **rest} for section_id in ids]
        facts = {"page": page, "max_page": (len(self.sections) + 1) // 2}
        return Response(200, {}, json.dumps({"sections": sections, **facts}).encode())


def asked(partoo: Partoo) -> list[Key]:
    return [key for _, key in partoo.arrived]


async def consume(scan: Scan) -> Consumed:
    """What a program does with a scan. Its task must not notice that somebody closes the scan."""
    items = []
    async with scan:
        if scan._state == "open":
            items = [item async for item in scan]
        else:
            with pytest.raises(ClientClosedError, match="closed before its end, after 0 outcomes"):
                await anext(scan)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    for _ in range(3):
        await asyncio.sleep(0)  # where a cancellation that came late would be raised
    return items, scan.report()


def all_of(client: PartooClient, journal: Path | None) -> Scan:
    return client.scan_all() if journal is None else client.scan_all(journal=journal, resume=True)


@pytest.mark.parametrize("with_journal", [False, True])
@pytest.mark.parametrize("held", [0, 2], ids=["waits for quota", "in flight"])
def test_closed_while_the_pages_are_walked(tmp_path: Path, with_journal: bool, held: int) -> None:
    """aclose() from elsewhere while a page waits for the quota, or for its answer: the loop that begins then
    raises."""
    partoo = Paged(SECTIONS)
    partoo.held = held
    path = tmp_path / "scan.db" if with_journal else None

    async def main() -> None:
        async with client_of(partoo, rate_limit=None if held else ONE_A_MINUTE) as client:
            scan = all_of(client, path)
            consumer = asyncio.create_task(consume(scan))
            await asyncio.sleep(30)
            assert client.quota.waiting == (0 if held else 1)
            await scan.aclose()
            items, report = await consumer
            assert items == []
            assert not report.complete
            assert len(partoo.arrived) == (2 if held else 1)
            assert (scan.plan.groups, scan.progress.eta) == (0, 0.0)
            await asyncio.sleep(300)
            assert asked(partoo) == [(0, -1), (0, -2)][: 2 if held else 1]
            assert_nothing_left(client, partoo)
            if path is not None:
                async with recording.open_reader(path) as opened:
                    assert not opened.complete

    with journals_in_virtual_time():
        run_virtual(main())


async def closed(scan: Scan, consumer: asyncio.Task[Consumed], client: PartooClient, partoo: Partoo) -> Consumed:
    """What the consumer of a scan that is closed now has got in the end; nothing is sent after it, nothing is left."""
    await scan.aclose()
    before = len(partoo.arrived)
    consumed = await consumer
    await asyncio.sleep(60)
    assert len(partoo.arrived) == before
    assert_nothing_left(client, partoo)
    return consumed


@pytest.mark.parametrize("moments", [24, pytest.param(96, marks=pytest.mark.soak)])
def test_closed_at_any_moment(tmp_path: Path, moments: int) -> None:
    """In whatever phase: the loop ends without an error, nothing is sent after it, the report does not pass a part for
    the whole, and the next run asks for nothing that was answered."""

    async def main(moment: float, path: Path | None) -> bool:
        partoo = Paged(SECTIONS, seed=int(moment * 10))
        async with client_of(partoo, rate_limit=RateLimit(4, 2.0), max_concurrency=4) as client:
            scan = all_of(client, path)
            consumer = asyncio.create_task(consume(scan))
            await asyncio.sleep(moment)
            items, report = await closed(scan, consumer, client, partoo)
            found = [(item.section_id, item.group_id) for item in items]
            assert len(found) == len(set(found))
            assert not report.complete or set(found) == KEYS
            if path is not None:
                await resumed(client, partoo, path)
        return report.complete

    complete = set()
    with journals_in_virtual_time():
        for number in range(moments):
            path = tmp_path / f"{number}.db" if number % 2 else None
            complete.add(run_virtual(main(number * 12 / moments, path)))
    assert complete == {False, True}


async def resumed(client: PartooClient, partoo: Partoo, path: Path) -> None:
    answered = {key for key in partoo.delivered if key[1] is not None}
    assert {(item.section_id, item.group_id) for item in await recorded(path)} == answered
    before = len(partoo.arrived)
    items = (await client.scan_all(journal=path, resume=True).collect()).items
    assert sorted((item.section_id, item.group_id) for item in items) == sorted(KEYS)
    assert not answered & {*asked(partoo)[before:]}


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("journal", ["none", "new", "begun"])
def test_closed_at_any_turn_of_the_loop(tmp_path: Path, journal: str, step: int) -> None:
    """Between any two steps of the reading, too, while the journal is being made, or what it has is handed out."""

    async def main(turns: int | None, path: Path | None) -> bool:
        partoo = Paged(SECTIONS, late=0.0)
        async with client_of(partoo, max_concurrency=2) as client:
            if journal == "begun":
                async with all_of(client, path) as scan:
                    assert len([await anext(scan) for _ in range(3)]) == 3
            scan = all_of(client, path)
            consumer = asyncio.create_task(consume(scan))
            if turns is None:
                await asyncio.wait([consumer])
            for _ in range(turns or 0):
                await asyncio.sleep(0)
            items, report = await closed(scan, consumer, client, partoo)
            assert not report.complete or {(item.section_id, item.group_id) for item in items} == KEYS
            if path is not None:
                async with recording.open_reader(path) as opened:
                    assert not opened.complete or len(await recorded(path)) == len(KEYS)
                await resumed(client, partoo, path)
        return report.complete

    complete = set()
    with journals_in_virtual_time():
        for turns in (*range(1, 90, step), None):
            path = None if journal == "none" else tmp_path / f"{turns}.db"
            complete.add(run_virtual(main(turns, path)))
    assert complete == {False, True}


@pytest.mark.parametrize("last", [False, True])
def test_closed_while_the_journal_is_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: bool) -> None:
    """The file takes its time for the next outcome, or to say that there is none, and the workers wait for the quota:
    the consumer's loop just ends."""
    partoo = Partoo({1: list(range(1, 9))})
    path = tmp_path / "scan.db"
    replayed = Journal.next_page

    async def slowly(self: Journal) -> Iterator[ScanItem]:
        await asyncio.sleep(10)
        if not last:
            return await replayed(self)
        self.replays = False
        return iter(())

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(4, 60.0)) as client:
            async with client.scan(1, journal=path) as scan:
                for _ in range(3):
                    await anext(scan)
            monkeypatch.setattr(Journal, "next_page", slowly)
            limited = client.with_options(rate_limit=ONE_A_MINUTE)
            scan = limited.scan(1, journal=path, resume=True)
            consumer = asyncio.create_task(consume(scan))
            while limited.quota.waiting < 5:
                await asyncio.sleep(1)
            items, report = await closed(scan, consumer, limited, partoo)
            assert [item.recorded for item in items] == ([] if last else [True])
            assert not report.complete
        assert {item.group_id for item in await recorded(path)} == {1, 2, 3}

    with journals_in_virtual_time():
        run_virtual(main())


async def test_a_scan_that_is_closed_before_it_has_begun() -> None:
    """It is used up, and says so: entered all the same, it would look like one that found nothing."""
    async with client_of(Paged(SECTIONS)) as client:
        scan = client.scan_all()
        await scan.aclose()
        await scan.aclose()
        with pytest.raises(ConfigurationError, match="used once"):
            await scan.collect()
        assert (scan.progress.total, scan.report().complete, scan.report().seconds) == (0, False, 0.0)


def test_collecting_a_scan_whose_pages_are_cut_off_is_an_error() -> None:
    """collect() cannot just end, and says that it has a part; so does an export, which would write an empty file."""

    async def main(run: Any) -> None:
        partoo = Paged(SECTIONS)
        async with client_of(partoo, rate_limit=ONE_A_MINUTE) as client:
            scan = client.scan_all()
            running = asyncio.create_task(run(scan))
            await asyncio.sleep(30)
            await scan.aclose()
            try:
                await running
            finally:
                assert_nothing_left(client, partoo)

    with pytest.raises(ScanError, match="ended early: it was closed") as caught:
        run_virtual(main(lambda scan: scan.collect()))
    assert not caught.value.report.complete


async def test_exporting_a_scan_whose_pages_are_cut_off_is_an_error(tmp_path: Path) -> None:
    """There is no file that looks like an empty organization."""
    async with client_of(Paged(SECTIONS, late=0.0), rate_limit=ONE_A_MINUTE) as client:
        scan = client.scan_all()
        writing = asyncio.create_task(exports.write(scan, tmp_path / "all.csv"))
        async with asyncio.timeout(PATIENCE):
            while not client.quota.waiting:
                await asyncio.sleep(0.01)
        await scan.aclose()
        with pytest.raises(ConfigurationError, match="not one that has ended"):
            await writing
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("with_journal", [False, True])
def test_closed_by_its_own_task(tmp_path: Path, with_journal: bool) -> None:
    """aclose() after ``break``, and again, by the task that walks the scan: it is not cancelled by that."""
    partoo = Paged(SECTIONS)
    path = tmp_path / "scan.db" if with_journal else None

    async def main() -> None:
        async with client_of(partoo, max_concurrency=4) as client:
            async with all_of(client, path) as scan:
                async for _ in scan:
                    break
                await scan.aclose()
                before = len(partoo.arrived)
                await scan.aclose()
                with pytest.raises(ClientClosedError, match="closed before its end, after 1 outcomes"):
                    await anext(aiter(scan))
            task = asyncio.current_task()
            assert task is not None
            assert not task.cancelling()
            await asyncio.sleep(60)
            assert len(partoo.arrived) == before
            assert not scan.report().complete
            assert_nothing_left(client, partoo)
            if path is not None:
                await resumed(client, partoo, path)

    with journals_in_virtual_time():
        run_virtual(main())


@pytest.mark.parametrize("with_journal", [False, True])
def test_the_consumer_is_cancelled_while_the_pages_are_walked(tmp_path: Path, with_journal: bool) -> None:
    """A cancellation is one, however early, and closing the scan after it does nothing."""

    async def main(moment: float) -> None:
        partoo = Paged(SECTIONS)
        path = tmp_path / f"{moment}.db" if with_journal else None
        async with client_of(partoo, rate_limit=ONE_A_MINUTE) as client:
            scan = all_of(client, path)
            consumer = asyncio.create_task(consume(scan))
            await asyncio.sleep(moment)
            consumer.cancel()
            await asyncio.wait([consumer])
            assert consumer.cancelled()
            assert_nothing_left(client, partoo)
            before = len(partoo.arrived)
            await scan.aclose()
            await asyncio.sleep(300)
            assert len(partoo.arrived) == before
            if path is not None:
                await resumed(client, partoo, path)

    with journals_in_virtual_time():
        for moment in (0.0, 0.01, 0.9, 30.0, 70.0, 100.0, 150.0):
            run_virtual(main(moment))


def test_a_page_is_never_waited_for_by_the_caller_itself() -> None:
    """What a scan cancels when it is closed are tasks of its own, so that nothing of the caller's can be hit."""
    partoo = Paged(SECTIONS)

    async def main() -> None:
        async with client_of(partoo, rate_limit=ONE_A_MINUTE) as client:
            scan = client.scan_all()
            consumer = asyncio.create_task(consume(scan))
            await asyncio.sleep(30)
            (waiting,) = (call.task for call in scan._fetcher._open)
            assert waiting not in (None, consumer, asyncio.current_task())
            await scan.aclose()
            await consumer

    run_virtual(main())


def test_two_who_close_it_at_once(tmp_path: Path) -> None:
    """The second one waits for the first: the grace is not cut short, and the journal is free when either returns."""
    partoo = Partoo({1: list(range(1, 9))})
    partoo.delay = lambda key: 0.0 if key[1] is None else float(key[1])  # type: ignore[method-assign]
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo) as client:
            scan = client.scan(1, journal=path)
            async with scan:
                await anext(scan)
                closing = asyncio.create_task(scan.aclose(grace=4.5))
                await asyncio.sleep(0)
            # 1 s, and what came until 1 s + 4.5 s.
            assert {item.group_id for item in await recorded(path)} == {1, 2, 3, 4, 5}
            await closing
            assert_nothing_left(client, partoo)

    with journals_in_virtual_time():
        run_virtual(main())


async def test_a_closed_scan_does_not_iterate_as_an_empty_one() -> None:
    """Closed before its end it raises ``ClientClosedError``, for a loop and for ``anext``, as often as it is asked."""
    async with client_of(Partoo({1: [11, 12]}, late=0.0)) as client:
        async with client.scan(1) as scan:
            pass
        for _ in range(2):
            with pytest.raises(ClientClosedError, match=r"scan: closed before its end, after 0 outcomes; make an"):
                await anext(scan)
            with pytest.raises(ClientClosedError):
                [item async for item in scan]
        assert not scan.complete


async def test_a_complete_scan_has_nothing_more() -> None:
    """After its end it is an iterator like others: at its end, for good, and ``complete``."""
    async with client_of(Partoo({1: [11, 12]}, late=0.0)) as client:
        async with client.scan(1) as scan:
            assert len([item async for item in scan]) == 2
            assert scan.complete
            assert [item async for item in scan] == []
        assert [item async for item in scan] == []
        with pytest.raises(StopAsyncIteration):
            await anext(scan)


def test_complete_tells_a_closed_scan_from_a_resumed_one(tmp_path: Path) -> None:
    """Closed early it is False; resumed to the end it is True, also where the journal has everything already."""
    partoo = Partoo({1: [11, 12, 13]})
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo, max_concurrency=1) as client:
            async with client.scan(1, journal=path) as scan:
                await anext(scan)
                assert not scan.complete
            assert not scan.complete
            for _ in range(2):
                resumed = client.scan(1, journal=path, resume=True)
                assert not resumed.complete
                async with resumed:
                    assert len([item async for item in resumed]) == 3
                assert resumed.complete
                assert resumed.report().complete

    with journals_in_virtual_time():
        run_virtual(main())


@pytest.mark.parametrize("where", ["the loop's body", "another task"])
def test_a_loop_that_runs_when_the_scan_is_closed_ends(where: str) -> None:
    """Whether it waits for an item, is in its body, or closes the scan itself; ``complete`` is False, and the next loop
    raises."""
    partoo = Partoo({1: list(range(100))}, late=1.0)

    async def main() -> None:
        async with client_of(partoo, max_concurrency=2) as client, client.scan(1) as scan:
            taken = 0
            async for _ in scan:
                taken += 1
                if where == "the loop's body":
                    await scan.aclose()
                elif taken == 1:
                    closing = asyncio.create_task(scan.aclose())
                    await asyncio.sleep(5)
                    await closing
            assert taken == 1
            assert not scan.complete
            with pytest.raises(ClientClosedError):
                aiter(scan)

    run_virtual(main())
