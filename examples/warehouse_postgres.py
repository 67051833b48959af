"""Keep a warehouse in PostgreSQL, with history: ``python examples/warehouse_postgres.py [FOLDER]``.

The URL is in ``PARTOO_TO``, such as postgresql://user:password@host/database. Needs ``pip install '.[dlt]'``.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import psycopg2  # pyright: ignore[reportMissingModuleSource] - not everybody who checks it has the extra
from connect import connect

from partoo_async import PartooError, sync

CHANGED_A_WEEK = """
    select date_trunc('week', _dlt_valid_from)::date, count(*), count(_dlt_valid_to)
    from partoo.memberships group by 1 order by 1
"""


async def main(folder: Path, database: str) -> int:
    async with connect() as partoo:
        night = await sync(partoo, folder / "state", to=database, history=True)
    print("The first night." if night.diff is None else night.diff.to_text())
    with psycopg2.connect(database) as stores, stores.cursor() as cursor:
        cursor.execute(CHANGED_A_WEEK)
        for week, began, ended in cursor:
            print(f"week of {week}: {began} memberships began, {ended} of these have ended")
    return 0 if night.complete else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp()), os.environ["PARTOO_TO"])))
    except PartooError as error:
        sys.exit(f"error: {error}")
