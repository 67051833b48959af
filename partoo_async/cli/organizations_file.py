"""The file of ``partoo scan-many``: a TOML table for each organization, and where its key comes from."""

from __future__ import annotations

import asyncio
import os
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from partoo_async import Organization
from partoo_async._internal.secret import protect
from partoo_async.cli.interrupts import interruptible
from partoo_async.cli.text import clean
from partoo_async.errors import ConfigurationError

__all__ = ["read_organizations"]

_KEYS = ("key_env", "key_command", "api_key")
_FIELDS = (*_KEYS[:2], "sections", "org_id")
# Password managers ask their user, and some unlock one after the other.
_COMMANDS_AT_ONCE, _COMMAND_SECONDS = 8, 60.0


@frozen
class _Entry:
    """One organization of the file."""

    where: str
    key: Any  # wrapped by ``protect``; None: a command gives it
    command: Sequence[str]
    sections: Any
    org_id: Any


async def read_organizations(path: str, *, allow_keys: bool) -> dict[str, Organization]:
    """Return the organizations of a file, with their keys. Raises ``ConfigurationError``."""
    entries = _entries(path, allow_keys=allow_keys)
    turn = asyncio.Semaphore(_COMMANDS_AT_ONCE)

    async def organization(entry: _Entry) -> Organization:
        if entry.key is not None:
            return Organization(entry.key, entry.sections, entry.org_id)
        async with turn:
            return Organization(await _key_from(entry), entry.sections, entry.org_id)

    tasks = [asyncio.create_task(organization(entry)) for entry in entries.values()]
    try:
        return dict(zip(entries, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _entries(path: str, *, allow_keys: bool) -> dict[str, _Entry]:
    tables, mode = _tables(path)
    name = clean(path)
    if os.name == "posix":
        if mode & 0o022 and any("key_command" in table for table in tables.values()):
            raise ConfigurationError(f"{name}: others may change it, and it names commands to run; chmod go-w {name}")
        if allow_keys and mode & 0o077 and any("api_key" in table for table in tables.values()):
            raise ConfigurationError(f"{name}: others may read it, and it holds keys; chmod go= {name}")
    return {one: _entry(f"{name}: [{clean(one)}]", table, allow_keys=allow_keys) for one, table in tables.items()}


def _tables(path: str) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the table of each organization, and the permissions of the file."""
    name = clean(path)
    try:
        with interruptible(), Path(path).open("rb") as file:
            mode, found = os.fstat(file.fileno()).st_mode, tomllib.load(file)
    except OSError as error:
        problem = f"{name}: cannot read it: {error.strerror or error}"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Where, and not what: that may be a key.
        problem = f"{name}: is no TOML ({str(error).partition(' (')[2].rstrip(')') or 'not UTF-8'})"
    else:
        # A part of a larger file: the table ``organizations``, if all in it are tables.
        inner = found.get("organizations")
        if isinstance(inner, dict) and inner and all(isinstance(table, dict) for table in inner.values()):
            found = inner
        strays = [one for one, table in found.items() if not isinstance(table, dict)]
        if not strays and found:
            return found, mode
        problem = f"{name}: expected a table for each organization, such as [acme]"
        problem += f", and not {clean(strays[0])} = ..." if strays else ""
    raise ConfigurationError(problem)


def _entry(where: str, table: Mapping[str, Any], *, allow_keys: bool) -> _Entry:
    for field in table:
        if field not in (*_FIELDS, "api_key"):
            raise ConfigurationError(f"{where}: unknown field {clean(field)}; expected {', '.join(_FIELDS)}")
    if "api_key" in table and not allow_keys:
        raise ConfigurationError(
            f"{where}: a key in a file is easily shared; use key_env or key_command, or else --allow-keys-in-file"
        )
    given = [field for field in _KEYS if field in table]
    if len(given) != 1:
        raise ConfigurationError(f"{where}: expected either key_env or key_command" + (", not both" if given else ""))
    if not isinstance(table[given[0]], (str, list) if given == ["key_command"] else str):
        raise ConfigurationError(f"{where}: {given[0]}: expected a string")
    key = protect(table["api_key"]) if given == ["api_key"] else None
    if given == ["key_env"]:
        if not os.environ.get(table["key_env"], "").strip():
            raise ConfigurationError(f"{where}: the environment variable {clean(table['key_env'])} is not set")
        key = protect(os.environ[table["key_env"]])
    command = _words(where, table["key_command"]) if given == ["key_command"] else ()
    return _Entry(where, key, command, table.get("sections"), table.get("org_id"))


def _words(where: str, command: object) -> Sequence[str]:
    # Nothing of it is shown: it may hold a password.
    words: object = command
    with suppress(ValueError):
        words = shlex.split(command) if isinstance(command, str) else command
    if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
        return words
    raise ConfigurationError(f"{where}: key_command: expected a command, as a string or a list of its words")


async def _key_from(entry: _Entry) -> Any:
    """Return the first line that the command prints, as ``pass`` has it."""
    # No shell: what is in the file are words. Its standard error is ours, for what it has to say or to ask.
    problem, output = "", b""
    process = None
    try:
        async with asyncio.timeout(_COMMAND_SECONDS):
            process = await asyncio.create_subprocess_exec(
                *entry.command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await process.communicate()
    except TimeoutError:
        problem = f"took longer than {_COMMAND_SECONDS:g} s"
    except (OSError, ValueError) as error:  # ValueError: a NUL in a word
        problem = f"cannot be run: {getattr(error, 'strerror', None) or 'it holds a NUL'}"
    finally:
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process is not None and process.returncode and not problem:
        problem = f"ended with code {process.returncode}"
    key = protect(output.decode("utf-8", "replace").partition("\n")[0])
    output = b""
    if not problem and isinstance(key, ConfigurationError):
        problem = "printed no key in its first line"
    if problem:
        raise ConfigurationError(f"{entry.where}: key_command: {problem}")
    return key
