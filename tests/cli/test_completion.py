"""Completion of words in shells."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Result
from tests.support.common import PATIENCE
from tests.support.each import each

Partoo = Callable[..., Result]


@pytest.fixture
def complete(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What bash would be told for a line."""

    def words_for(line: str) -> list[str]:
        monkeypatch.setenv("_PARTOO_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - (not line.endswith(" "))))
        result = partoo()
        assert (result.code, result.err) == (0, "")
        return result.out.split()

    return words_for


@each(
    ("line", "words"),
    [
        ("partoo sc", ["scan", "scan-many"]),
        ("partoo group re", ["remove"]),
        ("partoo key s", ["set", "show"]),
        ("partoo scan --strat", ["--strategy"]),
        ("partoo scan --strategy a", ["auto"]),
        ("partoo scan --all --strategy groups --res", ["--resume"]),
        ("partoo sections --server s", ["sandbox"]),
        ("partoo scan --output ", []),  # the shell completes files
    ],
)
def test_words_are_completed(complete: Callable[[str], list[str]], line: str, words: list[str]) -> None:
    """Commands, their commands, options, and the values of those that have a few."""
    assert complete(line) == words


@each("words", ["scan", "group"])
def test_what_stands_beside_a_word_is_whole(partoo: Partoo, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """fish and zsh show what a command does, as its help does."""
    monkeypatch.setenv("_PARTOO_COMPLETE", "complete_fish")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"partoo {words if words == 'scan' else words + ' '}")
    lines = partoo().out.splitlines()
    monkeypatch.delenv("_PARTOO_COMPLETE")
    shown = partoo(*([] if words == "scan" else [words]), "--help").out
    assert lines
    for line in lines:
        name, text = line.split("\t")
        assert re.search(rf"^  {name} +{re.escape(text)}$", shown, re.MULTILINE), line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(partoo: Partoo, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    """`partoo --show-completion` prints what the shell has to read."""
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: (shell, f"/bin/{shell}"))
    result = partoo("--show-completion")
    assert (result.code, result.err) == (0, "")
    assert f"complete_{shell}" in result.out


def test_fish_is_told_whether_there_is_anything(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the exit code: without it, files are completed."""
    for line, code in (("partoo sc", 0), ("partoo scan --output ", 1)):
        monkeypatch.setenv("_PARTOO_COMPLETE", "complete_fish")
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "is-args")
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        assert partoo().code == code


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_by_itself(partoo: Partoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The script works in a real shell."""
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: ("bash", "/bin/bash"))
    program = tmp_path / "partoo"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m partoo_async "$@"\n', "utf-8")
    program.chmod(0o755)
    script = partoo("--show-completion").out
    script += f'\nCOMP_WORDS=(partoo em); COMP_CWORD=1\n_partoo_completion {program}\necho "${{COMPREPLY[@]}}"\n'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (done.stdout, done.stderr) == ("emulator\n", "")
