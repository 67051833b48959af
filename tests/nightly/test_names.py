"""The names of what changed: of everything that either of the two scans knows, as it was last called."""

from __future__ import annotations

from pathlib import Path

from partoo_async import PartooClient, diff_scans
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from partoo_async.nightly.names import names_in
from partoo_async.nightly.reading import read_everything


async def read(journal: Path, section: str, names: dict[str, str]) -> Path:
    """Read an organization of one group with these businesses into a journal."""
    businesses = [EmulatedBusiness(business_id, name) for business_id, name in names.items()]
    sections = [EmulatedSection(7, section, {1: EmulatedGroup(1, "G", business_ids=[*names])})]
    async with Emulator(sections=sections, businesses=businesses) as emulator:
        async with PartooClient(emulator.api_key, server=emulator.server) as client:
            await read_everything(client, journal, resume=False)
    return journal


async def test_names_are_of_both_scans(tmp_path: Path) -> None:
    """The later one's, and of what only the earlier one has its name there; not of what neither joined nor left."""
    before = await read(tmp_path / "before", "Land", {"b1": "Café Lille", "b2": "Bar Lyon"})
    after = await read(tmp_path / "after", "Country", {"b2": "Bar du Port", "b3": "Brasserie"})
    diff = await diff_scans(before, after)
    assert await names_in(diff, (after, before)) == ({7: "Country"}, {"b1": "Café Lille", "b3": "Brasserie"})


async def test_without_members_no_business_is_read(tmp_path: Path) -> None:
    """The names of sections are enough."""
    before = await read(tmp_path / "before", "Land", {"b1": "Café Lille"})
    diff = await diff_scans(before, before)
    assert await names_in(diff, (before,)) == ({7: "Land"}, {})
