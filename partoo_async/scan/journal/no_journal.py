"""What a scan without a journal has in place of a ``Journal``. Loads no SQLite."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from partoo_async._internal.checks import check_file, check_flag
from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from array import array
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from partoo_async.models import Business, Section
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.outcomes import ScanPlan
    from partoo_async.scan.scope import Scope

__all__ = ["NoJournal", "journal_opener"]


class NoJournal:
    """The null object: has the methods of ``Journal`` that a scan calls, and records nothing."""

    records: bool = False
    replays: bool = False
    begun: bool = False
    verified: int = 0
    meter: Callable[[], tuple[int, float]]
    keep: ClassVar[None] = None  # outcomes are handed out at once

    async def load(self) -> None:
        """Do nothing."""

    async def record(self, _item: ScanItem) -> None:
        """Do nothing."""

    async def record_businesses(self, _businesses: Iterable[Business], _doubtful: Iterable[str] = ()) -> None:
        """Do nothing."""

    async def businesses(self) -> dict[str, Business]:
        """Return that none is recorded."""
        return {}

    async def note_all_businesses(self, _ids: Iterable[str], _known: Iterable[str] = ()) -> list[str]:
        """Return that none was known."""
        return []

    async def note_plan(self, _plan: ScanPlan | None) -> None:
        """Do nothing."""

    async def note_verified(self, _count: int) -> None:
        """Do nothing."""

    async def finish(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""

    async def next_page(self) -> Iterator[Sequence[ScanItem]]:
        """Return that there is nothing to replay."""
        return iter(())

    async def begin_replay(self) -> int:
        """Return that there is nothing to replay."""
        return 0

    def missing_sections(self, _listed: list[int]) -> set[int]:
        """Return that none is missing."""
        return set()

    async def forget_sections(self, _section_ids: Iterable[int]) -> list[tuple[int, int]]:
        """Return that no group is gone."""
        return []

    async def known(self, _section_id: int) -> tuple[str | None, array[int]] | None:
        """Return that the section has to be read."""
        return None

    def mark_of(self, _section_id: int) -> str | None:
        """Return that none is used."""
        return None

    async def recorded(self, _section_ids: Sequence[int]) -> dict[int, tuple[str | None, array[int]]]:
        """Return that none is."""
        return {}

    async def digests(self, _section: Section, _groups: int) -> None:
        """Return that none are needed."""

    def compare(
        self,
        _section_id: int,
        _section: Section | None,
        groups: array[int],
        _digests: array[int] | None = None,
        _mark: str = "",
    ) -> Awaitable[tuple[array[int], list[int], list[int]]]:
        """Return that every group is to be read, and that none was added or deleted."""
        done: asyncio.Future[tuple[array[int], list[int], list[int]]] = asyncio.get_running_loop().create_future()
        done.set_result((groups, [], []))
        return done


async def _open_none(_server: str, _scope: Scope) -> NoJournal:
    return NoJournal()


def journal_opener(
    journal: str | os.PathLike[str] | None, resume: bool, *, retry_failed: bool, lists_hold_for: float = 0.0
) -> Callable[[str, Scope], Awaitable[Journal | NoJournal]]:
    """Return the function that opens the journal at this path, or none. Raises ``ConfigurationError``."""
    check_flag("retry_failed", retry_failed)
    if journal is None:
        return _open_none
    path = check_file("journal", journal)
    try:
        # Only for a scan that has a journal, or every scan would load SQLite. And already now, since an import takes
        # file handles, which may be used up later.
        from partoo_async.scan.journal.journal import Journal  # noqa: PLC0415 - see above
    except OSError as error:
        problem = f"journal: cannot open one: {error.strerror or error}"
    else:
        return partial(Journal.open, path, resume=resume, retry_failed=retry_failed, lists_hold_for=lists_hold_for)
    raise ConfigurationError(problem)
