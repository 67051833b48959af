"""A directory of shops per country: ``python directory.py SECTION_ID``.

It stands for your own code that takes a client; ``test_directory.py`` shows how to test such code.
"""

import asyncio
import sys
from dataclasses import dataclass

from partoo_async import PartooClient, PartooError


@dataclass(frozen=True)
class Directory:
    """The shops of each country, and the ids of the countries that could not be read."""

    shops: dict[str, tuple[str, ...]]
    missing: tuple[int, ...]

    def __str__(self) -> str:
        lines = [f"{country}: {len(shops)} shops" for country, shops in self.shops.items()]
        return "\n".join([*lines, *(f"group {group_id}: not read, try again" for group_id in self.missing)])


async def build_directory(partoo: PartooClient, section_id: int) -> Directory:
    """Read every group of a section. A section that cannot be read at all raises its error."""
    report = await partoo.scan(section_id).collect()
    missing: list[int] = []
    for item in report.failed:
        if item.group_id is None:
            raise item.error
        missing.append(item.group_id)
    shops = {item.group.name: item.group.business_ids for item in report.succeeded}
    # Sorted by name: a scan yields groups as they come.
    return Directory(dict(sorted(shops.items())), tuple(sorted(missing)))


async def main(section_id: str) -> Directory:
    async with PartooClient() as partoo:  # key and server come from the environment
        return await build_directory(partoo, int(section_id))


if __name__ == "__main__":
    try:
        print(asyncio.run(main(*sys.argv[1:2] or ["7"])))
    except PartooError as error:
        sys.exit(f"error: {error}")
