"""What a journal costs, counted: bytes, statements, rows in memory. And journals of earlier versions, which go on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import random
import sqlite3
import threading
import tracemalloc
import weakref
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import (
    APIConnectionError,
    ConfigurationError,
    Group,
    GroupSummary,
    ScanFailure,
    ScanSuccess,
    Section,
    diff_scans,
)
from partoo_async._internal import callables
from partoo_async.scan.journal import codec, facts, lock, replay
from partoo_async.scan.journal import sections as sections_module
from partoo_async.scan.journal.codec import JournalError, checksum, decode_outcome, encode_outcome, outcome_checksum
from partoo_async.scan.journal.database import Database, open_database
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.journal.reader import open_reader
from partoo_async.scan.journal.replay import Replay
from partoo_async.scan.scope import Scope
from tests.support.common import PATIENCE
from tests.support.journals import rest_of, settled_of
from tests.support.simulated import Partoo, client_of

SERVER = "http://127.0.0.1:9/v2"
CHANCE = random.Random(20)
IDS = tuple(CHANCE.randbytes(12).hex() for _ in range(20))


def success(group_id: int, ids: tuple[str, ...] = IDS, name: str = "France") -> ScanSuccess:
    return ScanSuccess(7, group_id, Group(group_id, name, False, ids), None, 1, 0.0123456789)


def section(number: int, groups: range) -> Section:
    listed = tuple(GroupSummary(one, "France", False) for one in groups)
    return Section(number, f"S{number}", listed, can_edit=True, has_puller=False)


async def written(path: Path, groups: int, *, name: str = "France", sections: int = 1) -> Path:
    """A complete journal of so many groups in each section."""
    journal = await Journal.open(path, SERVER, Scope(tuple(range(sections))), resume=False)
    for number in range(sections):
        ids = range(number * groups, (number + 1) * groups)
        await journal.compare(number, section(number, ids), array("q", ids))
        items = [evolve(success(one, name=name), section_id=number) for one in ids]
        await asyncio.gather(*map(journal.record, items))
    await journal.note(plan={}, sections_listed=True)
    await journal.finish()
    await journal.aclose()
    return path


def as_before(item: ScanSuccess) -> str:
    """The outcome as journals of format 1 have it."""
    group = {"id": item.group.id, "name": item.group.name, "has_puller": False, "business_ids": item.group.business_ids}
    return json.dumps({"attempts": item.attempts, "elapsed": item.elapsed, "group": group})


async def earlier(path: Path, groups: int) -> Path:
    """A journal of format 1: its table of outcomes, and they are JSON."""
    await written(path, 0)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("""
            DROP TABLE outcomes;
            CREATE TABLE outcomes (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                section_id INTEGER NOT NULL, group_id INTEGER NOT NULL,
                failed INTEGER NOT NULL, outcome TEXT NOT NULL, crc32 INTEGER NOT NULL,
                UNIQUE (section_id, group_id)
            );
            DELETE FROM details;
            UPDATE header SET value = 'false' WHERE name = 'finished';
            PRAGMA user_version = 1;
        """)
        section_row = (0, "S0", json.dumps([*range(groups + 1)]))
        database.execute("INSERT OR REPLACE INTO sections VALUES (?, ?, ?)", section_row)
        for number in range(groups):
            values = (0, number, 0, as_before(success(number)))
            sql = "INSERT INTO outcomes (section_id, group_id, failed, outcome, crc32) VALUES (?, ?, ?, ?, ?)"
            database.execute(sql, (*values, checksum(*values)))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def test_ids_of_hexadecimal_digits_take_half_the_bytes() -> None:
    """An outcome of twenty such ids is at most half as long as its JSON; one of other ids stays JSON."""
    assert len(encode_outcome(success(1))) <= 0.5 * len(as_before(success(1)))
    assert isinstance(encode_outcome(success(1, ("b1", "zz"))), str)


_HEX = st.text("0123456789abcdef", max_size=26)
_OTHER = st.text(st.characters(codec="utf-8"), max_size=4)


@given(
    ids=st.lists(_HEX | _OTHER | st.sampled_from([*IDS, IDS[0].upper(), f" {IDS[1][1:]}"]), max_size=4),
    name=st.text(st.characters(codec="utf-8")),
    puller=st.booleans(),
    inferred=st.booleans(),
    elapsed=st.floats(0, 1e9),
)
def test_an_outcome_comes_back_as_it_was(
    ids: list[str], name: str, puller: bool, inferred: bool, elapsed: float
) -> None:
    """Whatever the ids: capitals, spaces, odd or different lengths, line breaks in a name."""
    item = ScanSuccess(7, 5, Group(5, name, puller, tuple(ids)), None, 2, elapsed, inferred=inferred)
    assert decode_outcome(7, 5, encode_outcome(item)) == evolve(item, recorded=True)


@given(section_id=st.integers(), group_id=st.integers(), outcome=st.binary() | st.text(st.characters(codec="utf-8")))
def test_the_checksum_of_an_outcome_is_that_of_its_row(section_id: int, group_id: int, outcome: str | bytes) -> None:
    """The quick form is the general one, by which journals of earlier versions are checked."""
    assert outcome_checksum(section_id, group_id, 0, outcome) == checksum(section_id, group_id, 0, outcome)


@pytest.mark.parametrize(
    "outcome", [b"", b"\n", b"[]\n", b'[1,2,"a",0,12]\n', b'[1,2,"a",0]\n12345678ab', b"{}\n1234567890"]
)
def test_other_bytes_are_no_outcomes(outcome: bytes) -> None:
    """What is cut or of another shape is a ValueError."""
    with pytest.raises(ValueError, match="outcome|JSON|empty|substring|unpack|subsection"):
        decode_outcome(7, 1, outcome)


async def test_a_journal_of_format_1_is_read_and_gone_on_with(tmp_path: Path) -> None:
    """Its outcomes are replayed, new ones are recorded beside them, and from then on an earlier version refuses it."""
    path = await earlier(tmp_path / "scan.db", 3)
    async with open_reader(path) as recording:
        assert [item.group async for item in recording.items()] == [success(number).group for number in range(3)]
        assert not recording.complete
    assert path.read_bytes()[60:64] == (1).to_bytes(4, "big")
    journal = await Journal.open(path, SERVER, Scope((0,)), resume=True)
    # Before anything is recorded: a process that is killed leaves nothing that an earlier version would misread.
    assert path.read_bytes()[60:64] == (lock.FORMAT).to_bytes(4, "big")
    await journal.load()
    left, added, deleted = await journal.compare(0, section(0, range(4)), array("q", range(4)))
    assert ([*left], added, deleted) == ([3], [], [])
    assert await journal.begin_replay() == 3
    await journal.record(evolve(success(3), section_id=0))
    await journal.note_plan(None)
    await journal.aclose()
    async with open_reader(path) as recording:
        assert [item.group async for item in recording.items()] == [success(number).group for number in range(4)]


async def test_an_earlier_version_refuses_a_journal_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its usual message, and the file stays as it was."""
    path = await written(tmp_path / "scan.db", 3)
    before = path.read_bytes()
    monkeypatch.setattr(lock, "FORMAT", 1)
    with pytest.raises(ConfigurationError, match=r"newer version of partoo-async \(format 2, and this one knows 1\)"):
        await Journal.open(path, SERVER, Scope((0,)), resume=True)
    assert path.read_bytes() == before


async def test_sections_are_compared_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred sections that arrive at once take a few transactions and queries, in a run and in the next one; and
    what did not change is not written again."""
    counts = {"fetch": 0, "write": 0}
    for name in counts:
        plain = getattr(Database, name)

        async def counted(*arguments: object, name: str = name, plain: object = plain) -> object:
            counts[name] += 1
            return await plain(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(Database, name, counted)
    found = []
    for resume in (False, True):
        journal = await Journal.open(tmp_path / "scan.db", SERVER, Scope(tuple(range(100))), resume=resume)
        await journal.load()
        counts.update(fetch=0, write=0)
        work = (journal.compare(one, section(one, range(2)), array("q", range(2))) for one in range(100))
        results = await asyncio.gather(*work)
        assert all(([*left], added, deleted) == ([0, 1], [], []) for left, added, deleted in results)
        found.append(dict(counts))
        await journal.aclose()
    assert found[0]["write"] <= 3
    assert found[0]["fetch"] == 0
    assert found[1]["write"] == 0
    assert found[1]["fetch"] <= 6


async def test_a_large_section_is_compared_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop would stand still for as long; of a small one it would wait longer for the thread."""
    others: dict[str, set[bool]] = {}

    def watched(name: str, plain: Callable[..., object]) -> Callable[..., object]:
        def watch(*arguments: object) -> object:
            others.setdefault(name, set()).add(threading.current_thread() is not threading.main_thread())
            return plain(*arguments)

        return watch

    for name in ("summary_digests", "_json"):
        monkeypatch.setattr(facts, name, watched(name, getattr(facts, name)))
    for size, in_thread in ((10, False), (sections_module._MOST_GROUPS + 1, True)):
        others.clear()
        path = tmp_path / f"{size}.db"
        for resume in (False, True):
            partoo = Partoo({7: [*range(size)]}, late=0.0)
            async with client_of(partoo) as client, client.scan(7, journal=path, resume=resume) as scan:
                assert scan.plan.groups == size
        assert others == {"summary_digests": {in_thread}, "_json": {in_thread}}


async def test_what_is_settled_is_known_without_the_outcomes(tmp_path: Path) -> None:
    """Which groups have an outcome, which of them failed, and how many there are: each by an index, with no look at
    the rows, which are most of the file. A journal that lacks the index of failures gets it."""
    path = await written(tmp_path / "scan.db", 3)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("DROP INDEX failures")
    journal = await Journal.open(path, SERVER, Scope((0,)), resume=True)
    await journal.record(ScanFailure(0, 3, None, APIConnectionError("refused"), 1, 0.5))
    for retry_failed, settled in ((True, {0, 1, 2}), (False, {0, 1, 2, 3})):
        assert await settled_of(journal, 0, retry_failed=retry_failed) == settled
        assert await journal.replay(retry_failed=retry_failed).begin() == len(settled)
    queries = []
    fetch = Database.fetch

    async def noting(self: Database, sql: str, *values: object) -> list[object]:
        queries.append((sql, values))
        return await fetch(self, sql, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "fetch", noting)
        await settled_of(journal, 0, retry_failed=True)
        await journal.replay(retry_failed=True).begin()
    for sql, values in queries:
        steps = [step for *_, step in await journal._database.fetch(f"EXPLAIN QUERY PLAN {sql}", *values)]
        reads = [step for step in steps if "outcomes" in step and step != "SEARCH outcomes"]  # that is of max(rowid)
        assert all("COVERING INDEX" in step or "INDEX failures" in step for step in reads), steps
    await journal.aclose()


async def test_a_comparison_of_journals_holds_one_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as many sections take hardly more memory, even if threads end late, as on a busy machine."""
    peaks, over = [], threading.Event()

    class Late(threading.Thread):
        def __init__(self, target: Callable[[], object], **options: Any) -> None:
            super().__init__(target=lambda: (target(), over.wait(PATIENCE)), **options)

    monkeypatch.setattr(callables, "Thread", Late)
    for sections in (10, 40):  # more than a page of rows each
        before = await written(tmp_path / f"before{sections}.db", 100, sections=sections)
        after = await written(tmp_path / f"after{sections}.db", 100, sections=sections)
        tracemalloc.start()
        try:
            diff = await diff_scans(before, after)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert diff.same
        assert diff.groups_compared == sections * 100
    over.set()
    assert peaks[1] < 1.5 * peaks[0]


async def test_a_comparison_of_journals_makes_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a group that both readings found alike, however long each took, no object is made. One whose ids came in
    another order is looked at, and is the same; another name, id or flag is a change."""
    before = {number: success(number) for number in range(100)}
    after = {number: evolve(one, attempts=3, elapsed=number / 7) for number, one in before.items()}
    group = after[0].group
    ids = group.business_ids
    others = (
        evolve(group, business_ids=ids[::-1]),
        evolve(group, id=1, name="Italy"),
        evolve(group, id=2, has_puller=True),
        evolve(group, id=3, business_ids=ids[1:]),
        evolve(group, id=4, business_ids=(*ids[1:], "5" * 24)),
    )
    after |= {other.id: evolve(after[other.id], group=other) for other in others}
    for name, items in (("before", before), ("after", after)):
        journal = await Journal.open(tmp_path / name, SERVER, Scope((7,)), resume=False)
        await journal.compare(7, section(7, range(100)), array("q", range(100)))
        await asyncio.gather(*map(journal.record, items.values()))
        await journal.aclose()
    make, made = codec._unpacked, []

    def counted(rows: Sequence[codec.Row]) -> list[ScanSuccess]:
        made.extend([row[1] for row in rows])
        return make(rows)

    monkeypatch.setattr(codec, "_unpacked", counted)
    diff = await diff_scans(tmp_path / "before", tmp_path / "after")
    assert [change.after.id for change in diff.groups_changed] == [1, 2, 3, 4]
    assert [len(change.joined) + len(change.left) for change in diff.groups_changed] == [0, 0, 1, 2]
    assert diff.groups_compared == 100
    assert sorted(made) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("damage", ["crc32 = crc32 + 1", "failed = x''"])  # one bit makes bytes of a 0
@pytest.mark.parametrize("listed", [range(5), [0, 1, 3, 4]])
async def test_a_comparison_tells_of_damage(tmp_path: Path, listed: Sequence[int], damage: str) -> None:
    """Of each outcome, whether or not its section still has the group, and though the other journal has the same."""
    paths = [await written(tmp_path / name, 5) for name in ("before", "after")]
    for path in paths:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(f"UPDATE outcomes SET {damage} WHERE group_id = 2")
            database.execute("UPDATE sections SET group_ids = ?", (json.dumps([*listed]),))
            database.execute("DELETE FROM details")  # with the checksum of the list
    with pytest.raises(ConfigurationError, match="section 0, group 2 cannot be read"):
        await diff_scans(*paths)


async def test_outcomes_are_made_few_at_a_time_of_few_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand outcomes take six queries, and hardly any is made long before it is handed out."""
    path, made, queries = await written(tmp_path / "scan.db", 1_000), 0, 0
    make, fetch = codec._unpacked, Database.fetch

    def counted(rows: Sequence[codec.Row]) -> list[ScanSuccess]:
        nonlocal made
        made += len(rows)
        return make(rows)

    async def counting(self: Database, sql: str, *values: object) -> list[object]:
        nonlocal queries
        queries += "rowid > ?" in sql
        return await fetch(self, sql, *values)

    monkeypatch.setattr(codec, "_unpacked", counted)
    monkeypatch.setattr(Database, "fetch", counting)
    async with open_reader(path) as recording:
        seen = 0
        async for item in recording.items():
            seen += 1
            assert item.group_id == seen - 1
            assert seen <= made < seen + 50
    assert (seen, queries) == (1_000, 6)


@pytest.mark.parametrize(("ids", "page"), [(1, 50), (20, 18), (100, 4), (1_000, 1)])
async def test_a_page_has_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: int, page: int) -> None:
    """Outcomes of large groups are few to a page, one at least: as rows they are in memory together. Those of small
    ones are not more than so many. The first page is small, since nothing is known yet, and a page has at most twice as
    many as the one before."""
    monkeypatch.setattr(replay, "_MOST", 50)
    monkeypatch.setattr(replay, "_BYTES", 5_000)
    content, fetch, pages = tuple(CHANCE.randbytes(12).hex() for _ in range(ids)), Database.fetch, list[int]()
    journal = await Journal.open(tmp_path / "scan.db", SERVER, Scope((7,)), resume=False)
    await asyncio.gather(*(journal.record(success(number, content)) for number in range(200)))
    await journal.aclose()

    async def noting(self: Database, sql: str, *values: object) -> list[Any]:
        rows = await fetch(self, sql, *values)
        pages.append(len(rows))
        return rows

    async with open_reader(tmp_path / "scan.db") as recording:
        monkeypatch.setattr(Database, "fetch", noting)
        assert [item.group_id async for item in recording.items()] == [*range(200)]
    first, second, *rest = pages[1:]  # after the one that counts them
    assert (first, second, {*rest[:-1]}) == (20, min(page, 40), {page})
    assert rest[-1] <= page
    assert sum(pages[1:]) == 200


async def test_large_outcomes_are_made_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a page has one of more than 25 kB, each of them: the event loop has its turn in between."""
    large, made, make = tuple(CHANCE.randbytes(12).hex() for _ in range(3_000)), list[int](), codec._unpacked
    journal = await Journal.open(tmp_path / "scan.db", SERVER, Scope((7,)), resume=False)
    await asyncio.gather(*(journal.record(success(number, large if number == 15 else IDS)) for number in range(20)))
    await journal.aclose()

    def counted(rows: Sequence[codec.Row]) -> list[ScanSuccess]:
        made.append(len(rows))
        return make(rows)

    monkeypatch.setattr(codec, "_unpacked", counted)
    async with open_reader(tmp_path / "scan.db") as recording:
        assert [len(item.group.business_ids) async for item in recording.items() if item.error is None][15] == 3_000
    assert made == [1] * 20


async def test_outcomes_of_each_kind_come_back_in_order(tmp_path: Path) -> None:
    """Groups as bytes, groups as text and failures, however they follow each other."""
    items = [success(number, IDS if number % 7 else ("b1", "zz")) for number in range(200)]
    failure = ScanFailure(7, 77, None, APIConnectionError("refused"), 1, 0.5)
    journal = await Journal.open(tmp_path / "scan.db", SERVER, Scope((7,)), resume=False)
    await asyncio.gather(*map(journal.record, [*items[:77], failure, *items[78:]]))
    await journal.aclose()
    async with open_reader(tmp_path / "scan.db") as recording:
        found = [item async for item in recording.items()]
    assert [item.group_id for item in found] == [*range(200)]
    assert [item.group for item in found] == [
        *(one.group for one in items[:77]),
        None,
        *(one.group for one in items[78:]),
    ]
    assert str(found[77].error) == "refused"


async def test_a_damaged_outcome_is_not_passed_over(tmp_path: Path) -> None:
    """Those before it are handed out; from then on each call tells of the damage."""
    path = await written(tmp_path / "scan.db", 5)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE outcomes SET crc32 = crc32 + 1 WHERE group_id = 2")
    journal = await Journal.open(path, SERVER, Scope((0,)), resume=True)
    replayed = journal.replay(retry_failed=True)
    assert await replayed.begin() == 5
    page = await replayed.next_page()
    assert page is not None
    assert [item.group_id for few in page for item in few] == [0, 1]
    for _ in range(3):
        with pytest.raises(JournalError, match="group 2 cannot be read"):
            await replayed.next_page()
    await journal.aclose()


async def test_a_section_that_waits_is_not_kept(tmp_path: Path) -> None:
    """What is compared later is a dozen bytes for each group, not the section with its summaries."""
    journal = await Journal.open(tmp_path / "scan.db", SERVER, Scope((0,)), resume=False)
    one = section(0, range(3))
    kept = weakref.ref(one)
    comparing = journal.compare(0, one, array("q", range(3)))
    del one
    assert kept() is None
    left, _, _ = await comparing
    assert [*left] == [0, 1, 2]
    await journal.aclose()


def test_an_outcome_of_a_journal_is_an_ordinary_one() -> None:
    """However quickly it is made: it is frozen, equal and hashed as another one, and pickled."""
    item, plain = decode_outcome(7, 5, encode_outcome(success(5))), evolve(success(5), section_id=7, recorded=True)
    assert (type(item), type(item.group)) == (ScanSuccess, Group)
    assert (item, hash(item), repr(item)) == (plain, hash(plain), repr(plain))
    assert pickle.loads(pickle.dumps(item)) == item
    with pytest.raises(AttributeError):
        item.attempts = 2  # type: ignore[misc]


async def test_outcomes_that_were_recorded_anew_leave_no_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers that are no longer there cost a query for all of them, in the midst and at the end, and no outcome."""
    path, fetch, queries = await written(tmp_path / "scan.db", 1_000), Database.fetch, 0
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        # As after many nights: the second half has numbers from ten million on, and what was recorded last is gone.
        database.execute("UPDATE outcomes SET number = number + 10000000 WHERE number > 500")
        database.execute("UPDATE outcomes SET failed = 1, group_id = -1 WHERE group_id = 999")

    async def counting(self: Database, sql: str, *values: object) -> list[object]:
        nonlocal queries
        queries += "rowid > ?" in sql
        return await fetch(self, sql, *values)

    monkeypatch.setattr(Database, "fetch", counting)
    rows = Replay(await open_database(path), 0, True)
    try:
        assert await rows.begin() == 999
        found = [item.group_id for item in await rest_of(rows)]
    finally:
        await rows._database.aclose()
    assert found == [*range(999)]
    assert queries == 8  # six with rows, one without, and one for where to go on
