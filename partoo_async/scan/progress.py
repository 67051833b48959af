"""Counts the outcomes that a scan hands out."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from decimal import Decimal
from operator import length_hint
from typing import TYPE_CHECKING

from attrs import define, field

from partoo_async._internal.callables import guarded, tell
from partoo_async._internal.checks import as_int, check_count
from partoo_async._internal.read_only import ReadOnlyDict
from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ConfigurationError, PartooError
from partoo_async.observers import ScanRecord
from partoo_async.scan.items import ScanFailure, ScanItem
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.outcomes import ScanPlan, ScanProgress, ScanReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from partoo_async.observers import ScanWatch
    from partoo_async.scan.fetcher import GroupFetcher
    from partoo_async.scan.inference import Inference
    from partoo_async.scan.names import BusinessNames
    from partoo_async.scan.worker_pool import WorkerPool
    from partoo_async.scan.worklist import Key, WorkList

__all__ = ["Failures", "ProgressCounter"]

_logger = logging.getLogger("partoo_async.scan")

# For the report of a scan that ends early. Bounded, because memory must not grow with the number of groups.
_MAX_KEPT = 100


@total_repr
@define
class Failures:
    """Counts failures against ``max_failures``: a count, a fraction of all outcomes, or None for no limit."""

    tolerated: int | float | None = field(converter=as_int)
    count: int = 0
    kept: list[ScanFailure] = field(factory=list)
    _limit: float = float("inf")

    def __attrs_post_init__(self) -> None:
        if isinstance(self.tolerated, float):
            if not 0 <= self.tolerated <= 1:
                raise ConfigurationError(
                    f"max_failures: expected a count, or a fraction from 0.0 to 1.0, not {self.tolerated!r}"
                )
        elif self.tolerated is not None:
            check_count("max_failures", self.tolerated, least=0)

    def begin(self, total: int) -> None:
        """Set the limit for this number of outcomes."""
        if isinstance(self.tolerated, float):
            # By its decimal digits: 0.29 * 100 is 28.999... in binary.
            self._limit = int(Decimal(repr(self.tolerated)) * total)
        elif self.tolerated is not None:
            self._limit = self.tolerated

    def add(self, item: ScanFailure) -> None:
        """Count an item that failed."""
        self.count += 1
        if len(self.kept) < (_MAX_KEPT if self.tolerated is None else self._limit + 1):
            self.kept.append(item)

    @property
    def exceeded(self) -> bool:
        """Whether more failed than are tolerated."""
        return self.count > self._limit

    def __str__(self) -> str:
        than = f" than {int(self._limit)}" if isinstance(self.tolerated, float) else ""
        return f"{self.count} failed, and max_failures={self.tolerated} tolerates no more{than}"


class ProgressCounter:
    """Counts what a scan hands out. ``complete`` is set once that was everything."""

    def __init__(
        self,
        fetcher: GroupFetcher,
        work: WorkList,
        inference: Inference | None,
        names: BusinessNames | None,
        failures: Failures,
        on_progress: Callable[[ScanProgress], object] | None,
    ) -> None:
        self._fetcher = fetcher
        self._work = work
        self._inference = inference
        self._names = names
        self._inferred = 0
        self._failures = failures
        self._started = self._ended = 0.0  # event-loop times, 0.0 for not yet
        self._done = self._replayed = 0  # with those of ``quick``
        self.quick: Iterator[ScanItem] = iter(())  # outcomes that need no ``add``
        self.until: float = 0.0  # the time until which they may be taken
        self.now: Callable[[], float] = float  # event-loop time, once it has begun
        self._why = ""  # why it ended early
        self._error: str | None = None  # the class of that error
        self._watch: ScanWatch | None = None
        self.on_progress: Callable[[ScanProgress], object] | None = on_progress
        self.complete: bool = False

    def begin(self) -> AbstractContextManager[object]:
        """Start the clock, tell an observer, and return the context that this sets for the scan's tasks."""
        self.now = asyncio.get_running_loop().time
        self._started = self.now()
        emit = self._fetcher.session.context.emit
        self._watch = emit.scan_started()
        return nullcontext() if self._watch is None else guarded(self._watch.around, emit.note)

    def end(self) -> None:
        """Stop the clock."""
        self._ended = asyncio.get_running_loop().time()

    def note_end(self, error: BaseException) -> None:
        """Note the first error that ends the scan, for ``log_end``."""
        # Of a foreign error only the class: its text may hold anything.
        ours = isinstance(error, (PartooError, JournalError))
        text = str(error).removeprefix("the scan ended early: ") if ours else f"{type(error).__name__} was raised"
        self._why = self._why or text
        self._error = self._error or type(error).__name__

    def log_end(self, plan: ScanPlan | None) -> None:
        """Log the end of the scan in one line, with its reason if it ended early, and tell an observer."""
        if self._watch is not None:
            figures = (self.done, self._failures.count, self._fetcher.sends)
            error = tell(self._watch.ended, ScanRecord(*figures, self._error, self.complete))
            if error is not None:
                self._fetcher.session.context.emit.note(error)
        total = self.total(plan)
        state = "complete" if self.complete else f"not complete: {self._why or 'it was closed'}"
        if self.complete and not total:
            # Otherwise a scan that yields nothing would look like one that lost everything.
            count = len(self._work.sections)
            where = f"no groups in {count} section{'' if count == 1 else 's'}" if count else "no sections"
            state += f", there was nothing to scan: {where}"
        replayed = self._replayed - length_hint(self.quick)
        of_journal = f" ({replayed} replayed from the journal)" if replayed else ""
        _logger.info(
            "scan: %s; %d of %d outcomes%s, %d failed, requests: %d, %.1f s",
            *(state, self.done, total, of_journal, self._failures.count, self._fetcher.sends, self._elapsed()),
        )

    def total(self, plan: ScanPlan | None) -> int:
        """Return how many outcomes there will be, 0 while that is not known."""
        # Before there is a plan, the sections that could not be read so far are no total.
        return 0 if plan is None else plan.groups + len(self._work.unreadable)

    @property
    def done(self) -> int:
        """How many outcomes were handed out."""
        return self._done - length_hint(self.quick)

    def add(self, item: ScanItem) -> None:
        """Count an outcome."""
        self._done += 1
        self._replayed += item.recorded
        self._inferred += item.inferred
        if item.error is not None:
            self._failures.add(item)

    def lend(self, items: Iterator[ScanItem], until: float) -> None:
        """Let ``quick`` be these successes that are replayed, ``until`` a time. Each counts once it is taken."""
        # All count at once, and those that are left are taken off: there may be a million of them.
        left = length_hint(items)
        self._done += left
        self._replayed += left
        self.quick, self.until = items, until

    def take_back(self) -> None:
        """Let ``quick`` be none."""
        left = length_hint(self.quick)
        self._done -= left
        self._replayed -= left
        self.quick, self.until = iter(()), 0.0

    def tell(self, progress: ScanProgress) -> None:
        """Call ``on_progress``. Its first error is logged and ends the calls, not the scan."""
        if self.on_progress is None:
            return
        error = tell(self.on_progress, progress)
        if error is not None:
            self.on_progress = None
            _logger.error("on_progress raised and is not called again; the scan goes on", exc_info=error)

    def spent(self) -> tuple[int, float]:
        """Return the requests and seconds until now."""
        return self._fetcher.sends, self._elapsed()

    def _elapsed(self) -> float:
        return (self._ended or asyncio.get_running_loop().time()) - self._started if self._started else 0.0

    def progress(self, plan: ScanPlan | None, pool: WorkerPool[Key, ScanItem] | None, *, is_open: bool) -> ScanProgress:
        """Return how far the scan is."""
        elapsed = self._elapsed()
        # What is replayed from a journal says nothing about the speed.
        rate = (self._done - self._replayed) / elapsed if elapsed > 0 else 0.0
        left, begun = self._work.ahead
        if self._inference is not None and self._inference.infers:
            left, begun = self._inference.ahead
        elif pool is not None:
            left, begun = left - pool.taken, pool.taken - pool.done
        if self._names is not None:
            left += self._names.requests_for(left)
        eta = self._fetcher.seconds_for(left, begun) if is_open else 0.0
        counts = (self.done, self._failures.count, self.total(plan), rate, eta)
        fetcher = self._fetcher
        if not is_open:
            return ScanProgress(*counts, 0.0, retries=fetcher.retries)
        outage, quota = fetcher.outage, fetcher.session.quota
        now = (quota.paused_for(), outage.held_for, outage.held_by, quota.bulk_wait())
        return ScanProgress(*counts, *now, fetcher.retries, fetcher.silent_for)

    def report(self, items: Iterable[ScanItem]) -> ScanReport:
        """Return the figures until now, with the items that the caller kept."""
        fetcher, drift = self._fetcher, dict(self._fetcher.session.drift)
        changes = tuple(self._work.added), tuple(self._work.deleted)
        figures = (fetcher.sends, self._elapsed(), drift, fetcher.retries)
        inference, names = self._inference, self._names
        infers = self._inferred > 0 or (inference is not None and inference.infers)
        return ScanReport(
            tuple(items),
            *figures,
            *changes,
            complete=self.complete,
            strategy="businesses" if infers else "groups",
            verified=self._verified() if infers else 0,
            fallback="" if inference is None else inference.fallback,
            businesses=ReadOnlyDict() if names is None else ReadOnlyDict(names.known),
            sections=dict(self._work.names),
        )

    def _verified(self) -> int:
        """Return how many groups the run that is least sure has verified."""
        before, now = self._work.verified, 0 if self._inference is None else self._inference.verified
        if before and now == self._work.left:
            return before  # this run inferred nothing
        return min(before, now) or before or now
