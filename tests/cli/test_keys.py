"""Where the key comes from: an option, the environment, a file, the keyring; and nowhere is it printed."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest
from keyring.backends import fail

from partoo_async.cli.keys import find_key
from partoo_async.emulator import Emulator
from partoo_async.servers import PRODUCTION, SANDBOX
from tests.cli.conftest import Result
from tests.support.common import PATIENCE
from tests.support.each import each

Partoo = Callable[..., Result]
KEY = "emulator-key"


class Memory(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Broken(Memory):
    """A keyring whose service fails."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked("the collection\nis locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.KeyringLocked("the collection\nis locked")


@pytest.fixture
def use() -> Any:
    """A function that puts a keyring in the place of this machine's; without a call there is none."""
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def _no_key(emulator: Emulator, use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARTOO_API_KEY")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with the key in its first line, which nobody else may read."""
    path = tmp_path / "key"
    path.write_text(f"  {KEY}\nanother line\n", "utf-8")
    path.chmod(0o600)
    return path


def test_a_file_has_the_key(partoo: Partoo, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line, by the option or the variable; `-` is standard input."""
    assert partoo("group", 1, 1, "--key-file", key_file).code == 0
    monkeypatch.setenv("PARTOO_API_KEY_FILE", str(key_file))
    assert partoo("group", 1, 1).code == 0
    monkeypatch.setenv("PARTOO_API_KEY_FILE", "/no/such")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    assert partoo("group", 1, 1, "--key-file", "-").code == 0


def test_the_nearest_source_counts(partoo: Partoo, use: Any, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, then the variable, then the file it names, then the keyring; `partoo key show` says which."""
    memory = Memory()
    use(memory)
    memory.kept["partoo", PRODUCTION.base_url] = "stored"
    assert find_key(None, PRODUCTION).source == "the keyring of this system"
    monkeypatch.setenv("PARTOO_API_KEY_FILE", str(key_file))
    assert find_key(None, PRODUCTION).source == f"PARTOO_API_KEY_FILE ({key_file})"
    monkeypatch.setenv("PARTOO_API_KEY", "from-the-environment")
    assert find_key(None, PRODUCTION).source == "PARTOO_API_KEY"
    assert find_key(str(key_file), PRODUCTION).source == f"--key-file ({key_file})"
    result = partoo("key", "show", "--server", "sandbox")
    assert result.out == f"server  {SANDBOX.base_url}\nkey     from PARTOO_API_KEY\n"
    assert "from-the-environment" not in result.out + result.err


def test_others_should_not_read_the_file(partoo: Partoo, key_file: Path) -> None:
    """A warning says how to mend it, and the command goes on; -q says nothing."""
    key_file.chmod(0o644)
    result = partoo("group", 1, 1, "--key-file", key_file)
    assert result.code == 0
    assert result.err == f"partoo: warning: others may read the key in {key_file}; chmod go= {key_file}\n"
    assert partoo("group", 1, 1, "-q", "--key-file", key_file).err == ""


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "--key-file: cannot read {}: No such file or directory"),
        (b"\n", "--key-file: {}: the key is empty"),
        (b"two words\n", "--key-file: {}: the key holds a space, a line break or a character"),
        (b"\xff\xfe\n", "--key-file: {} is no text"),
    ],
)
def test_a_file_without_a_key_is_one_line(partoo: Partoo, tmp_path: Path, content: bytes | None, problem: str) -> None:
    """It names the option and the file, and not a word of what is in it."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    result = partoo("group", 1, 1, "--key-file", path)
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith(f"partoo: error: {problem.format(path)}")
    assert "two words" not in line


def test_a_broken_key_of_the_environment_is_named(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable, without its value and without Python's argument."""
    monkeypatch.setenv("PARTOO_API_KEY", "two words")
    assert partoo("sections").err.startswith("partoo: error: PARTOO_API_KEY: the key holds a space")


def test_without_any_key_all_sources_are_named(partoo: Partoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: what to set, give or store, and why the keyring has none on this machine."""
    result = partoo("group", 1, 1)
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    for source in ("PARTOO_API_KEY,", "PARTOO_API_KEY_FILE", "--key-file FILE", "'partoo key set'", "no service that"):
        assert source in line
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "it needs the keyring extra: pip install" in partoo("group", 1, 1).err


def test_a_key_is_stored_for_a_server(
    emulator: Emulator, partoo: Partoo, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`partoo key set` reads it from standard input; commands use it for that server alone; `delete` forgets it."""
    memory = Memory()
    use(memory)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    assert partoo("key", "set") == Result(0, "", f"partoo: stored for {emulator.url}\n")
    assert memory.kept == {("partoo", emulator.url): KEY}
    assert partoo("group", 1, 1).code == 0
    assert "the keyring of this system" in partoo("key", "show", "--json").out
    assert partoo("sections", "--server", "sandbox").code == 2
    assert partoo("key", "delete", "-q") == Result(0, "", "")
    assert partoo("key", "delete").err == f"partoo: error: the keyring of this system has no key for {emulator.url}\n"


def test_a_key_is_typed_unseen(partoo: Partoo, use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is asked for; what cannot be a key is not stored, nor shown."""
    memory = Memory()
    use(memory)
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(isatty=lambda: True))
    typed = iter([KEY, "two words"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    assert partoo("key", "set").code == 0
    assert [*memory.kept.values()] == [KEY]
    result = partoo("key", "set")
    assert (result.code, "two words" in result.err) == (2, False)
    assert result.err.startswith("partoo: error: the key: the key holds a space")


@pytest.mark.parametrize(
    ("backend", "why"), [(fail.Keyring(), "no service that keeps passwords"), (Broken(), "the collection is locked")]
)
def test_a_machine_without_a_keyring_gets_a_sentence(
    partoo: Partoo, use: Any, monkeypatch: pytest.MonkeyPatch, backend: Any, why: str
) -> None:
    """No traceback of a backend: one line that says what is missing."""
    use(backend)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    for words in (["key", "set"], ["key", "delete"], ["key", "show"], ["sections"]):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
        result = partoo(*words)
        assert (result.code, result.out) == (2, "")
        (line,) = result.err.splitlines()
        assert why in line
        assert KEY not in line


@each("written", [f"\ufeff{KEY}\r\n".encode(), f"{KEY}\r\n".encode()])
def test_files_of_windows(partoo: Partoo, key_file: Path, written: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte order mark and its line ends are no part of the key, in standard input neither."""
    key_file.write_bytes(written)
    assert partoo("group", 1, 1, "--key-file", key_file).code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(written.decode()))
    assert partoo("group", 1, 1, "--key-file", "-").code == 0


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no device without an end")
def test_a_file_without_an_end_is_no_key(partoo: Partoo) -> None:
    """No more is read than a key may have."""
    result = partoo("group", 1, 1, "--key-file", "/dev/zero")
    assert result.code == 2
    assert result.err.startswith("partoo: error: --key-file: /dev/zero: the key holds")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such pipes")
@pytest.mark.parametrize(
    ("words", "number", "code", "said"),
    [
        (("group", 1, 1, "--key-file", "PIPE"), signal.SIGINT, 130, "interrupted"),
        (("group", 1, 1, "--key-file", "PIPE"), signal.SIGTERM, 143, "terminated"),
        (("request", "POST", "/sections/1", "--input", "PIPE"), signal.SIGINT, 130, "interrupted"),
        (("group", "update", 1, 1, "--businesses-from", "PIPE"), signal.SIGINT, 130, "interrupted"),
        (("scan-many", "PIPE"), signal.SIGINT, 130, "interrupted"),
    ],
)
def test_a_pipe_that_nobody_writes_to(
    spawn: Any, tmp_path: Path, words: tuple[object, ...], number: int, code: int, said: str
) -> None:
    """Ctrl-C and SIGTERM end the wait for it, as for a keyring that asks its user."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = spawn(*(pipe if word == "PIPE" else word for word in words))
    while (writer := opened(pipe)) is None:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err.splitlines()[-1]) == (code, f"partoo: {said}")
    os.close(writer)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals to be had")
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_at_the_prompt_leaves_the_terminal_as_it_was(spawn: Any, number: int, code: int, said: str) -> None:
    """Ctrl-C and SIGTERM end it with the usual code, and what is typed into the shell afterwards is seen."""
    import termios  # here: Windows has none

    def echoes() -> bool:
        return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)

    own, terminal = os.openpty()
    assert echoes()
    # In a session without a terminal the prompt is on the standard streams.
    process = spawn("key", "set", stdin=terminal, start_new_session=True)
    while echoes():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err.splitlines()[-1]) == (code, "", f"partoo: {said}")
    assert echoes()
    os.close(own)
    os.close(terminal)


def opened(pipe: Path) -> int | None:
    """The end of a pipe to write to, or None if nobody waits at the other one."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
