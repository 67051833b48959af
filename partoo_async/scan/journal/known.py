"""What an earlier journal knows: sections and businesses, by id."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from partoo_async._internal.callables import in_daemon, wait_uncancelled
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import checksum, decode_business
from partoo_async.scan.journal.database import address_to_read
from partoo_async.scan.journal.lock import is_database, release, take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from partoo_async.models import Business

__all__ = ["Known", "known_ids"]

_logger = logging.getLogger("partoo_async.scan")

T = TypeVar("T")


@frozen
class Known:
    """The ids of an earlier journal."""

    before: Path | None
    sections: tuple[int, ...] = ()  # those that were read
    businesses: tuple[str, ...] = ()

    async def recall(self, ids: Iterable[str]) -> list[Business]:
        """Return what is known of businesses, of those that can be read. Raises as ``known_ids``."""
        return await _in_thread(self.before, partial(_businesses, ids=[*ids])) or []


async def known_ids(before: Path | None) -> Known:
    """Return the ids of an earlier journal. A damaged one has none, with a warning.

    Raises:
        ConfigurationError: It is in use, or cannot be read.
    """
    ids = await _in_thread(before, _ids)
    return Known(before) if ids is None else Known(before, *ids)


async def _in_thread(before: Path | None, query: Callable[[sqlite3.Connection], T]) -> T | None:
    # Not cancelled half way: the thread would keep the file locked.
    work = asyncio.ensure_future(in_daemon(_read, before, query))
    await wait_uncancelled(work)
    return work.result()


def _read(before: Path | None, query: Callable[[sqlite3.Connection], T]) -> T | None:
    if before is None or not before.exists():
        return None
    problem = "it is no journal"
    if _begins_as_one(before):
        lock = take(before, create=False, resume=True, reading=True)
        try:
            with closing(sqlite3.connect(address_to_read(before), uri=True)) as connection:
                ((problem,),) = connection.execute("PRAGMA integrity_check(1)")
                if problem == "ok":
                    return query(connection)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            problem = str(error)
        finally:
            release(lock)
    _logger.warning("%s is damaged (%s): what only it knows may be missing", shown(before), problem)
    return None


def _begins_as_one(before: Path) -> bool:
    try:
        return is_database(before)
    except OSError as error:
        problem = f"journal: cannot open {shown(before)}: {error.strerror or error}"
    raise ConfigurationError(problem)


def _ids(connection: sqlite3.Connection) -> tuple[tuple[int, ...], tuple[str, ...]]:
    sections = tuple(one for (one,) in connection.execute("SELECT section_id FROM sections") if isinstance(one, int))
    # Journals of earlier versions have no businesses.
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'businesses'").fetchall():
        return sections, ()
    rows = connection.execute("SELECT id FROM businesses")
    return sections, tuple(one for (one,) in rows if isinstance(one, str))


def _businesses(connection: sqlite3.Connection, ids: list[str]) -> list[Business]:
    found: list[Business] = []
    for one in ids:
        rows = connection.execute("SELECT business, crc32 FROM businesses WHERE id = ?", (one,))
        with suppress(TypeError, ValueError):
            found += [decode_business(text) for text, crc32 in rows if checksum(one, text) == crc32]
    return found
