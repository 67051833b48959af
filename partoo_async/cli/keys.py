"""Where the API key of a command comes from: an option, the environment, a file, the keyring of the system."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

from partoo_async._internal.secret import Secret, protect
from partoo_async._internal.text import cut
from partoo_async._internal.version import install_command
from partoo_async.cli.interrupts import interruptible
from partoo_async.cli.streams import say
from partoo_async.cli.text import clean
from partoo_async.cli.volume import VOLUME
from partoo_async.errors import ConfigurationError
from partoo_async.servers import Server

__all__ = ["Key", "delete_key", "find_key", "key_from", "read_key", "store_key"]

_SERVICE = "partoo"
_LONGEST = 120
_LONGEST_LINE = 10_000  # characters: the file may be a device without any line
_OPTION, _VARIABLE, _FILE_VARIABLE = "--key-file", "PARTOO_API_KEY", "PARTOO_API_KEY_FILE"
_KEYRING = "the keyring of this system"


@frozen
class Key:
    """A key, and in words where it is from."""

    secret: Secret
    source: str


def find_key(key_file: str | None, server: Server) -> Key:
    """Return the key for a server from the first source that has one. Raises ``ConfigurationError``."""
    # What was typed, then what this shell says, then what this user has stored.
    if key_file is not None:
        return _from_file(_OPTION, key_file)
    if os.environ.get(_VARIABLE, "").strip():
        return key_from(os.environ[_VARIABLE], _VARIABLE)
    if path := os.environ.get(_FILE_VARIABLE, "").strip():
        return _from_file(_FILE_VARIABLE, path)
    stored, problem = _stored(server)
    if stored is not None:
        return key_from(stored, _KEYRING)
    raise ConfigurationError(
        f"there is no API key for {server.base_url}: set {_VARIABLE}, or {_FILE_VARIABLE} to the name of a file that"
        f" holds it, or give {_OPTION} FILE, or store it with 'partoo key set' ({_KEYRING}: {problem})"
    )


def key_from(value: object, source: str) -> Key:
    """Return a key. Raises ``ConfigurationError`` for what cannot be one, without a word of it."""
    key = protect(value)
    if isinstance(key, ConfigurationError):
        problem = str(key).partition(": ")[2].partition("; pass")[0]
        raise ConfigurationError(f"{source}: {problem}")
    return Key(key, source)


def read_key(path: str, source: str) -> Key:
    """Return the first line of a file, of standard input for ``-``. Raises ``ConfigurationError``."""
    try:
        if path == "-":
            with interruptible():
                return key_from(sys.stdin.readline(_LONGEST_LINE).removeprefix("\ufeff"), source)
        with interruptible(), Path(path).open(encoding="utf-8-sig") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = key_from(file.readline(_LONGEST_LINE), f"{source}: {clean(path)}")
    except OSError as error:
        raise ConfigurationError(f"{source}: cannot read {clean(path)}: {error.strerror or error}") from None
    except ValueError as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"{source}: {clean(path)} is no text") from None
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077 and not VOLUME.quiet:
        say(f"warning: others may read the key in {clean(path)}; chmod go= {clean(path)}")
    return key


def _from_file(source: str, path: str) -> Key:
    return Key(read_key(path, source).secret, f"{source} ({clean(path)})")


def _stored(server: Server) -> tuple[Any, str]:
    """Return the key that the keyring has, wrapped, or why there is none."""
    try:
        keyring = _keyring()
        with interruptible():  # the system may ask its user to unlock it
            value = keyring.get_password(_SERVICE, server.base_url)
    except ConfigurationError as error:
        return None, str(error)
    except Exception as error:  # a backend may raise whatever its system does
        return None, _problem(error)
    return (None, "it has none") if value is None else (protect(value), "")


def store_key(key: Secret, server: Server) -> None:
    """Store a key for a server. Raises ``ConfigurationError``."""
    keyring = _keyring()
    try:
        with interruptible():
            keyring.set_password(_SERVICE, server.base_url, key.reveal())
    except Exception as error:  # likewise
        raise ConfigurationError(f"{_KEYRING} cannot be used: {_problem(error)}") from None


def delete_key(server: Server) -> None:
    """Delete the stored key of a server. Raises ``ConfigurationError``."""
    keyring = _keyring()
    try:
        with interruptible():
            found = keyring.get_password(_SERVICE, server.base_url) is not None
            if found:
                keyring.delete_password(_SERVICE, server.base_url)
    except Exception as error:  # likewise
        raise ConfigurationError(f"{_KEYRING} cannot be used: {_problem(error)}") from None
    if not found:
        raise ConfigurationError(f"{_KEYRING} has no key for {server.base_url}")


def _keyring() -> Any:
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError:
        raise ConfigurationError(f"it needs the keyring extra: {install_command('keyring')}") from None
    return keyring


def _problem(error: Exception) -> str:
    if type(error).__name__ in ("NoKeyringError", "InitError"):
        return "there is no service that keeps passwords, as on most servers"
    return cut(str(error) or type(error).__name__, _LONGEST)
