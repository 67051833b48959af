"""The businesses that an earlier journal knows, by id."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from partoo_async._internal.callables import in_daemon, wait_uncancelled
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.database import address_to_read
from partoo_async.scan.journal.lock import is_database, release, take

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["known_ids"]

_logger = logging.getLogger("partoo_async.scan")


async def known_ids(before: Path | None) -> tuple[str, ...]:
    """Return the ids of the businesses of an earlier journal. A damaged one counts as none, with a warning.

    Raises:
        ConfigurationError: It is in use, or cannot be read.
    """
    # Not cancelled half way: the thread would keep the file locked.
    work = asyncio.ensure_future(in_daemon(_known_ids, before))
    await wait_uncancelled(work)
    return work.result()


def _known_ids(before: Path | None) -> tuple[str, ...]:
    if before is None or not before.exists():
        return ()
    problem = "it is no journal"
    if _begins_as_one(before):
        lock = take(before, create=False, resume=True, reading=True)
        try:
            with closing(sqlite3.connect(address_to_read(before), uri=True)) as connection:
                ((problem,),) = connection.execute("PRAGMA integrity_check(1)")
                if problem == "ok":
                    return _ids(connection)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            problem = str(error)
        finally:
            release(lock)
    _logger.warning("%s is damaged (%s): a business that only it knows may be missing", shown(before), problem)
    return ()


def _begins_as_one(before: Path) -> bool:
    try:
        return is_database(before)
    except OSError as error:
        problem = f"journal: cannot open {shown(before)}: {error.strerror or error}"
    raise ConfigurationError(problem)


def _ids(connection: sqlite3.Connection) -> tuple[str, ...]:
    # Journals of earlier versions have no businesses.
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'businesses'").fetchall():
        return ()
    return tuple(one for (one,) in connection.execute("SELECT id FROM businesses") if isinstance(one, str))
