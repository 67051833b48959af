"""``Scan``: reads every group of some sections once, and yields an outcome for every key."""

from __future__ import annotations

import asyncio
import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from partoo_async._internal.checks import check_flag, check_seconds
from partoo_async._internal.hints import CollectedOnly
from partoo_async._internal.reprs import total_repr
from partoo_async.errors import ClientClosedError, ConfigurationError, ScanError
from partoo_async.scan.fetcher import SCAN_ENDS, GroupFetcher
from partoo_async.scan.inference import Inference, check_strategy
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.no_journal import NoJournal, journal_opener
from partoo_async.scan.names import BusinessNames
from partoo_async.scan.progress import Failures, ProgressCounter
from partoo_async.scan.scope import Scope, check_options
from partoo_async.scan.source import OutcomeSource
from partoo_async.scan.worklist import WorkList

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from partoo_async.models import Business
    from partoo_async.scan.inference import ListUse, Strategy, Verify
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.journal import Journal
    from partoo_async.scan.outcomes import ScanPlan, ScanProgress, ScanReport
    from partoo_async.session import PartooSession

__all__ = ["Scan"]

_logger = logging.getLogger("partoo_async.scan")

# new     Made, nothing was sent. ``async with`` opens it, once.
# open    First the sections are read, up to the plan. Then workers read groups, and ``__anext__`` hands them out.
# closed  By ``aclose()``: from outside, at the end of ``async with``, or by ``__anext__`` after the last outcome.
_State = Literal["new", "open", "closed"]


@total_repr
class Scan(CollectedOnly):
    """A bulk scan, made by ``client.scan(...)`` and used once: ``async with`` and ``async for``, or ``collect()``."""

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
        businesses: bool = False,
        strategy: Strategy = "groups",
        verify: Verify = 20,
        fetcher: Callable[[PartooSession, int, float], GroupFetcher] = GroupFetcher,
        lists_hold_for: float = 0.0,
        list_use: ListUse | None = None,
    ) -> None:
        check_options(max_concurrency, on_progress, journal, resume=resume)
        check_strategy(strategy, verify)
        self._state: _State = "new"
        self._session = session.with_own_drift()
        bulk_limit = session.context.concurrency.bulk_limit
        max_outage = check_seconds("max_outage", max_outage, zero=True)
        self._fetcher = fetcher(self._session, min(max_concurrency or bulk_limit, bulk_limit), max_outage)
        self._work = WorkList(scope, self._fetcher, None if list_use is None else list_use.sections)
        self._failures = Failures(max_failures)
        self._open_journal = journal_opener(journal, resume, retry_failed=retry_failed, lists_hold_for=lists_hold_for)
        self._journal: Journal | NoJournal = NoJournal()
        # Held while the journal is opened, replayed or closed, so that no task closes it while another one uses it.
        self._journal_lock = asyncio.Lock()
        self._names = BusinessNames(self._fetcher, scope.org_id) if check_flag("businesses", businesses) else None
        infer, read_by = strategy != "groups", (self._fetcher, self._work, self._names)
        self._inference = Inference(*read_by, strategy, verify, list_use) if infer else None
        self._source: OutcomeSource | None = None
        self._plan: ScanPlan | None = None
        self._counter = ProgressCounter(*read_by[:2], self._inference, self._names, self._failures, on_progress)
        self._looping = False  # an ``async for`` was begun, and was not told yet that the scan is closed

    def __repr__(self) -> str:
        return f"<Scan of {len(self._work.sections) or 'some'} sections, {self._state}, {self._counter.done} outcomes>"

    @property
    def plan(self) -> ScanPlan:
        """What the scan is going to do. Known inside ``async with``, once the sections are read."""
        if self._plan is None:
            raise ConfigurationError("scan.plan: known once the sections are read, inside 'async with scan'")
        return self._plan if self._inference is None else self._inference.revised(self._plan)

    @property
    def businesses(self) -> Mapping[str, Business]:
        """With ``businesses=True``: the businesses that are known by now, by id."""
        return MappingProxyType({} if self._names is None else self._names.known)

    @property
    def with_businesses(self) -> bool:
        """Whether it was made with ``businesses=True``."""
        return self._names is not None

    @property
    def complete(self) -> bool:
        """Whether every outcome was handed out, failures included. False for a scan that was closed before."""
        return self._counter.complete

    @property
    def progress(self) -> ScanProgress:
        """How far the scan is now. Cheap enough to read several times a second."""
        pool = None if self._source is None else self._source.pool
        return self._counter.progress(self._plan, pool, is_open=self._state == "open")

    async def __aenter__(self) -> Scan:
        if self._state != "new":
            raise ConfigurationError("scan: a scan is used once; make another with client.scan(...)")
        self._state = "open"
        with self._counter.begin():
            try:
                async with self._journal_lock:
                    self._plan = await self._prepare()
            except BaseException as error:
                self._counter.note_end(error)
                await self.aclose()
                if isinstance(error, SCAN_ENDS):
                    raise self._ended_by(error) from None
                raise
            _logger.info("scan: %s%s", self._plan, self._work.changes)
            parts = (self._inference, self._names, self._journal_lock)
            self._source = OutcomeSource(self._fetcher, self._work, self._journal, *parts)
            if self._state == "open":  # not closed by another task while it read its sections
                self._source.pool.start()
        return self

    async def _prepare(self) -> ScanPlan:
        """Open the journal, read the sections, and return what is to be done."""
        work = self._work
        self._journal = await self._open_journal(self._session.settings.server.base_url, work.scope)
        self._journal.meter = self._counter.spent
        await work.read(self._journal)
        if self._state != "open":
            # Closed by another task meanwhile: only some sections were read, and the journal must not get a plan.
            return work.plan(0)
        plan = work.plan(await self._journal.begin_replay())
        if self._names is not None:
            await self._names.load(self._journal)
        if self._inference is not None:
            plan = await self._inference.choose(plan, self._journal)
        await self._journal.note_plan(plan if work.whole else None)
        self._failures.begin(plan.groups + len(work.unreadable))
        return plan

    def _ended_by(self, error: Exception) -> ScanError:
        facts: Any = {"transient": not isinstance(error, JournalError), "_facts": getattr(error, "_facts", None)}
        return self._ended(f"the scan ended early: {error}", **facts)

    def _ended(self, reason: str, items: Iterable[ScanItem] | None = None, **facts: Any) -> ScanError:
        error = ScanError(reason, self.report(self._failures.kept if items is None else items), **facts)
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
        self._counter.take_back()
        if self._source is not None:
            self._source.stop()
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
            if self._source is not None:
                await self._source.aclose(grace if self._journal.records else 0.0)
        finally:
            journal, self._journal = self._journal, NoJournal()
            await journal.aclose()

    def __aiter__(self) -> Scan:
        if self._source is None:
            raise ConfigurationError("scan: iterate inside 'async with client.scan(...) as scan', or use collect()")
        if self._state == "closed" and not self.complete:
            raise self._closed()
        self._looping = True
        return self

    def _closed(self) -> ClientClosedError:
        return ClientClosedError(f"scan: closed before its end, after {self._counter.done} outcomes; make another one")

    async def __anext__(self) -> ScanItem:
        counter = self._counter
        if counter.until:  # as for nearly each of a million outcomes that are replayed
            if counter.now() < counter.until and (item := next(counter.quick, None)) is not None:
                return item
            counter.take_back()
        item = await self._next()
        counter.add(item)
        if counter.on_progress is not None:
            counter.tell(self.progress)
        elif self._source is not None and self._state == "open" and (few := self._source.few()) is not None:
            counter.lend(*few)
        return item

    async def _next(self) -> ScanItem:
        if self._source is None or self._state == "closed":
            # A loop that runs when the scan is closed ends, once. A later one raises, or the scan would seem empty.
            if not self.complete and not self._looping:
                raise self._closed()
            self._looping = False
            raise StopAsyncIteration
        if self._failures.exceeded:
            raise self._ended(f"the scan ended early: {self._failures}", transient=False)
        try:
            try:
                return await self._source.take()
            except StopAsyncIteration:
                await self._end()
                raise
        except SCAN_ENDS as error:
            raise self._ended_by(error) from None

    async def _end(self) -> None:
        """Close the scan after the last outcome. Raises ``ScanError`` if sections may be missing."""
        self._counter.complete |= self._state == "open" and self._work.whole
        self._looping = False
        if self._counter.complete:
            async with self._journal_lock:
                await self._journal.finish()
        elif self._state == "open":
            error = self._ended("the scan may lack sections: their list changed while it was read", transient=True)
            await self.aclose()
            raise error
        await self.aclose()

    def report(self, items: Iterable[ScanItem] = ()) -> ScanReport:
        """Return the figures until now as a report, with the ``items`` that the caller kept.

        Args:
            items: Such as all of the scan so far. The scan itself keeps none.
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
            reason, later, facts = str(error), error.transient, error._facts
        else:
            if self.complete:
                return self.report(items)
            reason, later, facts = "the scan ended early: it was closed", False, None
        raise self._ended(reason, items, transient=later, _facts=facts)
