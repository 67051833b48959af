"""Writes to an open journal what is not an outcome: businesses, how far their list was read, and what that took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from partoo_async._protocol.business_query import can_be_listed
from partoo_async.scan.journal.codec import checksum, encode_business

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.models import Business
    from partoo_async.scan.journal.database import Database

__all__ = ["ALL", "add_spent", "doubtful_businesses", "forgetting", "record_business_list", "record_businesses"]

ALL = "all"
"""``businesses_listed`` of a journal that has every business. Else the time since when, in ISO format."""


async def record_businesses(database: Database, businesses: Iterable[Business], doubtful: Iterable[str] = ()) -> None:
    """Record businesses, each in place of what was known of it. Return when they are on disk.

    Args:
        database: The journal.
        businesses: What was found.
        doubtful: Ids that were looked up. Those not among the businesses are gone.
    """
    rows = [(one.id, text, checksum(one.id, text)) for one in businesses for text in [encode_business(one)]]
    ids = [(one,) for one in doubtful]
    if rows or ids:
        await database.write(
            ("INSERT OR REPLACE INTO businesses VALUES (?, ?, ?)", rows), ("DELETE FROM doubtful WHERE id = ?", ids)
        )


async def record_business_list(
    database: Database, ids: Iterable[str], found: str, known: Iterable[str] = ()
) -> list[str]:
    """Record that these businesses are on the pages of a list that was read whole, and drop any other.

    Returns:
        Those that were known or dropped, which the list may lack: they are doubtful until they were looked up.
    """
    there = {*ids}
    lacking = [one for (one,) in await database.fetch("SELECT id FROM businesses") if one not in there]
    # What was modified since some time lacks most of them.
    doubtful = {one for one in (*lacking, *known) if found == ALL and one not in there and can_be_listed(one)}
    await database.write(
        ("DELETE FROM businesses WHERE id = ?", [(one,) for one in lacking]),
        ("INSERT OR IGNORE INTO doubtful VALUES (?)", [(one,) for one in doubtful]),
        ("DELETE FROM doubtful WHERE id IN (SELECT id FROM businesses)", [()]),
        ("DELETE FROM header WHERE name = 'businesses_listed'", [()]),
        ("INSERT OR REPLACE INTO header VALUES ('businesses_found', ?)", [(json.dumps(found),)]),
    )
    return await doubtful_businesses(database)


async def doubtful_businesses(database: Database) -> list[str]:
    """Return the ids of businesses that are to be looked up."""
    return [one for (one,) in await database.fetch("SELECT id FROM doubtful ORDER BY id")]


async def add_spent(database: Database, requests: int, seconds: float) -> None:
    """Add to the figures of all runs."""
    sql = (
        "INSERT INTO header VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = CAST(value AS NUMERIC) + CAST(excluded.value AS NUMERIC)"
    )
    await database.write((sql, [("requests", json.dumps(requests)), ("seconds", json.dumps(seconds))]))


def forgetting(section_id: int, group_ids: Iterable[int]) -> tuple[str, list[tuple[int, int]]]:
    """Return the statement that drops outcomes, with its rows."""
    keys = [(section_id, group_id) for group_id in group_ids]
    return "DELETE FROM outcomes WHERE section_id = ? AND group_id = ?", keys
