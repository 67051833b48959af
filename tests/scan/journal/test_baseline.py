"""The baseline of comparisons: it knows of each group what was last read, however often that failed since."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import subprocess
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from partoo_async import (
    Business,
    ConfigurationError,
    Group,
    NotFoundError,
    ScanFailure,
    ScanPlan,
    ScanSuccess,
    diff_scans,
)
from partoo_async.models import GroupSummary, Section
from partoo_async.scan.journal import baseline
from partoo_async.scan.journal.baseline import carry_forward
from partoo_async.scan.journal.journal import Journal
from partoo_async.scan.journal.reader import open_reader
from partoo_async.scan.scope import Scope
from tests.support.common import PATIENCE
from tests.support.each import each

SERVER = "http://127.0.0.1:9/v2"
FAILED, UNREACHED = "failed", "not reached"
PLAN = ScanPlan(1, 1, 1, 0.0)
Groups = Mapping[int, str]  # content (a business id), FAILED or UNREACHED, by group id


@define
class Reading:
    """What a scan found: the groups of each section, or FAILED. Not ``whole``: there may be other sections."""

    sections: Mapping[int, Groups | str] = field(factory=dict)
    whole: bool = True
    name: str = "S"

    async def write(self, path: Path) -> Path:
        """Write it as a journal."""
        journal = await Journal.open(path, SERVER, Scope(), resume=False)
        await journal.load()
        for section_id, groups in self.sections.items():
            if isinstance(groups, str):
                await journal.record(failure(section_id, None))
                continue
            summaries = tuple(GroupSummary(one, f"G{one}", False) for one in groups)
            section = Section(section_id, self.name, summaries, True, False)
            await journal.compare(section_id, section, array("q", groups))
            items = [outcome(section_id, one, content) for one, content in groups.items() if content != UNREACHED]
            await asyncio.gather(*map(journal.record, items))
        await journal.note_plan(PLAN if self.whole else None)
        await journal.aclose()
        return path


def failure(section_id: int, group_id: int | None) -> ScanFailure:
    return ScanFailure(section_id, group_id, None, NotFoundError(404, None, "GET /"))


def outcome(section_id: int, group_id: int, content: str) -> ScanSuccess | ScanFailure:
    if content == FAILED:
        return failure(section_id, group_id)
    return ScanSuccess(section_id, group_id, Group(group_id, f"G{group_id}", False, (content,)))


async def known(path: Path) -> dict[int, Groups | str]:
    """What a journal has, as the sections of a reading."""
    async with open_reader(path) as reader:
        found: dict[int, Any] = {
            section_id: dict.fromkeys(one.group_ids, UNREACHED) for section_id, one in reader.sections.items()
        }
        async for item in reader.items():
            if item.group_id is None:
                found[item.section_id] = FAILED
            else:  # an outcome of a group that its section does not list has no place in a baseline
                assert found[item.section_id][item.group_id] == UNREACHED
                found[item.section_id][item.group_id] = item.group.business_ids[0] if item.group else FAILED
        return found


def carried(before: dict[int, Groups | str], now: Reading) -> dict[int, Groups | str]:
    """What a baseline has to be, by the words of its docstring: key by key."""
    expected: dict[int, Groups | str] = {}
    for section_id in before.keys() | now.sections.keys():
        was, found = before.get(section_id), now.sections.get(section_id)
        if found is None and now.whole:
            continue  # gone
        if found is None or found == FAILED:
            if was is not None and not isinstance(was, str):
                expected[section_id] = {one: was[one] if was[one] != FAILED else UNREACHED for one in was}
            else:
                expected[section_id] = FAILED
            continue
        assert not isinstance(found, str)
        last = was if was is not None and not isinstance(was, str) else {}
        expected[section_id] = {
            one: last[one]
            if content in (FAILED, UNREACHED) and last.get(one) not in (None, FAILED, UNREACHED)
            else content
            for one, content in found.items()
        }
    return expected


def play(folder: Path, readings: list[Reading]) -> None:
    async def one_after_the_other() -> None:
        target = folder / "baseline.journal"
        expected: dict[int, Groups | str] = {}
        whole = False
        for number, reading in enumerate(readings):
            new = await reading.write(folder / f"{number}.journal")
            await carry_forward(new, target if number else None, target)
            expected = carried(expected, reading)
            whole = whole or reading.whole
            assert await known(target) == expected
            async with open_reader(target) as reader:
                assert reader.sections_listed == whole
                assert all(one.name == "S" and one.can_edit and not one.has_puller for one in reader.sections.values())
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            ["baseline.journal", *(f"{number}.journal" for number in range(len(readings)))]
        )

    asyncio.run(one_after_the_other())


CONTENT = st.sampled_from(("a", "b", "c", FAILED, FAILED, UNREACHED))
SECTIONS = st.one_of(st.just(FAILED), st.dictionaries(st.integers(1, 4), CONTENT, max_size=4))
READINGS = st.builds(Reading, st.dictionaries(st.integers(7, 9), SECTIONS), st.booleans())


@settings(max_examples=12)
@given(st.lists(READINGS, min_size=1, max_size=4))
def test_it_has_the_newest_known_content_of_each_key(
    tmp_path_factory: pytest.TempPathFactory, readings: list[Reading]
) -> None:
    """Reading after reading: what one could not read, or did not come to, is as it was known; what is gone is gone."""

    play(tmp_path_factory.mktemp("readings"), readings)


@pytest.mark.soak
@settings(max_examples=400)
@given(st.lists(READINGS, min_size=1, max_size=6))
def test_it_has_the_newest_known_content_after_many_readings(
    tmp_path_factory: pytest.TempPathFactory, readings: list[Reading]
) -> None:
    """The same, for longer."""
    play(tmp_path_factory.mktemp("readings"), readings)


async def test_a_group_that_fails_for_days_is_compared_with_what_it_was(tmp_path: Path) -> None:
    """The change that happened meanwhile is told as soon as the group can be read, and a section that cannot be read
    for a day is not new after it."""
    target = tmp_path / "baseline"
    days = [
        Reading({7: {1: "a", 2: "x"}, 9: {3: "y"}}),
        Reading({7: {1: FAILED, 2: "x"}, 9: FAILED}),
        Reading({7: {1: FAILED, 2: "x"}, 9: FAILED}),
    ]
    for number, day in enumerate(days):
        await carry_forward(await day.write(tmp_path / str(number)), target if number else None, target)
    today = await Reading({7: {1: "b", 2: "x"}, 9: {3: "y", 4: "z"}}).write(tmp_path / "today")
    diff = await diff_scans(target, today)
    assert [(one.section_id, one.joined, one.left) for one in diff.groups_changed] == [(7, ("b",), ("a",))]
    assert [one.group.id for one in diff.groups_added] == [4]
    assert (diff.sections_added, diff.sections_removed, diff.not_compared, diff.groups_compared) == ((), (), (), 3)


async def test_a_scan_that_ended_early_hides_no_new_section(tmp_path: Path) -> None:
    """A baseline that was whole stays so: a section that comes later is told as new."""
    target = tmp_path / "baseline"
    await carry_forward(await Reading({7: {1: "a"}}).write(tmp_path / "0"), None, target)
    await carry_forward(
        await Reading({7: {1: UNREACHED, 2: UNREACHED}}, whole=False).write(tmp_path / "1"), target, target
    )
    diff = await diff_scans(target, await Reading({7: {1: "a"}, 9: {3: "y"}}).write(tmp_path / "2"))
    assert [one.section_id for one in diff.sections_added] == [9]


# Businesses


async def listing(path: Path, names: Mapping[str, str], listed: str | None) -> Path:
    """A journal with businesses, of which the list was read whole, since some time, or not."""
    await Reading({}).write(path)
    journal = await Journal.open(path, SERVER, Scope(), resume=True)
    await journal.record_businesses([Business(one, name) for one, name in names.items()])
    if listed is not None:
        await journal.note_all_businesses(names)
        await journal.note(businesses_listed=listed)
    await journal.aclose()
    return path


SINCE = "2026-03-01T00:00:00+00:00"


@each(
    ("was", "now", "expected", "listed"),
    [
        ("all", "all", {"b": "B2"}, "all"),
        ("all", SINCE, {"a": "A", "b": "B2"}, "all"),
        ("all", None, {"a": "A", "b": "B2"}, None),
        (SINCE, SINCE, {"a": "A", "b": "B2"}, SINCE),
        (None, SINCE, {"a": "A", "b": "B2"}, SINCE),
        (None, "all", {"b": "B2"}, "all"),
        (None, None, {"a": "A", "b": "B2"}, None),
    ],
)
def test_businesses_are_carried_on_unless_all_were_listed(
    tmp_path_factory: pytest.TempPathFactory,
    was: str | None,
    now: str | None,
    expected: dict[str, str],
    listed: str | None,
) -> None:
    """It has all businesses after a whole list, and after those that changed since one."""

    async def carry() -> None:
        folder = tmp_path_factory.mktemp("businesses")
        before = await listing(folder / "before", {"a": "A", "b": "B"}, was)
        await carry_forward(await listing(folder / "new", {"b": "B2"}, now), before, before)
        async with open_reader(before) as reader:
            assert {one.id: one.name async for one in reader.businesses()} == expected
            assert reader.businesses_listed == listed

    asyncio.run(carry())


# Files that are not as they should be


BEFORE, NEW = Reading({7: {1: "a", 2: "b"}, 9: {3: "c"}}), Reading({7: {1: FAILED, 2: "b2"}, 9: FAILED})
ALONE: dict[int, Groups | str] = {7: {1: FAILED, 2: "b2"}, 9: FAILED}


def no_journal(path: Path) -> None:
    path.write_text("something else")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def wrong_list(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sections SET group_ids = '[1, ' WHERE section_id = 7")
    connection.close()


def wrong_group(path: Path) -> None:
    """What its checksum alone tells."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sections SET group_ids = replace(group_ids, '1', '5') WHERE section_id = 7")
    connection.close()


def wrong_fact(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE header SET value = '{' WHERE name = 'scope'")
    connection.close()


@each("damage", [no_journal, empty, torn, wrong_list, wrong_group, wrong_fact])
def test_a_damaged_baseline_counts_as_none(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    """A warning says so, and the next one is made of what is there: a job that runs every night heals by itself. Of a
    section whose list of groups is damaged nothing is carried on, and the others are."""

    async def carry() -> None:
        folder = tmp_path_factory.mktemp("damaged")
        before, new = await BEFORE.write(folder / "baseline"), await NEW.write(folder / "new")
        damage(before)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            await carry_forward(new, before, before)
        assert ["baseline is damaged" in record.getMessage() for record in caplog.records] == [True]
        alone = damage in (wrong_list, wrong_group)
        assert await known(before) == (ALONE | {9: {3: "c"}} if alone else ALONE)

    asyncio.run(carry())


async def test_a_damaged_list_is_not_carried_on(tmp_path: Path) -> None:
    """Where the section could not be read, its failure says more. In the new journal it is an error."""
    before = await BEFORE.write(tmp_path / "before")
    with sqlite3.connect(before) as connection:
        connection.execute("UPDATE sections SET name = 'other' WHERE section_id = 9")
    connection.close()
    await carry_forward(await NEW.write(tmp_path / "new"), before, tmp_path / "baseline")
    assert await known(tmp_path / "baseline") == {7: {1: "a", 2: "b2"}, 9: FAILED}
    with pytest.raises(
        ConfigurationError, match=r"cannot be read \(section 9; 'sqlite3 .* WHERE section_id = 9\"' removes it"
    ):
        await carry_forward(before, tmp_path / "new", tmp_path / "baseline")


async def test_there_may_be_none_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first baseline is what the first reading found, without a warning."""
    new = await NEW.write(tmp_path / "new")
    await carry_forward(new, tmp_path / "baseline", tmp_path / "baseline")
    assert await known(tmp_path / "baseline") == ALONE
    assert caplog.records == []


async def test_a_damaged_row_is_not_carried_on(tmp_path: Path) -> None:
    """A row whose checksum is wrong would make every later comparison fail."""
    before, new = await BEFORE.write(tmp_path / "before"), await NEW.write(tmp_path / "new")
    with sqlite3.connect(before) as connection:
        connection.execute("UPDATE outcomes SET outcome = replace(outcome, '\"a\"', '\"z\"')")
    connection.close()
    await carry_forward(new, before, tmp_path / "baseline")
    assert await known(tmp_path / "baseline") == {7: {1: FAILED, 2: "b2"}, 9: {3: "c"}}


async def test_a_journal_of_an_earlier_version_is_carried_on(tmp_path: Path) -> None:
    """It lacks some tables and facts."""
    before, new = await BEFORE.write(tmp_path / "before"), await NEW.write(tmp_path / "new")
    with sqlite3.connect(before) as connection:
        for table in ("summaries", "businesses", "details"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM header WHERE name = 'sections_listed'")
    connection.close()
    await carry_forward(new, before, tmp_path / "baseline")
    assert await known(tmp_path / "baseline") == {7: {1: "a", 2: "b2"}, 9: {3: "c"}}


async def test_a_new_journal_that_cannot_be_used_leaves_the_baseline(tmp_path: Path) -> None:
    """Missing, damaged, in use or something else: an error names it, and nothing is written."""
    target, new = await BEFORE.write(tmp_path / "baseline"), tmp_path / "new"
    was = target.read_bytes()
    with pytest.raises(ConfigurationError, match="new: No such file"):
        await carry_forward(new, target, target)
    for damage in (no_journal, torn):
        await NEW.write(new)
        damage(new)
        with pytest.raises(ConfigurationError, match="new' is not a journal|new is not a journal|new is damaged"):
            await carry_forward(new, target, target)
        new.unlink()
    journal = await Journal.open(new, SERVER, Scope(), resume=False)
    with pytest.raises(ConfigurationError, match="new is in use"):
        await carry_forward(new, target, target)
    await journal.aclose()
    assert target.read_bytes() == was
    assert sorted(path.name for path in tmp_path.iterdir()) == ["baseline", "new"]


# Killed

# In each folder that is named on its input, a process is killed in or after a step.
KILLED = """
import os, sys
from pathlib import Path
from partoo_async.scan.journal import baseline

for line in sys.stdin:
    folder, name, late = line.split()
    step = getattr(baseline, name)

    def last(*arguments):
        if late == "late":
            step(*arguments)
        os.kill(os.getpid(), 9)

    process = os.fork()
    if process == 0:
        setattr(baseline, name, last)
        target = Path(folder, "baseline")
        baseline._carry_forward(Path(folder, "new"), target, target)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""
STEPS = [
    (name, moment)
    for name in ("_make", "_problem", "_merge", "_header", "_put", "_remove")
    for moment in ("early", "late")
]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() there")
async def test_a_process_that_is_killed_leaves_the_old_baseline_or_the_new_one(
    tmp_path: Path, quick_python: tuple[str, ...]
) -> None:
    """At whatever step it dies; and the next one makes it as if nothing had been."""
    before, new = await BEFORE.write(tmp_path / "before"), await NEW.write(tmp_path / "new")
    folders = {tmp_path / f"{name} {moment}".replace(" ", "-"): f"{name} {moment}" for name, moment in STEPS}
    for folder in folders:
        folder.mkdir()
        shutil.copy(before, folder / "baseline")
        shutil.copy(new, folder / "new")
    lines = "".join(f"{folder} {step}\n" for folder, step in folders.items())
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs
        [*quick_python, "-c", KILLED], input=lines, text=True, capture_output=True, timeout=PATIENCE, check=True
    )
    assert done.stdout.split() == ["-9"] * len(folders)
    for folder, step in folders.items():
        target = folder / "baseline"
        old, changed = BEFORE.sections, {7: {1: "a", 2: "b2"}, 9: {3: "c"}}
        assert await known(target) == (changed if step == "_put late" else old), step
        await carry_forward(folder / "new", target, target)
        assert await known(target) == changed, step
        assert sorted(path.name for path in folder.iterdir()) == ["baseline", "new"]


async def test_a_caller_that_is_cancelled_waits_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread would go on, while the caller thinks that nothing happens any more."""
    new, steps = await NEW.write(tmp_path / "new"), []
    put = baseline._put

    def slow(*arguments: Any) -> None:
        loop.call_soon_threadsafe(task.cancel)
        put(*arguments)
        steps.append("put")

    monkeypatch.setattr(baseline, "_put", slow)
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(carry_forward(new, None, tmp_path / "baseline"))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["put"]
