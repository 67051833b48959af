"""The state directory: whose it is, who uses it, its journals. Its functions block."""

from __future__ import annotations

import errno
import json
import os
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define

from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.journal.lock import release
from partoo_async.servers import is_same_server

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["GOES_ON_FOR", "STATE_FACTS", "StateDirectory", "archive_name", "check_owner", "superfluous", "take_state"]

GOES_ON_FOR = 12 * 3600.0
"""Seconds after its last change for which a running journal is continued. Nightly runs are twice as far apart."""

STATE_FACTS = "state.json"
"""File in the directory that says whose state it is."""

_FORMAT = 1
_LOCK = "lock"
_RUNNING = "running.journal"
_BASELINE = "baseline.journal"
_ARCHIVE = "archive"
_LOADING = "loading"

# What SQLite leaves beside a file when its process was killed. It belongs to that file alone.
_SIDECARS = ("-wal", "-shm", "-journal")

_fcntl: Any = import_module("fcntl") if os.name == "posix" else None


def archive_name(started: datetime, taken: Collection[str]) -> str:
    """Return a name for the journal of a scan that began then."""
    stem = started.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    names = (f"{stem}{f'-{number}' if number > 1 else ''}.journal" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def superfluous(names: Collection[str], keep: int) -> list[str]:
    """Return all but the last ``keep`` journals."""
    journals = sorted(name for name in names if name.endswith(".journal"))
    return journals[: max(0, len(journals) - keep)]


def check_owner(folder: Path, facts: dict[str, Any], server: str, organization: int | str | None) -> None:
    """Refuse the state of another server or organization."""
    problem = f"{shown(folder / STATE_FACTS)} is damaged, or of another program; use another directory"
    try:
        recorded, whose, version = facts["server"], facts["organization"], int(facts["format"])
        same_server = is_same_server(recorded, server)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass
    else:
        if version > _FORMAT:
            problem = f"{shown(folder)} was written by a newer version of partoo-async; update the package"
        elif not same_server:
            problem = f"{shown(folder)} is the state of {recorded}, not of {server}; use another directory"
        elif whose != organization:
            problem = f"{shown(folder)} is the state of {_named(whose)}, not of {_named(organization)}"
            problem += "; use another directory"
        else:
            return
    raise ConfigurationError(f"state: {problem}")


def _named(organization: object) -> str:
    return "the key's own organization" if organization is None else f"organization {organization!r}"


@define
class StateDirectory:
    """A locked state directory."""

    folder: Path
    _lock: int

    @property
    def running(self) -> Path:
        """The journal of the scan that is made, or not loaded yet."""
        return self.folder / _RUNNING

    @property
    def baseline(self) -> Path:
        """The journal of what is known until now."""
        return self.folder / _BASELINE

    @property
    def loading(self) -> Path:
        """Where a load has its own files."""
        return self.folder / _LOADING

    def touched(self) -> float | None:
        """Return when the running journal was last changed."""
        times = []
        with _explained(self.folder):
            for path in _with_sidecars(self.running):
                with suppress(FileNotFoundError):
                    times.append(path.stat().st_mtime)
            if self.running.exists():
                return max(times)
            for path in _with_sidecars(self.running):  # SQLite would apply them to the next file
                path.unlink(missing_ok=True)
        return None

    def goes_on(self) -> bool:
        """Return whether the running journal is recent enough."""
        touched = self.touched()
        return touched is not None and abs(time.time() - touched) < GOES_ON_FOR

    def put_aside(self, started: datetime | None, keep: int) -> None:
        """Move the running journal, of a scan that began then, to the old ones."""
        with _explained(self.folder):
            archive = self.folder / _ARCHIVE
            archive.mkdir(exist_ok=True)
            if started is None:
                started = datetime.fromtimestamp(self.running.stat().st_mtime, UTC)
            target = archive / archive_name(started, os.listdir(archive))
            # The journal last: without its log it is only older, and the log without it spoils the next one.
            for old, new in reversed([*zip(_with_sidecars(self.running), _with_sidecars(target), strict=True)]):
                with suppress(FileNotFoundError):
                    os.replace(old, new)
            for name in superfluous(os.listdir(archive), keep):
                for path in reversed(_with_sidecars(archive / name)):
                    path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Delete the running journal."""
        with _explained(self.folder):
            for path in reversed(_with_sidecars(self.running)):
                path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let another run use the directory."""
        release(self._lock)


def take_state(folder: Path, server: str, organization: int | str | None) -> StateDirectory:
    """Make or open a state directory, and lock it. Raises ``ConfigurationError``."""
    with _explained(folder):
        if folder.exists() and not folder.is_dir():
            raise ConfigurationError(f"state: expected a directory, not a file: {shown(folder)}")
        for inner in (folder / _ARCHIVE, folder / _LOADING):
            if inner.exists() and not inner.is_dir():
                raise ConfigurationError(f"state: expected a directory, not a file: {shown(inner)}; delete it")
        if not folder.parent.is_dir():
            problem = f"expected a directory in one that exists, not {shown(folder)}; make {shown(folder.parent)}"
            raise ConfigurationError(f"state: {problem}")
        folder.mkdir(exist_ok=True)
        if not (folder / STATE_FACTS).exists() and any(
            (folder / name).exists() for name in (_RUNNING, _BASELINE, _ARCHIVE)
        ):
            raise ConfigurationError(f"state: {shown(folder)} has journals but no {STATE_FACTS}; use another directory")
        lock = _lock(folder)
    try:
        _claim(folder, server, organization)
    except BaseException:
        release(lock)
        raise
    return StateDirectory(folder, lock)


def _lock(folder: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    descriptor = os.open(folder / _LOCK, flags, 0o666)
    try:
        if _fcntl is not None:
            _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        pid = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
    except OSError:  # a file system without such locks
        return descriptor
    else:
        # The number is for people; the lock itself ends with its process.
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return descriptor
    holder = f"process {pid}" if pid.isdigit() else "another process"
    problem = f"state: {shown(folder)} is in use by {holder}; wait until it has ended"
    raise ConfigurationError(problem, transient=True)


def _claim(folder: Path, server: str, organization: int | str | None) -> None:
    path, aside = folder / STATE_FACTS, folder / f"{STATE_FACTS}.new"
    with _explained(folder):
        if path.exists():
            text = path.read_bytes()
        else:
            text = json.dumps({"format": _FORMAT, "server": server, "organization": organization}).encode()
            with aside.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
    try:
        facts = json.loads(text)
    except ValueError:
        facts = {}
    check_owner(folder, facts, server, organization)


def _with_sidecars(path: Path) -> list[Path]:
    return [path, *(path.with_name(path.name + ending) for ending in _SIDECARS)]


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space, then start it again" if full else "use a directory that can be written to"
        problem = f"state: cannot write in {shown(folder)}: {error.strerror or error}; {advice}"
    else:
        return
    raise ConfigurationError(problem)
