"""Sections that are as in the run before: neither decoded nor compared, and never taken from a damaged list."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from partoo_async import APIConnectionError, ConfigurationError, PartooClient, Scan, ScanFailure, ScanReport, diff_scans
from partoo_async._protocol import operations
from partoo_async._protocol.decoding import Decoder
from partoo_async._protocol.http import Response
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.scan.journal import sections
from partoo_async.scan.journal.database import Database
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.journal.reader import open_reader
from partoo_async.scan.scope import Scope
from tests.support.journals import note_section
from tests.support.simulated import Partoo, client_of, recorded

SERVER = "http://127.0.0.1:9/v2"
NUMBERS = [*range(1, 31)]


def partoo() -> Partoo:
    """Thirty sections of four groups."""
    return Partoo({number: [*range(number * 10, number * 10 + 4)] for number in NUMBERS}, late=0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scan.db"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the sections that are decoded."""
    ids: list[int] = []
    decode = Decoder.decode_plainly

    def noting(self: Decoder, *arguments: Any) -> Any:
        section: Any = decode(self, *arguments)
        ids.append(section.id)
        return section

    monkeypatch.setattr(Decoder, "decode_plainly", noting)
    return ids


async def run(there: Partoo, path: Path, **options: Any) -> ScanReport:
    """Scan all sections once more."""
    there.closed = False
    async with client_of(there, rate_limit=None) as client:
        return await client.scan(NUMBERS, journal=path, **{"resume": path.exists(), **options}).collect()


def change(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        assert database.execute(sql).rowcount == 1


def renamed(section: Response, name: str) -> Response:
    return Response(200, {}, section.body.replace(name.encode(), b"Other"))


def of(report: ScanReport) -> list[tuple[int, int | None, bool]]:
    return sorted((item.section_id, item.group_id or 0, item.recorded) for item in report.items)


async def test_what_did_not_change_is_not_decoded(path: Path, decoded: list[int]) -> None:
    """The sections are asked for all the same. Names, plan and outcomes are those of the run before."""
    there = partoo()
    first = await run(there, path)
    assert sorted(decoded) == NUMBERS
    decoded.clear()
    second = await run(there, path)
    assert decoded == []
    assert [(key, recorded) for *key, recorded in of(second)] == [(key, True) for *key, _ in of(first)]
    assert (second.requests, second.sections, second.complete) == (30, first.sections, True)
    assert (second.added, second.deleted) == ((), ())


async def test_a_section_that_changed_is_compared(path: Path, decoded: list[int]) -> None:
    """In its list of groups, or in a name: then a group that is another one is read anew. The others are left."""
    there = partoo()
    await run(there, path)
    there.sections[7] = [70, 71, 72, 79]
    there.answers[8, None] = renamed(there.answer((8, None)), "G83")
    decoded.clear()
    report = await run(there, path)
    assert sorted(decoded) == [7, 8]
    assert (report.added, report.deleted) == (((7, 79),), ((7, 73),))
    assert [key for *key, recorded in of(report) if not recorded] == [[7, 79], [8, 83]]
    assert report.requests == 32
    decoded.clear()
    assert (await run(there, path)).requests == 30
    assert decoded == []


async def test_what_is_left_of_a_section_is_read(path: Path, decoded: list[int]) -> None:
    """After a run that ended early, and with failures that are tried again."""
    there = partoo()
    there.missing = {(7, 71), (8, 83)}
    seen = 0
    async with client_of(there, rate_limit=None) as client, client.scan(NUMBERS, journal=path) as scan:
        async for _ in scan:
            seen += 1
            if seen == 50:
                break
    decoded.clear()
    assert len((await run(there, path)).failed) == 2
    there.missing.clear()
    report = await run(there, path)
    assert decoded == []
    assert [key for *key, recorded in of(report) if not recorded] == [[7, 71], [8, 83]]
    assert (len(report.items), report.requests, report.failed) == (120, 32, ())


# And the requests of the next run: for the sections, once more for this one if its mark is not damaged, and for its
# groups, if it can be told that the list may be that of others.
_DAMAGE = [
    ("UPDATE sections SET group_ids = replace(group_ids, '72', '76') WHERE section_id = 7", 35),
    ("UPDATE sections SET group_ids = replace(group_ids, ',72', '') WHERE section_id = 7", 35),
    ("UPDATE sections SET group_ids = 7 WHERE section_id = 7", 35),
    ("UPDATE sections SET name = name || 'x' WHERE section_id = 7", 35),
    ("UPDATE sections SET name = NULL WHERE section_id = 7", 35),
    ("UPDATE summaries SET digests = replace(digests, '1', '2') WHERE section_id = 7", 35),
    ("UPDATE details SET details = replace(details, 'true', 'false') WHERE section_id = 7", 35),
    ("UPDATE details SET details = replace(details, '\"crc32\": ', '\"crc32\": 1') WHERE section_id = 7", 35),
    ("UPDATE details SET details = replace(details, '}', '') WHERE section_id = 7", 34),
    ("UPDATE details SET details = '7' WHERE section_id = 7", 34),
    ("UPDATE details SET details = '[]' WHERE section_id = 7", 34),
    ("UPDATE details SET details = '\"crc32\"' WHERE section_id = 7", 34),
    ("UPDATE details SET details = x'00' WHERE section_id = 7", 34),
    (f"UPDATE details SET details = '{'[' * 9_999}' WHERE section_id = 7", 34),
    ("UPDATE details SET details = replace(details, 'crc32', 'crc33') WHERE section_id = 7", 35),
    ('UPDATE details SET details = \'{"mark": 1, "groups": Infinity, "crc32": 1}\' WHERE section_id = 7', 34),
]


@pytest.mark.parametrize(("damage", "requests"), _DAMAGE)
async def test_a_damaged_list_is_read_again(path: Path, damage: str, requests: int) -> None:
    """From the API, whatever part of it is damaged: no outcome is missing, and the next run finds it mended."""
    there = partoo()
    first = await run(there, path)
    change(path, damage)
    report = await run(there, path)
    assert [key for *key, _ in of(report)] == [key for *key, _ in of(first)]
    assert (report.complete, report.sections, report.requests) == (True, first.sections, requests)
    assert (report.added, report.deleted) == ((), ())
    assert (await run(there, path)).requests == 30
    async with open_reader(path) as reader:
        assert reader.sections[7].group_ids == (70, 71, 72, 73)


@pytest.mark.parametrize("damage", [sql for sql, _ in _DAMAGE])
async def test_a_reader_tells_of_a_damaged_list(path: Path, damage: str) -> None:
    """A comparison would take a group that is missing there for one that is gone. The message says what helps."""
    there = partoo()
    await run(there, path)
    change(path, damage)
    with pytest.raises(ConfigurationError, match="is damaged: its list of sections cannot be read") as raised:
        await diff_scans(path, path)
    assert f"'sqlite3 {path} \"DELETE FROM sections WHERE section_id = 7\"' removes it" in str(raised.value)
    change(path, "DELETE FROM sections WHERE section_id = 7")
    assert (await run(there, path)).requests == 34
    assert (await diff_scans(path, path)).same


async def test_lists_that_hold_are_not_taken_from_a_damaged_one(path: Path) -> None:
    """Where a run does without a look at the sections, it looks at the one whose list is damaged."""
    there = partoo()
    await run(there, path)
    change(path, _DAMAGE[1][0])
    there.arrived.clear()
    there.closed = False
    async with client_of(there, rate_limit=None) as client:
        options: dict[str, Any] = {"journal": path, "resume": True, "lists_hold_for": 3600.0}
        report = await Scan(client.session, Scope.of_sections(NUMBERS, None), **options).collect()
    assert sorted((number, group_id or 0) for _, (number, group_id) in there.arrived) == [
        (7, 0), (7, 70), (7, 71), (7, 72), (7, 73)
    ]  # fmt: skip
    assert len(report.items) == 120


async def test_drift_is_counted_in_each_run(path: Path, decoded: list[int]) -> None:
    """A body that differs from the documentation is decoded each time, or the report would not say so. The others are
    left alone."""
    there = partoo()
    there.answers[7, None] = Response(
        200, {}, b'{"id": 7, "name": "S", "groups": [], "color": "red", "can_edit": true}'
    )
    first = await run(there, path)
    decoded.clear()
    assert first.drift
    assert [(await run(there, path)).drift for _ in range(2)] == [first.drift] * 2
    assert decoded == [7, 7]


async def test_another_version_decodes_anew(path: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """It may read a body in another way."""
    there = partoo()
    await run(there, path)
    decoded.clear()
    monkeypatch.setattr(operations, "get_version", lambda: "9.9")
    for count in (30, 0):
        assert (await run(there, path)).requests == 30
        assert len(decoded) == count
        decoded.clear()


async def test_a_journal_of_an_earlier_version_is_sealed_once(path: Path, decoded: list[int]) -> None:
    """Its sections have no mark: they are compared, and recorded with one. No group is read anew for that."""
    there = partoo()
    await run(there, path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("""UPDATE details SET details = '{"can_edit": true, "has_puller": false}'""")
    decoded.clear()
    for count in (30, 0):
        report = await run(there, path)
        assert (report.requests, report.added, report.deleted) == (30, (), ())
        assert len(decoded) == count
        decoded.clear()


async def test_each_strategy_goes_on_after_the_other(path: Path, decoded: list[int]) -> None:
    """Inference needs the models of the sections, and leaves no mark of them: whichever way the run before went."""
    there = [
        EmulatedSection(
            number, f"S{number}", {number * 10: EmulatedGroup(number * 10, "G", business_ids=[f"b{number}"])}
        )
        for number in NUMBERS
    ]
    async with Emulator(sections=there, rate_limit=None) as emulator:
        async with PartooClient(emulator.api_key, server=emulator.server, rate_limit=None) as client:
            for strategy, plainly in (
                ("groups", 30),
                ("businesses", 0),
                ("groups", 30),
                ("groups", 0),
                ("businesses", 0),
            ):
                decoded.clear()
                options: dict[str, Any] = {"strategy": strategy, "journal": path, "resume": path.exists()}
                report = await client.scan_all(**options).collect()
                assert [item.group_id for item in sorted(report.items, key=lambda item: item.section_id)] == [
                    number * 10 for number in NUMBERS
                ]
                assert (report.complete, report.failed, report.added, report.deleted) == (True, (), (), ())
                assert len(decoded) == plainly


async def test_sections_that_did_not_change_take_few_queries(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them together, up to so many groups."""
    there, fetch, queries = partoo(), Database.fetch, list[str]()
    await run(there, path)

    async def counting(self: Database, sql: str, *values: object) -> list[Any]:
        queries.append(sql)
        return await fetch(self, sql, *values)

    monkeypatch.setattr(Database, "fetch", counting)

    async def taken(most: int) -> int:
        monkeypatch.setattr(sections, "_MOST_GROUPS", most)
        queries.clear()
        assert (await run(there, path)).complete
        return sum(sql.startswith(sections._SECTIONS) for sql in queries)

    assert [await taken(most) for most in (10_000, 60, 1)] == [1, 2, 30]


async def test_a_scan_that_is_closed_while_it_reads_sections_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another task, when some sections are known to be as they were: the journal gets no plan without the rest."""
    there = partoo()
    await run(there, path)
    read, closing = list[int](), list[asyncio.Task[None]]()
    there.closed = False
    async with client_of(there, rate_limit=None) as client:
        scan = client.scan(NUMBERS, journal=path, resume=True, max_concurrency=1)

        def delay(key: tuple[int, int | None]) -> float:
            read.append(key[0])
            if len(read) == 10:
                closing.append(asyncio.create_task(scan.aclose()))
            return 0.0

        monkeypatch.setattr(there, "delay", delay)
        async with scan:
            assert not scan.complete
        await closing[0]
    async with open_reader(path) as reader:
        assert not reader.complete
    report = await run(there, path)
    assert (len(report.items), report.complete) == (120, True)


async def test_a_damaged_list_hides_no_failure(path: Path) -> None:
    """The group has failed, and is gone: its failure goes, too, though nothing says any more that it was there."""
    there = partoo()
    there.missing = {(7, 71)}
    await run(there, path)
    change(path, _DAMAGE[0][0])
    there.sections[7].remove(71)
    report = await run(there, path)
    assert (report.complete, len(report.items)) == (True, 119)
    assert all(item.error is None for item in await recorded(path))
    assert (await run(there, path, retry_failed=False)).failed == ()


@pytest.mark.parametrize("damage", [_DAMAGE[0][0], _DAMAGE[2][0]])
async def test_a_section_that_is_gone_may_be_damaged(tmp_path: Path, damage: str) -> None:
    """It is dropped with its failures. Which groups it had nobody knows."""
    journal = await Journal.open(tmp_path / "scan.db", SERVER, Scope(), resume=False)
    await note_section(journal, 7, [70, 71, 72])
    await journal.record(ScanFailure(7, 71, None, APIConnectionError("refused"), 1, 0.5))
    await journal.aclose()
    change(tmp_path / "scan.db", damage)
    journal = await Journal.open(tmp_path / "scan.db", SERVER, Scope(), resume=True)
    await journal.load()
    assert await journal.forget_sections([7]) == []
    await journal.aclose()
    async with open_reader(tmp_path / "scan.db") as reader:
        assert (dict(reader.sections), [item async for item in reader.items()]) == ({}, [])


async def test_a_section_under_another_id_is_damaged(path: Path) -> None:
    """The checksum is of its id, too."""
    await run(partoo(), path)
    for table in ("sections", "summaries", "details"):
        change(path, f"UPDATE {table} SET section_id = 99 WHERE section_id = 7")
    with pytest.raises(ConfigurationError, match="its list of sections cannot be read"):
        await diff_scans(path, path)


async def test_what_needs_no_mark_gets_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a journal; and a body that is decoded in slices, since a mark would keep the event loop as long as all of
    them."""
    marked = Mock(wraps=hashlib.blake2b)
    monkeypatch.setattr(operations, "blake2b", marked)
    there = partoo()
    async with client_of(there, rate_limit=None) as client:
        assert (await client.scan(NUMBERS).collect()).complete
    assert not marked.called
    there = Partoo({7: [*range(20_000)]}, late=0.0)
    async with client_of(there, rate_limit=None) as client, client.scan(7, journal=path) as scan:
        assert scan.plan.groups == 20_000
    assert not marked.called
