"""The journal by itself: what it keeps, and which files it refuses without touching them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    Attempt,
    Business,
    ConfigurationError,
    DeadlineExceededError,
    Group,
    PartooError,
    ScanFailure,
    ScanItem,
    ScanSuccess,
    diff_scans,
)
from partoo_async._explain.facts import CallFacts, QuotaFacts
from partoo_async._explain.headers import Headers
from partoo_async._internal.checks import check_file
from partoo_async._protocol.error_bodies import decode_error_body
from partoo_async._protocol.statuses import status_rule
from partoo_async.scan.journal.codec import (
    JournalError,
    decode_business,
    decode_outcome,
    encode_business,
    encode_outcome,
)
from partoo_async.scan.journal.database import open_database
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.journal.no_journal import NoJournal
from partoo_async.scan.journal.reader import open_reader
from partoo_async.scan.scope import Scope
from tests.support.common import PATIENCE
from tests.support.each import each
from tests.support.journals import note_section, rest_of, settled_of

SERVER = "http://127.0.0.1:9/v2"
SCOPE = Scope((7, 9))


GROUP = Group(1, "G", False, ("a", "b"))


def item(group_id: int | None, name: str = "G", section_id: int = 7) -> ScanItem:
    if group_id is None:
        return ScanFailure(section_id, None, None, APIConnectionError("refused", False, "GET /sections/7"), 1, 0.5)
    return ScanSuccess(section_id, group_id, Group(group_id, name, False, ("a", "b")), None, 1, 0.25)


@asynccontextmanager
async def opened(path: Path, scope: Scope = SCOPE, *, resume: bool = True) -> AsyncIterator[Journal]:
    journal = await Journal.open(path, SERVER, scope, resume=resume)
    try:
        yield journal
    finally:
        await journal.aclose()


async def replayed(journal: Journal, *, retry_failed: bool = True) -> list[ScanItem]:
    replay = journal.replay(retry_failed=retry_failed)
    count = await replay.begin()
    items = await rest_of(replay)
    assert len(items) == count
    return items


async def test_what_is_recorded_is_replayed(tmp_path: Path) -> None:
    """Outcomes come back equal, in the order in which they came, with ``recorded`` set, over more than one page."""
    path = tmp_path / "scan.db"
    async with opened(path) as journal:
        assert not journal.begun
        await asyncio.gather(*(journal.record(item(number)) for number in range(450)))
    async with opened(path) as journal:
        assert journal.begun
        items = await replayed(journal)
    assert [found.group_id for found in items] == list(range(450))
    assert all(found.recorded and found.group == item(found.group_id or 0).group for found in items)


async def test_an_inferred_group_is_replayed_as_one(tmp_path: Path) -> None:
    """A group that was inferred says so when it is replayed; one that was read, or recorded long ago, does not."""
    read, inferred = ScanSuccess(7, 1, GROUP, None), ScanSuccess(7, 1, GROUP, None, 0, inferred=True)
    assert "inferred" not in encode_outcome(read)
    assert [decode_outcome(7, 1, encode_outcome(one)).inferred for one in (read, inferred)] == [False, True]
    async with opened(tmp_path / "scan.db") as journal:
        await journal.record(inferred)
        assert await replayed(journal) == [evolve(inferred, recorded=True)]


async def test_only_the_last_outcome_of_a_key_counts(tmp_path: Path) -> None:
    """A failure is replayed only when asked for, and a later success takes its place."""
    failed = ScanFailure(7, 1, None, APIConnectionError("cut"), 3, 1.0)
    async with opened(tmp_path / "scan.db") as journal:
        await journal.record(failed)
        assert await replayed(journal) == []
        (found,) = await replayed(journal, retry_failed=False)
        assert (str(found.error), found.attempts) == ("cut", 3)
        assert await settled_of(journal, 7, retry_failed=False) == {1}
        assert await settled_of(journal, 7, retry_failed=True) == set()
        await journal.record(item(1))
        assert [found.error for found in await replayed(journal, retry_failed=False)] == [None]


async def test_items_that_arrive_together_are_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty outcomes at once cost a few writes to the disk, not thirty."""
    async with opened(tmp_path / "scan.db") as journal:
        write, batches = journal._write_rows, []

        async def counted(rows: list) -> JournalError | None:
            batches.append(len(rows))
            return await write(rows)

        monkeypatch.setattr(Journal, "_write_rows", lambda _, rows: counted(rows))
        await asyncio.gather(*(journal.record(item(number)) for number in range(30)))
    assert sum(batches) == 30
    assert len(batches) <= 2


async def test_a_cancelled_worker_takes_nothing_with_it(tmp_path: Path) -> None:
    """Cancelling one of several that record at once loses no outcome, not even its own."""
    async with opened(tmp_path / "scan.db") as journal:
        tasks = [asyncio.create_task(journal.record(item(number))) for number in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [True, False, False]
        assert len(await replayed(journal)) == 3


async def test_what_was_spent_is_noted_meanwhile(tmp_path: Path) -> None:
    """A process that is killed has noted its requests and seconds until a few seconds before; later runs add theirs."""
    spent = [(0, 0.0)]
    for run in range(2):
        async with opened(tmp_path / "scan.db", resume=True) as journal:
            await journal.load()
            journal.meter = lambda: spent[0]
            noted = []
            for number in range(1, 5):
                spent[0] = (number, number * 2.0)
                await journal.record(item(number))
                noted.append(dict(await journal._database.fetch("SELECT name, value FROM header")).get("requests"))
            assert noted == ([None, None, "3", "3"], ["4", "4", "7", "7"])[run]
        async with open_reader(tmp_path / "scan.db") as recording:
            assert (recording.requests, recording.seconds) == ((run + 1) * 4, (run + 1) * 8.0)


async def test_what_was_spent_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal whose disk is full closes all the same: what failed to be recorded was told before."""
    journal = await Journal.open(tmp_path / "scan.db", SERVER, SCOPE, resume=False)
    journal.meter = lambda: (1, 1.0)

    async def full(*_: object) -> None:
        raise JournalError("journal: cannot write")

    monkeypatch.setattr(type(journal._database), "write", full)
    await journal.aclose()
    async with open_reader(tmp_path / "scan.db") as recording:
        assert recording.requests == 0


async def test_the_file_tells_what_it_is_of(tmp_path: Path) -> None:
    """Server, start, version, sections and whether it is complete can be read from a closed journal."""
    path = tmp_path / "scan.db"
    async with opened(path) as journal:
        await note_section(journal, 7, [1, 2])
        await journal.record(item(1))
        await journal.record(item(None, section_id=9))
        await journal.note(finished=True)
    async with open_reader(path) as recording:
        assert (recording.server, recording.complete) == (SERVER, True)
        assert recording.started.utcoffset() is not None
        assert recording.version
        assert {number: (s.name, s.group_ids) for number, s in recording.sections.items()} == {7: ("Country", (1, 2))}
        assert [(found.section_id, found.group_id) async for found in recording.items()] == [(7, 1), (9, None)]


@pytest.mark.parametrize(
    ("groups", "planned", "complete"),
    [((1, 2), True, True), ((1,), True, False), ((), True, False), ((1, 2), False, False)],
)
async def test_complete_means_that_nothing_is_left_to_read(
    tmp_path: Path, groups: tuple[int, ...], planned: bool, complete: bool
) -> None:
    """A run that ended early leaves a complete journal behind if every group has an outcome all the same."""
    async with opened(tmp_path / "scan.db", Scope((7,))) as journal:
        await note_section(journal, 7, [1, 2])
        for number in groups:
            await journal.record(item(number))
        if planned:
            await journal.note(plan={"sections": 1, "groups": 2, "requests": 3})
    async with open_reader(tmp_path / "scan.db") as recording:
        assert recording.complete == complete


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (Scope((7,)), "is of a scan of sections 7, 9, not of section 7; use another file"),
        (Scope((7,), (1,)), "not of section 7, groups 1"),
        (Scope(), "not of all sections"),
        (Scope(org_id=5), "not of all sections of organization 5"),
    ],
)
async def test_a_journal_of_another_scan_is_refused(tmp_path: Path, scope: Scope, message: str) -> None:
    """Going on with other sections is an error that names both, and the file stays as it was."""
    path = tmp_path / "scan.db"
    async with opened(path):
        pass
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=message):
        await Journal.open(path, SERVER, scope, resume=True)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["scan.db"]


async def test_a_journal_of_another_server_is_refused(tmp_path: Path) -> None:
    """Going on against another server is an error that names both."""
    async with opened(tmp_path / "scan.db"):
        pass
    with pytest.raises(
        ConfigurationError, match=r"is of a scan of http://127.0.0.1:9/v2, not of https://api.partoo.co"
    ):
        await Journal.open(tmp_path / "scan.db", "https://api.partoo.co/v2", SCOPE, resume=True)


async def test_a_journal_knows_its_server_in_another_spelling(tmp_path: Path) -> None:
    """A journal that has the URL as it was typed years ago goes on against the same server."""
    typed = "https://API.partoo.co:443/v2"
    journal = await Journal.open(tmp_path / "scan.db", typed, SCOPE, resume=False)
    await journal.aclose()
    journal = await Journal.open(tmp_path / "scan.db", "https://api.partoo.co/v2", SCOPE, resume=True)
    await journal.aclose()


async def test_the_order_of_ids_does_not_matter(tmp_path: Path) -> None:
    """The same sections in another order are the same scan."""
    async with opened(tmp_path / "scan.db", Scope((9, 7))) as journal:
        assert not journal.begun
    async with opened(tmp_path / "scan.db", Scope((7, 9))) as journal:
        assert journal.begun


async def test_an_existing_journal_needs_resume(tmp_path: Path) -> None:
    """Without resume=True an existing journal is refused and left as it was."""
    path = tmp_path / "scan.db"
    async with opened(path, resume=False):
        pass
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="exists already; resume=True .--resume. goes on with it"):
        await Journal.open(path, SERVER, SCOPE, resume=False)
    assert path.read_bytes() == before


async def test_an_empty_file_is_begun(tmp_path: Path) -> None:
    """An empty file, as mktemp makes, or as a kill leaves it, is a journal's beginning and not damage."""
    path = tmp_path / "scan.db"
    path.touch()
    async with opened(path, resume=False) as journal:
        await journal.record(item(1))
    async with opened(path) as journal:
        assert journal.begun


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (name TEXT)")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("content", [b"\0" * 4096, b"section,group\r\n", b"SQLite format 3\0" + b"x" * 84, b"SQLite"])
@pytest.mark.parametrize("resume", [True, False])
async def test_other_files_are_refused(tmp_path: Path, content: bytes, resume: bool) -> None:
    """A file that is no journal is never overwritten, with resume or without."""
    path = tmp_path / "scan.db"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is not a journal, or its beginning is damaged"):
        await Journal.open(path, SERVER, SCOPE, resume=resume)
    assert path.read_bytes() == content


async def test_another_database_is_refused(tmp_path: Path) -> None:
    """An SQLite database of another program is not changed by a byte."""
    path = tmp_path / "app.db"
    foreign_database(path)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="is not a journal"):
        await Journal.open(path, SERVER, SCOPE, resume=True)
    assert path.read_bytes() == before


async def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    """A journal of a later version of the package is refused with its format, and left as it was."""
    path = tmp_path / "scan.db"
    async with opened(path):
        pass
    content = bytearray(path.read_bytes())
    content[60:64] = (99).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"newer version of partoo-async \(format 99, and this one knows 2\)"):
        await Journal.open(path, SERVER, SCOPE, resume=True)
    assert path.read_bytes() == content


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal of 40 outcomes."""
    path = tmp_path_factory.mktemp("written") / "scan.db"

    async def write() -> None:
        async with opened(path) as journal:
            await note_section(journal, 7, range(40))
            await asyncio.gather(*(journal.record(item(number, "Île-de-France" * 9)) for number in range(40)))

    asyncio.run(write())
    return path.read_bytes()


@given(position=st.floats(0.0, 1.0, exclude_max=True), byte=st.integers(1, 255), cut=st.booleans())
def test_damage_is_an_error_or_harms_nothing(
    tmp_path_factory: pytest.TempPathFactory, written: bytes, position: float, byte: int, cut: bool
) -> None:
    """Whatever byte is changed, or wherever the file ends: a ConfigurationError, or every outcome as it was."""
    path = tmp_path_factory.mktemp("damage") / "scan.db"

    async def read() -> list[ScanItem]:
        async with opened(path) as journal, asyncio.timeout(PATIENCE):
            await journal.load()
            settled, items = await settled_of(journal, 7, retry_failed=False), await replayed(journal)
            assert settled == {found.group_id for found in items}
            return items

    content = bytearray(written)
    at = int(position * len(content))
    content[at] ^= byte
    path.write_bytes(content[:at] if cut else content)
    try:
        items = asyncio.run(read())
    except (ConfigurationError, JournalError) as error:
        named = str(path) in str(error)
        items = None
    if items is None:
        assert named
        return
    if at or not cut:
        assert [(found.group_id, found.group and found.group.name) for found in items] in (
            [(number, "Île-de-France" * 9) for number in range(40)],
            [],  # the count of free pages, or the change counter: a file that SQLite takes for one without tables
        )


@pytest.mark.parametrize("path", ["missing/scan.db", "."])
async def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, path: str) -> None:
    """A directory that does not exist, or a path that is one: one line that names it."""
    with pytest.raises(ConfigurationError, match=r"journal: cannot open .*; use a file in a directory that exists"):
        await Journal.open(tmp_path / path, SERVER, SCOPE, resume=True)


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """While a journal is open no other scan gets it, in this process or in another; afterwards it does."""
    path = tmp_path / "scan.db"
    program = (
        "import asyncio, pathlib, sys; from partoo_async.scan.journal.journal import Journal;"
        " from partoo_async.scan.scope import Scope;"
        f" asyncio.run(Journal.open(pathlib.Path(sys.argv[1]), {SERVER!r}, Scope((7, 9)), resume=True))"
    )
    async with opened(path) as journal:
        await journal.record(item(1))
        with pytest.raises(ConfigurationError, match="is in use by another scan"):
            await Journal.open(path, SERVER, SCOPE, resume=True)
        with pytest.raises(ConfigurationError, match="is in use by another scan"):
            async with open_reader(path):
                pass
        second = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program, path], capture_output=True, text=True, check=False
        )
        assert second.returncode == 1
        assert "is in use by another scan; wait until that one has ended" in second.stderr
        await journal.record(item(2))
    async with opened(path) as journal:
        assert len(await replayed(journal)) == 2


async def test_a_program_that_reads_it_is_named(tmp_path: Path) -> None:
    """A database browser has the file open, in this process or in another: no other scan is blamed, the file stays as
    it was, and once it is closed there the scan goes on."""
    path = tmp_path / "scan.db"
    async with opened(path) as journal:
        await journal.record(item(1))
    with contextlib.closing(sqlite3.connect(path)) as reader:
        reader.execute("SELECT count(*) FROM outcomes").fetchall()
        message = r"^journal: .*scan\.db is open in another program, such as a database browser; close it there, then"
        with pytest.raises(ConfigurationError, match=message):
            await Journal.open(path, SERVER, SCOPE, resume=True)
        assert reader.execute("SELECT count(*) FROM outcomes").fetchall() == [(1,)]
    async with opened(path) as journal:
        assert len(await replayed(journal)) == 1


async def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    """A name from a Latin-1 system: recorded, resumed and read like others, and what is said of it can be printed."""
    path = tmp_path / os.fsdecode(b"caf\xe9 #1?.db")
    async with opened(path) as journal:
        await journal.record(item(1))
        for reading in (True, False):
            with pytest.raises(ConfigurationError, match=r"caf\\xe9 #1\?\.db is in use") as caught:
                await open_database(path, reading=reading)
            str(caught.value).encode()
    async with opened(path) as journal:
        assert len(await replayed(journal)) == 1
    async with open_reader(path) as recording:
        assert len([found async for found in recording.items()]) == 1
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9 #1?.db"]


@pytest.mark.parametrize("left", [b"killed", b""], ids=["with a log", "without"])
async def test_a_damaged_one_of_such_a_name(tmp_path: Path, left: bytes) -> None:
    """Every complaint about a file can be printed, also of one with a log beside it."""
    path = tmp_path / os.fsdecode(b"caf\xe9.db")
    async with opened(path) as journal:
        await journal.record(item(1))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    if left:
        path.with_name(path.name + "-wal").write_bytes(left)
    with pytest.raises(ConfigurationError, match=r"caf\\xe9\.db is damaged") as caught:
        async with open_reader(path):
            pass
    str(caught.value).encode()


@pytest.mark.parametrize("name", ["\ud83d.db", "a\udc00.db"])
async def test_a_name_that_no_file_can_have(name: str) -> None:
    """Half a character, which no system has handed out, is refused like any other wrong argument."""
    with pytest.raises(ConfigurationError, match="^journal: expected a name that a file can have, not "):
        check_file("journal", name)
    with pytest.raises(ConfigurationError, match="^before: expected a name that a file can have"):
        await diff_scans(name, name)


async def test_a_full_disk_keeps_what_there_is(tmp_path: Path) -> None:
    """When the disk is full the error says so, the outcomes before it stay, and the journal can be gone on with."""
    path = tmp_path / "scan.db"
    async with opened(path) as journal:
        await journal.record(item(1))
        ((pages,),) = await journal._database.fetch("PRAGMA page_count")
        await journal._database.fetch(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(JournalError, match=r"cannot write to .*scan.db: database or disk is full; free some space"):
            await asyncio.gather(*(journal.record(item(number, "x" * 4000)) for number in range(2, 9)))
    async with opened(path) as journal:
        assert [found.group_id for found in await replayed(journal)] == [1]
        await journal.record(item(2))


def errors() -> list[PartooError]:
    statuses = []
    for status, body in ((404, b'{"errors": {"json": "Resource not found"}}'), (500, b"<html>"), (429, b"")):
        value, _ = decode_error_body(status, body)
        headers = Headers([("date", "now"), ("x-request-id", "r-1")])
        statuses.append(
            status_rule(status).make(
                status, value, "GET /sections/7", 60.0 if status == 429 else None, "why", "x", headers=headers
            )
        )
    bad, _ = decode_error_body(400, b'{"errors": {"json": {"name": ["bad"]}}}')
    statuses.append(status_rule(400).make(400, bad, "GET /sections/7"))
    deadline = DeadlineExceededError("too late", APITimeoutError("slow", True, "GET /sections/7"))
    return [*statuses, APIResponseValidationError(("expected int @ $.id",)), APIConnectionError("cut"), deadline]


@each("error", errors())
def test_errors_come_back_as_they_were(error: PartooError) -> None:
    """The class, the text and every attribute of a recorded error survive, without a pickle."""
    error.attempts = (Attempt("500", 0.5, True, 1.5, 2.5, "500"), Attempt("APITimeoutError", 15.0, True))
    quota = QuotaFacts(300, 60.0, 7, 0, 1.5, "own", 1)
    error._facts = CallFacts("GET /sections/7", None, "sandbox", "https://x.example", 90.0, 0.0, quota)
    text = encode_outcome(ScanFailure(7, 1, None, error, 2, 0.5))
    found = decode_outcome(7, 1, text).error
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert found.explain() == error.explain()
    assert {**vars(found), "last_error": None} == {**vars(error), "last_error": None}
    assert str(getattr(found, "last_error", "")) == str(getattr(error, "last_error", ""))


@each("text", ["", "null", "[]", "{}", '{"attempts": 1}', '{"group": {"id": 1}, "attempts": 1}'])
def test_other_texts_are_no_outcomes(text: str) -> None:
    """What is not an outcome is a ValueError, whatever its shape."""
    with pytest.raises(ValueError, match="outcome|JSON|empty"):
        decode_outcome(7, 1, text)


async def test_businesses_come_back_whole(tmp_path: Path) -> None:
    """Each business as it was last recorded, over more than one page, for the scan itself and for a reader."""
    path = tmp_path / "scan.db"
    whole = Business("b7", "Café; \u2028", "007", "open", groups=(1, 2), lat=48.5, extra={"id_": [{"a": None}], "n": 1})
    expected = {f"b{number}": Business(f"b{number}", name=f"N{number}") for number in range(450)} | {"b7": whole}
    async with opened(path) as journal:
        assert await journal.businesses() == {}
        await journal.record_businesses(())
        await journal.record_businesses(Business(f"b{number}", name="before") for number in range(450))
        await journal.record_businesses(expected.values())
        await journal.record(item(1))
    async with opened(path) as journal:
        assert await journal.businesses() == expected
        assert len(await replayed(journal)) == 1
    async with open_reader(path) as recording:
        assert {found.id: found async for found in recording.businesses()} == expected


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=5,
)
_TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=10)


@given(
    st.builds(
        Business,
        id=st.text(st.characters(codec="utf-8"), min_size=1),
        name=_TEXTS,
        status=_TEXTS,
        org_id=st.none() | st.integers(0, 2**63 - 1),
        groups=st.lists(st.integers(0, 2**63 - 1), max_size=3).map(tuple),
        lat=st.none() | st.floats(-90, 90),
        extra=st.dictionaries(st.text(st.characters(codec="utf-8")), _JSON, max_size=3).map(
            lambda extra: {name: value for name, value in extra.items() if name not in _FIELDS}
        ),
    )
)
def test_a_business_is_read_as_it_was_written(business: Business) -> None:
    """Whatever an API sends of a business, its further fields included, is the same after the journal."""
    assert decode_business(encode_business(business)) == business


_FIELDS = {field.name for field in fields(Business)} - {"extra"}


def test_what_json_cannot_hold_does_not_stop_a_scan() -> None:
    """A further field that cannot be written, such as one nested 300 deep, is recorded as null; the rest is kept."""
    deep: dict[str, object] = {}
    for _ in range(300):
        deep = {"in": deep}
    found = decode_business(encode_business(Business("a", "A", extra={"deep": deep, "fine": [1]})))
    assert found == Business("a", "A", extra={"deep": None, "fine": [1]})


@each("text", ["", "null", "[]", "{}", '{"id": null}', '{"id": 1}', '{"id": "a", "groups": ["b"]}'])
def test_other_texts_are_no_businesses(text: str) -> None:
    """What is not a business is a ValueError, whatever its shape."""
    with pytest.raises(ValueError, match="not a business"):
        decode_business(text)


async def test_a_damaged_business_is_told(tmp_path: Path) -> None:
    """A changed letter in a name is an error of the scan, of a reader and of a comparison that names the file."""
    path = tmp_path / "scan.db"
    async with opened(path) as journal:
        await note_section(journal, 7, [1])
        await journal.record(item(1))
        await journal.record_businesses([Business("a", "Lille"), Business("b", "Lyon")])
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE businesses SET business = replace(business, 'Lyon', 'Lens')")
    message = rf"{path} is damaged: its business b cannot be read \(its checksum is wrong\)"
    async with opened(path) as journal:
        with pytest.raises(JournalError, match=message):
            await journal.businesses()
    async with open_reader(path) as recording:
        with pytest.raises(ConfigurationError, match=message):
            _ = [found async for found in recording.businesses()]


async def test_a_journal_of_before_has_no_businesses(tmp_path: Path) -> None:
    """A journal without the table is read as one without businesses, and gets the table when its scan goes on."""
    path = tmp_path / "scan.db"
    async with opened(path) as journal:
        await journal.record(item(1))
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE businesses")
    async with open_reader(path) as recording:
        assert [found async for found in recording.businesses()] == []
    async with opened(path) as journal:
        assert await journal.businesses() == {}
        await journal.record_businesses([Business("a")])
        assert await journal.businesses() == {"a": Business("a")}


async def test_a_scan_without_a_journal_records_no_businesses() -> None:
    """What stands in for a journal takes businesses, and has none."""
    nothing = NoJournal()
    await nothing.record_businesses([Business("a")])
    assert await nothing.businesses() == {}


@pytest.mark.skipif(os.name != "posix", reason="the shell's umask")
async def test_a_journal_leaves_one_file_behind(tmp_path: Path) -> None:
    """After a clean end there is the journal and nothing beside it."""
    async with opened(tmp_path / "scan.db") as journal:
        await journal.record(item(1))
    assert [file.name for file in tmp_path.iterdir()] == ["scan.db"]


async def test_readers_do_not_exclude_each_other(tmp_path: Path) -> None:
    """A journal can be read by several at once, also where nothing can be written; a scan excludes them."""
    path = tmp_path / "scan.db"
    async with opened(path) as journal:
        await journal.record(item(1))
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        async with open_reader(path) as one, open_reader(path) as other:
            assert [len([found async for found in recording.items()]) for recording in (one, other)] == [1, 1]
            with pytest.raises(ConfigurationError, match="is in use by another scan|cannot open"):
                await Journal.open(path, SERVER, SCOPE, resume=True)
    finally:
        tmp_path.chmod(0o755)


async def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """A journal is a file; a pipe would be waited for without an end."""
    os.mkfifo(tmp_path / "pipe")
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConfigurationError, match="is a device or a pipe; use a file"):
            await Journal.open(tmp_path / "pipe", SERVER, SCOPE, resume=True)


async def test_a_directory_is_refused_as_one(tmp_path: Path) -> None:
    """Such as the state of a nightly job, whose journals are in it."""
    with pytest.raises(ConfigurationError, match="is a directory; use a file"):
        async with open_reader(tmp_path):
            pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_forked_process_does_not_keep_the_journal(tmp_path: Path) -> None:
    """A child that was forked while the journal was open does not hold it after the scan has ended."""
    path = tmp_path / "scan.db"
    script = (
        "import asyncio, os, pathlib, sys, time\n"
        "from partoo_async.scan.journal.journal import Journal\n"
        "from partoo_async.scan.scope import Scope\n"
        "async def main():\n"
        f"    journal = await Journal.open(pathlib.Path(sys.argv[1]), {SERVER!r}, Scope((7, 9)), resume=True)\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        time.sleep(60)\n"
        "        os._exit(0)\n"
        "    await journal.aclose()\n"
        f"    journal = await Journal.open(pathlib.Path(sys.argv[1]), {SERVER!r}, Scope((7, 9)), resume=True)\n"
        "    await journal.aclose()\n"
        "    os.kill(child, 9)\n"
        "    os.waitpid(child, 0)\n"
        "asyncio.run(main())\n"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "ignore", "-c", script, path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
