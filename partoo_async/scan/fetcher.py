"""Reads sections and groups for a scan, and counts every request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from partoo_async._call.deadline import ambient_deadline
from partoo_async._protocol.operations import MarkedSection, get_group, get_marked_section, get_section
from partoo_async.errors import ClientClosedError, DeadlineExceededError, PartooError, QuotaExceededError
from partoo_async.policy import Priority
from partoo_async.resources.paging import MOST_WALKS
from partoo_async.resources.sections import section_walk
from partoo_async.scan.items import ScanFailure, ScanSuccess
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.key_retries import OutageError
from partoo_async.scan.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from partoo_async._call.call import Call
    from partoo_async._protocol.operations import Operation
    from partoo_async.models import BusinessPage
    from partoo_async.resources.businesses import BusinessSearch
    from partoo_async.scan.items import ScanItem
    from partoo_async.session import PartooSession

__all__ = ["SCAN_ENDS", "Figures", "GroupFetcher"]

SCAN_ENDS = (QuotaExceededError, DeadlineExceededError, OutageError, JournalError)
"""These errors end a scan; any other one is the outcome of a key."""

P = TypeVar("P", bound="BusinessPage")

_SILENCE = 5.0  # seconds: a shorter one is a slow response


class Figures(NamedTuple):
    """What a fetcher did in some time."""

    calls: int
    sends: int
    busy: float  # seconds of requests
    drift: Mapping[str, int]


class GroupFetcher:
    """Sends a scan's requests with bulk priority. Its methods raise only what ends the scan."""

    # ClientClosedError, QuotaExceededError (paused for hours), DeadlineExceededError (an ambient one), OutageError.

    def __init__(self, session: PartooSession, workers: int, max_outage: float) -> None:
        self.session: PartooSession = session
        self.calls: int = 0  # reads
        self.sends: int = 0  # requests that were sent for them
        self._unsent = 0  # reads that ended before their first request
        self.workers: int = workers
        self.listed: dict[int, str] = {}  # the names of sections, as their list has them
        self._new_call = session.context.new_call
        self._busy = 0.0  # seconds of all requests, without any wait
        self._heard = 0.0  # event-loop time: when a read last ended, or the first one began
        self._stopped = False
        self.at_stop: Callable[[], object] = lambda: None  # tells those who send, whichever of them it ends by
        self._open: set[Call] = set()
        self.outage: Outage = Outage(session, self._probe, self._open, max_outage)

    @property
    def retries(self) -> int:
        """How many requests were retries."""
        return max(0, self.sends - self.calls + self._unsent)

    @property
    def silent_for(self) -> float:
        """Seconds since a read last ended, while requests are in flight. 0.0 if that is not long."""
        if not self._open:
            return 0.0
        silent = asyncio.get_running_loop().time() - self._heard
        # In that order: it is asked after each outcome, and nearly always the first says it.
        return silent if silent >= _SILENCE and any(map(self.outage.in_flight, self._open)) else 0.0

    def take_figures(self) -> Figures:
        """Return the figures since this was last called."""
        drift = self.session.drift
        figures = Figures(self.calls, self.sends, self._busy, {**drift})
        self.calls, self.sends, self._busy = 0, 0, 0.0
        drift.clear()
        return figures

    def add_figures(self, figures: Figures) -> None:
        """Count what another fetcher did for this one."""
        self.calls += figures.calls
        self.sends += figures.sends
        self._busy += figures.busy
        self.session.drift.update(figures.drift)

    def seconds_for(self, groups: int, begun: int = 0) -> float:
        """Return the seconds until so many more groups are read, and those that were begun."""
        if groups + begun <= 0:
            return 0.0
        # An average without the waits for quota, which are forecast below.
        each = self._busy / self.sends if self.sends else 0.0
        state = self.session.quota.snapshot()
        # What is in flight needs no slot any more.
        quota = self.session.quota.forecast(Priority.BULK, groups) if groups or state.waiting_bulk else 0.0
        if state.mode == "shared" and state.limit is not None:
            # Only the store knows when there are slots: not before windows have passed, if others leave them all.
            quota = max(quota, (state.used + groups - state.limit) / state.limit * state.per)
        return self.outage.probe_in + max(quota, (groups + begun) * each / self.workers) + each

    async def section_ids(self, org_id: int | None) -> tuple[list[int], bool]:
        """Return the ids of an organization's sections, and whether that is certainly all."""
        # A list that changes while its pages are read is read again, up to MOST_WALKS times. Then all ids are returned
        # that were on any page.
        seen: dict[int, None] = {}
        before: list[int] = []
        for _ in range(MOST_WALKS):
            walk = section_walk(self._send, org_id=org_id)
            async for section in walk.items():
                self.listed[section.id] = section.name
            if walk.steady or [*walk.found] == before:
                return [*walk.found], True
            before = [*walk.found]
            seen |= walk.found
        return [*seen], False

    async def section(
        self, section_id: int, *, plain: bool = False, known: str | None = None
    ) -> MarkedSection | ScanFailure:
        """Return a section, or why there is none.

        Args:
            section_id: Its id.
            plain: It and its groups only have the fields of the models.
            known: If ``plain``, as ``get_marked_section``.
        """
        found: Any
        if plain:
            found = await self._outcome(get_marked_section(section_id, known), section_id, None)
        else:
            found = await self._outcome(get_section(section_id), section_id, None)
            found = found if isinstance(found, ScanFailure) else MarkedSection(found, "")
        return cast("MarkedSection | ScanFailure", found)

    async def page(
        self, search: BusinessSearch, number: int, variant: Callable[[Operation[BusinessPage]], Operation[P]]
    ) -> P | PartooError:
        """Return a page of a search, or why there is none. ``variant``: makes the operation that is sent."""
        failures: list[PartooError] = []

        async def send(operation: Operation[BusinessPage]) -> Any:
            found = await self._outcome(variant(operation), 0, None)  # of no section: only its error is used
            if isinstance(found, ScanFailure):
                failures.append(found.error)
                raise found.error
            return found

        try:
            return cast("P", await search.page(number, send))
        except PartooError as error:
            if not any(error is failure for failure in failures):
                raise  # it ends the scan
            return error.with_traceback(None)

    def group(self, key: tuple[int, int]) -> Coroutine[Any, Any, ScanItem]:
        """Return the outcome of a group, by section id and group id."""
        return self._outcome(get_group(*key), *key)

    def stop(self) -> None:
        """Send nothing more. Calls that wait are cancelled, those in flight are not retried."""
        # The task of the call is cancelled, so that each one must be in a task of the scan's own.
        self._stopped = True
        # First, or to the others their cancelled calls would seem cancelled by a stranger.
        self.at_stop()
        self.outage.stop()
        for call in self._open:
            call.last_try = True
            if call.task is not None and not self.outage.in_flight(call):
                call.task.cancel()

    async def _send(self, operation: Operation[Any]) -> Any:
        call = self._new_call(self.outage.run)
        self._begin(call)
        try:
            return await self.session.send(operation, priority=Priority.BULK, call=call)
        finally:
            self._end(call)

    async def _probe(self, operation: Operation[Any], call: Call, own: Call | None) -> Any:
        """Send a probe. ``own``: the call whose operation it is, which its requests are counted for."""
        try:
            return await self.session.send(operation, priority=Priority.BULK, call=call)
        finally:
            if own is None:
                self.sends += call.sends
            else:
                own.sends += call.sends

    def _begin(self, call: Call) -> None:
        if self._stopped:
            raise asyncio.CancelledError
        if not self._open:
            self._heard = asyncio.get_running_loop().time()
        self._open.add(call)

    def _end(self, call: Call) -> None:
        self._open.remove(call)
        self._heard = asyncio.get_running_loop().time()
        self.calls += 1
        self.sends += call.sends
        self._unsent += not call.sends
        self._busy += call.request_seconds

    async def _outcome(self, operation: Operation[Any], section_id: int, group_id: int | None) -> Any:
        """Return the outcome of a key, or the section that was read."""
        loop, call = asyncio.get_running_loop(), self._new_call(self.outage.run)
        started = loop.time()
        value: Any = None
        failure: PartooError | None = None
        self._begin(call)
        try:
            value = await self.session.send(operation, priority=Priority.BULK, call=call)
        except (ClientClosedError, QuotaExceededError, OutageError):
            raise
        except PartooError as error:
            if isinstance(error, DeadlineExceededError) and loop.time() >= ambient_deadline():
                raise  # the deadline of the whole scan, not of this key
            if call.last_try and error.transient and not self._stopped:
                raise ClientClosedError("the client was closed while the scan read") from None
            if call.last_try and error.transient:
                # Cut short by stop(): it would have been retried, so it is no outcome that a journal may keep.
                raise asyncio.CancelledError from None
            failure = error.with_traceback(None)  # its frames would keep the call alive in a report
        finally:
            self._end(call)
        if failure is not None:
            return ScanFailure(section_id, group_id, None, failure, call.sends, loop.time() - started)
        if group_id is None:
            return value
        return ScanSuccess(section_id, group_id, value, None, call.sends, loop.time() - started)
