"""The nightly job: what one run leaves to the next one."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError, PartooClient, Scan, ScanDiff, ScanError, sync
from partoo_async.emulator import EmulatedGroup, EmulatedKey, EmulatedSection, Emulator, demo_sections
from partoo_async.nightly.options import SyncOptions
from partoo_async.nightly.run import NotDeliveredError, run_once
from partoo_async.nightly.state import GOES_ON_FOR, take_state
from partoo_async.scan.journal.lock import release, take
from tests.hostile.stepping import Stepping
from tests.nightly.conftest import Nights, Warehouse, groups_in, truth
from tests.support.common import TLS


async def test_the_first_night(nights: Nights, warehouse: Warehouse) -> None:
    """There is nothing to compare with; everything is read and loaded, and known from now on."""
    result = await nights.run(to="warehouse")
    assert result.diff is None
    assert result.complete
    assert result.problem == ""
    assert result.loaded == {"groups": len(result.report.items)} == {"groups": 77}
    assert warehouse.groups == truth(nights.emulator) == await groups_in(nights.state / "baseline.journal")
    assert nights.files == [f"archive/{nights.archive[0].name}", "baseline.journal", "lock", "state.json"]


async def test_a_night_without_a_change(nights: Nights) -> None:
    """It says so, and asks for no more than the first one."""
    await nights.run()
    first = nights.asked
    result = await nights.run()
    assert result.diff is not None
    assert result.diff.same
    assert result.loaded == {}
    assert nights.asked == first
    assert len(nights.archive) == 2


async def test_what_changed_is_told_once(nights: Nights) -> None:
    """In the night after it: what is told counts as known."""
    await nights.run()
    left = nights.emulator.sections[5].groups[20].business_ids.pop()
    result = await nights.run()
    assert result.diff is not None
    assert [change.left for change in result.diff.groups_changed] == [(left,)]
    assert not (await nights.run()).diff


async def test_a_group_that_fails_keeps_what_was_known(nights: Nights, warehouse: Warehouse) -> None:
    """It is named, and the run is not complete. When it can be read again, it is compared with what was known last."""
    await nights.run(to="warehouse", strategy="groups")
    fault = nights.emulator.faults.add("status", status=404, match="/sections/5/groups/20")
    nights.emulator.sections[5].groups[20].business_ids.clear()
    nights.emulator.sections[5].groups[21].name = "Renamed"
    for changed in ([21], []):
        result = await nights.run(to="warehouse", strategy="groups")
        assert not result.complete
        assert result.problem == ""
        assert [(item.section_id, item.group_id) for item in result.report.failed] == [(5, 20)]
        assert result.diff is not None
        assert [change.after.id for change in result.diff.groups_changed] == changed
        assert [(one.section_id, one.group_id) for one in result.diff.not_compared] == [(5, 20)]
    fault.remove()
    result = await nights.run(to="warehouse", strategy="groups")
    assert result.complete
    assert result.diff is not None
    assert [change.after.id for change in result.diff.groups_changed] == [20]
    assert warehouse.groups == truth(nights.emulator)


async def test_a_database_that_is_away_costs_no_second_scan(nights: Nights, warehouse: Warehouse) -> None:
    """The error says what to do; the next run loads what was read, and tells what changed."""
    await nights.run(to="warehouse")
    nights.emulator.sections[5].groups[20].business_ids.clear()
    warehouse.failure = ConfigurationError("to: postgresql db:5432/shops: connection refused")
    for requests in (True, False):
        with pytest.raises(ConfigurationError) as failed:
            await nights.run(to="warehouse")
        problem = "to: postgresql db:5432/shops: connection refused"
        assert str(failed.value) == f"{problem}; nothing is lost: started again, it loads without another scan"
        assert failed.value.transient
        assert bool(nights.asked) == requests
    warehouse.failure = None
    result = await nights.run(to="warehouse")
    assert nights.asked == 0
    assert result.complete
    assert result.diff is not None
    assert [change.after.id for change in result.diff.groups_changed] == [20]
    assert len(result.report.items) == 77
    assert result.report.requests > 0
    assert warehouse.groups == truth(nights.emulator)
    await nights.run(to="warehouse")
    assert nights.asked > 0


async def test_who_is_told_gets_it_again_if_he_failed(nights: Nights, warehouse: Warehouse) -> None:
    """At least once: what was not delivered does not count as known, and is told without another scan."""
    options = SyncOptions.checked(nights.state, "warehouse", None)
    told: list[ScanDiff] = []

    async def deliver(diff: ScanDiff) -> None:
        told.append(diff)
        if len(told) == 1:
            raise OSError("the mail server is away")

    for _ in range(2):
        await run_once(nights.client, options, deliver)
    assert told == [], "nothing changed"
    nights.emulator.sections[5].groups[20].business_ids.clear()
    with pytest.raises(OSError, match="the mail server is away"):
        await run_once(nights.client, options, deliver)
    before = len(nights.emulator.requests)
    result = await run_once(nights.client, options, deliver)
    assert len(nights.emulator.requests) == before
    assert told == [result.diff, result.diff]
    await run_once(nights.client, options, deliver)
    assert len(told) == 2


async def test_who_does_not_take_it_holds_up_no_table(nights: Nights, warehouse: Warehouse) -> None:
    """What was not delivered for a reason of his own comes again with the next run, which reads anew and loads."""
    options = SyncOptions.checked(nights.state, "warehouse", None)
    told: list[list[int]] = []

    async def deliver(diff: ScanDiff) -> None:
        told.append([change.after.id for change in diff.groups_changed])
        if len(told) < 3:
            raise NotDeliveredError

    await run_once(nights.client, options, deliver)
    for group_id in (20, 21):
        nights.emulator.sections[5].groups[group_id].business_ids.clear()
        with pytest.raises(NotDeliveredError):
            await run_once(nights.client, options, deliver)
        assert warehouse.groups == truth(nights.emulator)
    await run_once(nights.client, options, deliver)
    await run_once(nights.client, options, deliver)
    assert told == [[20], [20, 21], [20, 21]]


@pytest.mark.parametrize("damage", ["file", "empty", "row"])
async def test_a_damaged_baseline_heals(
    nights: Nights, warehouse: Warehouse, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """Nothing is compared with it, and a warning says so; the tables are brought up to date, and so is the baseline."""
    await nights.run(to="warehouse")
    nights.emulator.sections[5].groups[20].business_ids.clear()
    baseline = nights.state / "baseline.journal"
    if damage != "row":
        baseline.write_bytes(b"no journal, whatever was here" if damage == "file" else b"")
    else:
        with closing(sqlite3.connect(baseline)) as database, database:
            database.execute("UPDATE outcomes SET crc32 = crc32 + 1 WHERE group_id = 21")
    result = await nights.run(to="warehouse")
    assert result.complete
    assert result.diff is None
    assert warehouse.groups == truth(nights.emulator)
    (warning,) = [record.getMessage() for record in caplog.records if record.name == "partoo_async.nightly"]
    assert warning.startswith("nightly: nothing is compared this time, because journal: ")
    result = await nights.run(to="warehouse")
    assert result.diff is not None
    assert result.diff.same


@pytest.mark.parametrize("damage", ["file", "row"])
async def test_a_damaged_journal_in_work_heals(
    nights: Nights, warehouse: Warehouse, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """It is put aside with a warning, and everything is read anew; else each run would fail for half a day."""
    await nights.run(to="warehouse")
    nights.emulator.sections[5].groups[20].business_ids.clear()
    warehouse.failure = ConfigurationError("to: the database is away")
    with pytest.raises(ConfigurationError, match="is away"):
        await nights.run(to="warehouse")
    warehouse.failure = None
    running = nights.state / "running.journal"
    if damage == "file":
        running.write_bytes(b"no journal, whatever was here")
    else:
        with closing(sqlite3.connect(running)) as database, database:
            database.execute("UPDATE outcomes SET crc32 = crc32 + 1 WHERE group_id = 21")
    result = await nights.run(to="warehouse")
    assert result.complete
    assert result.diff is not None
    assert [change.after.id for change in result.diff.groups_changed] == [20]
    assert warehouse.groups == truth(nights.emulator)
    assert "nightly: everything is read anew, because journal: " in caplog.text
    assert len(nights.archive) == 3


async def test_a_journal_in_work_of_other_sections_is_begun_anew(nights: Nights) -> None:
    """Such as of a run with the key of another organization that was stopped. None of its sections is there."""
    running = asyncio.create_task(nights.run(strategy="groups"))
    stalled = nights.emulator.faults.add("stall", match="/sections/{section_id}/groups/{group_id}")
    while not stalled.hits:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stalled.remove()
    nights.emulator.sections.clear()
    nights.emulator.sections[99] = EmulatedSection(99, "Ours", {990: EmulatedGroup(990, "Ours")})
    assert (await nights.run()).complete
    assert [*await groups_in(nights.state / "baseline.journal")] == [(99, 990)]


async def test_only_the_last_journals_are_kept(nights: Nights) -> None:
    """As many as are asked for."""
    for _ in range(4):
        await nights.run(keep=2)
    assert len(nights.archive) == 2
    await nights.run(keep=0)
    assert nights.archive == []
    assert not (await nights.run(keep=1)).diff


async def test_a_journal_of_the_night_before_is_put_aside(nights: Nights, warehouse: Warehouse) -> None:
    """A scan that nobody went on with in time is not gone on with in the next night: half of it would be of then."""
    warehouse.failure = ConfigurationError("to: away")
    with pytest.raises(ConfigurationError):
        await nights.run(to="warehouse")
    running = nights.state / "running.journal"
    changed = running.stat().st_mtime - GOES_ON_FOR - 60
    os.utime(running, (changed, changed))
    warehouse.failure = None
    nights.emulator.sections[5].groups[20].business_ids.clear()
    result = await nights.run(to="warehouse")
    assert nights.asked > 0
    assert result.complete
    assert warehouse.groups == truth(nights.emulator)
    assert len(nights.archive) == 2


# An outage


@pytest.mark.usefixtures("hurried")
async def test_an_outage_loads_what_was_read(
    nights: Nights, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stops in mid scan and does not come back in time: what was read until then is told and loaded, and
    what was not reached is as it was. The next run goes on with the journal, and asks only for the rest."""
    monkeypatch.setattr("partoo_async.nightly.reading.Scan", partial(Scan, max_outage=5.0))
    await nights.run(to="warehouse", strategy="groups")
    every = nights.asked
    for group in nights.emulator.sections[5].groups.values():
        group.business_ids.clear()
    first: list[int] = []

    def note(progress: Any) -> None:
        first.append(progress.done)
        if len(first) == 15:
            nights.emulator.faults.add("status", status=503)

    result = await nights.run(to="warehouse", strategy="groups", on_progress=note)
    assert not result.complete
    assert result.problem.startswith("the scan ended early: ")
    assert not result.report.complete
    assert result.diff is not None
    assert result.diff.incomplete == ("after",)
    changed = {change.after.id for change in result.diff.groups_changed}
    removed = result.diff.groups_removed
    assert removed == ()
    assert "running.journal" in nights.files
    nights.emulator.faults.clear()
    result = await nights.run(to="warehouse", strategy="groups")
    assert nights.asked < every
    assert result.complete
    assert result.diff is not None
    later = {change.after.id for change in result.diff.groups_changed}
    assert changed.isdisjoint(later), "told twice"
    assert changed | later == {*nights.emulator.sections[5].groups}
    assert warehouse.groups == truth(nights.emulator) == await groups_in(nights.state / "baseline.journal")
    assert "running.journal" not in nights.files


async def test_a_client_that_is_closed_ends_the_run(nights: Nights, warehouse: Warehouse) -> None:
    """That is no outage: nothing is loaded, and the next run goes on."""

    def close(progress: Any) -> None:
        if progress.done == 30:
            closing.append(asyncio.ensure_future(nights.client.aclose()))

    closing: list[Any] = []
    with pytest.raises(ScanError):
        await nights.run(to="warehouse", strategy="groups", on_progress=close)
    await asyncio.gather(*closing)
    assert warehouse.loads == []
    async with PartooClient(nights.emulator.api_key, server=nights.emulator.server, ssl_context=TLS) as client:
        assert (await sync(client, nights.state, "warehouse", strategy="groups")).complete


# What is refused


async def test_a_second_run_is_refused(nights: Nights) -> None:
    """With the number of the process that has the directory; nothing is asked for."""
    taken = take_state(nights.state, nights.client.server.base_url, None)
    with pytest.raises(ConfigurationError, match=f"state: .*state is in use by process {os.getpid()}; wait"):
        await nights.run()
    taken.release()
    assert nights.asked == 0
    assert (await nights.run()).complete


async def test_the_directory_is_free_after_an_error_and_a_cancellation(nights: Nights) -> None:
    """However a run ends, the next one can begin."""
    running = asyncio.create_task(nights.run(strategy="groups"))
    while not nights.emulator.requests:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await nights.run(strategy="groups")).complete


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.soak)])
async def test_the_directory_is_free_whenever_it_was_cancelled(nights: Nights, every: int) -> None:
    """At each moment that a run waits, also while a thread locks the directory or moves its files."""
    for section_id in [*nights.emulator.sections][1:]:
        del nights.emulator.sections[section_id]
    await nights.run()
    for step in count(1, every):
        stepping = Stepping(nights.run(), partial(_cancel_at, step))
        stepped = asyncio.create_task(stepping.run())
        await asyncio.wait([stepped])
        assert stepped.cancelled() == (stepping.waits >= step)
        take_state(nights.state, nights.client.server.base_url, None).release()
        if not stepped.cancelled():
            break
    assert (await nights.run()).complete


def _cancel_at(step: int, number: int) -> None:
    task = asyncio.current_task()
    if number == step and task is not None:
        task.cancel()


async def test_the_state_of_another_server_is_refused(nights: Nights) -> None:
    """Or of another organization: what is known of one would be taken for what the other lost."""
    await nights.run(organization="north")
    with pytest.raises(ConfigurationError, match="is the state of organization 'north', not of the key's own"):
        await nights.run()
    async with Emulator() as other, PartooClient(other.api_key, server=other.server, ssl_context=TLS) as client:
        with pytest.raises(ConfigurationError, match=f"is the state of {nights.emulator.url}, not of {other.url}; use"):
            await sync(client, nights.state, organization="north")
        assert len(other.requests) == 0


async def test_the_key_of_another_organization_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    """Of which nobody can tell but by what it has: no section and no business is known. Nothing is loaded, which would
    delete all; and with the right key it goes on."""
    theirs = EmulatedSection(99, "Theirs", {990: EmulatedGroup(990, "Theirs", business_ids=[f"{7:024x}"])}, org_id=2)
    options: dict[str, Any] = {"ssl_context": TLS, "rate_limit": None}
    async with (
        Emulator(
            sections=[*demo_sections(0), theirs], api_keys={"theirs": EmulatedKey(org_id=2)}, rate_limit=None
        ) as emulator,
        PartooClient(emulator.api_key, server=emulator.server, **options) as client,
        PartooClient("theirs", server=emulator.server, **options) as other,
    ):
        await sync(client, tmp_path / "state", "warehouse")
        known = dict(warehouse.groups)
        with pytest.raises(ConfigurationError, match="state: the organization has none of the sections in .*baseline"):
            await sync(other, tmp_path / "state", "warehouse")
        assert warehouse.groups == known
        result = await sync(client, tmp_path / "state", "warehouse")
        assert result.complete
        assert not result.diff


async def test_an_organization_may_replace_all_its_sections(nights: Nights, warehouse: Warehouse) -> None:
    """Its businesses show that it is the same one."""
    await nights.run(to="warehouse")
    member = nights.emulator.sections[5].groups[20].business_ids[0]
    nights.emulator.sections.clear()
    group = EmulatedGroup(990, "New", business_ids=[member])
    nights.emulator.sections[99] = EmulatedSection(99, "New", {990: group})
    result = await nights.run(to="warehouse")
    assert result.complete
    assert result.diff is not None
    assert len(result.diff.sections_removed) == 6
    assert [one.section_id for one in result.diff.sections_added] == [99]


async def test_an_empty_list_of_sections_is_not_believed(nights: Nights, warehouse: Warehouse) -> None:
    """To load it would delete every group; the next night goes on from what was known."""
    await nights.run(to="warehouse")
    sections = dict(nights.emulator.sections)
    nights.emulator.sections.clear()
    with pytest.raises(ConfigurationError, match="state: .* has 6 sections, and now the server lists none at all"):
        await nights.run(to="warehouse")
    nights.emulator.sections.update(sections)
    result = await nights.run(to="warehouse")
    assert result.complete
    assert not result.diff


async def test_sections_that_cannot_be_read_are_not_another_organization(nights: Nights, warehouse: Warehouse) -> None:
    """Of every section only the name can be read: they fail, and keep what was known of them."""
    await nights.run(to="warehouse")
    nights.emulator.faults.add("status", match="/sections/{section_id}", status=404)
    result = await nights.run(to="warehouse")
    assert not result.complete
    assert {item.section_id for item in result.report.failed} == {*nights.emulator.sections}
    assert result.diff is not None
    assert not result.diff
    nights.emulator.faults.clear()
    result = await nights.run(to="warehouse")
    assert result.complete
    assert result.diff is not None
    assert result.diff.same


async def test_businesses_that_cannot_be_listed_are_a_problem(nights: Nights) -> None:
    """The groups are read; the run says that not all businesses are known."""
    nights.emulator.faults.add("status", match="/business/search", status=403)
    result = await nights.run()
    assert not result.complete
    assert result.report.failed == ()
    assert "the list of businesses could not be read: 403" in result.problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"report": "changes.txt"}, "report: expected a name that ends with .html, .md or .json"),
        ({"report": "missing/changes.md"}, "report: expected a directory that exists"),
        ({"to": "postgrsql://u:secret@host/db"}, "to: expected "),
        ({"to": "duckdb:///missing/file.duckdb"}, "to: there is no directory"),
        ({"strategy": "all"}, "strategy: expected 'groups' or 'businesses' or 'auto'"),
        ({"verify": 0}, "verify: expected at least 1"),
        ({"keep": -1}, "keep: expected at least 0"),
        ({"organization": True}, "organization: "),
        ({"organization": ""}, "organization: "),
        ({"history": 1}, "history: expected True or False"),
        ({"on_progress": 3}, "on_progress: expected a callable or None"),
    ],
)
async def test_an_argument_that_cannot_be_is_refused_at_once(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    """Before anything is asked for, and before there is a directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        await nights.run(**options)
    assert str(refused.value).startswith(problem)
    assert "secret" not in str(refused.value)
    assert nights.asked == 0
    assert not nights.state.exists()


async def test_a_full_disk_is_one_error(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the journal: it is no outage, and nothing is taken for known."""
    fail = OSError(28, "No space left on device")

    async def full(*_: Any, **__: Any) -> None:
        raise ScanError(f"the scan ended early: journal: cannot write: {fail.strerror}", report, transient=False)

    report = (await nights.run()).report
    known = (nights.state / "baseline.journal").read_bytes()
    monkeypatch.setattr("partoo_async.nightly.run.read_everything", full)
    with pytest.raises(ConfigurationError, match="^state: cannot write: No space left on device$"):
        await nights.run()
    assert (nights.state / "baseline.journal").read_bytes() == known


async def test_an_error_about_a_journal_names_the_argument(nights: Nights) -> None:
    """``sync`` has no argument ``journal``: the file is in its ``state``."""
    await nights.run()
    lock = take(nights.state / "running.journal", create=True, resume=True, reading=False)
    try:
        with pytest.raises(ConfigurationError, match=r"^state: .*running\.journal is in use"):
            await nights.run()
    finally:
        release(lock)


# What is written


@pytest.mark.parametrize("suffix", ["html", "md", "json"])
async def test_a_report_is_written(nights: Nights, tmp_path: Path, suffix: str) -> None:
    """In each form, with what changed; in the place of the one of the night before."""
    file = tmp_path / f"changes.{suffix}"
    await nights.run(report=file)
    assert file.stat().st_size > 100
    nights.emulator.sections[5].groups[20].name = "Quite another name"
    await nights.run(report=file)
    assert "Quite another name" in file.read_text(encoding="utf-8")
    if suffix == "json":
        json.loads(file.read_text(encoding="utf-8"))


async def test_a_report_never_replaces_the_state(nights: Nights, tmp_path: Path) -> None:
    """Neither the file that says whose state it is, by whatever way it is named, nor a journal."""
    await nights.run()
    link = tmp_path / "link.html"
    link.symlink_to(nights.state / "baseline.journal")
    before = {path: path.read_bytes() for path in nights.state.glob("*.j*")}
    asked = len(nights.emulator.requests)
    for path, problem in (
        (nights.state / "state.json", "belongs to the state; use another file"),
        (nights.state / "archive" / ".." / "state.json", "belongs to the state; use another file"),
        (link, "is a journal or another database; use another file"),
    ):
        with pytest.raises(ConfigurationError, match=f"^report: .* {problem}$"):
            await nights.run(report=path)
    assert {path: path.read_bytes() for path in nights.state.glob("*.j*")} == before
    assert len(nights.emulator.requests) == asked


async def test_the_key_is_in_no_file(nights: Nights, tmp_path: Path) -> None:
    """Nor is a password of the database: neither of one that is loaded, nor of one that cannot be reached."""
    away = "postgresql://user:a-password@127.0.0.1:1/shops?connect_timeout=2"
    await nights.run(to=f"duckdb:///{tmp_path / 'shops.duckdb'}", report=tmp_path / "report.html")
    with pytest.raises(ConfigurationError) as failed:
        await nights.run(to=away)
    assert "a-password" not in str(failed.value)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"state.json", "baseline.journal", "report.html", "shops.duckdb"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert nights.emulator.api_key.encode() not in content, path
        assert b"a-password" not in content, path


async def test_no_traceback_shows_a_password(nights: Nights) -> None:
    """Not even one that shows the variables of every frame."""
    with pytest.raises(ConfigurationError) as refused:
        await nights.run(to="postgresql://user:a-password@127.0.0.1:1/")
    frame = refused.value.__traceback__
    seen = 0
    while frame is not None:
        if "/partoo_async/nightly/" in frame.tb_frame.f_code.co_filename:
            seen += 1
            assert "a-password" not in repr(frame.tb_frame.f_locals)
        frame = frame.tb_next
    assert seen > 1


def test_sync_is_the_function_whatever_was_imported_before() -> None:
    """No room of the package has its name, which would hide it."""
    code = (
        "import partoo_async.nightly.reading, partoo_async.warehouse.load; from partoo_async import sync; print(sync)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<function sync at ")
