"""The scan that a journal is of: server, scope, and the age of its lists."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from partoo_async._internal.text import shown
from partoo_async._internal.version import get_version
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.codec import NO_GROUP
from partoo_async.scan.journal.reader import read_header, readable
from partoo_async.scan.scope import scope_text
from partoo_async.servers import is_same_server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from partoo_async.scan.journal.database import Database
    from partoo_async.scan.scope import Scope

__all__ = ["age_lists", "begin_header", "write_header"]


async def begin_header(database: Database, server: str, scope: Scope) -> bool:
    """Check the header against this scan, or write it. Return whether there was one."""
    header = await read_header(database)
    if "scope" in header:
        _check_same(database.path, header, server, scope)
        await database.bring_up_to_date()
        # Until this run has read the sections it is not known which there are, nor whether each group has an outcome.
        await write_header(database, {"finished": False, "plan": None, "sections_listed": False, "ended": False})
        # Each run reads all sections again. The failure of one that no longer exists would stay for ever.
        await database.write(("DELETE FROM outcomes WHERE group_id = ?", [(NO_GROUP,)]))
        return True
    started = datetime.now(UTC).isoformat()
    facts = {"server": server, "scope": scope.plain(), "started": started, "version": get_version(), "finished": False}
    await write_header(database, facts)
    return False


async def age_lists(database: Database, hold_for: float) -> bool:
    """Return whether the lists of sections in the journal are not older than this. If not, note that they are new."""
    now = datetime.now(UTC)
    with readable(database.path, "header"):
        listed = (await read_header(database)).get("listed")
        age = None if listed is None else (now - datetime.fromisoformat(listed)).total_seconds()
    if age is not None and 0 <= age < hold_for:  # below 0: the clock was set back
        return True
    # The time of the first look: of several runs that do without one, the oldest list counts.
    await write_header(database, {"listed": now.isoformat()})
    return False


async def write_header(database: Database, facts: Mapping[str, object]) -> None:
    """Record facts, JSON values by name."""
    rows = [(name, json.dumps(value)) for name, value in facts.items()]
    await database.write(("INSERT OR REPLACE INTO header VALUES (?, ?)", rows))


def _check_same(path: Path, header: Mapping[str, Any], server: str, scope: Scope) -> None:
    with readable(path, "header"):
        recorded, covered = header["server"], scope_text(header["scope"])
    if not is_same_server(recorded, server):  # an older version kept the URL as it was spelled
        raise ConfigurationError(
            f"journal: {shown(path)} is of a scan of {recorded}, not of {server}; use another file for this one"
        )
    if header["scope"] != scope.plain():
        raise ConfigurationError(
            f"journal: {shown(path)} is of a scan of {covered}, not of {scope_text(scope.plain())};"
            " use another file for this one"
        )
