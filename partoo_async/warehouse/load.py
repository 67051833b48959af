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

    from partoo_async.errors import ConfigurationError

__all__ = ["load"]


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

    Cancelled, it ends before it raises.

    Args:
        journal: The journal, which nobody writes to meanwhile.
        to: ``duckdb:///file``, ``sqlite:///file``, ``postgresql://user:password@host/database``, or the name of a dlt
            destination that is configured as dlt says.
        folder: Where dlt keeps its files.
        organization: What rows are marked with; those of others are left alone.
        history: Keep rows that are gone or were changed, with the time until which they were true.
        dataset: The schema or dataset of the tables. In SQLite there is none.

    Returns:
        How many rows were loaded, by table.

    Raises:
        ConfigurationError: An argument cannot be used, or the database cannot be reached or written to.
    """
    marked = check_organization(organization)
    async with open_reader(journal):
        pass  # what is wrong with it is said here, and not in the words of dlt
    work = partial(_run, journal, to, folder, marked, history, dataset)
    running = asyncio.ensure_future(in_daemon(work))
    await wait_uncancelled(running)
    return running.result()


def _run(journal: Path, to: str, folder: Path, organization: str | None, history: bool, dataset: str) -> dict[str, int]:
    if "dlt" not in sys.modules:
        os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    with needs_extra("dlt", "dlt", "to="):
        import dlt  # noqa: PLC0415 - an extra
    from partoo_async.warehouse.destinations import target_of  # noqa: PLC0415 - imports dlt
    from partoo_async.warehouse.source import make_source  # noqa: PLC0415 - imports dlt

    async def given() -> Path:
        return journal

    name = schema_name(organization)
    target = target_of(to, dataset, f"%s_staging{name.removeprefix('partoo')}")
    # Everything is derived from the journal: packages that a killed run left are of no use.
    shutil.rmtree(folder / name, ignore_errors=True)
    pipeline = dlt.pipeline(
        name, pipelines_dir=str(folder), destination=target.destination, dataset_name=target.dataset
    )
    failure: ConfigurationError
    try:
        pipeline.run(make_source(given, name=name, organization=organization, history=history))
        counts = pipeline.last_trace.last_normalize_info.row_counts
    except Exception as error:
        failure = target.error(_innermost(error))
    else:
        return {table.name: counts.get(table.name, 0) for table in TABLES}
    finally:
        pipeline.deactivate()
    raise failure


def _innermost(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
