"""The store for one host: an SQLite file, changed in transactions."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from partoo_async._internal.callables import in_daemon
from partoo_async._internal.text import one_line
from partoo_async.quota.shared.files import APPLICATION, Identity, identity_of, problem_of, set_aside
from partoo_async.quota.shared.rules import exchange
from partoo_async.quota.shared.store import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from partoo_async.quota.shared.messages import Reply, Report, State, Terms

__all__ = ["FileStore"]

T = TypeVar("T")

_TABLE = "CREATE TABLE quotas (name TEXT PRIMARY KEY, state TEXT NOT NULL)"
# Of the time for an exchange: SQLite gives up first, and says why.
_PATIENCE = 0.9
# A damaged file is put aside, a new one made, and that opened; and all this once more, if others interfere.
_TRIES = 6

_MOVED = getattr(sqlite3, "SQLITE_READONLY_DBMOVED", 1032)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _ReplacedError(Exception):
    """The file is not the one that was opened."""


class _GivenUpError(Exception):
    """Nobody waits for the result any more."""


class FileStore:
    """One quota in a file, which may hold several.

    Args:
        path: Absolute.
        name: Of the quota in the file.
        timeout: Seconds for an exchange.
    """

    # All work is done in a thread that lives as long as it: an idle process has none, whatever becomes of an event loop
    # is nothing to the connection, and a busy one, which may wait long between two steps, holds no lock of the file.

    def __init__(self, path: str, name: str, timeout: float) -> None:
        self._path, self._name, self._timeout = path, name, timeout
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._process = os.getpid()
        self._was_ours = False
        self._is_open = False
        self._turn = threading.Lock()
        self._forget: Callable[[], object] = lambda: None  # closes the connection, once

    async def open(self) -> None:
        """Open the file, or make it."""
        problem = await in_daemon(problem_of, self._path)
        if problem:
            raise StoreError(problem)
        await self._work(lambda _: None)

    async def exchange(self, report: Report, terms: Terms) -> Reply:
        """Apply the rules in the file."""
        given_up = threading.Event()
        try:
            return await self._work(partial(self._exchange, report, terms, given_up))
        finally:
            given_up.set()

    async def look(self) -> tuple[State, int] | None:
        """Read the state and the host's time."""
        async for name, state, now in self.look_all():
            if name == self._name:
                return state, now
        return None

    async def look_all(self) -> AsyncIterator[tuple[str, State, int]]:
        """Yield each quota of the file: its name, its state and the host's time."""
        for name, kept in await self._work(_rows):
            with suppress(ValueError):
                if (state := _decode(kept)) is not None:
                    yield name, state, _now()

    async def aclose(self) -> None:
        """Close the file."""
        self._is_open = False
        if self._may_be_open():
            await in_daemon(self._close_in_turn)

    def abandon(self) -> None:
        """Forget the connection; in the process that made it, close it."""
        self._is_open = False
        if self._process == os.getpid():
            if self._may_be_open():
                try:
                    threading.Thread(target=self._close_in_turn, name="partoo-work", daemon=True).start()
                except RuntimeError:  # the interpreter ends
                    self._close()
            return
        self._connection = None
        self._forget()
        self._process, self._turn = os.getpid(), threading.Lock()

    # What threads do.

    async def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            result = await in_daemon(self._in_turn, work)
        except BaseException:
            if not self._is_open:
                self.abandon()  # whoever gave up does not know that the file is, or is about to be, open
            raise
        self._is_open = True
        return result

    def _may_be_open(self) -> bool:
        return self._connection is not None or self._turn.locked()

    def _in_turn(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # One that was given up may hang, waiting for a lock or for the disk.
        if not self._turn.acquire(timeout=self._timeout):
            raise StoreError(f"{self._path}: the disk does not answer")
        try:
            with self._explained():
                return self._run(work)
        finally:
            self._turn.release()

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        for tries_left in reversed(range(_TRIES)):
            try:
                return work(self._connected())
            except (sqlite3.Error, _ReplacedError) as error:
                if not tries_left or not self._mended(error):
                    raise
        raise StoreError(f"{self._path} is replaced over and over")

    def _exchange(
        self, report: Report, terms: Terms, given_up: threading.Event, connection: sqlite3.Connection
    ) -> Reply:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if identity_of(self._path) != self._identity:
                raise _ReplacedError
            if given_up.is_set():
                raise _GivenUpError
            rows = connection.execute("SELECT state FROM quotas WHERE name = ?", (self._name,)).fetchall()
            now, kept = _now(), rows[0][0] if rows else None
            try:
                state, reply = exchange(_decode(kept), report, terms, now)
            except (
                AttributeError,
                LookupError,
                TypeError,
                ValueError,
            ):  # what is not of the rules is as good as nothing
                state, reply = exchange(None, report, terms, now)
            connection.execute("REPLACE INTO quotas VALUES (?, ?)", (self._name, json.dumps(state)))
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return reply

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            for _ in range(_TRIES):
                before = self._identity = identity_of(self._path)
                connection = self._connect()
                self._identity = identity_of(self._path)
                if before == self._identity is not None:
                    self._connection, self._was_ours = connection, True
                    # Which holds the connection, so that it is not found to be garbage before the store is.
                    finalizer = weakref.finalize(self, _dispose, connection, self._process)
                    finalizer.atexit, self._forget = False, finalizer
                    break
                connection.close()  # made, or replaced, in this moment: which one was opened?
        if self._connection is None:
            raise StoreError(f"{self._path} is replaced over and over")
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._timeout * _PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            # A power cut ends all processes of the host, and what they sent by then is older than the boot. No log in
            # files of their own (WAL): whoever deletes the file alone would leave them to the next one.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _application(connection) == APPLICATION:
            return
        connection.execute("BEGIN IMMEDIATE")  # another process may be about to do the same
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(_TABLE)
        elif _application(connection) != APPLICATION:
            raise StoreError(f"{self._path} is a database, but no quota file; use another file")
        connection.execute("COMMIT")

    def _mended(self, error: Exception) -> bool:
        """Whether to try again, since the next connection finds another file."""
        code = getattr(error, "sqlite_errorcode", 0) or 0
        damaged, found = code & 0xFF in _DAMAGED, self._identity
        moved = code == _MOVED or identity_of(self._path) != found
        if not (damaged or moved or "no such table" in str(error)):  # the last one: it was emptied
            return False
        self._close()
        return moved or not damaged or set_aside(self._path, found, known=self._was_ours)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors into a ``StoreError``."""
        try:
            yield
        except (sqlite3.Error, OSError, _ReplacedError, _GivenUpError) as error:
            text = one_line(str(error))
            if "locked" in text:
                text = f"another process locks it for more than {self._timeout * _PATIENCE:.2g} s"
            elif (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in _DAMAGED:
                text = f"it is damaged, or no quota file ({text}); delete it, or use another file"
            raise StoreError(f"{self._path}: {text or 'it is replaced over and over'}") from error

    def _close_in_turn(self) -> None:
        if self._turn.acquire(timeout=self._timeout):
            try:
                self._close()
            finally:
                self._turn.release()

    def _close(self) -> None:
        self._connection = None
        self._forget()


# Connections of the process that forked this one: closing them here could undo what it is about to write.
_parents: list[sqlite3.Connection] = []


def _dispose(connection: sqlite3.Connection, process: int) -> None:
    if process != os.getpid():
        _parents.append(connection)
        return
    with suppress(sqlite3.Error):  # what was committed is in the file
        connection.close()


def _application(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA application_id").fetchone()[0]
    return found


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, state FROM quotas ORDER BY name").fetchall()


def _now() -> int:
    # The same for all processes of the host, and it goes on while the host sleeps, as the server's clock does.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return int((time.monotonic() if clock is None else time.clock_gettime(clock)) * 1000)


def _decode(kept: str | None) -> State | None:
    state: State | None = json.loads(kept or "null")
    return state
