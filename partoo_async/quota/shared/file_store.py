"""The store for one host: an SQLite file, in which one statement runs the rules. Uses aiosqlite."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import aiosqlite

from partoo_async._internal.callables import in_daemon
from partoo_async._internal.text import one_line
from partoo_async.quota.shared.files import APPLICATION, Identity, identity_of, problem_of, set_aside
from partoo_async.quota.shared.rules import exchange
from partoo_async.quota.shared.store import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from partoo_async.quota.shared.messages import Reply, Report, State, Terms

__all__ = ["FileStore"]

# A write from its beginning, so that it has the lock before it reads. One statement, run in the connection's thread: a
# busy event loop, which may wait long between two of them, holds no lock.
_EXCHANGE = "REPLACE INTO quotas SELECT ?1, exchange((SELECT state FROM quotas WHERE name = ?1), ?2)"
_TABLE = "CREATE TABLE quotas (name TEXT PRIMARY KEY, state TEXT NOT NULL)"
# Of the time for an exchange: the connection gives up first, and says why.
_PATIENCE = 0.9
# A damaged file is put aside, a new one made, and that opened; and all this once more, if others interfere.
_TRIES = 6

_MOVED = getattr(sqlite3, "SQLITE_READONLY_DBMOVED", 1032)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _ReplacedError(Exception):
    """The file is not the one that was opened."""


class _Job:
    """One exchange, on its way to the connection's thread."""

    __slots__ = ("reply", "report", "terms")

    def __init__(self, report: Report, terms: Terms) -> None:
        self.report, self.terms = report, terms
        self.reply: Reply | None = None


class FileStore:
    """One quota in a file, which may hold several.

    Args:
        path: Absolute.
        name: Of the quota in the file.
        timeout: Seconds for an exchange.
    """

    def __init__(self, path: str, name: str, timeout: float) -> None:
        self._path, self._name, self._timeout = path, name, timeout
        self._connection: aiosqlite.Connection | None = None
        self._identity: Identity | None = None
        self._was_ours = False
        self._jobs: dict[int, _Job] = {}
        self._opening: asyncio.Future[aiosqlite.Connection] | None = None
        self._closing: set[asyncio.Future[None]] = set()

    async def open(self) -> None:
        """Open the file, or make it."""
        problem = await in_daemon(problem_of, self._path)
        if problem:
            raise StoreError(problem)
        with self._explained():
            await self._connected()

    async def exchange(self, report: Report, terms: Terms) -> Reply:
        """Run the rules in the file."""
        job, number = _Job(report, terms), report.n
        self._jobs[number] = job
        try:
            with self._explained():
                await self._run(number)
        finally:
            del self._jobs[number]  # one that was given up changes nothing when its turn comes
        assert job.reply is not None, "the statement called the function"  # noqa: S101
        return job.reply

    async def _run(self, number: int) -> None:
        for tries_left in reversed(range(_TRIES)):
            connection = await self._connected()
            try:
                await connection.execute_fetchall(_EXCHANGE, (self._name, number))
            except sqlite3.Error as error:
                if not tries_left or not await self._mended(error):
                    raise
            else:
                return

    def _in_file(self, kept: str | None, number: int) -> str:
        # Called in the connection's thread, while the file is locked.
        if identity_of(self._path) != self._identity:
            raise _ReplacedError
        job, now = self._jobs[number], _now()
        try:
            state, job.reply = exchange(_decode(kept), job.report, job.terms, now)
        except (AttributeError, LookupError, TypeError, ValueError):  # what is not of the rules is as good as nothing
            state, job.reply = exchange(None, job.report, job.terms, now)
        return json.dumps(state, separators=(",", ":"))

    async def _mended(self, error: sqlite3.Error) -> bool:
        """Whether to try again, since the next connection finds another file."""
        code = getattr(error, "sqlite_errorcode", 0) or 0
        damaged, found = code & 0xFF in _DAMAGED, self._identity
        moved = code == _MOVED or await in_daemon(identity_of, self._path) != found
        if not (damaged or moved or "no such table" in str(error)):  # the last one: it was emptied
            return False
        await self._disconnect()
        return moved or not damaged or await in_daemon(self._set_aside, found)

    def _set_aside(self, found: Identity | None) -> bool:
        return set_aside(self._path, found, known=self._was_ours)

    async def _connected(self) -> aiosqlite.Connection:
        if self._connection is not None:
            return self._connection
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open_file())
            self._opening.add_done_callback(self._opened)
        # A caller that gives up must not leave a thread behind with an open file: the next one waits for the same.
        return await asyncio.shield(self._opening)

    def _opened(self, opening: asyncio.Future[aiosqlite.Connection]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # whoever still waits has it

    async def _open_file(self) -> aiosqlite.Connection:
        for _ in range(_TRIES):
            before = await in_daemon(identity_of, self._path)
            try:
                connection = await self._connect()
            except sqlite3.Error as error:
                self._identity = before
                if not await self._mended(error):
                    raise
                continue
            self._identity = await in_daemon(identity_of, self._path)
            if self._identity == before and before is not None:
                self._connection, self._was_ours = connection, True
                return connection
            await self._close(connection)  # made, or replaced, in this moment: which one was opened?
        raise StoreError(f"{self._path} is replaced over and over")

    async def _connect(self) -> aiosqlite.Connection:
        opening = aiosqlite.connect(self._path, timeout=self._timeout * _PATIENCE, isolation_level=None)
        # The process must be able to exit without closing. Before aiosqlite 0.22 the connection itself was the thread.
        vars(opening).get("_thread", opening).daemon = True
        connection = await opening
        try:
            await connection.create_function("exchange", 2, self._in_file)
            # A power cut ends all processes of the host, and what they sent by then is older than the boot. No log in
            # files of their own (WAL): whoever deletes the file alone would leave them to the next one.
            await connection.execute("PRAGMA synchronous = OFF")
            await connection.execute("PRAGMA journal_mode = TRUNCATE")
            await self._prepare(connection)
        except BaseException:
            await self._close(connection)
            raise
        return connection

    async def _prepare(self, connection: aiosqlite.Connection) -> None:
        ((application,),) = await connection.execute_fetchall("PRAGMA application_id")
        if application != APPLICATION:
            await connection.execute("BEGIN IMMEDIATE")  # another process may be about to do the same
            ((tables,),) = await connection.execute_fetchall("SELECT count(*) FROM sqlite_master")
            ((application,),) = await connection.execute_fetchall("PRAGMA application_id")
            if not tables:
                await connection.execute(f"PRAGMA application_id = {APPLICATION}")
                await connection.execute(_TABLE)
            elif application != APPLICATION:
                raise StoreError(f"{self._path} is a database, but no quota file; use another file")
            await connection.execute("COMMIT")

    async def look(self) -> tuple[State, int] | None:
        """Read the state and the host's time."""
        async for name, state, now in self.look_all():
            if name == self._name:
                return state, now
        return None

    async def look_all(self) -> AsyncIterator[tuple[str, State, int]]:
        """Yield each quota of the file: its name, its state and the host's time."""
        with self._explained():
            connection = await self._connected()
            rows = await connection.execute_fetchall("SELECT name, state FROM quotas ORDER BY name")
        for name, kept in rows:
            with suppress(ValueError):
                if (state := _decode(kept)) is not None:
                    yield name, state, _now()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors into a ``StoreError``."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            text = one_line(str(error))
            if "locked" in text:
                text = f"another process locks it for more than {self._timeout * _PATIENCE:.2g} s"
            elif (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in _DAMAGED:
                text = f"it is damaged, or no quota file ({text}); delete it, or use another file"
            raise StoreError(f"{self._path}: {text}") from error

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._close(connection)

    async def _close(self, connection: aiosqlite.Connection) -> None:
        # Its thread may hang, waiting for a lock or for a disk: then it closes the file by itself when it can.
        closing = asyncio.ensure_future(connection.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closed)
        with suppress(TimeoutError, sqlite3.Error):
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(closing)

    def _closed(self, closing: asyncio.Future[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled():
            closing.exception()  # ignored: what was committed is in the file

    async def aclose(self) -> None:
        """Close the file."""
        if (opening := self._opening) is not None:
            await asyncio.wait([opening], timeout=self._timeout)
            opening.cancel()
        await self._disconnect()

    def abandon(self) -> None:
        """Let the connection's thread close the file."""
        connection, self._connection, self._opening = self._connection, None, None
        if connection is not None:
            _abandoned.append(connection)
            with suppress(AttributeError, RuntimeError):  # before aiosqlite 0.22
                connection.stop()


# Kept, since an open connection must not be collected: it would warn, or after a fork close what is the parent's.
_abandoned: list[aiosqlite.Connection] = []


def _now() -> int:
    # The same for all processes of the host, and it goes on while the host sleeps, as the server's clock does.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return int((time.monotonic() if clock is None else time.clock_gettime(clock)) * 1000)


def _decode(kept: str | None) -> State | None:
    state: State | None = json.loads(kept or "null")
    return state
