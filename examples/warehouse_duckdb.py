"""Keep a warehouse in a DuckDB file, and ask it something: ``python examples/warehouse_duckdb.py [FOLDER]``.

Run it every night: it goes on when it was killed, and prints what changed. Needs ``pip install '.[dlt]'``.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import duckdb  # pyright: ignore[reportMissingImports] - not everybody who checks it has the extra
from connect import connect

from partoo_async import PartooError, sync

LARGEST = """
    select sections.name || ': ' || groups.name, count(*)
    from partoo.memberships
    join partoo.sections on sections.id = section_id
    join partoo.groups on groups.section_id = sections.id and groups.id = group_id
    group by all order by count(*) desc, 1 limit 3
"""


async def main(folder: Path) -> int:
    async with connect() as partoo:
        night = await sync(partoo, folder / "state", to=f"duckdb:///{folder / 'stores.duckdb'}")
    print("The first night." if night.diff is None else night.diff.to_text())
    with duckdb.connect(str(folder / "stores.duckdb"), read_only=True) as stores:
        for group, businesses in stores.execute(LARGEST).fetchall():
            print(f"{group}: {businesses} businesses")
    return 0 if night.complete else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp()))))
    except PartooError as error:
        sys.exit(f"error: {error}")
