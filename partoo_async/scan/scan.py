"""A scan: every group of some sections, read once each, an outcome for every key."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from partoo_async.errors import ConfigurationError, DeadlineExceededError, QuotaExceededError, ScanError
from partoo_async.policy import check_count
from partoo_async.scan.engine import Engine
from partoo_async.scan.failures import Failures
from partoo_async.scan.listing import Key, Listing
from partoo_async.scan.reader import Reader
from partoo_async.scan.records import JournalError
from partoo_async.scan.report import ScanItem, ScanPlan, ScanProgress, ScanReport
from partoo_async.scan.scope import check_journal

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from partoo_async.scan.journal import Journal
    from partoo_async.scan.recording import Replay
    from partoo_async.scan.scope import Scope
    from partoo_async.session import PartooSession

__all__ = ["Scan"]

_logger = logging.getLogger("partoo_async.scan")

# With a journal, answers that are about to come are worth waiting for: a request less when the scan goes on.
_GRACE = 2.0


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
        on_progress: Callable[[ScanProgress], object] | None = None,
    ) -> None:
        if max_concurrency is not None:
            check_count("max_concurrency", max_concurrency, least=1)
        if on_progress is not None and not callable(on_progress):
            raise ConfigurationError(f"on_progress: expected a callable, not {type(on_progress).__name__}")
        if resume and journal is None:
            raise ConfigurationError("resume: goes with journal=..., the file that an earlier run was recorded in")
        self._session = session.with_own_drift()
        bulk_limit = session.concurrency.bulk_limit
        self._workers = min(max_concurrency or bulk_limit, bulk_limit)
        self._reader = Reader(self._session, self._workers)
        self._listing = Listing(scope, self._reader, keep_failures=not retry_failed)
        self._failures = Failures(max_failures)
        self._path = None if journal is None else check_journal(journal)
        self._resume = resume
        self._on_progress = on_progress
        self._journal: Journal | None = None
        self._replay: Replay | None = None
        self._engine: Engine[Key, ScanItem] | None = None
        self._plan: ScanPlan | None = None
        self._first: deque[ScanItem] = deque()
        self._state = "new"
        self._started = self._ended = 0.0
        self._done = self._replayed = 0

    def __repr__(self) -> str:
        return f"<Scan of {len(self._listing.sections)} sections, {self._state}, {self._done} outcomes>"

    @property
    def plan(self) -> ScanPlan:
        """What the scan is going to do. Known once the sections are read: inside ``async with``."""
        if self._plan is None:
            raise ConfigurationError("scan.plan: known once the sections are read, inside 'async with scan'")
        return self._plan

    @property
    def progress(self) -> ScanProgress:
        """How far the scan is at this moment. Cheap enough to ask several times a second."""
        total = (self._plan.groups if self._plan else 0) + len(self._listing.unreadable)
        elapsed = (self._ended or self._now()) - self._started
        rate = (self._done - self._replayed) / elapsed if self._started and elapsed > 0 else 0.0
        left = self._listing.left - max(0, self._done - self._replayed - len(self._listing.unreadable))
        eta = 0.0 if self._state == "closed" else self._reader.seconds_for(left)
        paused = self._session.quota.paused_for() if self._state == "open" else 0.0
        return ScanProgress(self._done, self._failures.count, total, rate, eta, paused)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def __aenter__(self) -> Scan:
        if self._state != "new":
            raise ConfigurationError("scan: a scan is used once; make another with client.scan(...)")
        self._state = "open"
        self._started = self._now()
        try:
            with self._ending_early():
                self._plan = await self._prepare()
        except BaseException:
            await self.aclose()
            raise
        _logger.info("scan: %s", self._plan)
        workers = max(1, min(self._workers, self._listing.left))
        self._engine = Engine(self._listing.keys(), self._read_group, workers)
        if self._state == "open":  # not closed from elsewhere while it read its sections
            self._engine.start()
        return self

    async def _prepare(self) -> ScanPlan:
        """Open the journal, if there is to be one, read the sections, and say what is to be done."""
        listing, recorded = self._listing, 0
        if self._path is not None:
            # Imported here, so that a scan without a journal need not wait for SQLite.
            from partoo_async.scan.journal import Journal  # noqa: PLC0415 - see above

            server = self._session.settings.server.base_url
            journal = await Journal.open(self._path, server, listing.scope, resume=self._resume)
            listing.journal = self._journal = journal
        await listing.read(self._workers)
        if self._journal is not None:
            self._replay = self._journal.replay(failures=listing.keep_failures)
            recorded = await self._replay.begin()
        groups, requests = listing.left + recorded, listing.left + listing.requests
        plan = ScanPlan(len(listing.sections), groups, requests, self._reader.seconds_for(listing.left), recorded)
        if self._journal is not None:
            await self._journal.note(plan={"sections": plan.sections, "groups": groups, "requests": requests})
        if listing.added or listing.deleted:
            changes = len(listing.added), len(listing.deleted)
            _logger.info("scan: %d groups added and %d deleted since the journal was written", *changes)
        self._failures.begin(groups + len(listing.unreadable))
        self._first.extend(listing.unreadable)
        return plan

    @contextmanager
    def _ending_early(self) -> Iterator[None]:
        """Turn what ends a scan, and is not the fault of a key, into a ``ScanError`` with the report."""
        try:
            yield
        except (QuotaExceededError, DeadlineExceededError, JournalError) as error:
            # Bulk work waits for as long as it takes, but not for a pause of hours: the rest is not turned into
            # failures one by one.
            reason = str(error)
        else:
            return
        raise ScanError(f"the scan ended early: {reason}", self.report(self._failures.kept))

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self, *, grace: float = _GRACE) -> None:
        """Stop: nothing more is sent. Safe to call twice.

        With a journal, requests in flight get ``grace`` seconds to be answered and recorded; without one there is
        nothing to gain by that, and they are dropped at once.
        """
        if self._state == "open":
            self._state = "closed"
            self._ended = self._now()
        self._reader.stop()
        journal, self._journal = self._journal, None
        try:
            if self._engine is not None:
                await self._engine.aclose(grace if journal is not None else 0.0)
        finally:
            if journal is not None:
                await journal.aclose()

    async def _read_group(self, key: Key) -> ScanItem:
        journal = self._listing.journal
        with self._ending_early():
            item = await self._reader.group(*key)
            if journal is not None:
                await journal.record(item)
        return item

    def __aiter__(self) -> Scan:
        if self._engine is None:
            raise ConfigurationError("scan: iterate inside 'async with client.scan(...) as scan', or use collect()")
        return self

    async def __anext__(self) -> ScanItem:
        if self._engine is None or self._state == "closed":
            raise StopAsyncIteration
        if self._failures.exceeded:
            raise ScanError(f"the scan ended early: {self._failures}", self.report(self._failures.kept))
        item = await self._next(self._engine)
        self._done += 1
        self._replayed += item.recorded
        self._failures.add(item)
        self._tell()
        return item

    async def _next(self, engine: Engine[Key, ScanItem]) -> ScanItem:
        """Return the next outcome: sections that could not be read, what a journal has, then what comes in."""
        if self._first:
            return self._first.popleft()
        with self._ending_early():
            if self._replay is not None:
                item = await self._replay.next()
                if item is not None:
                    return item
                self._replay = None
            try:
                return await engine.next()
            except StopAsyncIteration:
                if self._journal is not None:
                    await self._journal.note(finished=True)
        await self.aclose()
        raise StopAsyncIteration

    def _tell(self) -> None:
        """Call ``on_progress``. Its errors are logged once and cost no item."""
        if self._on_progress is None:
            return
        try:
            self._on_progress(self.progress)
        except Exception:
            self._on_progress = None
            _logger.exception("on_progress raised and is not called again; the scan goes on")

    def report(self, items: Iterable[ScanItem] = ()) -> ScanReport:
        """Return the figures until now as a report, with the items that the caller kept."""
        seconds = (self._ended or self._now()) - self._started
        reader, drift = self._reader, dict(self._session.drift)
        changes = tuple(self._listing.added), tuple(self._listing.deleted)
        return ScanReport(tuple(items), reader.sends, seconds, drift, reader.retries, *changes)

    async def collect(self) -> ScanReport:
        """Run the whole scan and return its report.

        Raises ``ScanError`` when more than ``max_failures`` groups failed; its report has all outcomes until then.
        """
        items: list[ScanItem] = []
        try:
            async with self:
                async for item in self:
                    items.append(item)  # noqa: PERF401 - what came before an error must not be lost
        except ScanError as error:
            raise ScanError(str(error), self.report(items)) from None
        return self.report(items)
