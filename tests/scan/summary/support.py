"""A small organization whose figures are worked out by hand, and what changed in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from partoo_async import (
    Business,
    BusinessChange,
    Group,
    GroupChange,
    NotCompared,
    NotFoundError,
    ScanDiff,
    ScanFailure,
    ScanItem,
    ScannedGroup,
    ScannedSection,
    ScanSuccess,
    SectionRename,
)
from partoo_async.scan.summary.facts import Run, Summary
from partoo_async.scan.summary.gather import Gathering

AT = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
SINCE = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)


def success(section_id: int, group_id: int, name: str, members: Iterable[str]) -> ScanSuccess:
    return ScanSuccess(section_id, group_id, Group(group_id, name, False, tuple(members)))


def failure(section_id: int, group_id: int | None, status: int = 404) -> ScanFailure:
    path = f"/sections/{section_id}" + ("" if group_id is None else f"/groups/{group_id}")
    return ScanFailure(section_id, group_id, None, NotFoundError(status, route=f"GET {path}", detail="Not here"))


def summarized(
    items: Iterable[ScanItem],
    *,
    sections: Mapping[int, tuple[str | None, Iterable[int]]] | None = None,
    businesses: Iterable[Business] = (),
    whole: bool = False,
    run: Run | None = None,
) -> Summary:
    gathering = Gathering()
    for section_id, (name, group_ids) in (sections or {}).items():
        gathering.add_section(section_id, name, group_ids)
    for item in items:
        gathering.add_item(item)
    for business in businesses:
        gathering.add_business(business)
    return gathering.summary(run or Run(AT, complete=True, requests=60, seconds=6.0), whole=whole)


def organization(names: str = "") -> Summary:
    """Three sections, one of which cannot be read. ``names`` is added to each name."""
    return summarized(
        [
            success(7, 1, f"France{names}", ["a", "b", "c"]),
            success(7, 2, f"Spain{names}", ["c", "d"]),
            success(7, 3, f"Nowhere{names}", []),
            failure(7, 4),
            success(9, 11, f"Cafés{names}", ["a", "b", "c", "d"]),
            failure(8, None),
        ],
        sections={7: (f"Countries{names}", [1, 2, 3, 4, 5]), 9: (f"Concepts{names}", [11])},
        businesses=[
            *(Business(one, f"Shop {one}{names}", code=f"C{one}") for one in "abcd"),
            Business("e", f"Shop e{names}", code=f"C{names}", city=f"Lille{names}", status="open"),
            Business(f"f{names}"),
        ],
        whole=True,
        run=Run(AT, complete=False, requests=60, seconds=6.0, server="https://api.partoo.co/v2", version="0.1.0"),
    )


def changes(names: str = "") -> ScanDiff:
    """One of each kind."""
    cafe = Business("a", f"Shop a{names}", status="open", city="Lille")
    return ScanDiff(
        sections_added=(ScannedSection(9, f"Concepts{names}"),),
        sections_removed=(ScannedSection(6, None),),
        sections_renamed=(SectionRename(7, f"Lands{names}", f"Countries{names}"),),
        groups_added=(ScannedGroup(9, Group(11, f"Cafés{names}", False, ("a", "b", "c", "d"))),),
        groups_removed=(ScannedGroup(7, Group(6, f"Portugal{names}", False, ())),),
        groups_changed=(
            GroupChange(
                7,
                Group(1, f"Gaul{names}", True, ("a", f"gone{names}")),
                Group(1, f"France{names}", False, ("a", "b", "c")),
            ),
        ),
        groups_compared=2,
        not_compared=(NotCompared(7, 4, None, "404"), NotCompared(7, 2, f"503{names}", None)),
        incomplete=("after",),
        notes=("a note",),
        businesses=(BusinessChange(cafe, Business("a", f"Shop A{names}", status="closed", city=f"Lyon{names}")),),
    )
