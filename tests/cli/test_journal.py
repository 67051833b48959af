"""`partoo scan` with a journal, into a file, and of everything."""

from __future__ import annotations

import csv
import json
import os
import resource
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.cli.conftest import Result
from tests.support.common import PATIENCE

Partoo = Callable[..., Result]
Spawn = Callable[..., subprocess.Popen[str]]


def numbered(count: int, section_id: int = 7) -> EmulatedSection:
    groups = {number: EmulatedGroup(number, f"G{number}", business_ids=[f"b{number}"]) for number in range(count)}
    return EmulatedSection(section_id, "Numbered", groups)


def late(_: str, path: str) -> bool:
    """All but the first twenty groups of section 7."""
    return path.startswith("/sections/7/groups/") and int(path.rpartition("/")[2]) >= 20


def ids(lines: str) -> list[int]:
    return [json.loads(line)["group_id"] for line in lines.splitlines()]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.soak)]
)
def test_a_stopped_scan_says_how_to_go_on_and_does(
    serve: Callable[..., Emulator], spawn: Spawn, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Ctrl-C and SIGTERM print the exact command that resumes; run as printed it gives each group once, all of them."""
    emulator = serve(rate_limit=None, sections=[numbered(60)])
    rest = emulator.faults.add("stall", seconds=0.3, match=late)
    path = tmp_path / "my scan.db"
    process = spawn("scan", 7, "--max-concurrency", 4, "--json", "--journal", path)
    while rest.hits < 4:
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    rest.remove()
    hint, ending = err.splitlines()[-2:]
    assert ending in {"partoo: interrupted", "partoo: terminated"}
    command = shlex.split(hint.removeprefix("partoo: nothing is lost; to go on: "))
    expected = ["scan", "--resume", "7", "--max-concurrency", "4", "--json", "--journal", str(path)]
    assert command == ["partoo", *expected]
    out, err = spawn(*command[1:]).communicate(timeout=PATIENCE)
    assert sorted(ids(out)) == list(range(60))
    groups = [seen.path for seen in emulator.requests if "groups" in seen.path]
    # What was in flight when it stopped may be asked for again, and nothing else is.
    assert 60 <= len(groups) <= 60 + 4
    assert "recorded already" in err
    assert "recorded before" in err


def test_a_second_resume_asks_for_nothing_but_the_section(
    serve: Callable[..., Emulator], partoo: Partoo, tmp_path: Path
) -> None:
    """A finished scan resumed replays everything with one request, and an earlier run without --resume is refused."""
    emulator = serve(rate_limit=None, sections=[numbered(5)])
    path = tmp_path / "scan.db"
    assert partoo("scan", 7, "--json", "--journal", path).code == 0
    again = partoo("scan", 7, "--json", "--journal", path)
    assert (again.code, again.out) == (2, "")
    assert "exists already; --resume goes on with it" in again.err
    result = partoo("scan", 7, "--json", "--journal", path, "--resume")
    assert sorted(ids(result.out)) == list(range(5))
    assert len(emulator.requests) == 6 + 1


def test_failed_groups_are_tried_again_or_kept(serve: Callable[..., Emulator], partoo: Partoo, tmp_path: Path) -> None:
    """--resume tries failed groups again; --keep-failed replays the failure without a request."""
    emulator = serve(rate_limit=None, sections=[numbered(5)])
    path = tmp_path / "scan.db"
    options = ("--group", 1, "--group", 99, "--json", "--journal", path)
    first = partoo("scan", 7, *options)
    assert first.code == 1
    asked = len(emulator.requests)
    kept = partoo("scan", 7, *options, "--resume", "--keep-failed")
    assert kept.code == 1
    assert [json.loads(line)["error"] is None for line in kept.out.splitlines()].count(False) == 1
    assert len(emulator.requests) == asked
    emulator.sections[7].groups[99] = EmulatedGroup(99, "Late")
    tried = partoo("scan", 7, *options, "--resume")
    assert (tried.code, sorted(ids(tried.out))) == (0, [1, 99])
    assert len(emulator.requests) == asked + 1


def test_file_names_that_are_no_utf8(
    serve: Callable[..., Emulator], spawn: Spawn, command: tuple[str, ...], tmp_path: Path
) -> None:
    """Names from a Latin-1 system: journal and file are written, what resumes can be pasted into a shell, and a
    comparison reads them."""
    emulator = serve(rate_limit=None, sections=[numbered(5)])
    journal, lines = (os.fsdecode(os.fsencode(tmp_path) + name) for name in (b"/caf\xe9's.db", b"/caf\xe9.ndjson"))
    options = ("--group", 1, "--group", 99, "--journal", journal, "--output", lines)
    stopped = spawn("scan", 7, "--max-failures", 0, *options)
    _, err = stopped.communicate(timeout=PATIENCE)
    assert stopped.returncode == 1
    hint = next(line for line in err.splitlines() if "to go on: " in line).partition("to go on: ")[2]
    emulator.sections[7].groups[99] = EmulatedGroup(99, "Late")
    typed = f'partoo() {{ {shlex.join(command)} "$@"; }}\n{hint}'
    resumed = subprocess.run(["bash", "-c", typed], capture_output=True, text=True, check=False)
    assert (resumed.returncode, resumed.stdout) == (0, ""), resumed.stderr
    assert resumed.stderr.splitlines()[-1] == f"2 rows in {tmp_path}/caf\\udce9.ndjson"
    compared = spawn("diff", journal, lines)
    assert compared.communicate(timeout=PATIENCE) == ("", "partoo: 2 groups compared: nothing changed\n")
    assert compared.returncode == 0


def test_added_and_deleted_groups_are_told(serve: Callable[..., Emulator], partoo: Partoo, tmp_path: Path) -> None:
    """A resumed scan says how many groups came and went since the journal was written."""
    emulator = serve(rate_limit=None, sections=[numbered(5)])
    path = tmp_path / "scan.db"
    partoo("scan", 7, "--journal", path)
    emulator.sections[7].groups[50] = EmulatedGroup(50, "New")
    del emulator.sections[7].groups[1]
    result = partoo("scan", 7, "--journal", path, "--resume", "--json")
    assert sorted(ids(result.out)) == [0, 1, 2, 3, 4, 50]
    assert "1 group added and 1 deleted since the journal was last written" in result.err


def test_a_damaged_journal_is_one_line(serve: Callable[..., Emulator], partoo: Partoo, tmp_path: Path) -> None:
    """A journal that is not one, or in use, costs no request and is not overwritten."""
    emulator = serve(rate_limit=None)
    path = tmp_path / "scan.db"
    path.write_text("not a database, but somebody's notes")
    result = partoo("scan", 7, "--journal", path, "--resume")
    assert (result.code, result.out, emulator.requests) == (2, "", ())
    assert (
        result.err
        == f"partoo: error: --journal: {path} is not a journal, or its beginning is damaged; use another file\n"
    )
    assert path.read_text() == "not a database, but somebody's notes"


def test_everything_is_scanned(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """--all finds the sections by itself."""
    emulator = serve(rate_limit=None)
    result = partoo("scan", "--all", "--json")
    assert result.code == 0
    found = {(line["section_id"], line["group_id"]) for line in map(json.loads, result.out.splitlines())}
    assert found == {(section.id, group) for section in emulator.sections.values() for group in section.groups}


def test_into_a_file(serve: Callable[..., Emulator], partoo: Partoo, tmp_path: Path) -> None:
    """--output writes a file by its suffix; the summary stays on standard error, and standard output stays empty."""
    serve(rate_limit=None, sections=[numbered(3)])
    path = tmp_path / "groups.csv"
    result = partoo("scan", 7, "--output", path, "--rows", "group")
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines()[-1] == f"3 rows in {path}"
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert sorted(row["group_id"] for row in csv.DictReader(file)) == ["0", "1", "2"]
    lines = tmp_path / "groups.ndjson"
    partoo("scan", 7, "--output", lines)
    assert sorted(ids(lines.read_text())) == [0, 1, 2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("scan",), "give either SECTION_ID or --all"),
        (("scan", 7, "--all"), "give either SECTION_ID or --all"),
        (("scan", "--all", "--group", 1), "--group: needs exactly one SECTION_ID"),
        (("scan", 7, 9, "--group", 1), "--group: needs exactly one SECTION_ID"),
        (("scan", 7, "--org-id", 1), "--org-id: needs --all"),
        (("scan", 7, "--resume"), "--resume: needs --journal FILE"),
        (("scan", 7, "--keep-failed"), "--keep-failed: needs --resume"),
        (("scan", 7, "--output", "groups.xlsx"), "--output: expected the suffix .ndjson"),
        (("scan", 7, "--output", "groups.csv", "--json"), "so it does not go with --output"),
        (("scan", 7, "--rows", "group"), "--rows: needs --output FILE.csv"),
        (("scan", 7, "--max-failures", "many"), "--max-failures: expected a count such as 10, or a share such as 5%"),
        (("scan", 7, "--max-failures", "101%"), "--max-failures: expected a count such as 10, or a share such as 5%"),
        (("scan", 7, "--max-failures", "-1"), "--max-failures: expected a count such as 10, or a share such as 5%"),
    ],
)
def test_contradictions_cost_no_request(
    emulator: Emulator, partoo: Partoo, words: tuple[object, ...], message: str
) -> None:
    """Options that contradict each other are one line and exit code 2, before anything is sent."""
    result = partoo(*words)
    assert (result.code, result.out, emulator.requests) == (2, "", ())
    assert message in result.err


def test_a_share_of_failures_is_tolerated(serve: Callable[..., Emulator], partoo: Partoo, tmp_path: Path) -> None:
    """--max-failures 50% tolerates half; with a journal the end of a scan says how to go on."""
    serve(rate_limit=None, sections=[numbered(2)])
    groups = ("--group", 0, "--group", 1, "--group", 98, "--group", 99)
    assert partoo("scan", 7, *groups, "--max-failures", "50%").code == 1
    path = tmp_path / "scan.db"
    result = partoo("scan", 7, *groups, "--max-failures", "25%", "--journal", path)
    assert result.code == 1
    assert "--max-failures 0.25 tolerates no more than 1" in result.err
    options = "--group 0 --group 1 --group 98 --group 99 --max-failures 25%"
    assert f"to go on: partoo scan --resume 7 {options} --journal {path}" in result.err


def test_the_key_is_not_in_the_journal(emulator: Emulator, partoo: Partoo, tmp_path: Path) -> None:
    """Neither in the file nor in what SQLite reads from it."""
    path = tmp_path / "scan.db"
    partoo("scan", 7, 404, "--journal", path)
    assert emulator.api_key.encode() not in path.read_bytes()
    connection = sqlite3.connect(path)
    text = "\n".join(connection.iterdump())
    connection.close()
    assert emulator.url in text
    assert emulator.api_key not in text


def test_a_full_disk_costs_the_file_and_not_the_scan(
    serve: Callable[..., Emulator], spawn: Spawn, tmp_path: Path
) -> None:
    """When the file cannot be written, one line says so and the next how to go on; with the journal nothing is lost."""
    emulator = serve(rate_limit=None, sections=[numbered(5)])
    emulator.sections[7].groups[1].business_ids = [f"g{number:023x}" for number in range(30_000)]
    path, journal = tmp_path / "groups.ndjson", tmp_path / "scan.db"

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    process = spawn("scan", 7, "--output", path, preexec_fn=small_files, afresh=True)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith(f"partoo: error: {path} was not written: ")
    assert not path.exists()
    words = ("scan", 7, "--output", path, "--journal", journal)
    journal_limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (625_000, 625_000))}
    _, err = spawn(*words, **journal_limit, afresh=True).communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    hint, error = err.splitlines()[-2:]
    assert " scan --resume 7 " in hint
    assert "the scan ended early: journal: " in error
    spawn(*words, "--resume").communicate(timeout=PATIENCE)
    assert len(path.read_text().splitlines()) == 5
