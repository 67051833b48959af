"""Writes to an open journal what is not an outcome: businesses, how far their list was read, and what that took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from partoo_async.scan.journal.codec import checksum, encode_business

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async.models import Business
    from partoo_async.scan.journal.database import Database

__all__ = ["ALL", "add_spent", "record_business_list", "record_businesses"]

ALL = "all"
"""``businesses_listed`` of a journal that has every business. Else the time since when, in ISO format."""


async def record_businesses(database: Database, businesses: Iterable[Business]) -> None:
    """Record businesses, each in place of what was known of it. Return when they are on disk."""
    rows = [(one.id, text, checksum(one.id, text)) for one in businesses for text in [encode_business(one)]]
    if rows:
        await database.write(("INSERT OR REPLACE INTO businesses VALUES (?, ?, ?)", rows))


async def record_business_list(database: Database, ids: Iterable[str], listed: str) -> None:
    """Record that these businesses were found, by a list that was read whole, and drop those that it lacks."""
    recorded = await database.fetch("SELECT id FROM businesses")
    found = {*ids}
    await database.write(
        ("DELETE FROM businesses WHERE id = ?", [row for row in recorded if row[0] not in found]),
        ("INSERT OR REPLACE INTO header VALUES ('businesses_listed', ?)", [(json.dumps(listed),)]),
    )


async def add_spent(database: Database, requests: int, seconds: float) -> None:
    """Add to the figures of all runs."""
    sql = (
        "INSERT INTO header VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = CAST(value AS NUMERIC) + CAST(excluded.value AS NUMERIC)"
    )
    await database.write((sql, [("requests", json.dumps(requests)), ("seconds", json.dumps(seconds))]))
