"""Type-checked, never run: the types that users of the package see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_type

import aiohttp

from partoo_async import (
    Business,
    BusinessPage,
    Event,
    Group,
    ManyProgress,
    Organization,
    PartooClient,
    PartooError,
    QuotaSnapshot,
    RawResponse,
    Scan,
    ScanDiff,
    ScanFailure,
    ScanItem,
    ScanPlan,
    ScanReport,
    ScanSuccess,
    Section,
    SectionPage,
    deadline,
    diff_scans,
    exports,
    scan_many,
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
        raw = await partoo.request("GET", "/business/search", raw=True)
        assert_type(raw, RawResponse)
        assert_type(raw.headers, Mapping[str, str])
        assert_type(raw.body, bytes)
        assert_type(await partoo.request("GET", "/business/search"), Any)
        assert_type(partoo.quota, QuotaSnapshot)
        assert_type(partoo.with_options(timeout=3), PartooClient)


def tell(item: ScanItem) -> str:
    """``error`` and ``group``, and the class, say which of the two it is."""
    if item.error is not None:
        assert_type(item, ScanFailure)
        assert_type(item.group, None)
        assert_type(item.error, PartooError)
        return str(item.error)
    assert_type(item, ScanSuccess)
    assert_type(item.group_id, int)
    return item.group.name


def tell_by_group(item: ScanItem) -> str:
    if item.group is None:
        assert_type(item, ScanFailure)
        return str(item.error)
    assert_type(item, ScanSuccess)
    return item.group.name


def tell_by_class(item: ScanItem | Group) -> str:
    if isinstance(item, ScanItem):
        assert_type(item, ScanSuccess | ScanFailure)
        return tell(item)
    match item:
        case Group(name=name):
            return name


async def scans(partoo: PartooClient) -> None:
    async with partoo.scan([7, 9]) as scan:
        assert_type(scan, Scan)
        assert_type(scan.plan, ScanPlan)
        async for item in scan:
            assert_type(item, ScanSuccess | ScanFailure)
            assert_type(item.group, Group | None)
            assert_type(tell(item), str)
    report = await partoo.scan(7, group_ids=range(3), max_failures=1).collect()
    assert_type(report, ScanReport)
    assert_type(report.succeeded, tuple[ScanSuccess, ...])
    assert_type(report.failed, tuple[ScanFailure, ...])
    assert_type([item.group.name for item in report.succeeded], list[str])
    assert_type(partoo.scan_all(journal="scan.db", resume=True), Scan)
    assert_type(await exports.write(report, "groups.csv", rows="group"), exports.Written)
    assert_type(await diff_scans("a.db", report), ScanDiff)


async def many(progress: Callable[[ManyProgress], None]) -> None:
    organizations = {"acme": Organization("key", [7, 9]), "bolt": Organization("key", org_id=5)}
    async for name, item in scan_many(organizations, journals="journals", resume=True, on_progress=progress, timeout=9):
        assert_type(name, str)
        if isinstance(item, PartooError):
            continue
        assert_type(item, ScanSuccess | ScanFailure)
    assert_type(await exports.write_many(scan_many(organizations), "all.parquet"), exports.Written)
