"""What a journal has of an organization."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from partoo_async.warehouse.scope import Coverage

if TYPE_CHECKING:
    from partoo_async.scan.journal.reader import JournalReader

__all__ = ["survey"]


async def survey(reader: JournalReader) -> Coverage:
    """Return what a journal has."""
    succeeded, failed = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    unreadable = set()
    for section_id, group_id, is_failure in await reader.keys():
        if group_id is None:
            unreadable.add(section_id)
        else:
            (failed if is_failure else succeeded)[section_id].add(group_id)
    return Coverage(
        whole=reader.sections_listed and reader.of_organization,
        unreadable=frozenset(unreadable),
        groups={key: section.group_ids for key, section in reader.sections.items()},
        # Without a name, it was not read: the scan was given its groups.
        listed=frozenset(key for key, section in reader.sections.items() if section.name is not None),
        succeeded=succeeded,
        failed=failed,
        businesses=reader.businesses_listed,
    )
