"""Counts over the scans of many organizations."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from attrs import define, frozen

from partoo_async._internal.callables import tell
from partoo_async._internal.schema import Model
from partoo_async.errors import PartooError
from partoo_async.scan.many.organization import Key
from partoo_async.scan.scan import Scan
from partoo_async.scan.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from partoo_async.scan.items import ScanItem

__all__ = ["ManyCounter", "ManyProgress", "OrganizationRun"]

_logger = logging.getLogger("partoo_async.scan")

# Seconds between two forecasts: one asks each running scan, and progress may be told thousands of times a second.
_REFRESH = 1.0


@frozen
class ManyProgress(Model):
    """How far the scans of many organizations are.

    Attributes:
        done: Outcomes until now, failures included.
        failed: Failures until now.
        total: Outcomes in all, of the organizations whose sections have been read.
        rate: Outcomes per second, replayed ones left out.
        eta: Seconds to the end. Organizations that are not begun count like those that are.
        organizations: How many organizations there are.
        running: How many are being scanned.
        ended: How many have ended, one way or the other.
        broken: How many of these have failed as a whole.
        paused: How many of those running are paused by the server.
        held: How many of those running wait for a server that does not respond.
        retries: How many requests until now were retries.
    """

    done: int
    failed: int
    total: int
    rate: float
    eta: float
    organizations: int
    running: int
    ended: int
    broken: int
    paused: int = 0
    held: int = 0
    retries: int = 0


@define(eq=False)
class OrganizationRun:
    """One organization: what to scan, and what came of it so far."""

    name: str
    key: Key
    scope: Scope
    done: int = 0  # outcomes handed out
    failed: int = 0
    recorded: int = 0  # of the outcomes, those replayed from a journal
    total: int = 0  # outcomes in all, once its sections are read
    requests: int = 0  # once it has ended
    retries: int = 0  # likewise
    error: PartooError | None = None  # why it failed as a whole
    scan: Scan | None = None  # while it runs
    began: float = 0.0  # event-loop times, 0.0 for not yet
    ended: float = 0.0
    complete: bool = False  # every outcome was handed out

    @property
    def seconds(self) -> float:
        """How long it took, 0.0 if it has not ended."""
        return self.ended - self.began if self.ended else 0.0


@define
class _Forecast:
    at: float = float("-inf")
    eta: float = 0.0
    paused: int = 0
    held: int = 0
    retries: int = 0


class ManyCounter:
    """Counts what is handed out."""

    def __init__(
        self, runs: Sequence[OrganizationRun], at_once: int, on_progress: Callable[[ManyProgress], object] | None
    ) -> None:
        self._runs = runs
        self._at_once = min(at_once, len(runs))
        self.on_progress: Callable[[ManyProgress], object] | None = on_progress
        self._done = self._failed = self._replayed = self._total = self._ended = self._broken = 0
        self._started = 0.0
        self._stopped = 0.0
        self._forecast = _Forecast()

    def begin(self) -> None:
        """Start the clock."""
        self._started = asyncio.get_running_loop().time()

    def end(self) -> None:
        """Stop the clock."""
        self._stopped = asyncio.get_running_loop().time()

    def planned(self, run: OrganizationRun, total: int) -> None:
        """Note how many outcomes an organization has."""
        self._total += total - run.total
        run.total = total

    def add(self, run: OrganizationRun, item: ScanItem) -> None:
        """Count an outcome that is handed out."""
        failed = item.error is not None
        run.done += 1
        run.failed += failed
        run.recorded += item.recorded
        self._done += 1
        self._failed += failed
        self._replayed += item.recorded
        self._tell()

    def add_end(self, run: OrganizationRun, error: PartooError | None) -> None:
        """Count an organization of which there is no more."""
        run.error, run.complete = error, error is None
        self._ended += 1
        self._broken += error is not None
        self.planned(run, run.done)  # what it has not handed out by now never comes
        self._forecast.at = float("-inf")
        self._tell()

    def _tell(self) -> None:
        if self.on_progress is None:
            return
        error = tell(self.on_progress, self.progress)
        if error is not None:
            self.on_progress = None
            _logger.error("on_progress raised and is not called again; the scans go on", exc_info=error)

    def _now(self) -> float:
        return self._stopped or (asyncio.get_running_loop().time() if self._started else 0.0)

    @property
    def seconds(self) -> float:
        """How long they have taken."""
        return self._now() - self._started

    @property
    def progress(self) -> ManyProgress:
        """How far the scans are."""
        now = self._now()
        elapsed = now - self._started
        rate = (self._done - self._replayed) / elapsed if elapsed > 0 else 0.0
        running = sum(1 for run in self._runs if run.scan is not None)
        counts = (len(self._runs), running, self._ended, self._broken)
        if self._stopped or not self._started:
            retries = sum(run.retries for run in self._runs)
            return ManyProgress(self._done, self._failed, self._total, rate, 0.0, *counts, retries=retries)
        if now - self._forecast.at >= _REFRESH:
            self._forecast = self._look_ahead(now)
        forecast = self._forecast
        eta = max(0.0, forecast.eta - (now - forecast.at))
        now_seen = (forecast.paused, forecast.held, forecast.retries)
        return ManyProgress(self._done, self._failed, self._total, rate, eta, *counts, *now_seen)

    def _look_ahead(self, now: float) -> _Forecast:
        running = [(run, run.scan.progress) for run in self._runs if run.scan is not None]
        # How long an organization takes: those that have ended, and what those of known size will have taken. Not what
        # a journal made short, unless there is nothing else.
        lengths = [(run, run.seconds) for run in self._runs if run.complete]
        lengths += [(run, now - run.began + scan.eta) for run, scan in running if scan.total]
        lengths = [(run, length) for run, length in lengths if not run.recorded] or lengths
        usual = sum(length for _, length in lengths) / len(lengths) if lengths else 0.0
        left = [scan.eta if scan.total else max(scan.eta, usual - (now - run.began)) for run, scan in running]
        waiting = sum(1 for run in self._runs if not run.began)
        eta = max([(sum(left) + waiting * usual) / self._at_once, *left])
        paused = sum(1 for _, scan in running if scan.paused_for > 0)
        retries = sum(run.retries for run in self._runs) + sum(scan.retries for _, scan in running)
        return _Forecast(now, eta, paused, sum(1 for _, scan in running if scan.held_for > 0), retries)
