"""Checks that a file is a journal, and locks it, before SQLite could change a byte of it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["APPLICATION", "FORMAT", "is_database", "release", "take"]

# The version of the tables and of what is in them, SQLite's user_version. A journal of a higher one is refused; one of
# a lower one is read, and gets this one before anything is recorded in it. Since 2 outcomes may be bytes.
FORMAT = 2
# SQLite's application_id. Both are in the first hundred bytes of the file.
APPLICATION = int.from_bytes(b"prto", "big")

# Not on Windows, where SQLite's own locks do (see ``_lock``).
_fcntl: Any = import_module("fcntl") if os.name == "posix" else None

_MAGIC = b"SQLite format 3\x00"


def take(path: Path, *, create: bool, resume: bool, reading: bool) -> int:
    """Open a file that is a journal or empty, lock it, and return its descriptor. ``reading``: the lock is shared."""
    try:
        # Non-blocking, in case it is a pipe. Binary, because Windows takes a byte of 26 for the end.
        more = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))
        flags = (os.O_RDONLY if reading else os.O_RDWR) | more | (os.O_CREAT if create else 0)
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        problem = f"journal: cannot open {shown(path)}: {error.strerror or error}"
    else:
        try:
            if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
                kind = "directory" if stat.S_ISDIR(mode) else "device or a pipe"
                raise ConfigurationError(f"journal: {shown(path)} is a {kind}; use a file")
            _lock(descriptor, path, shared=reading)
            _check_head(os.read(descriptor, 100), path, resume=resume)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor
    use = "that exists and can be read" if reading else "in a directory that exists and can be written to"
    raise ConfigurationError(f"{problem}; use a file {use}")


def is_database(path: Path) -> bool:
    """Whether a file begins as one of SQLite. Raises ``OSError``."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _lock(descriptor: int, path: Path, *, shared: bool) -> None:
    # SQLite's own lock, of the POSIX kind, is lost as soon as anything in the process opens and closes the file, such
    # as to copy it. This one is not, and it ends with the process, however that ends.
    if _fcntl is None:
        return
    try:
        _fcntl.flock(descriptor, (_fcntl.LOCK_SH if shared else _fcntl.LOCK_EX) | _fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        failure = (
            f"journal: {shown(path)} is in use by another scan; wait until that one has ended, or use another file"
        )
    except OSError:
        return  # a file system without such locks: SQLite's own have to do
    else:
        return
    raise ConfigurationError(failure)


def release(descriptor: int) -> None:
    """Unlock and close the file."""
    if _fcntl is not None:
        with suppress(OSError):
            # Closing alone does not unlock it if a process was forked meanwhile, which has the same lock.
            _fcntl.flock(descriptor, _fcntl.LOCK_UN)
    os.close(descriptor)


def _check_head(head: bytes, path: Path, *, resume: bool) -> None:
    if not head:  # new, or left by a process that was killed while it created it
        return
    application, version = int.from_bytes(head[68:72], "big"), int.from_bytes(head[60:64], "big")
    if head[:16] != _MAGIC or len(head) < 100 or application != APPLICATION:
        raise ConfigurationError(
            f"journal: {shown(path)} is not a journal, or its beginning is damaged; use another file"
        )
    if not resume:
        raise ConfigurationError(
            f"journal: {shown(path)} exists already; resume=True (--resume) goes on with it, and another path begins a"
            " new one"
        )
    if version > FORMAT:
        raise ConfigurationError(
            f"journal: {shown(path)} was written by a newer version of partoo-async (format {version}, and this one"
            f" knows {FORMAT}); update the package, or use another file"
        )
