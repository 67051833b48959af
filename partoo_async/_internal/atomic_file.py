"""Replace a file as a whole: nobody ever finds a part of one."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AtomicFile"]

# Bytes. A file system takes one large piece in half the time of many small ones.
_BUFFER = 1024 * 1024

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class AtomicFile:
    """A temporary file that takes the place of ``path`` when it is complete. Every method blocks.

    Call ``open``, ``writing``, ``complete``, ``commit``; or ``discard`` before that, which leaves no trace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._target = path
        self._temporary = path
        self._committed = False
        self._file: BinaryIO | None = None

    def open(self) -> None:
        """Create the temporary file, or raise ``ConfigurationError`` when ``path`` cannot be written or replaced."""
        # All that forbids the renaming at the end is looked for now: a scan of hours may follow.
        try:
            # A link stays a link: what it points to is replaced.
            self._target = Path(os.path.realpath(self._path))
            old = self._check()
            self._temporary = self._target.with_name(f".partoo-{secrets.token_hex(8)}.tmp")
            # Never more open than the file that it replaces.
            self._file = os.fdopen(os.open(self._temporary, _NEW, 0o666 if old is None else 0o600), "wb", _BUFFER)
            if old is not None:
                self._take_over(self._file.fileno(), old)
        except OSError as error:
            problem = f"path: cannot write {shown(self._path)}: {error.strerror or error}"
        except ConfigurationError:
            self.discard()
            raise
        else:
            return
        self.discard()
        raise ConfigurationError(problem)

    def _check(self) -> os.stat_result | None:
        """Return the state of the file to be replaced, if any; refuse one that cannot be."""
        if not self._target.parent.is_dir():
            raise ConfigurationError(
                f"path: expected a directory that exists, not {shown(self._target.parent)}; make it"
            )
        try:
            found = self._target.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            kind = "a directory" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
            raise ConfigurationError(f"path: expected a file, not {kind}: {shown(self._path)}")
        # Replacing it would succeed all the same, since that is a right on the directory.
        if not os.access(self._target, os.W_OK):
            raise ConfigurationError(
                f"path: expected a file that may be written; {shown(self._path)} is write-protected"
            )
        obstacle = _obstacle(self._target, found)
        if obstacle:
            raise ConfigurationError(f"path: {shown(self._path)} cannot be replaced: {obstacle}")
        return found

    def _take_over(self, descriptor: int, old: os.stat_result) -> None:
        if os.name != "posix":
            return
        new, reason = os.fstat(descriptor), None
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            try:
                os.fchown(descriptor, old.st_uid, old.st_gid)
            except OSError as error:
                reason = error.strerror or str(error)
        if reason:
            raise ConfigurationError(
                f"path: {shown(self._path)} belongs to user {old.st_uid} and group {old.st_gid}, which a new file"
                f" cannot be given ({reason}); delete it, or use another path"
            )
        # Last, since a change of owner takes permissions away.
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Give the open file; an ``OSError`` in the block, a full disk for one, then names it."""
        if self._file is None:
            raise RuntimeError("an AtomicFile is written between open() and complete()")
        try:
            yield self._file
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(
                error.errno, f"{shown(self._path)} was not written: {reason}; nothing was overwritten"
            ) from error

    def complete(self) -> None:
        """Flush everything to the disk, which may take long."""
        with self.writing() as file:
            file.flush()
            # Else a power cut after the renaming could leave an empty file under the final name.
            os.fsync(file.fileno())
            file.close()

    def commit(self) -> None:
        """Put the complete file in its place. If that fails, the ``OSError`` says where it is kept."""
        if self._file is None:
            raise RuntimeError("an AtomicFile is written between open() and complete()")
        self._committed = True  # whatever comes of it: a finished file is not deleted
        try:
            os.replace(self._temporary, self._target)
        except OSError as error:
            kept, reason = self._keep(), error.strerror or error
            raise OSError(
                error.errno, f"{shown(self._path)} was not replaced: {reason}; the finished file is {shown(kept)}"
            ) from error
        finally:
            _sync_directory(self._target.parent)

    def _keep(self) -> Path:
        """Give the finished file a name to be found by."""
        kept = self._target.with_name(f"{self._target.stem}-{secrets.token_hex(4)}{self._target.suffix}")
        try:
            os.rename(self._temporary, kept)
        except OSError:  # the name is too long, or what forbids the one forbids the other
            return self._temporary
        return kept

    def discard(self) -> None:
        """Remove what was written, if it was not committed. Never raises: it follows an error."""
        if self._file is None or self._committed:
            return
        with suppress(OSError):  # what is still buffered finds the disk full again
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink()


# Returns why a writable file cannot be replaced by another.
def _obstacle(target: Path, found: os.stat_result) -> str | None:
    directory = target.parent.stat()
    if hasattr(os, "geteuid"):
        entitled = os.geteuid() in (0, found.st_uid, directory.st_uid)
        if directory.st_mode & stat.S_ISVTX and not entitled:
            return f"it is another user's, and in {shown(target.parent)} only its owner may; use another path"
    if found.st_dev != directory.st_dev or _mount(target) != _mount(target.parent):
        return "it is mounted, perhaps into a container; mount its directory instead"
    return None


def _mount(path: Path) -> bytes | None:
    if not hasattr(os, "O_PATH"):  # Linux has it, and only Linux tells
        return None
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        facts = Path(f"/proc/self/fdinfo/{descriptor}").read_bytes()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return next((line for line in facts.splitlines() if line.startswith(b"mnt_id:")), None)


def _sync_directory(directory: Path) -> None:
    # The name is safe on the disk only with its directory. Windows and some network file systems cannot do this.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
