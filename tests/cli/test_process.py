"""The command as a process: signals, pipes, terminals, a missing extra."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from partoo_async import RateLimit
from partoo_async._internal.version import install_command
from partoo_async.emulator import EmulatedGroup, EmulatedSection
from tests.cli.conftest import MODULE, steers
from tests.support.common import PATIENCE

if TYPE_CHECKING:
    from partoo_async.emulator import Emulator

Spawn = Callable[..., subprocess.Popen[str]]


def terminal() -> tuple[int, list[bytes], threading.Thread]:
    """Return the slave side of a new terminal, what is written to it, and the thread that reads it."""
    master, slave = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(master, 65536):
                seen.append(chunk)
        except OSError:  # how Linux says that the other side was closed
            pass
        os.close(master)

    thread = threading.Thread(target=read)
    thread.start()
    return slave, seen, thread


def late(_: str, path: str) -> bool:
    """All but the first ten groups of section 7, which are 40 to 63."""
    return path in {f"/sections/7/groups/{number}" for number in range(50, 64)}


@pytest.fixture(scope="module", autouse=True)
def demo() -> Iterator[subprocess.Popen[str]]:
    """The demo, started before the first test of this module: its four seconds pass during the others."""
    others = {name: value for name, value in os.environ.items() if not steers(name)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen([sys.executable, *MODULE, "demo"], env=others, **pipes) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_scan_with_what_it_had(
    serve: Callable[..., Emulator], spawn: Spawn, number: signal.Signals, code: int
) -> None:
    """Ctrl-C and SIGTERM end a scan at once: the groups so far, the summary, one line, no traceback."""
    emulator = serve(rate_limit=None)
    rest = emulator.faults.add("stall", match=late)
    process = spawn("scan", 7, "--max-concurrency", 2)
    while rest.hits < 2:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert len(out.splitlines()) - 2 == 10
    assert "Traceback" not in err
    assert err.splitlines()[-1] == f"partoo: {'interrupted' if code == 130 else 'terminated'}"
    assert re.match(r"\d+ groups?, ", err.splitlines()[-2])


def test_results_come_as_they_are_had(serve: Callable[..., Emulator], spawn: Spawn) -> None:
    """With --json the first line can be read while the scan still runs."""
    serve(rate_limit=None).faults.add("stall", match=late)
    process = spawn("scan", 7, "--max-concurrency", 1, "--json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["section_id"] == 7
    assert process.poll() is None


@pytest.fixture
def stalled(serve: Callable[..., Emulator], spawn: Spawn) -> subprocess.Popen[str]:
    """A scan whose reader has stopped reading: its pipe is full, and it has stopped asking."""
    groups = {number: EmulatedGroup(number, f"Group {number}", business_ids=["b" * 24] * 150) for number in range(200)}
    emulator = serve(rate_limit=None, sections=[EmulatedSection(7, "Large", groups)])
    process = spawn("scan", 7, "--json")
    seen = 0
    while seen < len(emulator.requests) or seen == 0:
        seen = len(emulator.requests)
        time.sleep(0.2)
    assert seen < 150
    return process


def test_a_slow_reader_slows_the_scan_and_loses_nothing(stalled: subprocess.Popen[str]) -> None:
    """While the pipe is full the scan asks for no more; when it is read on, every group comes."""
    out, _ = stalled.communicate(timeout=PATIENCE)
    assert stalled.returncode == 0
    assert sorted(json.loads(line)["group_id"] for line in out.splitlines()) == list(range(200))


def test_a_slow_reader_does_not_keep_it_from_ending(stalled: subprocess.Popen[str]) -> None:
    """A full pipe does not block the event loop: SIGTERM ends the scan though nobody reads."""
    stalled.send_signal(signal.SIGTERM)
    assert stalled.wait(timeout=PATIENCE) == 143


@pytest.mark.usefixtures("emulator")
def test_a_closed_pipe_is_silent(spawn: Spawn) -> None:
    """A reader that goes away, as head does, ends the command with 141 and not a word, streaming or not."""
    processes = [spawn("scan", 7, 9, *form) for form in (["--json"], [])]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    for process in processes:
        assert process.wait(timeout=PATIENCE) == 141
        assert process.stderr is not None
        assert not re.search("Traceback|Exception ignored|error", process.stderr.read())


@pytest.mark.usefixtures("emulator")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line(spawn: Spawn) -> None:
    """A result that cannot be written is an error in one line, not a traceback, streaming or not."""
    with Path("/dev/full").open("w") as full:
        processes = [spawn("group", 7, 42, *form, stdout=full) for form in (["--json"], [])]
    for process in processes:
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2
        assert err == "partoo: error: cannot write the result: No space left on device\n"


def test_a_terminal_gets_a_bar_that_shows_pauses(serve: Callable[..., Emulator], spawn: Spawn, tmp_path: Path) -> None:
    """On a terminal there is a bar, moving during a pause of the server too; results in a file stay clean."""
    serve(rate_limit=RateLimit(requests=20, per=1.0))
    slave, seen, reader = terminal()
    results = tmp_path / "groups.jsonl"
    with results.open("w") as file:
        process = spawn(
            "scan", 7, "--json", stdout=file, stderr=slave, env=os.environ | {"COLUMNS": "100", "TERM": "xterm"}
        )
        os.close(slave)
        assert process.wait(timeout=PATIENCE) == 0
    reader.join(timeout=PATIENCE)
    shown = b"".join(seen).decode()
    assert len(re.findall(r"paused by the server for \d\.\d s", shown)) >= 2
    assert "━" in shown
    assert "ETA" in shown
    assert re.search(r"24 groups, \d+ businesses, 0 failures, \d+ requests, \d\.\d s, [1-9]\d* retr", shown)
    assert len([json.loads(line) for line in results.read_text("utf-8").splitlines()]) == 24


def test_a_stream_on_a_terminal_is_not_mixed_with_a_bar(emulator: Emulator, spawn: Spawn) -> None:
    """Results as they come, on the same terminal as the progress, are whole lines without a bar between them."""
    slave, seen, reader = terminal()
    process = spawn("scan", 1, "--json", stdout=slave, stderr=slave)
    os.close(slave)
    assert process.wait(timeout=PATIENCE) == 0
    reader.join(timeout=PATIENCE)
    shown = b"".join(seen).decode()
    assert "\x1b" not in shown
    assert [line[:1] for line in shown.splitlines()] == ["1", "{", "1"]


@pytest.mark.usefixtures("emulator")
def test_another_encoding_spells_names_out(spawn: Spawn) -> None:
    """An ASCII-only output gets every group: names escaped in the table, escaped as JSON says in JSON."""
    forms = ([], ["--json"])
    ascii_only = {"env": os.environ | {"PYTHONIOENCODING": "ascii"}, "afresh": True}
    table, as_json = [spawn("scan", 7, *form, **ascii_only) for form in forms]
    out, err = table.communicate(timeout=PATIENCE)
    assert r"Espa\xf1a" in out
    assert "Traceback" not in err
    assert "España" in {json.loads(line)["name"] for line in as_json.communicate(timeout=PATIENCE)[0].splitlines()}


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    """Without typer or rich the command is one line on standard error and 2; importing the package works."""
    code = f"import sys; sys.modules[{missing!r}] = None; from partoo_async.cli import main; main(['demo'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"The partoo command needs the cli extra: {install_command('cli')}\n"


def test_the_emulator_runs_until_it_is_stopped(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """`partoo emulator` prints lines fit for eval and a curl line; with them `partoo group` works at once."""
    server = spawn("emulator", "--port", 0, "--rate-limit", "50/10", "--latency", 0, "--seed", 3)
    assert server.stdout is not None
    lines = [server.stdout.readline().rstrip("\n") for _ in range(3)]
    for line in lines[:2]:
        name, _, value = line.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, value)
    assert lines[2].startswith("# curl -H 'x-APIKey: emulator-key' http://127.0.0.1:")
    out, _ = spawn("group", 1, 1, "--json").communicate(timeout=PATIENCE)
    assert json.loads(out)["name"] == "France"
    server.send_signal(signal.SIGINT)
    _, err = server.communicate(timeout=PATIENCE)
    assert server.returncode == 130
    assert err.splitlines()[-2:] == ["partoo: requests served: 1", "partoo: interrupted"]


def test_demo_shows_progress_groups_summary_and_what_next(demo: subprocess.Popen[str]) -> None:
    """`partoo demo` needs no key; piped, it has progress lines with an ETA, the table, the summary, two lines more."""
    out, err = demo.communicate(timeout=PATIENCE)
    lines = out.splitlines()
    assert len(lines) == 2 + 77 + 2
    assert "Provence-Alpes-Côte d'Azur" in out
    assert "partoo emulator" in lines[-2]
    assert "partoo scan" in lines[-1]
    first, plan, *progress, summary = err.splitlines()
    assert "http://127.0.0.1:" in first
    assert plan.startswith("77 groups, 83 requests, ")
    assert len(progress) >= 2
    assert all(re.search(r"^\d+/77 groups, .*ETA \d", line) for line in progress)
    assert re.fullmatch(r"77 groups, 48\d businesses, 0 failures, 83 requests, \d\.\d s, 0 retries", summary)
