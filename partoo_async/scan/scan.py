"""``Scan``: reads every group of some sections once, and yields an outcome for every key."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Literal

from partoo_async._internal.checks import check_file, check_seconds
from partoo_async._internal.reprs import total_repr
from partoo_async.errors import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    QuotaExceededError,
    ScanError,
)
from partoo_async.scan.fetcher import GroupFetcher
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.no_journal import NoJournal, journal_opener
from partoo_async.scan.key_retries import OutageError
from partoo_async.scan.progress import Failures, ProgressCounter
from partoo_async.scan.scope import Scope, check_options
from partoo_async.scan.worker_pool import LoopYield, WorkerPool
from partoo_async.scan.worklist import Key, WorkList

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.outcomes import ScanPlan, ScanProgress, ScanReport
    from partoo_async.session import PartooSession

__all__ = ["Scan"]

_logger = logging.getLogger("partoo_async.scan")

# These errors end the scan; any other one is the outcome of a key.
_ENDS = (QuotaExceededError, DeadlineExceededError, OutageError, JournalError)

# new     Made, nothing was sent. ``async with`` opens it, once.
# open    First the sections are read, up to the plan. Then workers read groups, and ``__anext__`` hands them out.
# closed  By ``aclose()``: from outside, at the end of ``async with``, or by ``__anext__`` after the last outcome.
_State = Literal["new", "open", "closed"]


@total_repr
class Scan:
    """A bulk scan, made by ``client.scan(...)`` and used once: ``async with`` and ``async for``, or ``collect()``."""

    with_businesses: bool = False

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
        self._state: _State = "new"
        self._session = session.with_own_drift()
        bulk_limit = session.context.concurrency.bulk_limit
        self._workers = min(max_concurrency or bulk_limit, bulk_limit)
        self._fetcher = GroupFetcher(self._session, self._workers, check_seconds("max_outage", max_outage, zero=True))
        self._work = WorkList(scope, self._fetcher)
        self._failures = Failures(max_failures)
        path = None if journal is None else check_file("journal", journal)
        self._open_journal = journal_opener(path, resume=resume, retry_failed=retry_failed)
        self._journal: Journal | NoJournal = NoJournal()
        # Held while the journal is opened, replayed or closed, so that no task closes it while another one uses it.
        self._journal_lock = asyncio.Lock()
        self._pool: WorkerPool[Key, ScanItem] | None = None
        self._plan: ScanPlan | None = None
        self._unreadable: deque[ScanItem] = deque()
        self._counter = ProgressCounter(self._session, self._fetcher, self._work, self._failures, on_progress)
        self._yield = LoopYield()
        self._in_next = False  # a task waits in __anext__
        self._looping = False  # an ``async for`` was begun, and was not told yet that the scan is closed

    def __repr__(self) -> str:
        return f"<Scan of {len(self._work.sections)} sections, {self._state}, {self._counter.done} outcomes>"

    @property
    def plan(self) -> ScanPlan:
        """What the scan is going to do. Known inside ``async with``, once the sections are read."""
        if self._plan is None:
            raise ConfigurationError("scan.plan: known once the sections are read, inside 'async with scan'")
        return self._plan

    @property
    def complete(self) -> bool:
        """Whether every outcome was handed out, failures included. False for a scan that was closed before."""
        return self._counter.complete

    @property
    def progress(self) -> ScanProgress:
        """How far the scan is now. Cheap enough to read several times a second."""
        return self._counter.progress(self._plan, self._pool, is_open=self._state == "open")

    async def __aenter__(self) -> Scan:
        if self._state != "new":
            raise ConfigurationError("scan: a scan is used once; make another with client.scan(...)")
        self._state = "open"
        self._counter.begin()
        try:
            async with self._journal_lock:
                self._plan = await self._prepare()
        except BaseException as error:
            self._counter.note_end(error)
            await self.aclose()
            if isinstance(error, _ENDS):
                raise self._ended_by(error) from None
            raise
        changes = f"; since the run before: {self._work.changes}"
        _logger.info("scan: %s%s", self._plan, changes if self._journal.begun else "")
        workers = max(1, min(self._workers, self._work.left))
        read = self._read_and_record if self._journal.records else self._fetcher.group
        self._pool = WorkerPool(self._work.keys(), read, workers, self._fetcher.stop)
        if self._state == "open":  # not closed by another task while it read its sections
            self._pool.start()
        return self

    async def _prepare(self) -> ScanPlan:
        """Open the journal, read the sections, and return what is to be done."""
        work = self._work
        self._journal = await self._open_journal(self._session.settings.server.base_url, work.scope)
        await work.read(self._journal, self._workers)
        if self._state != "open":
            # Closed by another task meanwhile: only some sections were read, and the journal must not get a plan.
            return work.plan(0)
        plan = work.plan(await self._journal.begin_replay())
        await self._journal.note_plan(plan if work.whole else None)
        self._failures.begin(plan.groups + len(work.unreadable))
        self._unreadable.extend(work.unreadable)
        return plan

    def _ended_by(self, error: Exception) -> ScanError:
        return self._ended(f"the scan ended early: {error}", transient=not isinstance(error, JournalError))

    def _ended(self, reason: str, items: Iterable[ScanItem] | None = None, *, transient: bool) -> ScanError:
        report = self.report(self._failures.kept if items is None else items)
        error = ScanError(reason, report, transient=transient)
        self._counter.note_end(error)
        return error

    async def __aexit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            self._counter.note_end(error)
        await self.aclose()

    # With a journal, responses that are about to arrive are worth a wait: the next run need not read them again.
    async def aclose(self, *, grace: float = 2.0) -> None:
        """Send nothing more, and close the journal. Safe to call twice, and from any task.

        An ``async for`` that is running ends. One that begins later raises ``ClientClosedError``, unless the scan is
        ``complete``.

        Args:
            grace: With a journal, seconds to wait for requests in flight and record them. Without one they are dropped.
        """
        was_open = self._state == "open"
        if was_open:
            self._counter.end()
        self._state = "closed"
        if self._pool is not None:
            self._pool.stop()
        self._fetcher.stop()
        try:
            await self._work.aclose()
        finally:
            # Of two tasks that close it, the second one waits, and does not cut the grace of the first one short.
            try:
                async with self._journal_lock:
                    await self._close(grace)
            finally:
                if was_open:
                    self._counter.log_end(self._plan)

    async def _close(self, grace: float) -> None:
        try:
            if self._pool is not None:
                await self._pool.aclose(grace if self._journal.records else 0.0)
        finally:
            journal, self._journal = self._journal, NoJournal()
            await journal.aclose()

    async def _read_and_record(self, key: Key) -> ScanItem:
        item = await self._fetcher.group(key)
        await self._journal.record(item)
        return item

    def __aiter__(self) -> Scan:
        if self._pool is None:
            raise ConfigurationError("scan: iterate inside 'async with client.scan(...) as scan', or use collect()")
        if self._state == "closed" and not self.complete:
            raise self._closed()
        self._looping = True
        return self

    def _closed(self) -> ClientClosedError:
        done = self._counter.done
        return ClientClosedError(
            f"scan: closed before its end, after {done} outcomes; make another with client.scan(...)"
        )

    async def __anext__(self) -> ScanItem:
        if self._pool is None or self._state == "closed":
            # A loop that runs when the scan is closed ends, once. A later one raises, or the scan would seem empty.
            if not self.complete and not self._looping:
                raise self._closed()
            self._looping = False
            raise StopAsyncIteration
        if self._failures.exceeded:
            raise self._ended(f"the scan ended early: {self._failures}", transient=False)
        if self._in_next:
            raise ConfigurationError("scan: one 'async for' at a time; give the items to several tasks from there")
        self._in_next = True
        try:
            if self._yield.is_due(self._pool.waited):
                await self._yield.suspend()
            item = await self._next(self._pool)
        except _ENDS as error:
            raise self._ended_by(error) from None
        finally:
            self._in_next = False
        self._counter.add(item)
        if self._counter.on_progress is not None:
            self._counter.tell(self.progress)
        return item

    async def _next(self, pool: WorkerPool[Key, ScanItem]) -> ScanItem:
        """Return the next outcome: first of the journal, then of unreadable sections, then of the workers."""
        # In this order the last word on a section is that it could not be read, whatever a journal has of it.
        if self._journal.replays:
            async with self._journal_lock:
                item = await self._journal.next()
            if item is not None:
                return item
        if self._unreadable:
            return self._unreadable.popleft()
        try:
            return await pool.next()
        except StopAsyncIteration:
            self._counter.complete = self._state == "open" and self._work.whole
            if self._counter.complete:
                async with self._journal_lock:
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
            items: What the caller kept of the scan's items. The scan itself keeps none.
        """
        return self._counter.report(items)

    async def collect(self) -> ScanReport:
        """Run the whole scan.

        Returns:
            The report, with every outcome.

        Raises:
            ScanError: The scan ended early, by ``max_failures``, an outage, a pause of hours, a deadline, or because
                the scan or its client was closed. Its ``report`` has all outcomes until then.
            ClientClosedError: The client was closed before the first outcome.
            ConfigurationError: The scan was used before, or its journal is not of this scan.
        """
        items: list[ScanItem] = []
        try:
            async with self:
                if self._state == "open":  # not closed by another task while it read its sections
                    async for item in self:
                        items.append(item)  # noqa: PERF401 - what came before an error must not be lost
        except (ScanError, ClientClosedError) as error:
            if not items and isinstance(error, ClientClosedError):
                raise  # there is nothing to report
            reason, later = str(error), error.transient
        else:
            if self.complete:
                return self.report(items)
            reason, later = "the scan ended early: it was closed", False
        raise self._ended(reason, items, transient=later)
