"""A comparison line by line: each change once, with every name that is known, and nothing that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs

from partoo_async import (
    Business,
    BusinessChange,
    Change,
    Group,
    GroupChange,
    NotCompared,
    ScanDiff,
    ScannedGroup,
    ScannedSection,
)
from partoo_async import SectionRename as Renamed
from tests.support.each import each

NOTHING = ["section_id", "section_name", "group_id", "group_name", "business_id", "business_name", "before", "after"]
SECTIONS = {7: "Country", 9: "Franchise"}
BUSINESSES = {"b1": "Café Lille", "b2": "Bar Lyon"}
LILLE = Business("b1", "Café Lille", status="open", address="1 rue du Port", zipcode="59000", city="Lille")
IN_7 = {"section_id": 7, "section_name": "Country", "group_id": 42, "group_name": "France"}


def diff(**found: Any) -> ScanDiff:
    return attrs.evolve(ScanDiff((), (), (), (), (), (), 1, (), (), ()), **found)


def lines(found: ScanDiff) -> list[dict[str, Any]]:
    """What differs from a line about nothing."""
    made = [change.to_dict() for change in found.changes(section_names=SECTIONS, business_names=BUSINESSES)]
    assert all([*line] == ["kind", *NOTHING] for line in made)
    return [{name: value for name, value in line.items() if value is not None} for line in made]


def group(name: str = "France", *businesses: str, puller: bool = False) -> Group:
    return Group(42, name, puller, businesses)


def business(**changes: str) -> BusinessChange:
    fields = {"name": "Café Lille", "status": "open", "address": "1 rue du Port", "zipcode": "59000", "city": "Lille"}
    return BusinessChange(LILLE, Business("b1", **{**fields, **changes}))  # type: ignore[arg-type]  # texts


@each(
    ("found", "expected"),
    [
        (
            diff(sections_added=(ScannedSection(9, "Franchise"),)),
            [{"kind": "section_added", "section_id": 9, "section_name": "Franchise", "after": "Franchise"}],
        ),
        (
            diff(sections_removed=(ScannedSection(8, None),)),
            [{"kind": "section_removed", "section_id": 8}],
        ),
        (
            diff(sections_renamed=(Renamed(7, "Land", "Country"),)),
            [
                {"kind": "section_renamed", "section_id": 7, "section_name": "Country"}
                | {"before": "Land", "after": "Country"}
            ],
        ),
        (
            diff(groups_added=(ScannedGroup(7, group("France", "b1", "b3")),)),
            [
                {"kind": "group_added", **IN_7, "after": "France"},
                {"kind": "business_joined", **IN_7, "business_id": "b1", "business_name": "Café Lille"},
                {"kind": "business_joined", **IN_7, "business_id": "b3"},
            ],
        ),
        (
            diff(groups_removed=(ScannedGroup(7, group("France", "b2")),)),
            [
                {"kind": "group_removed", **IN_7, "before": "France"},
                {"kind": "business_left", **IN_7, "business_id": "b2", "business_name": "Bar Lyon"},
            ],
        ),
        (
            diff(groups_changed=(GroupChange(7, group("Frankreich", "b1"), group("France", "b2", puller=True)),)),
            [
                {"kind": "group_renamed", **IN_7, "before": "Frankreich", "after": "France"},
                {"kind": "group_puller_changed", **IN_7, "before": False, "after": True},
                {"kind": "business_joined", **IN_7, "business_id": "b2", "business_name": "Bar Lyon"},
                {"kind": "business_left", **IN_7, "business_id": "b1", "business_name": "Café Lille"},
            ],
        ),
        (
            diff(
                sections_removed=(ScannedSection(8, "Old"),),
                groups_removed=(ScannedGroup(8, Group(1, "G", False, ())),),
            ),
            [
                {"kind": "section_removed", "section_id": 8, "section_name": "Old", "before": "Old"},
                {"kind": "group_removed", "section_id": 8, "section_name": "Old", "group_id": 1, "group_name": "G"}
                | {"before": "G"},
            ],
        ),
    ],
)
def test_each_change_of_sections_and_groups_is_a_line(found: ScanDiff, expected: list[dict[str, Any]]) -> None:
    """One for each thing that changed, with the names; of a new or removed group each member joined or left, too."""
    assert lines(found) == expected


@each(
    ("change", "kind", "before", "after"),
    [
        (business(name="Café du Port"), "renamed", "Café Lille", "Café du Port"),
        (business(status="closed_temporarily"), "closed", "open", "temporarily closed"),
        (business(status="opening_soon"), "status_changed", "open", "opening_soon"),
        (BusinessChange(Business("b1", status="closed"), LILLE), "reopened", "closed", "open"),
        (business(city="Lyon"), "moved", "1 rue du Port, 59000, Lille", "1 rue du Port, 59000, Lyon"),
    ],
)
def test_each_change_of_a_business_is_a_line(change: BusinessChange, kind: str, before: str, after: str) -> None:
    """With the name that it has now, and in words what was and is; it is of no group."""
    (line,) = lines(diff(businesses=(change,)))
    name = change.after.name
    assert line == {
        "kind": f"business_{kind}",
        "business_id": "b1",
        "business_name": name,
        "before": before,
        "after": after,
    }


def test_several_changes_of_a_business_are_several_lines() -> None:
    """A business that was renamed, closed and moved has three lines."""
    found = diff(businesses=(business(name="X", status="closed", city="Lyon"),))
    assert [line["kind"] for line in lines(found)] == ["business_renamed", "business_closed", "business_moved"]


def test_the_page_and_the_class_list_every_kind() -> None:
    """A program can know what may come: each kind that the cases above have is in both lists, and none else."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "watch.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)[1:]
    listed = [kind for row in rows for kind in re.findall(r"`(\w+)`", row)]
    verbs = {"section": "added removed renamed", "group": "added removed renamed puller_changed"}
    verbs["business"] = "joined left renamed closed reopened status_changed moved"
    assert sorted(listed) == sorted(f"{what}_{verb}" for what, found in verbs.items() for verb in found.split())
    assert {*listed} == {*re.findall(r'"(\w+)"', Change.__doc__ or "")}


def test_without_names_the_ids_are_there() -> None:
    """Names are optional: the lines are the same ones, and JSON."""
    found = diff(groups_added=(ScannedGroup(7, group("France", "b1")),))
    added, joined = map(json.loads, (json.dumps(change.to_dict()) for change in found.changes()))
    assert (added["section_id"], added["section_name"], joined["business_id"]) == (7, None, "b1")
    assert joined["business_name"] is None


def test_names_of_sections_that_changed_need_not_be_given() -> None:
    """The comparison has them: of new sections, of those that are gone, and the new name of a renamed one."""
    found = diff(
        sections_added=(ScannedSection(7, "Country"),),
        sections_removed=(ScannedSection(8, "Region"), ScannedSection(10, None)),
        sections_renamed=(Renamed(9, "Old", "New"),),
        groups_added=(ScannedGroup(7, group()), ScannedGroup(9, group())),
        groups_removed=(ScannedGroup(8, group()), ScannedGroup(10, group())),
    )
    names = [change.section_name for change in found.changes() if change.group_id is not None]
    assert names == ["Country", "New", "Region", None]


def test_what_was_not_compared_is_no_change() -> None:
    """Nothing is told of what could not be read."""
    assert lines(diff(not_compared=(NotCompared(7, 42, None, "503 Service Unavailable"),), incomplete=("after",))) == []
