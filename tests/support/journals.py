"""Journals that no scan wrote."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from partoo_async import GroupSummary, Section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partoo_async import ScanItem
    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.journal.replay import Replay

__all__ = ["note_section", "rest_of", "settled_of"]


async def note_section(journal: Journal, section_id: int, group_ids: Iterable[int]) -> None:
    """Record a section of these groups, as a scan does before it reads them."""
    groups = tuple(GroupSummary(one, f"G{one}", False) for one in group_ids)
    section = Section(section_id, "Country", groups, can_edit=True, has_puller=False)
    await journal.compare(section_id, section, array("q", [group.id for group in groups]))


async def settled_of(journal: Journal, section_id: int, *, retry_failed: bool) -> set[int]:
    """Return the groups of a section that need not be read."""
    journal._retry_failed = retry_failed
    return (await journal._settled([section_id]))[0].get(section_id, set())


async def rest_of(replay: Replay) -> list[ScanItem]:
    """Return all outcomes that are left in it."""
    items: list[ScanItem] = []
    while (page := await replay.next_page()) is not None:
        for few in page:
            items += few
    return items
