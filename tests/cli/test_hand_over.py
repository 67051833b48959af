"""A program that is handed lines: it gets them all and no key, its failure is told, and it ends with us."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from partoo_async import ConfigurationError
from partoo_async.cli import hand_over as module
from partoo_async.cli.hand_over import environment_without, hand_over, words_of
from partoo_async.nightly.run import NotDeliveredError
from tests.support.common import PATIENCE
from tests.support.each import each

LINES = [b'{"kind": "group_added"}\n', b'{"kind": "business_joined"}\n']


def give(words: list[str], lines: Iterable[bytes] = LINES) -> None:
    asyncio.run(hand_over(words, lines, {**os.environ}))


@each(
    ("command", "words"),
    [
        ("sh", ["sh"]),
        ("sh -c 'cat > \"a b\"'", ["sh", "-c", 'cat > "a b"']),
        ("cat $HOME *", ["cat", "$HOME", "*"]),
    ],
)
def test_a_command_is_split_as_a_shell_would(command: str, words: list[str]) -> None:
    """Into words, by its quotes; there is no shell that would take variables or wildcards."""
    assert words_of(command) == words


@each(
    ("command", "problem"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("cat 'a", "no closing quotation"),
        ("no-such-program-here --x", "there is no program 'no-such-program-here'"),
        ("/", "there is no program '/'"),
    ],
)
def test_a_command_that_cannot_run_is_told_at_once(command: str, problem: str) -> None:
    """Before the first round, not after hours."""
    with pytest.raises(ConfigurationError, match=r"^exec: cannot run ") as raised:
        words_of(command)
    assert str(raised.value).endswith(problem)


def test_it_gets_no_variable_with_the_key() -> None:
    """Under whichever name; everything else stays."""
    variables = {"PARTOO_API_KEY": "secret", "OTHER": "Bearer secret", "PATH": "/bin", "PARTOO_SERVER": "sandbox"}
    assert environment_without("secret", variables) == {"PATH": "/bin", "PARTOO_SERVER": "sandbox"}


def test_it_gets_every_line(tmp_path: Path) -> None:
    """More of them than a pipe holds, in order, and then the end of its input."""
    lines = [b"%06d\n" % number for number in range(40_000)]
    target = tmp_path / "got"
    give(["sh", "-c", f"cat > '{target}'"], iter(lines))
    assert target.read_bytes() == b"".join(lines)


def test_its_output_does_not_mix_with_the_lines(capfd: pytest.CaptureFixture[str]) -> None:
    """What it prints goes to standard error."""
    give(["sh", "-c", "cat; echo said"])
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [*(line.decode().strip() for line in LINES), "said"]


@pytest.mark.parametrize(
    ("script", "problem"),
    [("exit 3", "ended with 3"), ("cat >/dev/null; exit 1", "ended with 1"), ("kill -KILL $$", "was ended by SIGKILL")],
)
def test_its_failure_is_told(script: str, problem: str) -> None:
    """With what it was and how it ended, but not its arguments."""
    with pytest.raises(NotDeliveredError, match=problem) as raised:
        give(["sh", "-c", script])
    assert str(raised.value) == f"sh {problem}"


def test_it_need_not_read_its_input() -> None:
    """One that ends well without reading more than a pipe holds has done its work."""
    give(["sh", "-c", "exit 0"], [b"x" * 1000] * 1000)


def test_a_program_that_vanished_is_told(tmp_path: Path) -> None:
    """It was there when the watch began."""
    with pytest.raises(NotDeliveredError, match="cannot be started: No such file"):
        give([str(tmp_path / "gone")])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("heeds", [True, False], ids=["heeds", "ignores"])
def test_one_that_hangs_ends_with_the_watch(heeds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By SIGTERM, and if that does not help by SIGKILL, with what it started."""
    monkeypatch.setattr(module, "_GRACE", PATIENCE if heeds else 0.05)
    os.mkfifo(tmp_path / "pids")
    trap = "" if heeds else "trap '' TERM; "
    script = f"{trap}sleep 1000 & echo $$ $! > '{tmp_path}/pids'; wait; wait"

    async def stop() -> list[int]:
        task = asyncio.create_task(hand_over(["sh", "-c", script], [b"x" * 100] * 10_000, {**os.environ}))
        pids = await asyncio.to_thread((tmp_path / "pids").read_text)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return [int(pid) for pid in pids.split()]

    pids = asyncio.run(asyncio.wait_for(stop(), PATIENCE))
    while any(map(alive, pids)):  # a signal takes a moment
        time.sleep(0.01)


def test_one_that_takes_long_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """While it runs, without its arguments: the rounds wait for it."""
    monkeypatch.setattr(module, "_SLOW", 0.01)
    give(["sh", "-c", "sleep 0.1"])
    assert capsys.readouterr().err == "partoo: warning: sh has run for 0.01 s; the next round waits for it\n"
