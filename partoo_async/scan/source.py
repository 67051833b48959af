"""Where a scan's outcomes come from: its journal, the sections that could not be read, then its workers."""

from __future__ import annotations

from collections import deque
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from partoo_async.errors import ConfigurationError
from partoo_async.scan.worker_pool import LoopYield, WorkerPool

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from partoo_async.scan.fetcher import GroupFetcher
    from partoo_async.scan.inference import Inference
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.journal.no_journal import NoJournal
    from partoo_async.scan.names import BusinessNames
    from partoo_async.scan.worklist import Key, WorkList

__all__ = ["OutcomeSource"]

_is_inferred = attrgetter("inferred")


class OutcomeSource:
    """Hands out outcomes, and lets the workers run in between."""

    def __init__(
        self,
        fetcher: GroupFetcher,
        work: WorkList,
        journal: Journal | NoJournal,
        inference: Inference | None,
        names: BusinessNames | None,
        lock: asyncio.Lock,
    ) -> None:
        self._fetcher = fetcher
        self._journal = journal
        self._inference = inference
        self._names = names
        self._page: Iterator[Sequence[ScanItem]] = iter(())  # of outcomes that are replayed
        self._few: Iterator[ScanItem] = iter(())  # the next of them
        self._plain = False  # these are successes that need no more than to be handed out
        self._taking = False  # a task waits in ``take``
        self._yield = LoopYield()
        self._unreadable = deque(work.unreadable)
        self._lock = lock
        read: Callable[[Key], Awaitable[ScanItem]] = fetcher.group
        keep = journal.keep
        if inference is not None and inference.infers:
            # It records by itself: what it verifies is read long before it is handed out.
            inference.use(self._read_and_record if journal.records else read)
            read, keep = inference.outcome, None
        workers = max(1, min(fetcher.workers, work.left))
        self.pool: WorkerPool[Key, ScanItem] = WorkerPool(work.keys(), read, workers, fetcher.stop, keep)
        fetcher.at_stop = self.stop
        self._find: Callable[[], Awaitable[ScanItem]] = self._next if names is None else partial(names.next, self._next)

    async def take(self) -> ScanItem:
        """Return the next outcome. Raises ``StopAsyncIteration`` after the last."""
        if self._taking:
            raise ConfigurationError("scan: one 'async for' at a time; give the items to several tasks from there")
        self._taking = True
        try:
            if self._yield.is_due(self.pool.waited):
                await self._yield.suspend()
            return await self._find()
        finally:
            self._taking = False

    def few(self) -> tuple[Iterator[ScanItem], float] | None:
        """Return the next outcomes and the event-loop time until which they need no ``take``. They are successes."""
        return (self._few, self._yield.due) if self._plain else None

    async def _read_and_record(self, key: Key) -> ScanItem:
        item = await self._fetcher.group(key)
        await self._journal.record(item)
        return item

    async def _next(self) -> ScanItem:
        # In this order the last word on a section is that it could not be read, whatever a journal has of it.
        while True:
            if (item := next(self._few, None)) is not None:
                return item
            if (few := next(self._page, None)) is not None:
                self._few = iter(few)
                # Those that get names have to be waited for, and what is inferred is counted.
                self._plain = len(few) > 1 and self._names is None and not any(map(_is_inferred, few))
            elif self._journal.replays:  # a page ends before an outcome that is damaged
                async with self._lock:
                    self._page = await self._journal.next_page()
                self._yield.restart()
            else:
                self._plain = False
                break
        if self._unreadable:
            return self._unreadable.popleft()
        return await self.pool.next()

    def stop(self) -> None:
        """Begin no further request."""
        self.pool.stop()
        for part in (self._inference, self._names):
            if part is not None:
                part.stop()

    async def aclose(self, grace: float) -> None:
        """Wait ``grace`` seconds for what is in flight, and cancel the rest."""
        try:
            await self.pool.aclose(grace)
        finally:
            for part in (self._inference, self._names):
                if part is not None:
                    await part.aclose()
