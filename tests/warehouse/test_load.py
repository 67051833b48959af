"""Journals in real databases: after each night the tables are what the emulator has, but for what could not be read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from partoo_async import ConfigurationError
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedKey, EmulatedSection, Emulator
from tests.support.warehouses import Warehouse, truth
from tests.warehouse.conftest import Nightly

pytest.importorskip("dlt", reason="needs the extra dlt")


async def test_tables_follow_the_organization(emulator: Emulator, warehouse: Warehouse, tmp_path: Path) -> None:
    """Whatever changes, the tables are what the server has; what could not be read keeps its rows, and is named."""
    nightly, sections = Nightly(emulator, tmp_path, warehouse), emulator.sections
    assert await nightly.run() == {
        **{table: len(rows) for table, rows in truth(emulator).items()},
        "_load_problems": 0,
    }
    assert warehouse.content() == truth(emulator)

    # A business moves, a group is emptied, one vanishes, one is new, one is renamed. A section is renamed.
    sections[1].groups[10].business_ids.remove("a")
    sections[1].groups[11].business_ids.append("a")
    sections[1].groups[12].business_ids.clear()
    del sections[2].groups[20]
    sections[2].groups[23] = EmulatedGroup(23, "New", business_ids=["f"])
    sections[2].groups[21].name = "It's «renamed» \N{SNOWMAN}"
    sections[3].name = "Renamed"
    del emulator.businesses["e"]
    await nightly.run()
    assert warehouse.content() == truth(emulator)

    # Groups 10 and 30 and section 2 cannot be read, whatever has become of them.
    before = warehouse.content()
    for path in ("/sections/1/groups/10", "/sections/3/groups/30", "/sections/2"):
        emulator.faults.add("status", status=403, match=f"GET {path}")
    sections[1].groups[10].business_ids.clear()
    del sections[2].groups[21]
    sections[3].groups[31].business_ids.append("f")
    await nightly.run()
    after = warehouse.content()
    assert after["memberships"] == sorted([*before["memberships"], (3, 31, "f")])
    assert [row[:2] for row in after["groups"]] == [row[:2] for row in before["groups"]]
    assert after["sections"] == before["sections"]
    problems = warehouse.rows("SELECT section_id, group_id, error FROM _load_problems")
    assert problems == [(key, group, "PermissionDeniedError") for key, group in ((1, 10), (2, None), (3, 30))]

    # All is well again. The one section has gone, the other one has lost its last group.
    emulator.faults.clear()
    del sections[2]
    sections[3].groups.clear()
    await nightly.run()
    assert warehouse.content() == truth(emulator)
    assert warehouse.rows("SELECT * FROM _load_problems") == []


async def test_any_text_and_number_arrives(warehouse: Warehouse, tmp_path: Path) -> None:
    """Names with quotes, marks, control characters and none at all, the largest ids, and more rows than a page."""
    names = [
        "",
        "It's",
        '"quoted"',
        "back\\slash",
        "tab\tand\nline",
        "{0} %s :name",
        "\N{SNOWMAN}\N{GRINNING FACE}",
        "null",
    ]
    members = [f"b{number}" for number in range(2_500)]
    groups = {(one := 2**63 - 1 - place): EmulatedGroup(one, f"G{place}") for place in range(3)}
    groups[2**63 - 1].business_ids = members
    businesses = [EmulatedBusiness(one, name=names[place % len(names)]) for place, one in enumerate(members)]
    async with Emulator(
        sections=[EmulatedSection(2**62, "S", groups)], businesses=businesses, rate_limit=None
    ) as emulator:
        nightly = Nightly(emulator, tmp_path, warehouse)
        await nightly.run()
        assert warehouse.content() == truth(emulator)


async def begin(nightly: Nightly, items: int) -> Path:
    """Return the journal of a scan that was left after some items, one group at a time."""
    journal = nightly.journal()
    async with nightly.client() as client, client.scan_all(journal=journal, max_concurrency=1) as scan:
        async for _ in scan:
            items -= 1
            if not items:
                break
        await scan.aclose(grace=0.0)
    return journal


async def test_what_an_incomplete_scan_did_not_reach_is_kept(
    emulator: Emulator, duckdb_warehouse: Warehouse, tmp_path: Path
) -> None:
    """A journal that ends early brings up to date what it has, and says what it has not. One of some sections, or of
    some groups, touches no others."""
    nightly, sections = Nightly(emulator, tmp_path, duckdb_warehouse), emulator.sections
    await nightly.run()
    before = duckdb_warehouse.content()["sections"]
    for section in sections.values():
        for group in section.groups.values():
            group.business_ids.append("f")
    await nightly.load(await begin(nightly, 4))
    new = duckdb_warehouse.rows("SELECT section_id, group_id FROM memberships WHERE business_id = 'f'")
    assert 4 <= len(new) < 9
    old = duckdb_warehouse.rows("SELECT count(*) FROM memberships WHERE business_id <> 'f'")
    assert old == [(18,)]
    problems = duckdb_warehouse.rows("SELECT section_id, group_id, error, message FROM _load_problems")
    unread = sum(int(message.split()[0]) for section, *_, message in problems if section)
    assert unread == 9 - len(new)
    assert (None, None, "NotRead", "The list of businesses was not read to its end") in problems

    # Section 3 by itself, which has lost a group; then one group of section 1.
    del sections[3].groups[32]
    sections[1].groups[10].business_ids.clear()
    sections[1].groups[11].business_ids.clear()
    async with nightly.client() as client:
        await client.scan(3, journal=(alone := nightly.journal())).collect()
        await client.scan(1, group_ids=[10], journal=(single := nightly.journal())).collect()
    await nightly.load(alone)
    assert duckdb_warehouse.rows("SELECT section_id, count(*) FROM groups GROUP BY 1") == [(1, 3), (2, 3), (3, 2)]
    await nightly.load(single)
    rows = duckdb_warehouse.rows("SELECT id, business_count > 0 FROM groups WHERE section_id = 1")
    assert rows == [(10, False), (11, True), (12, True)]
    assert duckdb_warehouse.content()["sections"] == before


async def test_only_changed_businesses_are_replaced(
    emulator: Emulator, duckdb_warehouse: Warehouse, tmp_path: Path
) -> None:
    """After a part of the list, the others stay, even one that is gone; a whole list removes it."""
    nightly, businesses = Nightly(emulator, tmp_path, duckdb_warehouse), emulator.businesses
    for business in businesses.values():
        business.modified = 1_700_000_000.0
    await nightly.run()
    businesses["a"].name, businesses["a"].modified = "Changed", 1_800_000_000.0
    for section in emulator.sections.values():
        for group in section.groups.values():
            group.business_ids = [one for one in group.business_ids if one != "e"]
    del businesses["e"]
    since = datetime.fromtimestamp(1_750_000_000, UTC)
    loaded = await nightly.run(businesses_since=since)
    assert loaded["businesses"] == 1
    names = dict(duckdb_warehouse.rows("SELECT id, name FROM businesses"))
    assert (names["a"], names["e"], len(names)) == ("Changed", "Shop e", 6)
    await nightly.run()
    assert duckdb_warehouse.content() == truth(emulator)


async def test_organizations_share_tables(tmp_path: Path, duckdb_warehouse: Warehouse) -> None:
    """A load touches only the rows of its organization, also at the same time as another one."""
    sections = [
        EmulatedSection(key, f"S{key}", {key: EmulatedGroup(key, "G", business_ids=[f"b{key}"])}, org_id=key)
        for key in (1, 2)
    ]
    keys = {"one": EmulatedKey("org_admin", org_id=1), "two": EmulatedKey("org_admin", org_id=2)}
    async with Emulator(sections=sections, api_key="one", api_keys=keys, rate_limit=None) as emulator:
        one, two = (Nightly(emulator, tmp_path / name, duckdb_warehouse, organization=name) for name in ("one", "two"))
        for nightly, key in ((one, "one"), (two, "two")):
            nightly.folder.mkdir()
            await nightly.run(key)
        assert duckdb_warehouse.content("WHERE organization = 'one'") == truth(emulator, 1)
        sections[0].groups.clear()
        await one.run("one")
        assert duckdb_warehouse.content("WHERE organization = 'one'") == truth(emulator, 1)
        assert duckdb_warehouse.content("WHERE organization = 'two'") == truth(emulator, 2)


AT = "_dlt_valid_from <= '{0}' AND (_dlt_valid_to IS NULL OR _dlt_valid_to > '{0}')"
OVERLAPS = """
    SELECT a.section_id, a.id FROM groups a JOIN groups b ON a.section_id = b.section_id AND a.id = b.id
    WHERE a._dlt_valid_from < b._dlt_valid_from AND (a._dlt_valid_to IS NULL OR a._dlt_valid_to > b._dlt_valid_from)
       OR a._dlt_valid_from = b._dlt_valid_from AND a.name <> b.name
       OR a._dlt_valid_to <= a._dlt_valid_from
"""


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
async def test_history_tells_what_was_where(emulator: Emulator, warehouse: Warehouse, tmp_path: Path) -> None:
    """Each change closes an interval and begins another, none overlaps, and the members of a group at any time are
    those it had at the load before. What could not be read goes on."""
    nightly, group = Nightly(emulator, tmp_path, warehouse, history=True), emulator.sections[1].groups[10]
    seen = []

    async def night() -> None:
        await nightly.run()
        seen.append((datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"), sorted(group.business_ids)))

    await night()
    group.business_ids, group.name = ["b", "f"], "Renamed"
    await night()
    emulator.faults.add("status", status=403, match="GET /sections/1/groups/10")
    kept, group.business_ids = group.business_ids, []
    await nightly.run()
    assert warehouse.rows("SELECT group_id FROM _load_problems WHERE _dlt_valid_to IS NULL") == [(10,)]
    seen.append((datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"), kept))
    emulator.faults.clear()
    group.business_ids, group.name = ["a", "b", "c"], "G10"  # as it was at first
    del emulator.sections[1].groups[11]
    await night()

    for time, members in seen:
        where = f"group_id = 10 AND {AT.format(time)}"
        assert warehouse.rows(f"SELECT business_id FROM memberships WHERE {where}") == [(one,) for one in members]
    assert warehouse.rows("SELECT * FROM memberships WHERE group_id = 11 AND _dlt_valid_to IS NULL") == []
    assert warehouse.rows("SELECT name FROM groups WHERE id = 10") == [("G10",), ("G10",), ("Renamed",)]
    assert warehouse.rows(OVERLAPS) == []
    assert warehouse.content("WHERE _dlt_valid_to IS NULL") == truth(emulator)
    problems = warehouse.rows("SELECT group_id, _dlt_valid_to IS NULL FROM _load_problems")
    assert [(group_id, bool(still)) for group_id, still in problems] == [(10, False)]


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
async def test_a_history_is_not_deleted_by_a_load_without(
    emulator: Emulator, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Whoever forgets ``history`` once is told so, and what was true before stays in the tables."""
    nightly = Nightly(emulator, tmp_path, warehouse, history=True)
    await nightly.run()
    emulator.sections[1].groups[10].business_ids.remove("a")
    await nightly.run()
    former = "SELECT group_id, business_id FROM memberships WHERE _dlt_valid_to IS NOT NULL"
    assert warehouse.rows(former) == [(10, "a")]
    nightly.options = {}
    with pytest.raises(ConfigurationError, match="^history: the tables keep one, which would be deleted; ask for it"):
        await nightly.run()
    nightly.options = {"history": True}
    assert warehouse.rows(former) == [(10, "a")]
    await nightly.run()
    assert warehouse.content("WHERE _dlt_valid_to IS NULL") == truth(emulator)
