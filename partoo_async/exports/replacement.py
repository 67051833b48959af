"""A file that is replaced as a whole: whoever opens it finds the old one or the new one, never a part of one."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Replacement"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class Replacement:
    """Writes beside ``path`` and puts the file in its place when it is complete. Every method blocks.

    ``open``, then ``writing``, ``complete``, ``commit``; or ``discard``, at any time before, which leaves no trace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._target = path
        self._temporary = path
        self._committed = False
        self._file: BinaryIO | None = None

    def open(self) -> None:
        """Create the temporary file. Raises ``ConfigurationError`` when the path cannot be written."""
        try:
            # A link stays a link: what it points to is replaced.
            self._target = Path(os.path.realpath(self._path))
            mode = self._check()
            self._temporary = self._target.with_name(f".partoo-{secrets.token_hex(8)}.tmp")
            # Never more open than the file that it replaces.
            self._file = os.fdopen(os.open(self._temporary, _NEW, mode), "wb")
        except OSError as error:
            raise ConfigurationError(f"path: cannot write {self._path}: {error.strerror or error}") from error

    def _check(self) -> int:
        """Return the permissions of the file to be; raises ``ConfigurationError`` for what is not to be replaced."""
        if not self._target.parent.is_dir():
            raise ConfigurationError(f"path: expected a directory that exists, not {self._target.parent}; make it")
        try:
            found = self._target.stat()
        except FileNotFoundError:
            return 0o666
        if not stat.S_ISREG(found.st_mode):
            kind = "a directory" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
            raise ConfigurationError(f"path: expected a file, not {kind}: {self._path}")
        # Replacing it would succeed all the same, since that is a right on the directory.
        if not os.access(self._target, os.W_OK):
            raise ConfigurationError(f"path: expected a file that may be written; {self._path} is write-protected")
        return found.st_mode & 0o777

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Give the open file. An ``OSError`` in the block, a full disk for one, then says which file it was."""
        if self._file is None:
            raise RuntimeError("a replacement is written between open() and complete()")
        try:
            yield self._file
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"{self._path} was not written: {reason}; nothing was overwritten") from error

    def complete(self) -> None:
        """Make what was written safe on the disk: the long part of the end. Raises ``OSError`` when it cannot be."""
        with self.writing() as file:
            file.flush()
            # Else a power cut after the renaming could leave an empty file under the final name.
            os.fsync(file.fileno())
            file.close()

    def commit(self) -> None:
        """Put the complete file in its place: the short part. Raises ``OSError`` when it does not get there."""
        with self.writing():
            os.replace(self._temporary, self._target)
        self._committed = True
        _sync_directory(self._target.parent)

    def discard(self) -> None:
        """Remove what was written, if it was not committed. Never raises, since it follows an error."""
        if self._file is None or self._committed:
            return
        with suppress(OSError):  # what is still buffered finds the disk full again
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink()


def _sync_directory(directory: Path) -> None:
    # The name is safe on the disk only with its directory. Windows and some network file systems cannot do this.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
