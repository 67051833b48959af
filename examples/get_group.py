"""Get one group and print its businesses, one a line: ``python examples/get_group.py SECTION_ID GROUP_ID``."""

import asyncio
import sys

from connect import connect

from partoo_async import PartooError


async def main(section_id: str = "7", group_id: str = "42") -> None:
    async with connect() as partoo:
        group = await partoo.groups.get(section_id, group_id)
    fed = " (fed by a puller: read-only)" if group.has_puller else ""
    print(f"{group.name}{fed}: {len(group.business_ids)} businesses", file=sys.stderr)
    print("\n".join(group.business_ids))


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except PartooError as error:
        sys.exit(f"error: {error}")
