"""The journal of a scan that may have none, from its opening to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import asdict

from partoo_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.journal.reader import Replay
    from partoo_async.scan.outcomes import ScanItem, ScanPlan
    from partoo_async.scan.scope import Scope

__all__ = ["OptionalJournal"]


def _opener() -> Callable[..., Awaitable[Journal]]:
    """Return what opens a journal. Raises ``ConfigurationError`` where it cannot be had."""
    try:
        # Imported here, so that a scan without a journal need not wait for SQLite; and as soon as there is one, since
        # an import takes file handles, which may be used up later.
        from partoo_async.scan.journal.journal import Journal  # noqa: PLC0415 - see above
    except OSError as error:
        problem = f"journal: cannot open one: {error.strerror or error}"
    else:
        return Journal.open
    raise ConfigurationError(problem)


class OptionalJournal:
    """Opens, replays and closes the journal at ``path``. Without a path every method does nothing.

    Every method raises ``JournalError`` when the file cannot be read or written.

    Attributes:
        opened: The journal while it is open.
        turn: Held while the journal is opened, read or closed, so that no task closes it under another.
        replays: There may be outcomes of an earlier run to hand out.
    """

    def __init__(self, path: Path | None, *, resume: bool, retry_failed: bool) -> None:
        self.opened: Journal | None = None
        self.turn: asyncio.Lock = asyncio.Lock()
        self._path = path
        self._resume = resume
        self._retry_failed = retry_failed
        self._replay: Replay | None = None
        self.replays: bool = False
        if path is not None:
            self._opener = _opener()

    async def open(self, server: str, scope: Scope) -> Journal | None:
        """Open the journal. Raises ``ConfigurationError`` for a file that cannot be this scan's."""
        if self._path is not None:
            self.opened = await self._opener(self._path, server, scope, resume=self._resume)
        return self.opened

    async def begin(self) -> int:
        """Get ready to hand out what an earlier run recorded, and return how many outcomes that are."""
        if self.opened is None:
            return 0
        self._replay, self.replays = self.opened.replay(retry_failed=self._retry_failed), True
        return await self._replay.begin()

    async def next(self) -> ScanItem | None:
        """Return the next outcome of an earlier run, None after the last and when the journal was closed."""
        if self._replay is None:
            return None
        async with self.turn:
            item = None if self.opened is None else await self._replay.next()
        if item is None:
            self._replay, self.replays = None, False
        return item

    async def plan(self, plan: ScanPlan | None) -> None:
        """Note what is to be done; None where that is not known for sure, so that there is no end to it."""
        if self.opened is not None:
            await self.opened.note(plan=plan and asdict(plan))

    async def finish(self) -> None:
        """Note that everything was done."""
        async with self.turn:
            if self.opened is not None:
                await self.opened.note(finished=True)

    async def aclose(self) -> None:
        """Write what is still to be written, and let the file go. Safe to call twice."""
        journal, self.opened = self.opened, None
        if journal is not None:
            await journal.aclose()
