"""Loads a journal into a database."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from partoo_async._internal.callables import in_daemon, wait_uncancelled
from partoo_async._internal.extras import needs_extra
from partoo_async.scan.journal.reader import open_reader
from partoo_async.warehouse.scope import check_organization, schema_name
from partoo_async.warehouse.tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from partoo_async.warehouse.destinations import Target

__all__ = ["find_target", "load"]


async def load(
    journal: Path,
    to: str,
    *,
    folder: Path,
    organization: int | str | None = None,
    history: bool = False,
    dataset: str = "partoo",
) -> dict[str, int]:
    """Bring the tables of a database up to what a journal knows, complete or not.

    Args:
        journal: The file.
        to: ``duckdb:///file``, ``sqlite:///file``, ``postgresql://user:password@host/database``, or the name of a dlt
            destination that is configured as dlt says.
        folder: Where dlt keeps its files.
        organization: What rows are marked with; those of others are left alone.
        history: Keep rows that were true, with since when and until when.
        dataset: The schema or dataset of the tables. In SQLite there is none.

    Returns:
        How many rows were loaded, by table.

    Raises:
        ConfigurationError: An argument cannot be used, or the database not be reached or written to.
    """
    marked = check_organization(organization)
    async with open_reader(journal):
        pass  # what is wrong with it is said here, and not in the words of dlt
    work = partial(_run, journal, to, folder, marked, history, dataset)
    running = asyncio.ensure_future(in_daemon(work))
    await wait_uncancelled(running)  # a load cannot be stopped
    return running.result()


def find_target(to: str, organization: str | None, history: bool, dataset: str) -> Target:
    """Return what ``to`` names, or raise ``ConfigurationError``. Does not reach it."""
    if "dlt" not in sys.modules:
        os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    with needs_extra("dlt", "dlt", "to=URL"):
        import dlt  # noqa: F401, PLC0415 - an extra
    from partoo_async.warehouse.destinations import target_of  # noqa: PLC0415 - imports dlt

    # Rows of two organizations that are loaded at the same time must not be on their way in the same tables.
    layout = None if organization is None else f"%s_staging_{schema_name(organization).removeprefix('partoo_')}"
    target = target_of(to, dataset, layout)
    if history and not target.merges(history=True):
        raise target.error("it cannot keep a history")
    if organization is not None and not target.merges():
        raise target.error("it cannot hold several organizations in one table")
    return target


def _run(journal: Path, to: str, folder: Path, organization: str | None, history: bool, dataset: str) -> dict[str, int]:
    target = find_target(to, organization, history, dataset)
    import dlt  # noqa: PLC0415 - an extra

    from partoo_async.warehouse.source import make_source  # noqa: PLC0415 - imports dlt

    async def given() -> Path:
        return journal

    name = schema_name(organization)
    # Not the name of the dataset, which a file of DuckDB would be called.
    working = name.replace("partoo", "partoo_warehouse", 1)
    # Everything is derived from the journal: packages that a killed run left are of no use.
    shutil.rmtree(folder / working, ignore_errors=True)
    merges = target.merges(history=history)
    source = make_source(lambda: given, name=name, organization=organization, history=history, merges=merges)
    options: dict[str, Any] = {"destination": target.destination, "dataset_name": target.dataset}
    pipeline = dlt.pipeline(working, pipelines_dir=str(folder), **options)
    try:
        pipeline.run(source)
        counts = pipeline.last_trace.last_normalize_info.row_counts
    except Exception as error:
        failure = target.error(error)
    else:
        if target.leftover is not None:
            target.leftover.unlink(missing_ok=True)
        return {table.name: counts.get(table.name, 0) for table in TABLES}
    finally:
        pipeline.deactivate()
    raise failure
