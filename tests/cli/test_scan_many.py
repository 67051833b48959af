"""`partoo scan-many`: a file of organizations, whose keys come from elsewhere."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from partoo_async import ManyProgress
from partoo_async.cli.progress import PlainDisplay
from partoo_async.cli.progress_words import MANY
from partoo_async.emulator import EmulatedGroup, EmulatedKey, EmulatedSection, Emulator
from tests.cli.conftest import Result
from tests.support.common import PATIENCE
from tests.support.each import each

Partoo = Callable[..., Result]
Spawn = Callable[..., subprocess.Popen[str]]

KEY = "sk-many-secret-0123456789"
PRINTS_KEY = [sys.executable, "-c", f"print('{KEY}'); print('login: me')"]


def section(number: int, groups: int, org_id: int) -> EmulatedSection:
    ids = range(number * 100, number * 100 + groups)
    return EmulatedSection(
        number, f"S{number}", {n: EmulatedGroup(n, f"G{n}", business_ids=["b"]) for n in ids}, org_id=org_id
    )


@pytest.fixture
def agency(serve: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Two organizations, of 12 and of 5 groups; the key of the first one is in a variable, the other one's is KEY."""
    keys = {"emulator-key": EmulatedKey(), "first": EmulatedKey(org_id=1), KEY: EmulatedKey(org_id=2)}
    sections = [section(1, 7, 1), section(2, 5, 1), section(3, 5, 2)]
    emulator = serve(rate_limit=None, sections=sections, api_keys=keys)
    monkeypatch.delenv("PARTOO_API_KEY")
    monkeypatch.setenv("FIRST_KEY", "first")
    monkeypatch.setenv("WRONG_KEY", "of-nobody")
    return emulator


def file_of(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "organizations.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


TWO = f"""
[first]
key_env = "FIRST_KEY"

["Café Nord"]
key_command = {json.dumps(PRINTS_KEY)}
sections = [3]
"""
WRONG = '\n[wrong]\nkey_env = "WRONG_KEY"\n'


@pytest.mark.usefixtures("agency")
def test_a_table_of_the_organizations(partoo: Partoo, tmp_path: Path) -> None:
    """One line for each, whose key came from a variable or a command, and one summary; no key is shown."""
    result = partoo("scan-many", file_of(tmp_path, TWO))
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["organization", "groups", "failures", "seconds", "note"]
    assert [line[:-1] for line in lines[2:]] == [["first", "12", "0"], ["Café", "Nord", "5", "0"]]
    assert result.err.startswith("2 organizations, 17 groups, 0 failures, 21 requests, ")
    assert KEY not in result.out + result.err


@pytest.mark.usefixtures("agency")
def test_a_refused_key_is_a_note(partoo: Partoo, tmp_path: Path) -> None:
    """The others are scanned all the same, and the exit code is that of failures."""
    result = partoo("scan-many", file_of(tmp_path, TWO + WRONG))
    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if line.startswith("wrong")]
    assert "401 Unauthorized for GET /sections" in line
    assert result.err.startswith("3 organizations, 17 groups, 1 failure, ")


@pytest.mark.usefixtures("agency")
def test_if_all_fail_alike_the_code_says_why(partoo: Partoo, tmp_path: Path) -> None:
    """As with one scan: only refused keys end in the code of a refusal."""
    assert partoo("scan-many", file_of(tmp_path, WRONG)).code == 3


@pytest.mark.usefixtures("agency")
def test_json_has_the_name_of_the_organization(partoo: Partoo, tmp_path: Path) -> None:
    """One object a line on standard output, one for an organization that failed as a whole; the table goes to
    standard error."""
    result = partoo("scan-many", file_of(tmp_path, TWO + WRONG), "--json", "--with-businesses")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert sorted(row["organization"] for row in rows) == ["Café Nord"] * 5 + ["first"] * 12 + ["wrong"]
    (wrong,) = [row for row in rows if row["organization"] == "wrong"]
    assert list(wrong)[:4] == ["organization", "section_id", "group_id", "name"]
    assert (wrong["group_id"], wrong["business_ids"]) == (None, None)
    assert wrong["error"].startswith("401 Unauthorized")
    assert all(list(row) == list(wrong) for row in rows)
    assert "organization" in result.err


@pytest.mark.usefixtures("agency")
@pytest.mark.parametrize("strategy", ["groups", "businesses"])
def test_into_one_file(partoo: Partoo, tmp_path: Path, strategy: str) -> None:
    """A first column names the organization."""
    target = tmp_path / "all.csv"
    words = ("--output", target, "--rows", "group", "--strategy", strategy)
    result = partoo("scan-many", file_of(tmp_path, TWO + WRONG), *words)
    assert result.code == 1
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["organization"], row["name"]) for row in rows if not row["error"])[0] == ("Café Nord", "G300")
    assert len(rows) == 18
    assert [row["section_id"] for row in rows if row["error"]] == [""]
    assert result.err.splitlines()[-1] == f"18 rows in {target}"


def test_journals_and_resume(partoo: Partoo, agency: Emulator, tmp_path: Path) -> None:
    """A directory with a file for each organization; the second run asks only for the sections."""
    words = ("scan-many", file_of(tmp_path, TWO), "--journals", tmp_path / "journals")
    assert partoo(*words).code == 0
    again = partoo(*words)
    assert again.code == 2
    assert "that of 'first', exists already; --resume goes on with it" in again.err
    before = len(agency.requests)
    resumed = partoo(*words, "--resume")
    assert resumed.code == 0
    assert "17 groups" in resumed.err
    assert len(agency.requests) - before == 4
    assert partoo("scan-many", words[1], "--resume").err.startswith("partoo: error: --resume: needs --journals DIR")


@pytest.mark.skipif(os.name != "posix", reason="no such signals there")
def test_a_stopped_run_says_how_to_go_on(agency: Emulator, spawn: Spawn, partoo: Partoo, tmp_path: Path) -> None:
    """Ctrl-C shows what was had and prints the command that resumes, which gives the rest."""
    rest = agency.faults.add("stall", seconds=0.3, match=lambda _, path: path.endswith("03"))
    journals, file = tmp_path / "jour nals", file_of(tmp_path, TWO)
    process = spawn("scan-many", file, "--journals", journals)
    while rest.hits < 3 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "not complete" in out
    hint, ending = err.splitlines()[-2:]
    assert ending == "partoo: interrupted"
    rest.remove()
    words = shlex.split(hint.removeprefix("partoo: nothing is lost; to go on: "))
    assert words == ["partoo", "scan-many", "--resume", str(file), "--journals", str(journals)]
    assert "17 groups" in partoo(*words[1:]).err


COMMAND = 'key_command = "true"'


@each(
    ("text", "problem"),
    [
        ("", "expected a table for each organization, such as [acme]"),
        ("at_once = 5\n", "expected a table for each organization, such as [acme], and not at_once = ..."),
        ("[a]\nb = = 1", "is no TOML (at line 2, column 5)"),
        ("[a]\n", "[a]: expected either key_env or key_command"),
        ('[a]\nkey_env = "A"\n' + COMMAND, "[a]: expected either key_env or key_command, not both"),
        ('[a]\nkey_env = "NOT_SET"', "[a]: the environment variable NOT_SET is not set"),
        ("[a]\nkey_env = 7", "[a]: key_env: expected a string"),
        (
            f'[a]\napi_key = "{KEY}"',
            "[a]: a key in a file is easily shared; use key_env or key_command, or else --allow",
        ),
        ('[a]\nkey_env = "FIRST_KEY"\nsection = 7', "[a]: unknown field section; expected key_env, key_command, sect"),
        ('[a]\nkey_command = "false"', "[a]: key_command: ended with code 1"),
        ('[a]\nkey_command = "true"', "[a]: key_command: printed no key in its first line"),
        (f'[a]\nkey_command = "no-such-{KEY}"', "[a]: key_command: cannot be run: No such file or directory"),
        (f'[a]\nkey_command = "echo \'{KEY}"', "[a]: key_command: expected a command, as a string or a list"),
        ("[a]\nkey_command = []", "[a]: key_command: expected a command, as a string or a list of its words"),
        ('[a]\nkey_env = "FIRST_KEY"\nsections = "x"', "organizations['a']: section_ids: expected an int"),
    ],
)
@pytest.mark.usefixtures("agency")
def test_a_bad_file(partoo: Partoo, tmp_path: Path, text: str, problem: str) -> None:
    """One line that names the file and the organization, no key in it, before anything is sent."""
    path = file_of(tmp_path, text)
    result = partoo("scan-many", path)
    assert (result.code, result.out) == (2, "")
    assert problem in result.err
    assert result.err.startswith((f"partoo: error: {path}: ", "partoo: error: organizations["))
    assert KEY not in result.err


def test_a_missing_file(partoo: Partoo, tmp_path: Path) -> None:
    """Is said to be missing."""
    result = partoo("scan-many", tmp_path / "no.toml")
    assert (result.code, result.err) == (
        2,
        f"partoo: error: {tmp_path / 'no.toml'}: cannot read it: No such file or directory\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="no such permissions there")
def test_permissions_of_the_file(agency: Emulator, partoo: Partoo, tmp_path: Path) -> None:
    """Nobody else may change a file that names commands, nor read one that holds keys; others may be of any kind."""
    keys = f'[second]\napi_key = "{KEY}"\n'
    for text, mode, words, problem in [
        (TWO, 0o620, (), "others may change it, and it names commands to run; chmod go-w "),
        (TWO, 0o644, (), ""),
        (keys, 0o640, ("--allow-keys-in-file",), "others may read it, and it holds keys; chmod go= "),
        (keys, 0o600, ("--allow-keys-in-file",), ""),
        ('[first]\nkey_env = "FIRST_KEY"\n', 0o666, (), ""),
    ]:
        before = len(agency.requests)
        result = partoo("scan-many", file_of(tmp_path, text, mode), *words)
        assert result.code == (2 if problem else 0), result.err
        assert problem in result.err
        assert (len(agency.requests) > before) is not bool(problem)
        assert KEY not in result.out + result.err


@pytest.mark.usefixtures("agency")
def test_a_part_of_a_larger_file(partoo: Partoo, tmp_path: Path) -> None:
    """Tables below ``organizations`` are the organizations, whatever else the file has."""
    text = '[other]\nx = 1\n[organizations.first]\nkey_env = "FIRST_KEY"\nsections = [1]\n'
    result = partoo("scan-many", file_of(tmp_path, text))
    assert (result.code, result.err.partition(" groups")[0]) == (0, "1 organization, 7")


def test_csv_on_standard_output(agency: Emulator, partoo: Partoo, tmp_path: Path) -> None:
    """With the organization first, and the table on standard error instead."""
    result = partoo("scan-many", file_of(tmp_path, TWO), "--format", "csv", "--delimiter", ";", "--rows", "group")
    lines = [*csv.reader(result.out.splitlines(), delimiter=";")]
    assert (result.code, len(lines), lines[0][:2]) == (0, 1 + 17, ["organization", "section_id"])
    assert {line[0] for line in lines[1:]} == {"first", "Café Nord"}
    assert "organization" in result.err


def test_plain_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """Organizations, groups, speed, time left, and how many are paused or holding, and retries."""
    display = PlainDisplay(words=MANY)
    display.show(ManyProgress(0, 0, 0, 0.0, 0.0, 3, 3, 0, 0))
    display.show(ManyProgress(1204, 2, 24000, 35.21, 600.0, 300, 64, 12, 1, 5, 2, 7))
    display.show(ManyProgress(10, 0, 10, 35.2, 0.0, 3, 0, 3, 0))
    assert capsys.readouterr().err.splitlines() == [
        "0/3 organizations, 0/0 groups, 0.0/s, ETA 0.0 s",
        "12/300 organizations, 1,204/24,000 groups, 35.2/s, ETA 10 min 00 s, 3 failed, 5 paused, 2 holding, 7 retries",
    ]


def test_a_bar_for_many() -> None:
    """The same in fewer words, to the left and to the right of the bar."""
    progress = ManyProgress(1204, 2, 24000, 35.21, 600.0, 300, 64, 12, 1)
    assert MANY.bar(progress) == ("12/300  1,204/24,000", "35.2/s, ETA 10 min 00 s, 3 failed")
