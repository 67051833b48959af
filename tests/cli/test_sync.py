"""What `partoo sync` prints, and with which code it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partoo_async import ScanProgress
from partoo_async.cli import sync_output
from partoo_async.cli.progress_words import SCAN
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from partoo_async.nightly.state import take_state
from partoo_async.warehouse import load
from tests.cli.conftest import Result
from tests.support.common import PATIENCE
from tests.support.each import each

Partoo = Callable[..., Result]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_changed_is_no_output(emulator: Emulator, partoo: Partoo) -> None:
    """Standard output is what cron mails: it has what changed, and nothing else. The rest is on standard error."""
    first = partoo("sync", "--state", "state", "--strategy", "groups")
    assert (first.code, first.out) == (0, "")
    assert first.err.splitlines()[0].startswith("77 groups, 0 failures, ")
    assert first.err.splitlines()[1:] == ["nothing to compare with yet"]
    second = partoo("sync", "--state", "state", "--strategy", "groups")
    assert (second.code, second.out) == (0, "")
    assert second.err.splitlines()[1:] == ["77 groups compared: nothing changed"]
    quiet = partoo("sync", "--state", "state", "--quiet")
    assert quiet == Result(0, "", "")


def test_what_changed_is_printed(emulator: Emulator, partoo: Partoo) -> None:
    """As the text of the comparison, once, with the names that the scan knows."""
    partoo("sync", "--state", "state")
    emulator.sections[5].groups[20].name = "Renamed"
    left = emulator.sections[5].groups[20].business_ids.pop()
    changed = partoo("sync", "--state", "state", "-q")
    assert changed.code == 0
    assert changed.err == ""
    assert changed.out.startswith(
        '77 groups compared: 1 group changed.\n\nGroups changed (1)\n- section 5 "Concept", group'
    )
    assert f'    1 left: {left} "{emulator.businesses[left].name}"\n' in changed.out
    assert partoo("sync", "--state", "state", "-q").out == ""


def test_the_steps_after_the_scan_are_seen(emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last group the bar says what is done, and for how long: a load may take a while."""
    steps: list[str] = []
    seen: list[object] = []
    note = sync_output._Seen.note

    def noted(self: Any, step: str) -> None:
        note(self, step)
        steps.append(step)
        seen.append((sync_output.SYNC.line(self.look()), sync_output.SYNC.bar(self.look())))

    async def loaded(*_: object, **__: object) -> dict[str, int]:
        return {}

    monkeypatch.setattr(sync_output._Seen, "note", noted)
    monkeypatch.setattr(load, "load", loaded)
    options = ("--state", "state", "--strategy", "groups", "--report", "r.md", "--to", "sqlite:///tables.db")
    assert partoo("sync", *options).code == 0
    assert steps == ["reading businesses", "comparing", "writing the report", "loading into the database"]
    assert seen == [(f"{step}, 0.0 s", (step, "0.0 s")) for step in steps]


def test_pauses_and_holds_of_its_scan_are_seen() -> None:
    """The scan itself is looked at: it tells no progress while it waits."""
    paused = ScanProgress(40, 0, 412, 4.9, 83.0, 41.0)

    class Waiting:
        progress = paused

    seen = sync_output._Seen()
    assert sync_output.SYNC.line(seen.look()) == ""
    scan: Any = Waiting()
    seen.begin(scan)
    assert sync_output.SYNC.line(seen.look()) == SCAN.line(paused) != ""
    assert sync_output.SYNC.bar(seen.look()) == SCAN.bar(paused)


@each(("terminal", "times"), [(True, 1), (False, 2)])
def test_a_terminal_is_told_once_what_changed(
    emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch, terminal: bool, times: int
) -> None:
    """Where standard output is seen, the summary does not repeat it; where that goes elsewhere, both say it."""
    partoo("sync", "--state", "state", "-q")
    group = emulator.sections[5].groups[20]
    group.name += "!"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    result = partoo("sync", "--state", "state")
    assert (result.out + result.err).count("77 groups compared") == times


def small() -> list[EmulatedSection]:
    """A section of five groups, and one of thirty."""
    return [
        EmulatedSection(5, "Few", {number: EmulatedGroup(number, f"G{number}") for number in range(20, 25)}),
        EmulatedSection(3, "Many", {number: EmulatedGroup(number, f"G{number}") for number in range(30, 60)}),
    ]


def test_exit_codes(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """0 and 1: complete or not; with --exit-code as of a comparison: 1 if something changed, 2 if nobody knows."""
    emulator = serve(rate_limit=None, sections=small())
    words = ("sync", "--state", "state", "--strategy", "groups", "-q")
    assert partoo(*words, "--exit-code").code == 0
    emulator.sections[5].groups[20].name = "Renamed"
    assert partoo(*words, "--exit-code").code == 1
    assert partoo(*words, "--exit-code").code == 0
    emulator.sections[5].groups[20].name = "Renamed again"
    assert partoo(*words).code == 0
    emulator.faults.add("status", match="/sections/5/groups/21", status=404)
    failed = partoo(*words)
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith('partoo: not read, keeps what was known: section 5 "Few", group 21: 404 Not Found')
    assert partoo(*words, "--exit-code").code == 2
    emulator.sections[5].groups[20].name = "Renamed at last"
    assert partoo(*words, "--exit-code").code == 1
    helped = partoo("sync", "--help").out
    assert "with --exit-code: something changed" in helped


def test_many_failures_are_counted(serve: Callable[..., Emulator], partoo: Partoo) -> None:
    """Twenty are named: a section of thousands makes no mail of thousands of lines."""
    emulator = serve(rate_limit=None, sections=small())
    partoo("sync", "--state", "state", "-q")
    emulator.faults.add("status", match="/sections/3/groups/{group_id}", status=404)
    failed = partoo("sync", "--state", "state", "--strategy", "groups", "-q")
    assert failed.code == 1
    lines = failed.err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "partoo: and 10 more"


@each(
    "words, problem",
    [
        ((), "error: --state: missing"),
        (("--state", "missing/state"), "error: --state: expected a directory in one that exists, not missing/state"),
        (("--state", "file"), "error: --state: expected a directory, not a file: file"),
        (("--state", "s", "--report", "r.txt"), "error: --report: expected a name that ends with .html, .md or .json"),
        (("--state", "s", "--report", "missing/r.md"), "error: --report: expected a directory that exists, not "),
        (("--state", "s", "--to", "duckdb:///missing/f"), "error: --to: there is no directory"),
        (("--state", "s", "--strategy", "groups", "--verify", "3"), "error: --verify: needs --strategy businesses"),
        (("--state", "s", "--organization", " "), "error: --organization: expected an id, or a name"),
    ],
)
def test_a_wrong_command_line_is_one_error(
    emulator: Emulator, partoo: Partoo, tmp_path: Path, words: tuple[str, ...], problem: str
) -> None:
    """It names the option, and nothing is asked for."""
    (tmp_path / "file").touch()
    before = len(emulator.requests)
    result = partoo("sync", *words)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith(f"partoo: {problem}")
    assert len(emulator.requests) == before
    assert not (tmp_path / "s").exists()


def test_a_directory_in_use_is_refused(emulator: Emulator, partoo: Partoo, tmp_path: Path) -> None:
    """With the number of the process that has it."""
    taken = take_state(tmp_path / "state", emulator.url, None)
    refused = partoo("sync", "--state", "state")
    taken.release()
    assert refused == Result(
        2, "", f"partoo: error: --state: state is in use by process {os.getpid()}; wait until it has ended\n"
    )


def test_a_password_is_never_printed(emulator: Emulator, partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of --to nor of the variable in its place, which no other user of the machine can read."""
    url = "postgresql://user:a-password@127.0.0.1:1/shops?connect_timeout=2"
    monkeypatch.setenv("PARTOO_TO", url)
    for words in ((), ("--to", url)):
        failed = partoo("sync", "--state", "state", *words)
        assert failed.code == 2
        assert failed.out == ""
        assert failed.err.startswith("partoo: error: --to: postgresql 127.0.0.1:1/shops: ")
        assert failed.err.endswith("; nothing is lost: started again, it loads without another scan\n")
        assert "a-password" not in failed.err
    asked = len(emulator.requests)
    monkeypatch.delenv("PARTOO_TO")
    loaded = partoo("sync", "--state", "state", "--to", "duckdb:///shops.duckdb", "--report", "r.html")
    assert loaded.code == 0
    assert len(emulator.requests) == asked
    assert "loaded 6 sections, 77 groups, " in loaded.err
    assert "report in r.html" in loaded.err


def test_the_reader_that_left_is_told_again(emulator: Emulator, spawn: Any, tmp_path: Path) -> None:
    """What could not be written to standard output does not count as told."""
    spawn("sync", "--state", "state", "-q").wait(timeout=PATIENCE)
    emulator.sections[5].groups[20].name = "Renamed"
    process = spawn("sync", "--state", "state", "-q")
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 141
    out, _ = spawn("sync", "--state", "state", "-q").communicate(timeout=PATIENCE)
    assert "Renamed" in out


def test_ctrl_c_ends_it_and_loses_nothing(serve: Callable[..., Emulator], spawn: Any) -> None:
    """What was read is not asked for again."""
    emulator = serve(rate_limit=None)
    rest = emulator.faults.add("stall", match="/sections/12/groups/{group_id}")
    process: subprocess.Popen[str] = spawn("sync", "--state", "state", "--strategy", "groups", "--progress", "plain")
    while rest.hits < 4:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "partoo: interrupted"
    rest.remove()
    before = len(emulator.requests)
    process = spawn("sync", "--state", "state", "--strategy", "groups")
    assert process.wait(timeout=PATIENCE) == 0
    assert len(emulator.requests) - before < 77


def test_organizations_by_id_and_by_name(emulator: Emulator, partoo: Partoo, tmp_path: Path) -> None:
    """Digits are an id; anything else is a name."""
    for folder, words, kept in (("a", ("--organization", "north"), "north"), ("b", (), None)):
        assert partoo("sync", "--state", folder, "-q", *words).code == 0
        assert json.loads((tmp_path / folder / "state.json").read_text())["organization"] == kept
    refused = partoo("sync", "--state", "a", "--organization", "1")
    assert "is the state of organization 'north', not of organization 1" in refused.err


def test_trouble_with_a_journal_names_an_option_that_there_is(
    emulator: Emulator, partoo: Partoo, tmp_path: Path
) -> None:
    """The directory, not the option for a journal, which other commands have."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "running.journal").mkdir()
    (tmp_path / "state" / "state.json").write_text(
        json.dumps({"format": 1, "server": emulator.url, "organization": None})
    )
    for words in (("sync",), ("watch", "--every", "1h")):
        failed = partoo(*words, "--state", "state")
        assert failed.code == 2
        assert failed.err.startswith("partoo: error: --state: cannot open state/running.journal: Is a directory; ")
