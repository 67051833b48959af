"""A scan: every group of some sections, read once each, an outcome for every key."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from partoo_async._internal.reprs import total_repr
from partoo_async.errors import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    PartooError,
    QuotaExceededError,
    ScanError,
)
from partoo_async.policy import check_seconds
from partoo_async.scan.failures import Failures
from partoo_async.scan.fetcher import GroupFetcher
from partoo_async.scan.handover import Handover
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.optional import OptionalJournal
from partoo_async.scan.scope import check_journal, check_options
from partoo_async.scan.tally import Tally
from partoo_async.scan.tries import OutageError
from partoo_async.scan.worker_pool import WorkerPool
from partoo_async.scan.worklist import Key, WorkList

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from partoo_async.scan.outcomes import ScanItem, ScanPlan, ScanProgress, ScanReport
    from partoo_async.scan.scope import Scope
    from partoo_async.session import PartooSession

__all__ = ["Scan"]

_logger = logging.getLogger("partoo_async.scan")

# With a journal, answers that are about to come are worth waiting for: a request less when the scan goes on.
_GRACE = 2.0

# What ends a scan, and is not the fault of a key.
_ENDS = (QuotaExceededError, DeadlineExceededError, OutageError, JournalError)


@total_repr
class Scan:
    """A bulk scan, made by ``client.scan(...)``; used once: ``async with`` and ``async for``, or ``collect()``."""

    def __init__(
        self,
        session: PartooSession,
        scope: Scope,
        *,
        max_concurrency: int | None = None,
        max_failures: float | None = None,
        journal: str | os.PathLike[str] | None = None,
        resume: bool = False,
        retry_failed: bool = True,
        max_outage: float = 600.0,
        on_progress: Callable[[ScanProgress], object] | None = None,
    ) -> None:
        check_options(max_concurrency, on_progress, journal, resume=resume)
        self._session = session.with_own_drift()
        bulk_limit = session.concurrency.bulk_limit
        self._workers = min(max_concurrency or bulk_limit, bulk_limit)
        self._fetcher = GroupFetcher(self._session, self._workers, check_seconds("max_outage", max_outage, zero=True))
        self._work = WorkList(scope, self._fetcher, retry_failed=retry_failed)
        self._failures = Failures(max_failures)
        journal = None if journal is None else check_journal(journal)
        self._journal = OptionalJournal(journal, resume=resume, retry_failed=retry_failed)
        self._pool: WorkerPool[Key, ScanItem] | None = None
        self._plan: ScanPlan | None = None
        self._unreadable: deque[ScanItem] = deque()
        self._state = "new"
        self._tally = Tally(self._session, self._fetcher, self._work, self._failures, on_progress)
        self._handover = Handover()
        self._taking = False
        self._looping = False
        self._why = ""

    def __repr__(self) -> str:
        return f"<Scan of {len(self._work.sections)} sections, {self._state}, {self._tally.done} outcomes>"

    @property
    def plan(self) -> ScanPlan:
        """What the scan is going to do. Known once the sections are read: inside ``async with``."""
        if self._plan is None:
            raise ConfigurationError("scan.plan: known once the sections are read, inside 'async with scan'")
        return self._plan

    @property
    def complete(self) -> bool:
        """Whether every outcome was handed out, failures included. False for a scan that was closed before."""
        return self._tally.complete

    @property
    def progress(self) -> ScanProgress:
        """How far the scan is at this moment. Cheap enough to ask several times a second."""
        return self._tally.progress(self._plan, self._pool, is_open=self._state == "open")

    async def __aenter__(self) -> Scan:
        if self._state != "new":
            raise ConfigurationError("scan: a scan is used once; make another with client.scan(...)")
        self._state = "open"
        self._tally.begin()
        try:
            async with self._journal.turn:
                self._plan = await self._prepare()
        except BaseException as error:
            self._note(error)
            await self.aclose()
            if isinstance(error, _ENDS):
                raise self._ended_by(error) from None
            raise
        added, deleted = len(self._work.added), len(self._work.deleted)
        _logger.info("scan: %s; since the journal was written %d groups came and %d went", self._plan, added, deleted)
        workers = max(1, min(self._workers, self._work.left))
        read = self._fetcher.group if self._work.journal is None else self._read_and_record
        self._pool = WorkerPool(self._work.keys(), read, workers, self._fetcher.stop)
        if self._state == "open":  # not closed from elsewhere while it read its sections
            self._pool.start()
        return self

    async def _prepare(self) -> ScanPlan:
        """Open the journal, if there is to be one, read the sections, and say what is to be done."""
        work = self._work
        work.journal = await self._journal.open(self._session.settings.server.base_url, work.scope)
        await work.read(self._workers)
        if self._state != "open":
            # Closed from elsewhere while it read: a part of the sections, which no journal may take for the whole.
            return work.plan(0)
        plan = work.plan(await self._journal.begin())
        await self._journal.plan(plan if work.whole else None)
        self._failures.begin(plan.groups + len(work.unreadable))
        self._unreadable.extend(work.unreadable)
        return plan

    def _ended_by(self, error: Exception) -> ScanError:
        return self._ended(f"the scan ended early: {error}", transient=not isinstance(error, JournalError))

    def _ended(self, reason: str, items: Iterable[ScanItem] | None = None, *, transient: bool) -> ScanError:
        self._why = self._why or reason.removeprefix("the scan ended early: ")
        report = self.report(self._failures.kept if items is None else items)
        return ScanError(reason, report, transient=transient)

    def _note(self, error: BaseException) -> None:
        """Keep why the scan ends, for the log."""
        # Of an error that is not ours only the class: its text may hold anything.
        ours = isinstance(error, (PartooError, JournalError))
        self._why = self._why or (str(error) if ours else f"{type(error).__name__} was raised")

    async def __aexit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self._note(error)
        await self.aclose()

    async def aclose(self, *, grace: float = _GRACE) -> None:
        """Stop: nothing more is sent. Safe to call twice, and from any task.

        An ``async for`` that runs gets to its end; one that begins later raises ``ClientClosedError``, unless the scan
        is ``complete``.

        Args:
            grace: With a journal, seconds for the requests in flight to be recorded. Without one they are dropped.
        """
        was_open = self._state == "open"
        if was_open:
            self._tally.end()
        self._state = "closed"
        if self._pool is not None:
            self._pool.stop()
        self._fetcher.stop()
        try:
            await self._work.aclose()
        finally:
            # Of two who close it the second one waits, and does not cut the grace of the first one short.
            try:
                async with self._journal.turn:
                    await self._close(grace if self._journal.opened is not None else 0.0)
            finally:
                if was_open:
                    self._tally.log_end(self._plan, self._why)

    async def _close(self, grace: float) -> None:
        try:
            if self._pool is not None:
                await self._pool.aclose(grace)
        finally:
            await self._journal.aclose()

    async def _read_and_record(self, key: Key) -> ScanItem:
        item = await self._fetcher.group(key)
        if self._work.journal is not None:
            await self._work.journal.record(item)
        return item

    def __aiter__(self) -> Scan:
        if self._pool is None:
            raise ConfigurationError("scan: iterate inside 'async with client.scan(...) as scan', or use collect()")
        if self._state == "closed" and not self.complete:
            raise self._closed()
        self._looping = True
        return self

    def _closed(self) -> ClientClosedError:
        return ClientClosedError(
            f"scan: it was closed before its end, after {self._tally.done} outcomes; make another with client.scan(...)"
        )

    async def __anext__(self) -> ScanItem:
        if self._pool is None or self._state == "closed":
            # A loop that ran when the scan was closed ends, once. What comes later would look like an empty scan.
            if not self.complete and not self._looping:
                raise self._closed()
            self._looping = False
            raise StopAsyncIteration
        if self._failures.exceeded:
            raise self._ended(f"the scan ended early: {self._failures}", transient=False)
        if self._taking:
            raise ConfigurationError("scan: one 'async for' at a time; give the items to several tasks from there")
        self._taking = True
        try:
            if self._handover.is_due(self._pool.waited):
                await self._handover.suspend()
            item = await self._next(self._pool)
        except _ENDS as error:
            raise self._ended_by(error) from None
        finally:
            self._taking = False
        self._tally.add(item)
        if self._tally.on_progress is not None:
            self._tally.tell(self.progress)
        return item

    async def _next(self, pool: WorkerPool[Key, ScanItem]) -> ScanItem:
        """Return the next outcome: what a journal has, sections that could not be read, then what comes in.

        In this order the last word on a section is that it could not be read, whatever a journal had of it.
        """
        item = await self._journal.next() if self._journal.replays else None
        if item is not None:
            return item
        if self._unreadable:
            return self._unreadable.popleft()
        try:
            return await pool.next()
        except StopAsyncIteration:
            self._tally.complete = self._state == "open" and self._work.whole
            if self._tally.complete:
                await self._journal.finish()
        self._looping = False
        if self._state == "open" and not self._work.whole:
            error = self._ended("the scan may lack sections: their list changed while it was read", transient=True)
            await self.aclose()
            raise error
        await self.aclose()
        raise StopAsyncIteration

    def report(self, items: Iterable[ScanItem] = ()) -> ScanReport:
        """Return the figures until now as a report.

        Args:
            items: What the caller kept of the scan's items; the scan itself keeps none.
        """
        return self._tally.report(items)

    async def collect(self) -> ScanReport:
        """Run the whole scan and return its report.

        Raises:
            ScanError: The scan ended early: more than ``max_failures`` groups failed, a long outage or pause, a
                deadline, or the scan or its client was closed. Its ``report`` has all outcomes until then.
            ClientClosedError: The client was closed before the first outcome.
            ConfigurationError: The scan was used before, or its journal is not of this scan.
        """
        items: list[ScanItem] = []
        try:
            async with self:
                if self._state == "open":  # not closed from elsewhere while it read its sections
                    async for item in self:
                        items.append(item)  # noqa: PERF401 - what came before an error must not be lost
        except (ScanError, ClientClosedError) as error:
            if not items and isinstance(error, ClientClosedError):
                raise  # nothing was had yet
            reason, later = str(error), error.transient
        else:
            if self.complete:
                return self.report(items)
            reason, later = "the scan ended early: it was closed", False
        raise self._ended(reason, items, transient=later)
