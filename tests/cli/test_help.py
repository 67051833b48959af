"""What the help says: every command, what it is for, examples, and the exit codes once."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import _partoo_async_command
import partoo_async
from partoo_async.cli import commands as room
from partoo_async.cli.app import COMMANDS, app
from partoo_async.cli.exit_codes import EXIT_CODES
from tests.cli.conftest import Result
from tests.cli.test_options import commands
from tests.support.common import PATIENCE
from tests.support.each import each

Partoo = Callable[..., Result]
KEYED = os.environ | {"PARTOO_API_KEY": "key"}
NAMES = [name for names in COMMANDS.values() for name in names]


def test_every_module_of_a_command_is_listed() -> None:
    """A command that is not in the table could not be called."""
    modules = {module.name.replace("_", "-") for module in pkgutil.iter_modules(room.__path__)}
    assert modules == {*NAMES}


def test_the_list_says_what_the_commands_say() -> None:
    """Its texts, which are printed without an import, begin as the helps of the commands do."""
    import typer

    tree: Any = typer.main.get_command(app)
    for names in COMMANDS.values():
        for name, text in names.items():
            assert text.endswith(".")
            assert tree.commands[name].help.split()[0] == text.split()[0], name


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_help_fits_the_terminal(partoo: Partoo, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """No line of any help is longer than the terminal, but for examples and exit codes, which fit 80 columns."""
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in ["", "group", *commands()]:
        out = partoo(*words.split(), "--help").out
        body, _, end = out.partition("Examples:")
        if not words:
            body, _, end = out.partition("The API key")
        assert max(map(len, body.splitlines())) < columns, words
        assert max(map(len, end.splitlines())) <= 79, words
        assert out.isascii()
        assert "[[" not in out
        assert "\\" not in body


def test_arguments_have_plain_names(partoo: Partoo) -> None:
    """One that may be left out stands in one pair of brackets, and its name has none."""
    word = r"[A-Z_|]+"
    for words in commands():
        out = partoo(*words.split(), "--help").out
        usage = " ".join(out.partition("\n\n")[0].split()).partition("[OPTIONS]")[2]
        assert re.fullmatch(rf"( ({word}|\[{word}\])(\.\.\.)?)*", usage), usage


def test_every_command_has_examples_that_it_understands(partoo: Partoo) -> None:
    """One to three command lines, each with a purpose; its options exist."""
    for words, command in commands().items():
        out = partoo(*words.split(), "--help").out
        lines = out.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
        purposes, examples = lines[::2], lines[1::2]
        assert 1 <= len(examples) <= 3, words
        assert all(purpose.startswith("  # ") for purpose in purposes)
        known = {word for parameter in command.params for word in parameter.opts}
        for example in examples:
            assert f"partoo {words.removesuffix(' get')}" in example
            assert {*re.findall(r"(?<= )--[a-z-]+", example)} <= known, example


def test_the_help_of_all_has_examples_that_work(partoo: Partoo) -> None:
    """Of each thing that people do first."""
    lines = partoo("--help").out.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    examples = [line for line in lines if not line.startswith("  # ")]
    assert len(examples) == 4
    for example in examples:
        first, *words = example.split()
        assert (first, partoo(*words, "--help").code) == ("partoo", 0)


def test_exit_codes_are_listed_once(partoo: Partoo) -> None:
    """`partoo --help` has all; a command lists only codes that mean something else there."""
    codes = re.findall(r"^ +(\d+)  (.+)$", partoo("--help").out, re.MULTILINE)
    assert codes == [(str(code), meaning) for code, meaning in EXIT_CODES]
    own = {}
    for words in commands():
        differing = partoo(*words.split(), "--help").out.partition("Exit codes that differ")[2]
        own[words] = re.findall(r"^ +(\d+)  ", differing, re.MULTILINE)
    assert {words: found for words, found in own.items() if found} == {"diff": ["0", "1", "2"], "sync": ["0", "1", "2"]}


@pytest.mark.parametrize("words", [[], ["group"]])
def test_without_a_command_the_help_is_shown(partoo: Partoo, words: list[str]) -> None:
    """A usage error without another word."""
    result = partoo(*words)
    assert (result.code, result.err) == (2, "")
    assert result.out == partoo(*words, "--help").out


@each(
    ("word", "answer"),
    [("scna", "; did you mean 'scan'?"), ("quotas", "; did you mean 'quota'?"), ("qqqq", "")],
)
def test_an_unknown_command_gets_the_nearest(partoo: Partoo, word: str, answer: str) -> None:
    """A typing error is answered by what was meant, if anything is near."""
    result = partoo(word)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"partoo: error: there is no command '{word}'{answer}\npartoo: try 'partoo --help'\n"


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_that_of_the_package(
    partoo: Partoo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """The short way and the long way print the same."""
    expected = f"partoo {partoo_async.__version__}\n"
    assert partoo(option) == Result(0, expected, "")
    monkeypatch.setattr(sys, "argv", ["partoo", option])
    _partoo_async_command.main()
    assert capsys.readouterr().out == expected


def loaded(*words: str, code: str = "from _partoo_async_command import main") -> set[str]:
    """Return the modules that a command has imported when it ends."""
    show = "import atexit, sys; atexit.register(lambda: print('LOADED', *sys.modules))"
    run = f"{show}; sys.argv = ['partoo', *{words!r}]; {code}; main()"
    done = subprocess.run(
        [sys.executable, "-c", run], capture_output=True, text=True, timeout=PATIENCE, check=False, env=KEYED
    )
    return {*done.stdout.rpartition("LOADED ")[2].split()}


def test_the_version_needs_no_import() -> None:
    """It is printed before the package or any library is imported."""
    assert not {"partoo_async", "typer", "rich", "asyncio", "attr"} & loaded("--version")


def test_a_command_imports_only_what_it_needs() -> None:
    """No other command's module, no pydantic for typer's sake, no rich for what is no table, no emulator, no scan."""
    modules = loaded("group", "1", "1", "--server", "http://127.0.0.1:1", "--timeout", "0.1")
    assert "partoo_async.cli.commands.group" in modules
    assert [name for name in modules if name.startswith("partoo_async.cli.commands.")] == [
        "partoo_async.cli.commands.group"
    ]
    heavy = {"pydantic", "rich", "sqlite3", "partoo_async.scan", "partoo_async.emulator", "distributed", "keyring"}
    assert not heavy & (modules - loaded(code="from typer import Typer as main"))


def test_the_list_of_commands_imports_none_of_them() -> None:
    """`partoo --help` has its texts from the table."""
    modules = loaded("--help")
    assert "typer" in modules
    assert not {"pydantic", "rich"} & (modules - loaded(code="from typer import Typer as main"))
    assert not [name for name in modules if name.startswith("partoo_async.cli.commands.")]


@pytest.mark.parametrize("stop", ["raise KeyboardInterrupt", "import os; os.kill(os.getpid(), 2)"])
def test_ctrl_c_during_imports_is_no_traceback(stop: str) -> None:
    """Before the command has begun: one line and 130."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import partoo_async.cli as room\ndef stop(): {stop}\nroom.restore = stop\n"
        "from _partoo_async_command import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "partoo: interrupted\n")


def test_the_tree_can_be_walked() -> None:
    """Tools that generate pages find every command, with its options, under its name."""
    assert {words.partition(" ")[0] for words in commands()} == {*NAMES}
    for words in commands():
        importlib.import_module(f"partoo_async.cli.commands.{words.partition(' ')[0].replace('-', '_')}")
