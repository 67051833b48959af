"""Where results go: the options of all that lists something, and standard output in the formats of files."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ConfigurationError
from partoo_async.cli.app import run_process
from partoo_async.cli.result_options import FormatName, RowForm, ScanOptions, Target
from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from tests.cli.conftest import Result
from tests.support.each import each

Partoo = Callable[..., Result]

CSV, NDJSON, PARQUET = FormatName.CSV, FormatName.NDJSON, FormatName.PARQUET


@each(
    ("options", "target"),
    [
        ({}, None),
        ({"as_json": True}, Target(None, "ndjson", None)),
        ({"output": "-"}, Target(None, "ndjson", None)),
        ({"output": "-", "as_json": True}, Target(None, "ndjson", None)),
        ({"output": "-", "format": CSV}, Target(None, "csv", None)),
        ({"format": CSV, "delimiter": ";"}, Target(None, "csv", ";")),
        ({"format": PARQUET}, Target(None, "parquet", None)),
        ({"output": "a.csv"}, Target("a.csv", None, None)),
        ({"output": "A.CSV", "delimiter": "tab"}, Target("A.CSV", None, "\t")),
        ({"output": "a.csv", "delimiter": "\\t"}, Target("a.csv", None, "\t")),
        ({"output": "a.txt", "format": CSV, "delimiter": ","}, Target("a.txt", "csv", ",")),
        ({"output": "a.csv", "rows": RowForm.GROUP}, Target("a.csv", None, None, "group")),
    ],
)
def test_where_results_go(options: dict[str, Any], target: Target | None) -> None:
    """A table, lines on standard output, or a file; the delimiter of tabs can be typed."""
    assert ScanOptions(**options).target() == target


@each(
    ("options", "problem"),
    [
        ({"output": "a.csv", "as_json": True}, "--json: prints to standard output"),
        ({"format": CSV, "as_json": True}, "--json: does not go with --format csv"),
        ({"delimiter": ";"}, "--delimiter: needs --output FILE.csv or --format csv"),
        ({"delimiter": ";", "output": "a.ndjson"}, "--delimiter: needs --output FILE.csv"),
        ({"rows": RowForm.GROUP}, "--rows: needs --output FILE.csv"),
        ({"rows": RowForm.GROUP, "output": "a.csv", "format": NDJSON}, "--rows: needs --output FILE.csv"),
        ({"format": CSV, "delimiter": "::"}, "--delimiter: expected ',', ';' or tab, not '::'"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], problem: str) -> None:
    """In the words of the command line, before anything is sent."""
    with pytest.raises(ConfigurationError, match="^" + problem.replace("(", r"\(")):
        ScanOptions(**options).target()


def test_parquet_is_not_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes would garble one; a file and a pipe take them."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(ConfigurationError, match="^--format: parquet is not for a terminal"):
        ScanOptions(format=PARQUET, output="-").target()
    assert ScanOptions(format=PARQUET, output="file").target() is not None


@pytest.fixture
def risky(serve: Callable[..., Emulator]) -> Emulator:
    """A section and a group whose names a spreadsheet would run, and a name with each delimiter in it."""
    shop = EmulatedBusiness("b1", "a;=1+1,\tb", city="Paris", country="FR")
    groups = {1: EmulatedGroup(1, "=1+1", business_ids=["b1"])}
    return serve(sections=[EmulatedSection(7, "@cmd", groups)], businesses=[shop], rate_limit=None)


def cells(text: str, delimiter: str) -> list[list[str]]:
    return [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]


@pytest.mark.usefixtures("risky")
@each(("typed", "delimiter"), [(",", ","), (";", ";"), ("tab", "\t")])
def test_csv_on_standard_output_is_guarded(typed: str, delimiter: str, partoo: Partoo) -> None:
    """As in a file, whatever the delimiter: nothing that a spreadsheet would run, split by that or by another one.

    There is no mark of the encoding, which a program would take for a part of the first name.
    """
    how = ("--format", "csv", "--delimiter", typed)
    head, group = cells(partoo("scan", 7, *how).out, delimiter)
    assert (head[0], group[:3]) == ("section_id", ["7", "1", "'=1+1"])
    head, section = cells(partoo("sections", *how).out, delimiter)
    assert dict(zip(head, section, strict=True)) == {
        "section_id": "7",
        "name": "'@cmd",
        "can_edit": "true",
        "has_puller": "false",
        "group_ids": "1",
    }
    head, business = cells(partoo("businesses", *how).out, delimiter)
    named = dict(zip(head, business, strict=True))
    assert named["name"].replace("'", "") == "a;=1+1,\tb"
    assert (";=" in named["name"]) == (delimiter == ";")  # the quoted cell is one; elsewhere it may be split there
    assert "extra" not in named


@pytest.mark.usefixtures("emulator")
def test_a_dash_is_standard_output(partoo: Partoo) -> None:
    """Its lines are those of --json, which are objects of the same fields as a file has."""
    for words in (["scan", 7, 9], ["sections"], ["businesses"]):
        dash, as_json = partoo(*words, "--output", "-"), partoo(*words, "--json")
        assert (dash.code, as_json.code) == (0, 0)
        assert sorted(dash.out.splitlines()) == sorted(as_json.out.splitlines())
        assert all(json.loads(line) for line in dash.out.splitlines())


def test_lists_are_written_to_files(risky: Emulator, partoo: Partoo, tmp_path: Path) -> None:
    """Of sections and of businesses, with one line that says so; Parquet is for scans only."""
    for command in ("sections", "businesses"):
        path = tmp_path / f"{command}.csv"
        result = partoo(command, "--output", path)
        assert (result.code, result.out) == (0, "")
        assert result.err == f"partoo: 1 row in {path}\n"
        assert len(cells(path.read_text("utf-8-sig"), ",")) == 2
        refused = partoo(command, "--output", tmp_path / "x.parquet")
        assert (refused.code, refused.out) == (2, "")
        assert "expected 'ndjson' or 'csv' for a list" in refused.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["businesses.csv", "sections.csv"]


@pytest.mark.usefixtures("risky")
def test_parquet_goes_to_a_pipe(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """As a whole, when the scan is complete."""
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run_process(["scan", "7", "--format", "parquet"]) == 0
    table = parquet.read_table(io.BytesIO(capfdbinary.readouterr().out))
    assert table.column("name").to_pylist() == ["=1+1"]


@pytest.mark.usefixtures("emulator")
def test_a_reader_that_has_enough_ends_csv_cleanly(spawn: Callable[..., subprocess.Popen[str]]) -> None:
    """As with --json: 141, and no word of a traceback."""
    process = spawn("businesses", "--format", "csv")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


@pytest.mark.usefixtures("emulator")
def test_quiet_is_only_results_and_errors(partoo: Partoo) -> None:
    """No plan, no summary; a group that failed is in the table."""
    result = partoo("scan", 7, "-q")
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) == 2 + 24


def test_sections_that_could_not_be_read_are_named(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """On standard error too, where the results are lines or a file, with the names that their list has."""
    emulator = serve(rate_limit=None)
    emulator.faults.add("status", status=403, match="/sections/7")
    result = partoo("scan", "--all", "--json", "--progress", "none")
    assert result.code == 1
    name = emulator.sections[7].name
    assert f'partoo: not read: section 7 "{name}": 403 Forbidden' in result.err
    unknown = partoo("scan", 7, 404, "--json")
    assert "partoo: not read: section 404: 404 Not Found" in unknown.err


def test_a_key_that_is_withdrawn_ends_a_scan(serve: Callable[..., Emulator], partoo: Partoo, tmp_path: Path) -> None:
    """After three refusals in a row, with what it had, the code of the reason, and how to go on; one alone does not."""
    emulator = serve(rate_limit=None)
    fault = emulator.faults.add("status", status=401, match="/sections/7/groups/45", times=1)
    once = partoo("scan", 7, "--max-concurrency", 1)
    assert (once.code, fault.hits, len(once.out.splitlines())) == (1, 1, 2 + 24)
    emulator.faults.add("status", status=401, match=lambda _, path: path >= "/sections/7/groups/50")
    sent = len(emulator.requests)
    ended = partoo("scan", 7, "--max-concurrency", 1, "--journal", tmp_path / "journal")
    assert (ended.code, len(ended.out.splitlines())) == (3, 2 + 12)  # ten groups and two refusals
    assert len(emulator.requests) - sent < 1 + 24
    *_, hint, error = ended.err.splitlines()
    assert hint.startswith("partoo: nothing is lost; to go on: partoo scan --resume 7")
    assert error.startswith("partoo: error: 401 Unauthorized")


def test_nothing_to_read_is_said(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """In a sentence, not by an empty table."""
    serve(sections=[EmulatedSection(7, "Empty")], rate_limit=None)
    result = partoo("scan", 7)
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[-1] == "there is no group to read"
