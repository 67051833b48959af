"""The state directory of a nightly job."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from partoo_async.errors import ConfigurationError
from partoo_async.nightly.state import (
    GOES_ON_FOR,
    StateDirectory,
    archive_name,
    check_owner,
    superfluous,
    take_state,
)
from tests.support.common import PATIENCE
from tests.support.each import each

SERVER = "https://api.partoo.co/v2"
NIGHT = datetime(2026, 11, 27, 3, 0, 5, tzinfo=UTC)
FIRST = "2026-11-27T030005Z.journal"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    directory = take_state(tmp_path / "state", SERVER, None)
    yield directory
    directory.release()


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def age(path: Path, seconds: float) -> None:
    changed = path.stat().st_mtime - seconds
    os.utime(path, (changed, changed))


# Rules


@each(
    "started, taken, name",
    [
        (NIGHT, [], FIRST),
        (NIGHT.astimezone(timezone(timedelta(hours=1))), [], FIRST),
        (NIGHT, [FIRST], "2026-11-27T030005Z-2.journal"),
        (NIGHT, [FIRST, "2026-11-27T030005Z-2.journal"], "2026-11-27T030005Z-3.journal"),
        (NIGHT, ["2026-11-26T030005Z.journal"], FIRST),
    ],
)
def test_an_old_journal_is_named_by_the_time_its_scan_began(started: datetime, taken: list[str], name: str) -> None:
    """In UTC, so that the order of names is that of time; and no two have one name."""
    assert archive_name(started, taken) == name


@each(
    "names, keep, gone",
    [
        ([], 7, []),
        (["b.journal", "a.journal"], 2, []),
        (["b.journal", "c.journal", "a.journal"], 2, ["a.journal"]),
        (["b.journal", "c.journal", "a.journal"], 0, ["a.journal", "b.journal", "c.journal"]),
        (["a.journal", "notes.txt", "b.journal"], 1, ["a.journal"]),
    ],
)
def test_the_last_journals_stay(names: list[str], keep: int, gone: list[str]) -> None:
    """As many as are asked for, the latest ones; a file of another kind is nobody's business."""
    assert superfluous(names, keep) == gone


FACTS: dict[str, Any] = {"format": 1, "server": SERVER, "organization": None}


@each(
    "change, server, organization, problem",
    [
        ({}, SERVER, None, None),
        ({}, "https://API.partoo.co/v2/", None, None),
        ({"organization": 7}, SERVER, 7, None),
        ({"organization": "north"}, SERVER, "north", None),
        (
            {},
            "http://127.0.0.1:9/v2",
            None,
            "is the state of https://api.partoo.co/v2, not of http://127.0.0.1:9/v2; use",
        ),
        ({}, SERVER, 7, "is the state of the key's own organization, not of organization 7; use another directory"),
        ({"organization": "a"}, SERVER, "b", "is the state of organization 'a', not of organization 'b'"),
        ({"format": 2}, SERVER, None, "was written by a newer version of partoo-async"),
        ({"format": None}, SERVER, None, "state.json is damaged, or of another program"),
    ],
)
def test_another_server_or_organization_is_refused(
    change: dict[str, Any], server: str, organization: int | str | None, problem: str | None
) -> None:
    """Else what one has would be taken for changes of the other."""
    if problem is None:
        check_owner(Path("/srv/partoo"), FACTS | change, server, organization)
        return
    with pytest.raises(ConfigurationError) as refused:
        check_owner(Path("/srv/partoo"), FACTS | change, server, organization)
    assert str(refused.value).startswith("state: /srv/partoo")
    assert problem in str(refused.value)


# The directory


def test_a_directory_is_made_and_found_again(tmp_path: Path) -> None:
    """Made when it is missing, and later of the same server and organization."""
    for _ in range(2):
        directory = take_state(tmp_path / "state", SERVER, "north")
        directory.release()
    with pytest.raises(ConfigurationError, match="is the state of organization 'north'"):
        take_state(tmp_path / "state", SERVER, None)
    assert tree(tmp_path) == ["state/lock", "state/state.json"]


def test_a_directory_in_use_is_refused(state: StateDirectory) -> None:
    """With the number of the process that has it; when that has ended, it is free."""
    with pytest.raises(ConfigurationError, match=f"state: .* is in use by process {os.getpid()}; wait until"):
        take_state(state.folder, SERVER, None)
    state.release()
    again = take_state(state.folder, SERVER, None)
    state._lock = again._lock


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path, quick_python: tuple[str, ...]) -> None:
    """Its number stays in the file, and its lock has ended with it."""
    program = f"""
import sys
from pathlib import Path
from partoo_async.nightly.state import take_state
taken = take_state(Path({str(tmp_path / "state")!r}), {SERVER!r}, None)
print("ready", flush=True)
sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*quick_python, "-c", program], **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(ConfigurationError, match="in use by process [1-9]") as refused:
            take_state(tmp_path / "state", SERVER, None)
        holder = int((tmp_path / "state" / "lock").read_text())
        assert f"process {holder};" in str(refused.value)
        os.kill(holder, signal.SIGKILL)
        process.wait(timeout=PATIENCE)
    take_state(tmp_path / "state", SERVER, None).release()


@pytest.mark.parametrize("name", ["archive", "loading"])
def test_a_file_in_place_of_an_inner_directory_is_named(tmp_path: Path, name: str) -> None:
    """It is refused before anything is read, and not when the night comes to it."""
    (tmp_path / name).touch()
    with pytest.raises(ConfigurationError, match=f"state: expected a directory, not a file: .*{name}; delete it$"):
        take_state(tmp_path, SERVER, None)


def test_a_wrong_place_is_one_error(tmp_path: Path) -> None:
    """A file, a directory in one that is missing, and journals whose server nobody knows."""
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigurationError, match="state: expected a directory, not a file: .*file"):
        take_state(file, SERVER, None)
    with pytest.raises(
        ConfigurationError, match="state: expected a directory in one that exists, not .*a/b; make .*a$"
    ):
        take_state(tmp_path / "a" / "b", SERVER, None)
    (tmp_path / "baseline.journal").touch()
    with pytest.raises(ConfigurationError, match="has journals but no state.json; use another directory"):
        take_state(tmp_path, SERVER, None)
    assert tree(tmp_path) == ["baseline.journal", "file"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": 1}', "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")]
)
def test_damaged_facts_are_one_error(tmp_path: Path, text: str) -> None:
    """Whatever is in the file: the error names it, and the directory is not left locked."""
    (tmp_path / "state.json").write_text(text, encoding="latin-1")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="state: .*state.json is damaged, or of another program"):
            take_state(tmp_path, SERVER, None)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device; free some space, then start it again"),
        (errno.EROFS, "Read-only file system; use a directory that can be written to"),
        (errno.EACCES, "Permission denied; use a directory that can be written to"),
    ],
)
def test_what_cannot_be_written_is_one_error(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    """It says what to do; and what was known before stays known."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    state.running.write_bytes(b"journal")
    monkeypatch.setattr(os, "replace", fail)
    changes = (lambda: state.put_aside(NIGHT, 7), lambda: take_state(state.folder.with_name("other"), SERVER, None))
    for change, folder in zip(changes, ("state", "other"), strict=True):
        with pytest.raises(ConfigurationError) as refused:
            change()
        assert str(refused.value) == f"state: cannot write in {state.folder.with_name(folder)}: {advice}"
    assert state.running.read_bytes() == b"journal"


def test_a_full_disk_leaves_no_half_a_file(tmp_path: Path, quick_python: tuple[str, ...]) -> None:
    """A file that cannot be written to its end is not taken for a whole one: the next run can begin."""
    program = f"""
import resource
from pathlib import Path
from partoo_async.nightly.state import take_state
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    take_state(Path({str(tmp_path / "state")!r}), {SERVER!r}, None)
except Exception as error:
    print(type(error).__name__, error)
"""
    python = [*quick_python, "-c", program]
    done = subprocess.run(python, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.startswith(f"ConfigurationError state: cannot write in {tmp_path / 'state'}: File too large;")
    take_state(tmp_path / "state", SERVER, None).release()
    assert json.loads((tmp_path / "state" / "state.json").read_text()) == FACTS


# Journals


def test_a_recent_journal_is_gone_on_with(state: StateDirectory) -> None:
    """For twelve hours after its last change, of the file or of SQLite's log beside it: the run of the next night
    begins anew, and a long one that was killed does not."""
    assert not state.goes_on()
    state.running.touch()
    assert state.goes_on()
    age(state.running, GOES_ON_FOR + 60)
    assert not state.goes_on()
    log = state.folder / "running.journal-wal"
    log.touch()
    assert state.goes_on()
    age(log, GOES_ON_FOR + 60)
    assert not state.goes_on()
    age(state.running, -3 * GOES_ON_FOR)  # written under a clock that was wrong
    assert not state.goes_on()


def test_a_log_without_its_journal_is_deleted(state: StateDirectory) -> None:
    """SQLite would take it for that of the next journal."""
    (state.folder / "running.journal-wal").write_bytes(b"of another file")
    assert not state.goes_on()
    assert tree(state.folder) == ["lock", "state.json"]


def test_a_journal_is_put_aside_with_its_log(state: StateDirectory) -> None:
    """What a killed process left beside it is a part of it; and only the last ones stay."""
    for night in range(4):
        state.running.write_bytes(b"%d" % night)
        (state.folder / "running.journal-wal").write_bytes(b"log %d" % night)
        state.put_aside(NIGHT + timedelta(days=night), 2)
    archive = ["archive/2026-11-29T030005Z.journal", "archive/2026-11-30T030005Z.journal"]
    assert tree(state.folder) == sorted([*archive, *(f"{name}-wal" for name in archive), "lock", "state.json"])
    assert (state.folder / archive[1]).read_bytes() == b"3"
    assert (state.folder / f"{archive[1]}-wal").read_bytes() == b"log 3"


def test_a_journal_that_nobody_can_read_is_put_aside_by_its_time(state: StateDirectory) -> None:
    """Such as an empty one, of a process that was killed when it made it."""
    state.running.touch()
    os.utime(state.running, (NIGHT.timestamp(), NIGHT.timestamp()))
    state.put_aside(None, 7)
    assert tree(state.folder)[0] == f"archive/{FIRST}"


def test_a_journal_is_discarded_whole(state: StateDirectory) -> None:
    """With all that SQLite has beside it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        (state.folder / f"running.journal{ending}").touch()
    state.discard()
    assert tree(state.folder) == ["lock", "state.json"]
