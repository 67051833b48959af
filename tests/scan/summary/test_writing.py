"""Reports as files: of a journal and of a ScanReport, written as a whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from partoo_async import ConfigurationError, PartooClient, ScanReport, diff_scans
from partoo_async.emulator import EmulatedBusiness, Emulator
from partoo_async.nightly.reading import read_everything
from partoo_async.scan.summary import check_report, summary_text, write_report
from tests.scan.summary.support import AT, success
from tests.support.each import each

REPORT = ScanReport((success(7, 42, "France", "ab"),), 2, 1.0, sections={7: "Countries"})


async def test_a_journal_becomes_a_report(tmp_path: Path) -> None:
    """With all that is in it: names, requests, businesses in no group, failures, and what changed."""
    before, after = tmp_path / "before.db", tmp_path / "after.db"
    alone = EmulatedBusiness("f" * 24, "Kiosk", city="Lille", status="open")
    async with Emulator(businesses=[alone]) as partoo, PartooClient(partoo.api_key, server=partoo.server) as client:
        await read_everything(client, before, resume=False)
        partoo.sections[5].groups[20].name = "Flagship stores"
        partoo.faults.add("status", status=404, match="GET /sections/5/groups/21")
        await read_everything(client, after, resume=False, strategy="groups")
        sent = len(partoo.requests)
    diff = await diff_scans(before, after)
    for suffix in ("html", "md", "json"):
        await write_report(after, tmp_path / f"report.{suffix}", diff=diff, since=AT)
    value = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert value["counts"]["groups"] == 76
    assert [one["name"] for one in value["ungrouped_businesses"]] == ["Kiosk"]
    assert [(one["section_id"], one["group_id"]) for one in value["failures"]] == [(5, 21)]
    assert [one["after"]["name"] for one in value["changes"]["groups_changed"]] == ["Flagship stores"]
    assert value["since"] == AT.isoformat()
    assert 0 < value["requests"] < sent
    for suffix in ("html", "md"):
        text = (tmp_path / f"report.{suffix}").read_text("utf-8")
        assert "Kiosk" in text
        assert "1 group could not be read. 1 change since" in text
    assert (await summary_text(before)).startswith("# Partoo groups, ")
    assert "by the list of businesses, 20 of 77 groups verified" in await summary_text(before)


async def test_a_scan_report_writes_itself(tmp_path: Path) -> None:
    """In the form that the suffix says, with the names of sections, and in place of what was there."""
    path = tmp_path / "report.HTML"
    path.write_text("old")
    await REPORT.write(path, at=AT)
    text = path.read_text("utf-8")
    assert "Partoo groups · 28 November 2026, 02:00 UTC" in text
    assert "<bdi>Countries</bdi>" in text
    await REPORT.write(tmp_path / "report.md", diff=await diff_scans(REPORT, REPORT))
    assert "Nothing changed since the scan before." in (tmp_path / "report.md").read_text("utf-8")
    await REPORT.write(str(tmp_path / "report.json"), at=AT, most=0)
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["groups"] == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["report.HTML", "report.json", "report.md"]


@each("path", ["report.txt", "report", "report.html.gz", ".html"])
def test_the_suffix_says_the_form(path: str) -> None:
    """Any other is refused, by the name of the argument."""
    with pytest.raises(ConfigurationError, match="^--report: expected a name that ends with .html, .md or .json, not "):
        check_report("--report", path)


async def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Nothing is left behind, and an error names the argument."""
    with pytest.raises(ConfigurationError, match="^path: expected a directory that exists"):
        await REPORT.write(tmp_path / "missing" / "report.md")
    with pytest.raises(ConfigurationError, match="^most: expected at least 0, not -1"):
        await REPORT.write(tmp_path / "report.md", most=-1)
    with pytest.raises(ConfigurationError, match="^journal: "):
        await write_report(tmp_path / "none.db", tmp_path / "report.md")
    assert list(tmp_path.iterdir()) == []


async def test_a_report_never_replaces_a_journal(tmp_path: Path) -> None:
    """Its own, or any other, which may have the only copy of what a scan of hours found."""
    journal = tmp_path / "scan.html"
    with closing(sqlite3.connect(journal)) as database:
        database.execute("CREATE TABLE kept (id)")
    before = journal.read_bytes()
    for writing in (write_report(journal, journal), REPORT.write(journal)):
        with pytest.raises(ConfigurationError, match="^path: .*scan.html is a journal or another database; "):
            await writing
    assert journal.read_bytes() == before
