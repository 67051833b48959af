"""Standard streams that are closed, or that nobody reads: exit codes are the documented ones, and results are kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from partoo_async.cli.streams import Messages
from partoo_async.emulator import Emulator

Spawn = Callable[..., subprocess.Popen[str]]

LINE = '{"section_id":1,"group_id":1,"name":"a","has_puller":false,"business_ids":[],"error":null}\n'


def closed(*descriptors: int) -> dict[str, Any]:
    """What a shell does for ``>&-``."""

    def close() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for descriptor in descriptors:
            os.close(descriptor)

    return {"preexec_fn": close, "afresh": True}


def unread() -> IO[bytes]:
    """The end to write to of a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "wb")


def run(spawn: Spawn, *arguments: object, **options: Any) -> tuple[int, str, str]:
    process = spawn(*arguments, **options)
    for stream in options.values():
        if hasattr(stream, "close"):
            stream.close()  # the process has its own
    out, err = process.communicate(timeout=60)
    return process.returncode, out or "", err or ""


@pytest.fixture(params=["closed", "unread"])
def silent(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options for a process that nobody hears: its standard error is closed, or a pipe that nobody reads."""
    return closed(2) if request.param == "closed" else {"stderr": unread()}


@pytest.mark.parametrize(("after", "code"), [("before", 0), ("missing", 2)])
def test_a_comparison_has_its_exit_codes(
    spawn: Spawn, tmp_path: Path, silent: dict[str, Any], after: str, code: int
) -> None:
    """Nothing changed, or an error, and never 1: a script that cannot be told a reason must not see a change."""
    (tmp_path / "before").write_text(LINE)
    assert run(spawn, "diff", tmp_path / "before", tmp_path / after, **silent) == (code, "", "")


@pytest.mark.usefixtures("emulator")
def test_a_scan_is_whole_without_messages(spawn: Spawn, silent: dict[str, Any]) -> None:
    """Plan, progress and summary are dropped, and every group is printed."""
    code, out, _ = run(spawn, "scan", 7, 9, "--json", "--progress", "plain", **silent)
    assert (code, len([json.loads(line) for line in out.splitlines()])) == (0, 24 + 30)


def test_a_journal_and_a_file_are_whole_without_streams(emulator: Emulator, spawn: Spawn, tmp_path: Path) -> None:
    """As under cron or systemd: no file gets the number of a closed stream, and nothing is written there."""
    journal, lines = tmp_path / "scan.db", tmp_path / "groups.ndjson"
    assert run(spawn, "scan", 7, "--journal", journal, "--output", lines, **closed(0, 1, 2)) == (0, "", "")
    assert run(spawn, "diff", journal, lines) == (0, "", "partoo: 24 groups compared: nothing changed\n")
    assert len(emulator.requests) == 25


def test_without_standard_output_nothing_is_asked_for(emulator: Emulator, spawn: Spawn) -> None:
    """Results that could not be printed are not fetched: one line, 2, and no request; the help says it the same way."""
    problem = "partoo: error: cannot write the result: Bad file descriptor\n"
    for words in (("scan", 7), ("--help",)):
        assert run(spawn, *words, **closed(1)) == (2, "", problem)
    assert emulator.requests == ()


def test_help_that_nobody_reads(spawn: Spawn) -> None:
    """A reader that went away is 141 for the help as for results."""
    assert run(spawn, "--help", stdout=unread()) == (141, "", "")


class Full:
    """A stream on a full disk."""

    def __init__(self) -> None:
        self.asked = 0

    def write(self, _: str) -> int:
        self.asked += 1
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")

    def fileno(self) -> int:
        raise ValueError("none")


def test_messages_are_dropped_where_they_cannot_be_written() -> None:
    """A full disk under standard error ends nothing; everything else is asked of the stream itself."""
    stream: Any = Full()
    messages = Messages(stream)
    assert messages.write("a line\n") == 7
    messages.flush()
    assert messages.asked == 1
