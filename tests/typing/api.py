"""Type-checked, never run: the types that users of the package see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

import aiohttp

from partoo_async import (
    Business,
    BusinessPage,
    Event,
    Group,
    PartooClient,
    QuotaSnapshot,
    Scan,
    ScanDiff,
    ScanItem,
    ScanPlan,
    ScanReport,
    Section,
    SectionPage,
    deadline,
    diff_scans,
    exports,
)


async def key() -> str:
    return "key"


def on_event(event: Event) -> None:
    assert_type(event.route, str)


async def calls(session: aiohttp.ClientSession) -> None:
    async with PartooClient(key, server="sandbox", rate_limit=None, session=session, on_event=on_event) as partoo:
        assert_type(partoo, PartooClient)
        group = await partoo.groups.get(section_id=7, group_id="42")
        assert_type(group, Group)
        assert_type(group.business_ids, tuple[str, ...])
        with deadline(2.0):
            assert_type(await partoo.groups.get(7, 42, fresh=True), Group)
        assert_type(await partoo.groups.create(7, name="a", business_ids={"b"}), int)
        assert_type(await partoo.sections.get(7), Section)
        assert_type(await partoo.sections.list(), SectionPage)
        assert_type([section async for section in partoo.sections.iterate()], list[Section])
        business = await partoo.businesses.get(code="75001")
        assert_type(business, Business)
        assert_type(business.groups, tuple[int, ...])
        assert_type(business.extra, Mapping[str, Any])
        assert_type(await partoo.businesses.search(status="open", groups=7), BusinessPage)
        assert_type([one async for one in partoo.businesses.iterate(ids=group.business_ids)], list[Business])
        assert_type(partoo.quota, QuotaSnapshot)
        assert_type(partoo.with_options(timeout=3), PartooClient)


async def scans(partoo: PartooClient) -> None:
    async with partoo.scan([7, 9]) as scan:
        assert_type(scan, Scan)
        assert_type(scan.plan, ScanPlan)
        async for item in scan:
            assert_type(item, ScanItem)
            assert_type(item.group, Group | None)
    report = await partoo.scan(7, group_ids=range(3), max_failures=1).collect()
    assert_type(report, ScanReport)
    assert_type(partoo.scan_all(journal="scan.db", resume=True), Scan)
    assert_type(await exports.write(report, "groups.csv", rows="group"), exports.Written)
    assert_type(await diff_scans("a.db", report), ScanDiff)
