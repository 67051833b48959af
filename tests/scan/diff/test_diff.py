"""What changed between two scans: found in reports, lines and journals, and never made up."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partoo_async import (
    APIConnectionError,
    ConfigurationError,
    Group,
    GroupChange,
    NotCompared,
    PartooClient,
    PartooError,
    ScanDiff,
    ScanFailure,
    ScannedGroup,
    ScannedSection,
    ScanReport,
    ScanSuccess,
    SectionRename,
    diff_scans,
)
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.scope import Scope
from tests.support.common import PATIENCE, TLS
from tests.support.journals import note_section

NOTHING = ScanDiff((), (), (), (), (), (), 0, (), (), ())
NOT_REACHED = "not reached: the scan did not come to its end"


def group(number: int, *businesses: str, name: str = "G", puller: bool = False) -> Group:
    return Group(number, name, puller, businesses)


def report(*outcomes: tuple[int, Group | int | None, str | None] | tuple[int, Group]) -> ScanReport:
    """The report of a scan: ``(section, group)``, or ``(section, group id or None, error)``."""
    items = []
    for section_id, found, *error in outcomes:
        if isinstance(found, Group):
            items.append(ScanSuccess(section_id, found.id, found, None, 1, 0.1))
        else:
            items.append(ScanFailure(section_id, found, None, PartooError(error[0]), 1, 0.1))
    return ScanReport(tuple(items), len(items), 1.0)


def line(section_id: int, group_id: int | None, *businesses: str, error: str | None = None) -> str:
    """A line of ``partoo scan --json``."""
    found: dict[str, Any] = {"name": "G", "has_puller": False, "business_ids": businesses}
    if error is not None:
        found = dict.fromkeys(found)
    return json.dumps({"section_id": section_id, "group_id": group_id} | found | {"error": error}) + "\n"


def changed(diff: ScanDiff, **fields: Any) -> None:
    """The diff has these fields, and nothing but them and a count."""
    assert attrs.evolve(diff, groups_compared=0) == attrs.evolve(NOTHING, **fields)


async def test_groups_come_and_go_and_change() -> None:
    """Groups added, removed, renamed, with another puller, and who joined and left, in the order of the ids."""
    old = (group(5, "a", "b"), group(2, "a"), group(3, name="Old"), group(4))
    new = (group(4, puller=True), group(5, "c", "b", "d"), group(3, name="New"), group(1, "z"))
    diff = await diff_scans(report(*((7, one) for one in old)), report(*((7, one) for one in new)))
    changed(
        diff,
        groups_added=(ScannedGroup(7, new[3]),),
        groups_removed=(ScannedGroup(7, old[1]),),
        groups_changed=(
            GroupChange(7, old[2], new[2]),
            GroupChange(7, old[3], new[0]),
            GroupChange(7, old[0], group(5, "b", "c", "d")),
        ),
    )
    renamed, puller, moved = diff.groups_changed
    assert [(one.renamed, one.puller_changed) for one in diff.groups_changed] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert (renamed.joined, puller.left) == ((), ())
    assert (moved.joined, moved.left) == (("c", "d"), ("a",))
    assert diff.groups_compared == 3


async def test_order_and_duplicates_of_businesses_do_not_matter() -> None:
    """The API states no order of business ids: only which there are counts."""
    diff = await diff_scans(report((7, group(1, "b", "a", "b"))), report((7, group(1, "a", "b"))))
    assert diff.same
    assert not diff
    assert diff == attrs.evolve(NOTHING, groups_compared=1)


async def test_a_section_brings_and_takes_its_groups() -> None:
    """The groups of an added or removed section are added or removed too; the name is not known from a report."""
    diff = await diff_scans(report((1, group(1)), (2, group(5))), report((3, group(9)), (2, group(5))))
    changed(
        diff,
        sections_added=(ScannedSection(3, None),),
        sections_removed=(ScannedSection(1, None),),
        groups_added=(ScannedGroup(3, group(9)),),
        groups_removed=(ScannedGroup(1, group(1)),),
    )


@pytest.mark.parametrize("swapped", [False, True])
async def test_what_failed_is_not_compared(swapped: bool) -> None:
    """A failed group, and every group of a section that failed, is neither removed nor added, on whichever side."""
    whole = report((7, group(1)), (7, group(2)), (8, group(1)), (9, group(1)))
    holes = report((7, 1, "503 Service\nUnavailable"), (7, group(2)), (8, None, "403"), (9, group(1)), (9, 4, "404"))
    diff = await (diff_scans(holes, whole) if swapped else diff_scans(whole, holes))
    reasons = [(7, 1, "503 Service Unavailable"), (8, None, "403"), (9, 4, "404")]
    expected = [NotCompared(*key, *((why, None) if swapped else (None, why))) for *key, why in reasons]
    changed(diff, not_compared=tuple(expected))
    assert (bool(diff), diff.same, diff.complete) == (False, False, False)


async def test_what_failed_on_both_sides_says_so() -> None:
    """When both sides failed, both reasons are there; the request that was never sent is told as everywhere else."""
    refused = APIConnectionError("refused", request_sent=False)
    before = ScanReport((ScanFailure(7, 1, None, refused, 1, 0.1),), 1, 1.0)
    diff = await diff_scans(before, report((7, 1, "404")))
    changed(diff, not_compared=(NotCompared(7, 1, "refused (the request was not sent)", "404"),))


async def test_reports_know_their_sections() -> None:
    """Names, and sections without groups, as journals do; a section that could not be read is no other one."""
    before = attrs.evolve(report((7, group(1))), sections={7: "Country", 8: "Empty", 9: "Region"})
    after = attrs.evolve(report((7, group(1)), (9, None, "403")), sections={7: "Pays", 10: "New"})
    changed(
        await diff_scans(before, after),
        sections_added=(ScannedSection(10, "New"),),
        sections_removed=(ScannedSection(8, "Empty"),),
        sections_renamed=(SectionRename(7, "Country", "Pays"),),
        not_compared=(NotCompared(9, None, None, "403"),),
    )


async def test_lines_are_read_like_a_report(tmp_path: Path) -> None:
    """NDJSON is told by its content, blank lines and an absent last line end do no harm, text paths do too."""
    file = tmp_path / "scan.db"
    file.write_text("\n" + line(7, 1, "b", "a") + "  \n" + line(7, 2, error="503") + line(8, None, error="403").strip())
    diff = await diff_scans(report((7, group(1, "a", "b")), (7, group(2)), (8, group(1))), str(file))
    changed(diff, not_compared=(NotCompared(7, 2, None, "503"), NotCompared(8, None, None, "403")))


async def test_the_last_line_for_a_key_counts(tmp_path: Path) -> None:
    """A run that was repeated and appended to the file mends its failures, those of whole sections included."""
    file = tmp_path / "scan.ndjson"
    first = line(7, 1, error="503") + line(7, 2, "old") + line(8, None, error="503")
    file.write_text(first + line(7, 1, "a") + line(7, 2, "new") + line(8, 5))
    diff = await diff_scans(file, report((7, group(1, "a")), (7, group(2, "new")), (8, group(5))))
    assert diff.same
    file.write_text(first + line(8, 5) + line(8, None, error="403"))
    diff = await diff_scans(file, report((8, group(5)), (7, group(1)), (7, group(2, "old"))))
    changed(diff, not_compared=(NotCompared(7, 1, "503", None), NotCompared(8, None, "403", None)))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "scan.ndjson, which is empty"),
        (b"\n \n", "scan.ndjson, which is empty"),
        (b"{}\n", "line 1 of .*scan.ndjson, which has no section_id that is an id"),
        (b"\n[7]\n", "line 2 of .*scan.ndjson, which is not a JSON object"),
        (b"section,group\n7,1\n", "line 1 of .*scan.ndjson, which is not JSON"),
        (b"\x89PNG\r\n\x1a\n", "line 1 of .*scan.ndjson, which is not JSON"),
        (b'\xff\xfe{\x00"\x00\n\x00', "line 1 of .*scan.ndjson, which is UTF-16"),
        (line(7, 1).encode()[:-20], "line 1 of .*scan.ndjson, which is cut off: .* scan anew$"),
        ((line(7, 1) + line(7, 2)[:-20] + "\n" + line(7, 3)).encode(), "line 2 of .*, which is not JSON"),
        (b'{"section_id": true, "group_id": 1}', "no section_id that is an id"),
        (b'{"section_id": "7", "group_id": 1}', "no section_id that is an id"),
        (b'{"section_id": 7, "group_id": -1}', "no group_id that is an id"),
        (b'{"section_id": 7}', "no group_id that is an id"),
        (b'{"section_id": 7, "group_id": null}', "has neither a group_id nor an error"),
        (b'{"section_id": 7, "group_id": 9223372036854775808}', "no group_id that is an id"),
        (b'{"section_id": 7, "group_id": 1, "error": 5}', "has an error that is neither"),
        (b'{"section_id": 7, "group_id": 1}', "has no name that is a string"),
        (b'{"section_id": 7, "group_id": 1, "name": "G", "has_puller": 0}', "has no has_puller"),
        (b'{"section_id": 7, "group_id": 1, "name": "G", "has_puller": true, "business_ids": "ab"}', "business_ids"),
        (b'{"section_id": 7, "group_id": 1, "name": "G", "has_puller": true, "business_ids": [1]}', "business_ids"),
    ],
)
async def test_a_broken_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    """What is no scan's file is a ConfigurationError that names the argument, the file, the line and the fault."""
    file = tmp_path / "scan.ndjson"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"(?s)^after: expected a journal, or lines .*{problem}"):
        await diff_scans(report((7, group(1))), file)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("missing.ndjson", "^before: cannot read missing.ndjson: No such file"),
        ("", "^before: expected .*, not an empty one$"),
        (".", "^before: cannot read .: Is a directory$"),
        ("x" * 300, "^before: cannot read x+: File name too long$"),
        ("a\0b", "^before: expected a name that a file can have"),
        (7, "^before: expected a ScanReport, or the path .*, not int$"),
        (None, "^before: expected a ScanReport, or the path .*, not NoneType$"),
        ([], "^before: expected a ScanReport, or the path .*, not list$"),
        (b"scan.db", "^before: expected a ScanReport, or the path .*, not bytes$"),
    ],
)
async def test_a_wrong_argument_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Any, problem: str
) -> None:
    """A missing file, a directory, or something else than a path is a ConfigurationError that names the argument."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=problem):
        await diff_scans(source, report((7, group(1))))


async def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    """An SQLite file that is no journal is refused with its name, and not taken for lines."""
    file = tmp_path / "other.db"
    file.write_bytes(b"SQLite format 3\x00" + bytes(100))
    with pytest.raises(ConfigurationError, match="^before: .*other.db is not a journal"):
        await diff_scans(file, file)


async def test_the_event_loop_goes_on_while_a_long_report_is_compared() -> None:
    """Thousands of groups are taken in step by step, elsewhere: a service answers its other requests meanwhile."""
    long = report(*((7, group(number)) for number in range(5000)))
    comparison = asyncio.create_task(diff_scans(long, long))
    turns = 0
    while not comparison.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    assert (await comparison).groups_compared == 5000


async def test_a_pipe_is_read(tmp_path: Path) -> None:
    """A pipe, such as a shell's <(...), is read once, as lines."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = asyncio.create_task(asyncio.to_thread(pipe.write_text, line(7, 1, "a")))
    diff = await diff_scans(pipe, report((7, group(1, "a"))))
    await writer
    assert diff.same


async def test_a_cancelled_comparison_stops_reading(tmp_path: Path) -> None:
    """Cancelling while a long file is read closes it: here the writer of a pipe without end is told so."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    being_read = asyncio.Event()
    loop = asyncio.get_running_loop()

    def write() -> None:
        with pipe.open("w") as file:
            for number in itertools.count():
                file.write(line(7, number % 1000, "a"))
                if number == 10_000:  # more than a pipe holds
                    loop.call_soon_threadsafe(being_read.set)

    writer = asyncio.create_task(asyncio.to_thread(write))
    comparison = asyncio.create_task(diff_scans(pipe, report((7, group(1)))))
    await being_read.wait()
    comparison.cancel()
    with pytest.raises(asyncio.CancelledError):
        await comparison
    with pytest.raises(BrokenPipeError):
        await asyncio.wait_for(writer, PATIENCE)


async def journal(client: PartooClient, path: Path, *sections: int, **options: Any) -> Path:
    """Scan sections with a journal."""
    await client.scan(sections, journal=path, **options).collect()
    return path


def demo(*sections: EmulatedSection) -> Emulator:
    return Emulator(sections=sections, rate_limit=None)


def client_of(emulator: Emulator) -> PartooClient:
    return PartooClient(emulator.api_key, server=emulator.server, ssl_context=TLS)


def country(*groups: EmulatedGroup, number: int = 7, name: str = "Country") -> EmulatedSection:
    return EmulatedSection(number, name, {one.id: one for one in groups})


async def test_journals_of_real_scans(tmp_path: Path) -> None:
    """Two journals tell everything, names of sections and empty ones included; a journal is the same as its report."""
    france, spain = EmulatedGroup(42, "France", business_ids=["a", "b"]), EmulatedGroup(43, "Spain")
    async with demo(country(france, spain), country(number=8, name="Empty")) as emulator, client_of(emulator) as client:
        before = await journal(client, tmp_path / "before.db", 7, 8)
        assert (await diff_scans(before, before)).same
        emulator.sections[7].name = "Pays"
        emulator.sections[9] = country(number=9, name="New")
        del emulator.sections[7].groups[43]
        france.business_ids = ["c", "a"]
        after = await journal(client, tmp_path / "after.db", 7, 9)
        found = await client.scan([7, 9]).collect()
    diff = await diff_scans(before, after)
    changed(
        diff,
        sections_added=(ScannedSection(9, "New"),),
        sections_removed=(ScannedSection(8, "Empty"),),
        sections_renamed=(SectionRename(7, "Country", "Pays"),),
        groups_removed=(ScannedGroup(7, Group(43, "Spain", False, ())),),
        groups_changed=(
            GroupChange(7, Group(42, "France", False, ("a", "b")), Group(42, "France", False, ("a", "c"))),
        ),
    )
    # The report does not know of the section without groups, which is not taken for a removal.
    assert (await diff_scans(after, found)).same
    assert (await diff_scans(found, after)).same


async def test_an_interrupted_scan_removes_nothing(tmp_path: Path) -> None:
    """What an incomplete journal lists without an outcome, or has not reached at all, is not compared."""
    groups = [EmulatedGroup(number, f"G{number}") for number in range(3)]
    sections = country(*groups), country(EmulatedGroup(9, "Other"), number=8)
    async with demo(*sections) as emulator, client_of(emulator) as client:
        before = await journal(client, tmp_path / "before.db", 7, 8)
        async with client.scan([7], journal=tmp_path / "after.db", max_concurrency=1) as scan:
            del emulator.sections[7].groups[1]
            first = await anext(scan)
    assert first.group_id == 0
    diff = await diff_scans(before, tmp_path / "after.db")
    assert diff.incomplete == ("after",)
    assert not diff
    assert NotCompared(7, 2, None, NOT_REACHED) in diff.not_compared
    assert NotCompared(8, None, None, NOT_REACHED) in diff.not_compared
    assert diff.groups_compared >= 1


async def test_only_incomplete_is_not_the_same(tmp_path: Path) -> None:
    """Two scans that agree as far as they got are not the same for sure."""
    killed = await Journal.open(tmp_path / "a.db", "http://127.0.0.1:9/v2", Scope((7, 9)), resume=False)
    await note_section(killed, 7, [])  # and 9 was never reached
    await killed.aclose()
    diff = await diff_scans(tmp_path / "a.db", tmp_path / "a.db")
    changed(diff, incomplete=("before", "after"))
    assert (bool(diff), diff.complete, diff.same) == (False, False, False)


async def test_chosen_groups_say_nothing_of_the_others(tmp_path: Path) -> None:
    """A journal of a few groups of a section does not make the others removed, nor the section renamed."""
    groups = [EmulatedGroup(number, f"G{number}") for number in range(3)]
    async with demo(country(*groups)) as emulator, client_of(emulator) as client:
        whole = await journal(client, tmp_path / "whole.db", 7)
        few = await journal(client, tmp_path / "few.db", 7, group_ids=[0, 2])
    diff = await diff_scans(whole, few)
    assert [(one.group_id, one.before) for one in diff.not_compared] == [(1, None)]
    assert "not asked for" in str(diff.not_compared[0].after)
    assert diff.groups_compared == 2
    assert not diff


async def test_a_group_that_went_while_a_scan_was_interrupted_is_gone(tmp_path: Path) -> None:
    """What a resumed scan did not find any more is removed, though its journal still has what was read of it."""
    groups = [EmulatedGroup(number, f"G{number}") for number in range(3)]
    async with demo(country(*groups)) as emulator, client_of(emulator) as client:
        before = await journal(client, tmp_path / "before.db", 7)
        async with client.scan([7], journal=tmp_path / "after.db", max_concurrency=1) as scan:
            assert (await anext(scan)).group_id == 0
        del emulator.sections[7].groups[0]
        await journal(client, tmp_path / "after.db", 7, resume=True)
    diff = await diff_scans(before, tmp_path / "after.db")
    changed(diff, groups_removed=(ScannedGroup(7, Group(0, "G0", False, ())),))


async def test_a_section_that_a_resumed_scan_could_not_read_is_not_compared(tmp_path: Path) -> None:
    """Its groups of the run before may be out of date: the failure counts for all of them."""
    async with demo(country(EmulatedGroup(1, "G1")), country(number=8)) as emulator, client_of(emulator) as client:
        before = await journal(client, tmp_path / "before.db", 7, 8)
        await journal(client, tmp_path / "after.db", 7, 8)
        del emulator.sections[7]
        await journal(client, tmp_path / "after.db", 7, 8, resume=True)
    (unknown,) = (await diff_scans(before, tmp_path / "after.db")).not_compared
    assert (unknown.section_id, unknown.group_id, unknown.before) == (7, None, None)
    assert str(unknown.after).startswith("404 Not Found for GET /sections/7")


async def test_scans_of_two_servers_are_noted(tmp_path: Path) -> None:
    """Journals of two servers are compared all the same, with a note: equal ids need not mean the same group."""
    paths = []
    for name in ("a.db", "b.db"):
        async with demo(country(EmulatedGroup(1, "G1"))) as emulator, client_of(emulator) as client:
            paths.append(await journal(client, tmp_path / name, 7))
    diff = await diff_scans(*paths)
    assert diff.same
    (note,) = diff.notes
    assert note.startswith("these are scans of two servers, http://127.0.0.1:")


async def test_a_diff_as_json() -> None:
    """to_dict() is plain JSON whose keys are the attributes; only the businesses that moved are in a change."""
    diff = await diff_scans(
        report((7, group(1, "a", "b")), (7, group(2, "x")), (8, group(1))),
        report((7, group(1, "b", "c", name="H")), (8, 1, "503")),
    )
    assert json.loads(json.dumps(diff.to_dict())) == {
        "same": False,
        "complete": False,
        "sections_added": [],
        "sections_removed": [],
        "sections_renamed": [],
        "groups_added": [],
        "groups_removed": [
            {"section_id": 7, "group_id": 2, "name": "G", "has_puller": False, "business_ids": ["x"]},
        ],
        "groups_changed": [
            {
                "section_id": 7,
                "group_id": 1,
                "before": {"name": "G", "has_puller": False},
                "after": {"name": "H", "has_puller": False},
                "joined": ["c"],
                "left": ["a"],
            },
        ],
        "groups_compared": 1,
        "not_compared": [{"section_id": 8, "group_id": 1, "before": None, "after": "503"}],
        "incomplete": [],
        "notes": [],
        "businesses": [],
    }
    assert {field.name for field in attrs.fields(ScanDiff)} <= set(diff.to_dict())
    named = attrs.evolve(
        NOTHING, sections_added=(ScannedSection(1, "S"),), sections_renamed=(SectionRename(2, "A", "B"),)
    ).to_dict()
    assert named["sections_added"] == [{"section_id": 1, "name": "S"}]
    assert named["sections_renamed"] == [{"section_id": 2, "before": "A", "after": "B"}]
    assert pickle.loads(pickle.dumps(diff)) == diff


GROUPS = st.builds(
    Group,
    st.just(0),
    st.sampled_from(["France", "Spain"]),
    st.booleans(),
    st.lists(st.sampled_from("abcd"), max_size=5).map(tuple),
)
FAILURES = st.sampled_from(["404", "503"])
SCANS = st.dictionaries(
    st.integers(1, 3),
    FAILURES | st.dictionaries(st.integers(1, 4), GROUPS | FAILURES, min_size=1, max_size=4),
    max_size=3,
)
Scan = dict[int, str | dict[int, Group | str]]
Known = dict[tuple[int, int], tuple[str, bool, frozenset[str]]]


def as_report(scan: Scan) -> ScanReport:
    outcomes: list[Any] = []
    for section_id, groups in scan.items():
        if isinstance(groups, str):
            outcomes.append((section_id, None, groups))
        else:
            for group_id, found in groups.items():
                failed = isinstance(found, str)
                outcomes.append(
                    (section_id, group_id, found) if failed else (section_id, attrs.evolve(found, id=group_id))
                )
    return report(*outcomes)


def value(found: Group) -> tuple[str, bool, frozenset[str]]:
    return found.name, found.has_puller, frozenset(found.business_ids)


def known(scan: Scan, unknown: Iterable[NotCompared]) -> Known:
    """What a scan says of each group, without what was not compared."""
    sections = {one.section_id for one in unknown if one.group_id is None}
    groups = {(one.section_id, one.group_id) for one in unknown}
    return {
        (item.section_id, item.group_id): value(item.group)
        for item in as_report(scan).succeeded
        if item.group is not None
        and item.group_id is not None
        and item.section_id not in sections
        and (item.section_id, item.group_id) not in groups
    }


def applied(diff: ScanDiff, before: Known) -> Known:
    after = dict(before)
    for removed in diff.groups_removed:
        del after[removed.section_id, removed.group.id]
    for change in diff.groups_changed:
        key = change.section_id, change.after.id
        businesses = after[key][2].union(change.joined).difference(change.left)
        assert after[key] == value(change.before)
        after[key] = change.after.name, change.after.has_puller, businesses
    for added in diff.groups_added:
        assert (added.section_id, added.group.id) not in after
        after[added.section_id, added.group.id] = value(added.group)
    return after


@given(SCANS, SCANS)
def test_a_diff_leads_from_one_scan_to_the_other(before: Scan, after: Scan) -> None:
    """Whatever the two scans hold, ``before`` with the differences applied is ``after``, and the ids are in order."""
    diff = asyncio.run(diff_scans(as_report(before), as_report(after)))
    assert applied(diff, known(before, diff.not_compared)) == known(after, diff.not_compared)
    for groups in (diff.groups_added, diff.groups_removed):
        keys = [(one.section_id, one.group.id) for one in groups]
        assert keys == sorted(set(keys))
    failed = {(item.section_id, item.group_id) for scan in (before, after) for item in as_report(scan).failed}
    covered = {one.section_id for one in diff.not_compared if one.group_id is None}
    reported = {(one.section_id, one.group_id) for one in diff.not_compared}
    assert all(key in reported or key[0] in covered for key in failed)
    assert reported <= failed


@given(SCANS)
def test_a_scan_does_not_differ_from_itself(scan: Scan) -> None:
    """No difference to itself, and the same for sure unless something in it failed."""
    diff = asyncio.run(diff_scans(as_report(scan), as_report(scan)))
    assert not diff
    assert diff.same is (not as_report(scan).failed)


@given(SCANS, SCANS)
def test_the_way_back_is_the_mirror_image(before: Scan, after: Scan) -> None:
    """Swapping the sides swaps added with removed, joined with left, and every before with its after."""
    there = asyncio.run(diff_scans(as_report(before), as_report(after)))
    back = asyncio.run(diff_scans(as_report(after), as_report(before)))
    assert back == attrs.evolve(
        there,
        sections_added=there.sections_removed,
        sections_removed=there.sections_added,
        groups_added=there.groups_removed,
        groups_removed=there.groups_added,
        groups_changed=tuple(GroupChange(one.section_id, one.after, one.before) for one in there.groups_changed),
        not_compared=tuple(
            NotCompared(one.section_id, one.group_id, one.after, one.before) for one in there.not_compared
        ),
    )
    assert [one.joined for one in back.groups_changed] == [one.left for one in there.groups_changed]


async def test_a_section_that_could_not_be_read_again_is_not_compared(tmp_path: Path) -> None:
    """A resumed scan that has old groups of a section, and could not read it, does not make the others removed."""
    groups = [EmulatedGroup(number, f"G{number}") for number in range(20)]
    async with demo(country(*groups)) as emulator, client_of(emulator) as client:
        whole = await client.scan(7).collect()
        async with client.scan(7, max_concurrency=1, journal=tmp_path / "a.db") as scan:
            for _ in range(5):
                await anext(scan)
        kept = emulator.sections.pop(7)
        resumed = await client.scan(7, journal=tmp_path / "a.db", resume=True).collect()
        emulator.sections[7] = kept
    assert 5 <= len(resumed.succeeded) < 20
    for diff in (await diff_scans(whole, resumed), await diff_scans(resumed, whole)):
        assert (bool(diff), diff.complete) == (False, False)
        assert {(one.section_id, one.group_id) for one in diff.not_compared} == {(7, None)}


async def test_a_report_of_a_part_is_not_taken_for_the_whole() -> None:
    """What a scan that ended early did not reach is not removed."""
    groups = [EmulatedGroup(number, f"G{number}") for number in range(20)]
    async with demo(country(*groups)) as emulator, client_of(emulator) as client:
        whole = await client.scan(7).collect()
        async with client.scan(7) as scan:
            part = scan.report([await anext(scan)])
    diff = await diff_scans(whole, part)
    assert not diff.groups_removed or not diff.complete
    assert diff.incomplete == ("after",)
