"""JSON for programs: keys that stay, whatever was found."""

from __future__ import annotations

import json

from partoo_async.scan.summary.as_json import json_report
from tests.scan.summary.support import SINCE, changes, organization, success, summarized


def test_it_has_everything() -> None:
    """Counts, every list with names beside ids, and the comparison with the names of its businesses."""
    value = json.loads(json_report(organization(), changes(), SINCE, None))
    assert value["at"] == "2026-11-28T02:00:00+00:00"
    assert value["counts"] == {
        "sections": 2,
        "sections_failed": 1,
        "groups": 4,
        "groups_failed": 1,
        "groups_not_reached": 1,
        "groups_empty": 1,
        "groups_inferred": 0,
        "memberships": 9,
        "businesses": 4,
        "businesses_repeated": 1,
        "businesses_ungrouped": 2,
    }
    assert value["overlaps"][0]["second"] == {
        "section_id": 7,
        "section_name": "Countries",
        "group_id": 1,
        "name": "France",
        "has_puller": False,
        "businesses": 3,
    }
    assert [one["name"] for one in value["ungrouped_businesses"]] == [None, "Shop e"]
    assert value["failures"][0]["error"]["status"] == 404
    assert value["changes"]["groups_changed"][0]["joined"] == ["b", "c"]
    assert value["changes"]["business_names"] == {"b": "Shop b", "c": "Shop c", "gone": None}


def test_the_keys_are_always_there() -> None:
    """An empty scan has the keys of a full one."""
    empty = json.loads(json_report(summarized([]), None, None, None))
    assert empty.keys() == json.loads(json_report(organization(), changes(), SINCE, None)).keys()
    assert (empty["changes"], empty["ungrouped_businesses"], empty["since"]) == (None, None, None)


def test_lists_can_be_bounded() -> None:
    """Of every list, those of the comparison too; the counts stay."""
    value = json.loads(json_report(organization(), changes(), SINCE, 1))
    assert [len(value[name]) for name in ("sections", "groups", "overlaps", "failures")] == [1, 1, 1, 1]
    assert len(value["changes"]["groups_changed"][0]["joined"]) == 1
    assert value["changes"]["counts"]["groups_changed"] == 1
    assert value["counts"]["groups"] == 4


def test_it_is_safe_to_print() -> None:
    """What a terminal would act on is escaped, and read back as it was."""
    text = json_report(summarized([success(7, 1, "\u202eA\x9b", "a")]), None, None, None)
    assert "\u202e" not in text
    assert json.loads(text)["groups"][0]["name"] == "\u202eA\x9b"
