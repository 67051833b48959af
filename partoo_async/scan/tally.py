"""What a scan counts while it runs, and what it says of itself from that."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from partoo_async._internal.callables import tell
from partoo_async.scan.outcomes import ScanItem, ScanPlan, ScanProgress, ScanReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from partoo_async.scan.failures import Failures
    from partoo_async.scan.fetcher import GroupFetcher
    from partoo_async.scan.worker_pool import WorkerPool
    from partoo_async.scan.worklist import Key, WorkList
    from partoo_async.session import PartooSession

__all__ = ["Tally"]

_logger = logging.getLogger("partoo_async.scan")


class Tally:
    """Counts the outcomes that were handed out. ``complete``: those were all."""

    def __init__(
        self,
        session: PartooSession,
        fetcher: GroupFetcher,
        work: WorkList,
        failures: Failures,
        on_progress: Callable[[ScanProgress], object] | None,
    ) -> None:
        self._session = session
        self._fetcher = fetcher
        self._work = work
        self._failures = failures
        self._started = self._ended = 0.0
        self._replayed = 0
        self.on_progress: Callable[[ScanProgress], object] | None = on_progress
        self.done: int = 0
        self.complete: bool = False

    def begin(self) -> None:
        """Start the clock."""
        self._started = asyncio.get_running_loop().time()

    def end(self) -> None:
        """Stop the clock."""
        self._ended = asyncio.get_running_loop().time()

    def log_end(self, plan: ScanPlan | None, why: str) -> None:
        """Log the end of the scan in one line. ``why``: what ended it early."""
        total = self.total(plan)
        if self.complete:
            state = "complete" if total else f"complete, and nothing to hand out: no groups in {self._sections}"
        else:
            state = f"not complete: {why or 'it was closed'}"
        recorded = f" ({self._replayed} from the journal)" if self._replayed else ""
        _logger.info(
            "scan: %s; %d of %d groups%s, %d failed, requests: %d, %.1f s",
            *(state, self.done, total, recorded, self._failures.count, self._fetcher.sends, self._elapsed()),
        )

    @property
    def _sections(self) -> str:
        count = len(self._work.sections)
        return "1 section" if count == 1 else f"{count} sections"

    def total(self, plan: ScanPlan | None) -> int:
        """Return how many outcomes there will be, 0 as long as nobody knows."""
        # Without a plan the sections that could not be read so far are no total.
        return 0 if plan is None else plan.groups + len(self._work.unreadable)

    def add(self, item: ScanItem) -> None:
        """Count an outcome."""
        self.done += 1
        self._replayed += item.recorded
        self._failures.add(item)

    def tell(self, progress: ScanProgress) -> None:
        """Call ``on_progress``. Its errors are logged once and cost no item."""
        if self.on_progress is None:
            return
        error = tell(self.on_progress, progress)
        if error is not None:
            self.on_progress = None
            _logger.error("on_progress raised and is not called again; the scan goes on", exc_info=error)

    def _elapsed(self) -> float:
        return (self._ended or asyncio.get_running_loop().time()) - self._started if self._started else 0.0

    def progress(self, plan: ScanPlan | None, pool: WorkerPool[Key, ScanItem] | None, *, is_open: bool) -> ScanProgress:
        """Return how far the scan is."""
        elapsed = self._elapsed()
        # What a journal had says nothing of the speed.
        rate = (self.done - self._replayed) / elapsed if elapsed > 0 else 0.0
        left, begun = self._work.ahead
        if pool is not None:
            left, begun = left - pool.taken, pool.taken - pool.done
        eta = self._fetcher.seconds_for(left, begun) if is_open else 0.0
        paused = self._session.quota.paused_for() if is_open else 0.0
        held = (self._fetcher.outage.held_for, self._fetcher.outage.held_by) if is_open else ()
        return ScanProgress(self.done, self._failures.count, self.total(plan), rate, eta, paused, *held)

    def report(self, items: Iterable[ScanItem]) -> ScanReport:
        """Return the figures until now, with the items that the caller kept."""
        fetcher, drift = self._fetcher, dict(self._session.drift)
        changes = tuple(self._work.added), tuple(self._work.deleted)
        figures = (fetcher.sends, self._elapsed(), drift, fetcher.retries)
        return ScanReport(tuple(items), *figures, *changes, complete=self.complete)
