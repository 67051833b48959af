"""The baseline of comparisons: what is known of every group, by its last scan or, where that failed, by one before."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from partoo_async._internal.callables import in_daemon, wait_uncancelled
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import NO_GROUP, JournalError, checksum, mending
from partoo_async.scan.journal.database import LATER_PARTS, address_to_read, explained
from partoo_async.scan.journal.facts import Facts, select_facts
from partoo_async.scan.journal.lock import FORMAT, is_database, release, take
from partoo_async.scan.journal.reader import knows_sections, readable
from partoo_async.scan.journal.recording import ALL

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["carry_forward"]

_logger = logging.getLogger("partoo_async.scan")

# main is a copy of the new journal, before the baseline until now. :whole: main knows the list of all sections.
_TABLES = """
CREATE TEMP TABLE damaged (section_id INTEGER PRIMARY KEY);
CREATE TEMP TABLE carried (section_id INTEGER PRIMARY KEY);
CREATE TEMP TABLE listed (section_id INTEGER NOT NULL, group_id INTEGER NOT NULL, PRIMARY KEY (section_id, group_id));
CREATE TEMP TABLE listed_before (
    section_id INTEGER NOT NULL, group_id INTEGER NOT NULL, PRIMARY KEY (section_id, group_id)
);
"""
_INTACT = """
CREATE TEMP VIEW known AS SELECT section_id, group_id, failed, outcome, crc32 FROM before.outcomes
WHERE crc32 = checksum(section_id, group_id, failed, outcome)
"""
_SECTIONS = (
    # Of the sections that main does not have, those that may exist.
    """INSERT INTO carried SELECT section_id FROM before.sections
        WHERE section_id NOT IN (SELECT section_id FROM main.sections) AND section_id NOT IN damaged
        AND (NOT :whole OR section_id IN (SELECT section_id FROM main.outcomes WHERE group_id = :no_group))""",
    "INSERT INTO main.sections SELECT * FROM before.sections WHERE section_id IN carried",
    """INSERT OR IGNORE INTO main.outcomes (section_id, group_id, failed, outcome, crc32)
        SELECT * FROM known WHERE group_id = :no_group AND NOT :whole""",
    # The failure of a section would hide what is known of it.
    "DELETE FROM main.outcomes WHERE group_id = :no_group AND section_id IN (SELECT section_id FROM main.sections)",
)
_DETAILS = {
    table: f"INSERT OR REPLACE INTO main.{table} SELECT * FROM before.{table} WHERE section_id IN carried"  # noqa: S608 - two names
    for table in ("summaries", "details")
}
_GROUPS = (
    # An outcome that its section does not list is of another group, should one get that id.
    """DELETE FROM main.outcomes WHERE group_id <> :no_group
        AND NOT EXISTS (SELECT 1 FROM listed AS l WHERE l.section_id = outcomes.section_id
            AND l.group_id = outcomes.group_id)""",
    """INSERT OR REPLACE INTO main.outcomes (section_id, group_id, failed, outcome, crc32)
        SELECT known.* FROM known JOIN listed USING (section_id, group_id)
        JOIN listed_before USING (section_id, group_id) WHERE NOT known.failed
        AND NOT EXISTS (SELECT 1 FROM main.outcomes AS o WHERE o.section_id = known.section_id
            AND o.group_id = known.group_id AND NOT o.failed)""",
)
_BUSINESSES = """INSERT OR IGNORE INTO main.businesses SELECT * FROM before.businesses
    WHERE crc32 = checksum(id, business)"""


async def carry_forward(new: Path, before: Path | None, target: Path) -> None:
    """Make the baseline of the next comparison: what ``new`` has, and what only ``before`` knows.

    Groups and sections that failed or were not reached in ``new`` get their last known content. What is gone by
    ``new`` is not carried on. A ``before`` that is damaged counts as none, with a warning.

    Args:
        new: The journal of the latest reading.
        before: The baseline until now. There may be none yet.
        target: Where the new one goes, in one step; it may be ``before``.

    Raises:
        ConfigurationError: ``new`` is no journal or is damaged, or a file is in use or cannot be read or written.
    """
    # Not cancelled half way: the thread would go on, while its files are used for something else.
    work = asyncio.ensure_future(in_daemon(_carry_forward, new, before, target))
    await wait_uncancelled(work)
    work.result()


def _carry_forward(new: Path, before: Path | None, target: Path) -> None:
    aside = target.with_name(f"{target.name}.new")
    before = before if before is not None and before.exists() else None
    with ExitStack() as stack:
        for path in (new, before):
            if path is not None and (path is new or is_database(path)):
                stack.callback(release, take(path, create=False, resume=True, reading=True))
        try:
            _remove(aside)  # what a killed process left
            _make(aside, new, before)
            _put(aside, target)
        except JournalError as error:
            problem = str(error)
        except OSError as error:
            problem = f"journal: cannot write {shown(target)}: {error.strerror or error}"
        else:
            return
        finally:
            with suppress(OSError):
                _remove(aside)
    raise ConfigurationError(problem)


def _make(aside: Path, new: Path, before: Path | None) -> None:
    with explained(aside), closing(sqlite3.connect(os.path.abspath(aside), uri=True)) as connection:
        connection.isolation_level = None
        with explained(new), closing(sqlite3.connect(address_to_read(new), uri=True)) as source:
            source.backup(connection)
            ((check,),) = connection.execute("PRAGMA integrity_check(1)")
            if check != "ok":
                raise sqlite3.DatabaseError(check)
        # Not safely: what is lost is made again.
        connection.executescript(
            # What the other one has may be of this format, if this one is not.
            f"PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA user_version = {FORMAT};{_TABLES}"
        )
        connection.create_function("checksum", -1, checksum, deterministic=True)
        if before is None:
            return
        connection.execute("BEGIN")
        problem = _problem(connection, before)
        if problem:
            connection.execute("ROLLBACK")
            _logger.warning("%s is damaged (%s): what only it knows is lost", shown(before), problem)
        else:
            _merge(connection, new)
            connection.execute("COMMIT")


def _problem(connection: sqlite3.Connection, before: Path) -> str:
    """Attach the baseline until now, and load its list. Return why it cannot be used, "" if it can."""
    if not is_database(before):
        return "it is no journal"
    try:
        connection.execute("ATTACH ? AS before", (address_to_read(before),))
        ((check,),) = connection.execute("PRAGMA before.integrity_check(1)")
        if check == "ok":
            connection.execute(_INTACT)
            _header(connection, "before")
            damaged = _load_list(connection, "before", "listed_before")
            connection.executemany("INSERT INTO damaged VALUES (?)", [(section_id,) for section_id in damaged])
            if damaged:
                text = "%s is damaged (its list of section %s): what only it knows of the section is lost"
                _logger.warning(text, shown(before), ", ".join(map(str, damaged)))
    except (sqlite3.DatabaseError, UnicodeDecodeError, TypeError, ValueError) as error:
        return str(error)
    return "" if check == "ok" else str(check)


def _load_list(connection: sqlite3.Connection, side: str, table: str) -> list[int]:
    """Load which groups the sections have. Return the sections whose lists are damaged."""
    there = {name for (name,) in connection.execute(f"SELECT name FROM {side}.sqlite_master")}  # noqa: S608 - main or before
    damaged: list[int] = []
    for section_id, *facts in connection.execute(select_facts(there, side)):
        try:
            ids, _ = Facts(*facts).read(section_id)
        except ValueError:
            damaged.append(section_id)
        else:
            rows = ((section_id, group_id) for group_id in ids)
            connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", rows)  # noqa: S608 - one of two names
    return damaged


def _header(connection: sqlite3.Connection, side: str) -> dict[str, Any]:
    rows = connection.execute(f"SELECT name, value FROM {side}.header")  # noqa: S608 - one of two names
    return {name: json.loads(value) for name, value in rows}


def _merge(connection: sqlite3.Connection, new: Path) -> None:
    with readable(new, "header"):
        now, was = _header(connection, "main"), _header(connection, "before")
    whole = knows_sections(now, bool(now.get("finished")))
    for statement in _SECTIONS:
        connection.execute(statement, {"whole": whole, "no_group": NO_GROUP})
    for table in LATER_PARTS:
        connection.execute(table)
    there = {name for (name,) in connection.execute("SELECT name FROM before.sqlite_master")}
    for table in _DETAILS.keys() & there:
        connection.execute(_DETAILS[table])
    with readable(new, "list of sections"):
        damaged = _load_list(connection, "main", "listed")
        if damaged:
            raise ValueError(f"section {damaged[0]}; " + mending(new, f"sections WHERE section_id = {damaged[0]}"))
    for statement in _GROUPS:
        connection.execute(statement, {"no_group": NO_GROUP})
    facts: dict[str, Any] = {"sections_listed": whole or knows_sections(was, bool(was.get("finished")))}
    if not whole:
        facts["plan"] = was.get("plan")
    listed, listed_before = now.get("businesses_listed"), was.get("businesses_listed")
    if listed != ALL and "businesses" in there:
        connection.execute(_BUSINESSES)
        if listed is not None and listed_before == ALL:
            facts["businesses_listed"] = ALL
    rows = [(name, json.dumps(value)) for name, value in facts.items()]
    connection.executemany("INSERT OR REPLACE INTO main.header VALUES (?, ?)", rows)


def _put(aside: Path, target: Path) -> None:
    """Give the file its name when it is on disk."""
    with aside.open("rb+") as file:
        os.fsync(file.fileno())
    # A log of the file that is replaced would be applied to the new one.
    for kind in ("-wal", "-shm"):
        target.with_name(target.name + kind).unlink(missing_ok=True)
    aside.replace(target)
    if os.name == "posix":
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _remove(aside: Path) -> None:
    for kind in ("", "-journal", "-wal", "-shm"):
        aside.with_name(aside.name + kind).unlink(missing_ok=True)
