"""A directory of journals, with one for each organization."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from partoo_async._internal.callables import in_daemon
from partoo_async._internal.checks import check_file
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["JournalDirectory", "file_name"]

# As file systems tell names apart, whatever they do with case, and none of the names that Windows keeps for devices.
_PLAIN = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d)\Z)[a-z0-9][a-z0-9_-]{0,63}\Z")


def file_name(name: str) -> str:
    """Return the name of an organization's journal: always the same, and never another's."""
    if _PLAIN.match(name):
        return f"{name}.db"
    # A dot, which plain names do not have, before what tells apart those that look alike.
    likeness = re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-")
    return f"{likeness or 'organization'}.{hashlib.sha256(name.encode()).hexdigest()[:16]}.db"


@frozen
class JournalDirectory:
    """Where journals are. ``resume``: whether they may be there already."""

    path: Path
    resume: bool

    @classmethod
    def checked(cls, journals: object, *, resume: bool) -> JournalDirectory:
        """Return the directory for these arguments of ``scan_many``."""
        return cls(check_file("journals", journals, "the path of a directory"), resume)

    def path_of(self, name: str) -> Path:
        """Return the path of an organization's journal."""
        return self.path / file_name(name)

    async def prepare(self, names: Iterable[str]) -> None:
        """Make the directory. Raises ``ConfigurationError`` for a journal that must not be there."""
        problem = await in_daemon(self._prepare, names)
        if problem:
            raise ConfigurationError(problem)

    def _prepare(self, names: Iterable[str]) -> str:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # All at once, before the first organization is scanned. An empty file was never begun.
            taken = [] if self.resume else [name for name in names if _is_begun(self.path_of(name))]
        except OSError as error:
            return f"journals: cannot use the directory {shown(self.path)}: {error.strerror or error}"
        if not taken:
            return ""
        return (
            f"journals: {shown(self.path_of(taken[0]))}, that of {taken[0]!r}, exists already; resume=True (--resume) "
            "goes on with it, and another directory begins anew"
        )


def _is_begun(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
