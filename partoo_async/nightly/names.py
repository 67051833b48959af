"""Names for the ids of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async.scan.journal.reader import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from partoo_async.models import BusinessId
    from partoo_async.scan.diff import ScanDiff

__all__ = ["names_in"]


async def names_in(diff: ScanDiff, journals: Iterable[Path]) -> tuple[dict[int, str], dict[BusinessId, str]]:
    """Return the names of sections and of members that changed, from the first journal that has them."""
    members = [one.group.business_ids for one in (*diff.groups_added, *diff.groups_removed)]
    members += [ids for changed in diff.groups_changed for ids in (changed.joined, changed.left)]
    wanted = {business_id for ids in members for business_id in ids}
    sections: dict[int, str] = {}
    businesses: dict[BusinessId, str] = {}
    for journal in journals:
        async with open_reader(journal) as reader:
            sections = {id_: one.name for id_, one in reader.sections.items() if one.name is not None} | sections
            if not wanted:
                continue
            async for business in reader.businesses():
                if business.id in wanted:
                    wanted.discard(business.id)
                    if business.name:
                        businesses[business.id] = business.name
    return sections, businesses
