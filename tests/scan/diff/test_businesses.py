"""What changed of the businesses between two scans: found in reports, lines and journals, and never made up."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import (
    Business,
    BusinessChange,
    BusinessSummary,
    ConfigurationError,
    Group,
    PartooClient,
    ScanDiff,
    ScanReport,
    ScanSuccess,
    diff_scans,
    exports,
)
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.scope import Scope
from tests.support.common import TLS
from tests.support.each import each
from tests.support.journals import note_section

FLAGS = ("renamed", "closed", "reopened", "status_changed", "moved")
LILLE = Business(
    "b1", "Café Lille", "007", "open", address="1 rue du Port", zipcode="59000", city="Lille", country="FR", groups=(1,)
)


def report(*businesses: Business, summaries: bool = False) -> ScanReport:
    """The report of a scan of one group, which has these businesses; in its items or by id."""
    ids = tuple(business.id for business in businesses)
    item = ScanSuccess(7, 1, Group(1, "G", False, ids), None)
    short = tuple(BusinessSummary(one.id, one.name, one.code, one.status, one.city) for one in businesses)
    if summaries:
        return ScanReport((evolve(item, businesses=short),), 1, 1.0)
    return ScanReport((item,), 1, 1.0, businesses={one.id: one for one in businesses})


def found(change: BusinessChange) -> set[str]:
    return {flag for flag in FLAGS if getattr(change, flag)}


async def changes(before: Business, after: Business) -> list[set[str]]:
    return [found(change) for change in (await diff_scans(report(before), report(after))).businesses]


@each(
    ("differences", "expected"),
    [
        ({"name": "Café de Lille"}, {"renamed"}),
        ({"status": "closed"}, {"closed", "status_changed"}),
        ({"status": "temporarily_closed"}, {"closed", "status_changed"}),
        ({"status": "closed_temporarily"}, {"closed", "status_changed"}),
        ({"status": "opening_soon"}, {"status_changed"}),
        ({"status": "unheard_of"}, {"status_changed"}),
        ({"address": "2 rue du Port"}, {"moved"}),
        ({"zipcode": "59800"}, {"moved"}),
        ({"city": "Lyon"}, {"moved"}),
        ({"country": "BE"}, {"moved"}),
        ({"name": "X", "status": "closed", "city": "Lyon"}, {"renamed", "closed", "status_changed", "moved"}),
        # Not known by one side.
        *(({field: None}, None) for field in ("name", "status", "address", "zipcode", "city", "country")),
        *(({field: ""}, None) for field in ("name", "status", "address", "zipcode", "city", "country")),
        ({"address": None, "city": "Lyon"}, {"moved"}),
        # What is compared by the groups, or changes all the time.
        ({"code": "8", "groups": (2,), "modified": 5.0, "lat": 1.0, "extra": {"open_hours": {}}, "region": "X"}, None),
        ({}, None),
    ],
)
def test_what_changed_of_a_business(differences: dict[str, Any], expected: set[str] | None) -> None:
    """Name, status and place, as far as both scans know them; and the way back is the same but for the status."""
    other = evolve(LILLE, **differences)
    assert asyncio.run(changes(LILLE, other)) == ([expected] if expected else [])
    back = asyncio.run(changes(other, LILLE))
    assert [one - {"closed", "reopened"} for one in back] == ([expected - {"closed"}] if expected else [])


@each(
    ("before", "after", "expected"),
    [
        ("closed", "open", {"reopened", "status_changed"}),
        ("temporarily_closed", "open", {"reopened", "status_changed"}),
        ("closed_temporarily", "open", {"reopened", "status_changed"}),
        ("temporarily_closed", "closed_temporarily", None),
        ("closed_temporarily", "temporarily_closed", None),
        ("closed_temporarily", "closed", {"closed", "status_changed"}),
        ("opening_soon", "closed", {"closed", "status_changed"}),
        ("closed", "temporarily_closed", {"status_changed"}),
        ("closed", "opening_soon", {"status_changed"}),
        ("opening_soon", "open", {"status_changed"}),
    ],
)
def test_what_a_status_means(before: str, after: str, expected: set[str] | None) -> None:
    """Both spellings of temporarily closed are one status. Closed is what was open, or closed for a time only."""
    found = asyncio.run(changes(evolve(LILLE, status=before), evolve(LILLE, status=after)))
    assert found == ([expected] if expected else [])


async def test_a_diff_has_the_businesses_that_changed() -> None:
    """Ordered by id; a business that only one scan has is none, since the groups tell that it came or went."""
    before = report(*(Business(one, f"N{one}") for one in ("b3", "b1", "gone", "same")))
    after = report(*(Business(one, f"M{one}") for one in ("new", "b1", "b3")), Business("same", "Nsame"))
    diff = await diff_scans(before, after)
    assert diff.businesses == tuple(
        BusinessChange(Business(one, f"N{one}"), Business(one, f"M{one}")) for one in ("b1", "b3")
    )
    assert [change.business_id for change in diff.businesses] == ["b1", "b3"]
    assert diff.groups_changed[0].joined == ("new",)
    assert pickle.loads(pickle.dumps(diff)) == diff


async def test_a_changed_business_alone_is_a_change() -> None:
    """The diff is true and not the same although every group is as it was."""
    diff = await diff_scans(report(LILLE), report(evolve(LILLE, status="closed")))
    assert (bool(diff), diff.same, diff.complete, diff.notes) == (True, False, True, ())
    assert str(diff) == "1 group compared: 1 business changed"
    assert (await diff_scans(report(LILLE), report(LILLE))).same


@pytest.mark.parametrize("swapped", [False, True])
async def test_names_on_one_side_only_are_noted(swapped: bool) -> None:
    """Of a scan without businesses nothing is known: that is no change, and said."""
    named, plain = report(LILLE), evolve(report(LILLE), businesses={})
    diff = await (diff_scans(plain, named) if swapped else diff_scans(named, plain))
    assert (diff.businesses, diff.same) == ((), True)
    (note,) = diff.notes
    assert note.startswith(f"only the {'later' if swapped else 'earlier'} scan has names of businesses")
    assert (await diff_scans(plain, plain)).notes == ()


async def recorded(path: Path, businesses: Iterable[Business]) -> Path:
    """The journal of a scan of one group, which has these businesses."""
    known = {business.id: business for business in businesses}
    journal = await Journal.open(path, "http://127.0.0.1:9/v2", Scope((7,)), resume=False)
    await note_section(journal, 7, [1])
    await journal.record(ScanSuccess(7, 1, Group(1, "G", False, (*known,)), None))
    await journal.record_businesses(known.values())
    await journal.finish()
    await journal.aclose()
    return path


async def test_every_source_knows_its_businesses(tmp_path: Path) -> None:
    """Journals, lines and reports are compared with one another; lines know no address, and that is no change."""
    old = (evolve(LILLE, extra={"open_hours": {}}), Business("b2", "Same", status="open", city="Lyon"), Business("b3"))
    new = (evolve(LILLE, name="Café du Port", address="9 rue Neuve"), *old[1:])
    sources: list[list[Any]] = []
    for side, businesses in (("old", old), ("new", new)):
        lines = tmp_path / f"{side}.ndjson"
        await exports.write(report(*businesses, summaries=True), lines)
        journal = await recorded(tmp_path / f"{side}.db", businesses)
        sources.append([report(*businesses), report(*businesses, summaries=True), lines, journal])
    whole = {0, 3}
    for one, before in enumerate(sources[0]):
        for other, after in enumerate(sources[1]):
            (change,) = (await diff_scans(before, after)).businesses
            assert (change.before.name, change.after.name) == ("Café Lille", "Café du Port")
            assert found(change) == ({"renamed", "moved"} if {one, other} <= whole else {"renamed"})
    for one, source in enumerate(sources[0]):
        for other in sources[0][one:]:
            assert (await diff_scans(source, other)).same
    (change,) = (await diff_scans(sources[0][3], sources[1][3])).businesses
    assert change.before == evolve(LILLE, groups=(), extra={})


async def test_the_last_line_of_a_business_counts(tmp_path: Path) -> None:
    """It is in many groups. What a line does not know does not undo what another one knows."""
    file = tmp_path / "scan.ndjson"
    items = [
        ScanSuccess(7, number, Group(number, "G", False, ("b1",)), None, businesses=(BusinessSummary("b1", name),))
        for number, name in enumerate(["Old", "Café Lille", None])
    ]
    await exports.write(items, file, businesses=True)
    plain = ScanReport(tuple(evolve(one, businesses=()) for one in items), 3, 1.0)
    assert (await diff_scans(file, evolve(plain, businesses={"b1": LILLE}))).same
    assert (await diff_scans(evolve(plain, businesses={"b1": LILLE}), file)).same
    (change,) = (await diff_scans(evolve(plain, businesses={"b1": evolve(LILLE, name="New")}), file)).businesses
    assert change.after.name == "Café Lille"


@each(
    ("lists", "problem"),
    [
        ({"business_name": "ab"}, "has no business_name that is a list of strings and nulls"),
        ({"business_name": ["A", 1]}, "has no business_name that is a list of strings and nulls"),
        ({"business_city": ["A"]}, "has another number of business_city than of business_ids"),
        ({"business_name": ["A", None], "business_code": []}, "has another number of business_code than"),
    ],
)
def test_lists_that_are_not_parallel_are_refused(
    tmp_path_factory: pytest.TempPathFactory, lists: dict[str, Any], problem: str
) -> None:
    """The error names the line and the field."""
    file = tmp_path_factory.mktemp("lines") / "scan.ndjson"
    known = {"section_id": 7, "group_id": 1, "name": "G", "has_puller": True, "business_ids": ["a", "b"]}
    file.write_text(json.dumps(known) + "\n" + json.dumps(known | lists) + "\n")
    with pytest.raises(ConfigurationError, match=f"^before: expected .*, not line 2 of .*, which {problem}"):
        asyncio.run(diff_scans(file, report()))


_TEXTS = st.sampled_from([None, "", "a", "b"])
_STATUSES = st.sampled_from([None, "open", "closed", "temporarily_closed", "closed_temporarily", "opening_soon"])
_SIDES = st.lists(
    st.builds(Business, st.sampled_from(["b1", "b2", "b3"]), name=_TEXTS, status=_STATUSES, city=_TEXTS),
    unique_by=lambda business: business.id,
)


@given(_SIDES, _SIDES)
def test_the_way_back_of_businesses_is_the_mirror_image(before: list[Business], after: list[Business]) -> None:
    """Swapping the sides swaps before and after, nothing else; each change has a reason, and none is made up."""
    there = asyncio.run(diff_scans(report(*before), report(*after)))
    back = asyncio.run(diff_scans(report(*after), report(*before)))
    assert back.businesses == tuple(BusinessChange(one.after, one.before) for one in there.businesses)
    assert all(found(one) for one in there.businesses)
    now = {business.id: business for business in after}
    differing = [
        one.id
        for one in before
        if any(
            {known, other} - {None, ""} == {known, other} and known != other
            for field in ("name", "city")
            for known, other in [(getattr(one, field), getattr(now.get(one.id, one), field))]
        )
    ]
    assert {*differing} <= {change.business_id for change in there.businesses} <= now.keys() & {b.id for b in before}


def test_a_change_is_an_object_of_json_values() -> None:
    """What differs, and of each side the fields that it may be in; of a large business not all the rest."""
    after = evolve(LILLE, name=None, status="temporarily_closed", extra={"photos": ["x"] * 1000})
    assert json.loads(json.dumps(BusinessChange(LILLE, after).to_dict())) == {
        "business_id": "b1",
        "renamed": False,
        "closed": True,
        "reopened": False,
        "status_changed": True,
        "moved": False,
        "before": {
            "name": "Café Lille",
            "code": "007",
            "status": "open",
            "address": "1 rue du Port",
            "zipcode": "59000",
            "city": "Lille",
            "country": "FR",
        },
        "after": {
            "name": None,
            "code": "007",
            "status": "temporarily_closed",
            "address": "1 rue du Port",
            "zipcode": "59000",
            "city": "Lille",
            "country": "FR",
        },
    }
    diff = evolve(NOTHING, businesses=(BusinessChange(LILLE, after),)).to_dict()
    assert [one["business_id"] for one in diff["businesses"]] == ["b1"]


NOTHING = ScanDiff((), (), (), (), (), (), 0, (), (), ())


def test_a_mail_tells_of_businesses() -> None:
    """The name as it is now, else as it was, and in words what happened."""
    pairs = (
        (LILLE, evolve(LILLE, name="Café du Port", status="closed_temporarily")),
        (evolve(LILLE, id="b2", status="closed"), evolve(LILLE, id="b2", name=None, address="2 rue X", zipcode=None)),
        (Business("b3", status="open"), Business("b3", status="opening_soon")),
    )
    text = evolve(NOTHING, businesses=tuple(BusinessChange(*pair) for pair in pairs)).to_text()
    assert text == (
        "0 groups compared: 3 businesses changed.\n"
        "\n"
        "Businesses changed (3)\n"
        '- business b1 "Café du Port"\n'
        '    renamed, was "Café Lille"\n'
        '    temporarily closed, was "open"\n'
        '- business b2 "Café Lille"\n'
        '    reopened, was "closed"\n'
        '    moved, from "1 rue du Port, 59000, Lille, FR" to "2 rue X, Lille, FR"\n'
        "- business b3\n"
        '    status, from "open" to "opening_soon"\n'
    )


def test_a_mail_of_businesses_is_bounded_and_harmless() -> None:
    """Twenty of them are put into words, and no line of a server's making."""
    hostile = Business("x\n" * 999, "x" * 10_000 + "\n\x1b[2J", status="closed\r\n", address="y" * 999)
    one = BusinessChange(hostile, evolve(hostile, name="b\r\n\nc", status="\x9bopen", address="z" * 999))
    text = evolve(NOTHING, businesses=(one,) * 3000).to_text()
    lines = text.splitlines()
    assert len(lines) == 1 + 3 + 20 * 4
    assert lines[-1] == "- and 2,980 more"
    assert max(map(len, lines)) < 250
    assert text.replace("\n", "").isprintable()


async def test_businesses_of_a_server_that_changed(tmp_path: Path) -> None:
    """What was renamed, closed and moved on the server between two scans is told, and nothing else."""
    sections = [EmulatedSection(7, "S", {1: EmulatedGroup(1, "G", business_ids=["a", "b", "c", "d"])})]
    businesses = [EmulatedBusiness(one, f"N{one}", status="open", city="Lille") for one in "abcd"]
    async with Emulator(sections=sections, businesses=businesses, rate_limit=None) as emulator:
        async with PartooClient(emulator.api_key, server=emulator.server, ssl_context=TLS) as client:
            before = tmp_path / "before.db"
            old = await client.scan(7, businesses=True, journal=before).collect()
            emulator.businesses["b"].name = "Other"
            emulator.businesses["c"].status = "temporarily_closed"
            emulator.businesses["d"].city = "Lyon"
            new = await client.scan(7, businesses=True).collect()
    await exports.write(new, tmp_path / "after.ndjson")
    for one in (before, old):
        for other in (new, tmp_path / "after.ndjson"):
            diff = await diff_scans(one, other)
            assert {change.business_id: found(change) for change in diff.businesses} == {
                "b": {"renamed"},
                "c": {"closed", "status_changed"},
                "d": {"moved"},
            }
    assert (await diff_scans(before, old)).same
