"""The journal's file, an SQLite database in WAL mode. The owner of aiosqlite."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiosqlite
from attrs import define, field

from partoo_async._internal.callables import in_daemon, wait_uncancelled
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.lock import APPLICATION, FORMAT, release, take

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LATER_PARTS", "Database", "address_to_read", "explained", "open_database"]

# What journals of earlier versions lack, and earlier versions do not miss: the format is the same.
# Failures are few: with an index of their own, which groups have a success is known without a look at each row.
LATER_PARTS = (
    # What a section said about each of its groups, one digest each, in the order of group_ids.
    "CREATE TABLE IF NOT EXISTS summaries (section_id INTEGER PRIMARY KEY, digests TEXT NOT NULL)",
    # business: JSON; crc32: of the id and it
    "CREATE TABLE IF NOT EXISTS businesses (id TEXT PRIMARY KEY, business TEXT NOT NULL, crc32 INTEGER NOT NULL)",
    # What else a section said of itself: a JSON object.
    "CREATE TABLE IF NOT EXISTS details (section_id INTEGER PRIMARY KEY, details TEXT NOT NULL)",
    # Businesses that were known, and that their list lacks: to be looked up.
    "CREATE TABLE IF NOT EXISTS doubtful (id TEXT PRIMARY KEY)",
    "CREATE INDEX IF NOT EXISTS failures ON outcomes (section_id, group_id) WHERE failed",
)

_SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE header (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE sections (section_id INTEGER PRIMARY KEY, name TEXT, group_ids TEXT NOT NULL)",
    # number: in the order of recording. outcome: JSON, or bytes; see codec. crc32: of the four values before it.
    # AUTOINCREMENT, which tables of the first format have, would write a page more with each commit.
    """CREATE TABLE outcomes (
        number INTEGER PRIMARY KEY,
        section_id INTEGER NOT NULL, group_id INTEGER NOT NULL,
        failed INTEGER NOT NULL, outcome BLOB NOT NULL, crc32 INTEGER NOT NULL,
        UNIQUE (section_id, group_id)
    )""",
    *LATER_PARTS,
)


@define
class Database:
    """An open journal file. Every method raises ``JournalError`` when the file cannot be read or written."""

    path: Path
    _connection: aiosqlite.Connection
    _lock: int
    _turn: asyncio.Lock = field(factory=asyncio.Lock)

    async def fetch(self, sql: str, *parameters: object) -> list[Any]:
        """Return the rows of a query."""
        with explained(self.path):
            return list(await self._connection.execute_fetchall(sql, parameters))

    async def write(self, *statements: tuple[str, Iterable[tuple[object, ...]]]) -> None:
        """Run each statement with each of its rows in one transaction. Return when it is on disk."""
        # A connection has one transaction at a time, and sections are recorded concurrently.
        async with self._turn:
            with explained(self.path):
                try:
                    await self._connection.execute("BEGIN")
                    for sql, rows in statements:
                        await self._connection.executemany(sql, rows)
                    await self._connection.execute("COMMIT")
                except BaseException:
                    # There may be nothing to roll back: SQLite did so when the disk was full, and the commit of a
                    # cancelled caller is made nevertheless.
                    with suppress(sqlite3.Error):
                        await self._connection.execute("ROLLBACK")
                    raise

    async def bring_up_to_date(self) -> None:
        """Make the journal of an earlier version one of this version."""
        for table in LATER_PARTS:
            await self.fetch(table)
        ((version,),) = await self.fetch("PRAGMA user_version")
        if version < FORMAT:
            await self.fetch(f"PRAGMA user_version = {FORMAT}")
            # Into the file itself, whose first bytes tell an earlier version that it does not know this.
            await self.fetch("PRAGMA wal_checkpoint(TRUNCATE)")

    async def aclose(self) -> None:
        """Close the file and release its lock."""
        # Even if the caller is being cancelled, or the connection's thread would stay.
        closing = asyncio.ensure_future(self._connection.close())
        try:
            await wait_uncancelled(closing)
        finally:
            release(self._lock)
            # Ignored: what was committed is in the file or in its log, which the next scan reads.
            closing.exception()


async def open_database(path: Path, *, create: bool = False, resume: bool = True, reading: bool = False) -> Database:
    """Open a journal, exclusively unless ``reading``. Raises ``ConfigurationError``."""
    # For a file that is no journal, of a newer version, damaged, in use, missing without ``create``, or there already
    # without ``resume``. Such a file is left as it was.
    # Not cancelled half way: threads are at work, and nobody would release the lock.
    opening = asyncio.ensure_future(_open(path, create=create, resume=resume, reading=reading))
    try:
        await wait_uncancelled(opening)
    except asyncio.CancelledError:
        if opening.exception() is None:
            await opening.result().aclose()
        raise
    return opening.result()


async def _open(path: Path, *, create: bool, resume: bool, reading: bool) -> Database:
    lock = await in_daemon(partial(take, path, create=create, resume=resume, reading=reading))
    connection = None
    try:
        with explained(path):
            address = address_to_read(path) if reading else _address(path)
            connection = await _connect(address, uri=reading)
            await (_check(connection, path) if reading else _prepare(connection, path))
    except BaseException as error:
        if connection is not None:
            await Database(path, connection, lock).aclose()
        else:
            release(lock)
        if isinstance(error, JournalError):
            raise ConfigurationError(str(error)) from None
        raise
    return Database(path, connection, lock)


async def _connect(address: str, *, uri: bool) -> aiosqlite.Connection:
    connection = aiosqlite.connect(address, timeout=0, isolation_level=None, uri=uri)
    # The process must be able to exit without closing, as after Ctrl-C under run_until_complete: what was committed is
    # safe. The thread has no public name. Before aiosqlite 0.22 the connection itself was the thread.
    vars(connection).get("_thread", connection).daemon = True
    return await connection


async def _prepare(connection: aiosqlite.Connection, path: Path) -> None:
    # One scan at a time uses a journal. Without this, SQLite would keep the index of its log in a shared file.
    await connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    # An outcome that was handed out survives a power cut.
    await connection.execute("PRAGMA synchronous = FULL")
    # One transaction with the tables: a process that is killed in between would leave a database that is no journal.
    await connection.execute("BEGIN EXCLUSIVE")
    ((tables,),) = await connection.execute_fetchall("SELECT count(*) FROM sqlite_master")
    if tables == 0:  # new, or killed before the first commit
        for statement in _SCHEMA:
            await connection.execute(statement)
    await connection.execute("COMMIT")
    if tables:
        await _check(connection, path)
    # Only now, so that the first commit is in the file itself, where ``_check_head`` looks.
    await connection.execute("PRAGMA journal_mode = WAL")


async def _check(connection: aiosqlite.Connection, path: Path) -> None:
    ((tables,),) = await connection.execute_fetchall("SELECT count(*) FROM sqlite_master")
    if not tables:
        raise ConfigurationError(f"journal: {shown(path)} was never begun; there is nothing in it")
    # Not quick_check: an index that differs from its table would lose an outcome, or have it read twice.
    (check,) = await connection.execute_fetchall("PRAGMA integrity_check(1)")
    if check[0] != "ok":
        raise sqlite3.DatabaseError(str(check[0]))


def address_to_read(path: Path) -> str:
    """Return the URI of a journal that was locked to be read."""
    # The log that a killed process left has to be applied or undone, which needs a writable file. Without one, nothing
    # changes while we hold our lock, so a read-only file and directory will do.
    left = any(os.path.exists(f"{_address(path)}-{kind}") for kind in ("wal", "journal"))
    mode = "mode=rw" if left else "mode=ro&immutable=1"
    return f"file:{quote(os.fsencode(_address(path)))}?{mode}"


def _address(path: Path) -> str:
    # Absolute, because SQLite takes a bare ":memory:" for a database without a file.
    return os.path.abspath(path)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into a ``JournalError``."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged text is not even an error of SQLite's
        failure = JournalError(_problem(path, error))
    else:
        return
    raise failure


def _problem(path: Path, error: Exception) -> str:
    text, name = str(error), shown(path)
    if "locked" in text:
        # By another program: our own lock was taken before, so it is no scan.
        return f"journal: {name} is open in another program, such as a database browser; close it there, then resume"
    if "full" in text:
        return f"journal: cannot write to {name}: {text}; free some space, then resume"
    if "unable to open" in text or "readonly" in text:
        return f"journal: cannot write to {name}: {text}; use a file in a directory that exists and can be written to"
    if "disk I/O" in text:
        return f"journal: {name}: {text}; once the disk works again, resume"
    return f"journal: {name} is damaged ({text}); 'sqlite3 {name} .recover' reads what is left of it"
