"""Reads sections and groups for a scan. Every failure of a key becomes its outcome, every request is counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from partoo_async._call.call import Call
from partoo_async._call.deadline import ambient_deadline
from partoo_async._protocol.operations import get_group, get_section
from partoo_async.errors import ClientClosedError, DeadlineExceededError, PartooError, QuotaExceededError
from partoo_async.policy import Priority
from partoo_async.resources import MOST_WALKS, SectionWalk
from partoo_async.scan.outage import Outage
from partoo_async.scan.outcomes import ScanItem
from partoo_async.scan.tries import OutageError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from partoo_async._protocol.operations import Operation
    from partoo_async.models import Section
    from partoo_async.session import PartooSession

__all__ = ["GroupFetcher"]


class GroupFetcher:
    """Sends a scan's requests with bulk priority. ``calls``: reads; ``sends``: requests that left for them.

    Every error of a key is in its outcome. These are the fault of no key, and raised:

    Raises:
        ClientClosedError: The client was closed.
        QuotaExceededError: The quota is paused for hours.
        DeadlineExceededError: An ambient deadline has passed.
        OutageError: Nobody was answered for ``max_outage`` seconds.
    """

    def __init__(self, session: PartooSession, workers: int, max_outage: float) -> None:
        self.session: PartooSession = session
        self.calls: int = 0
        self.sends: int = 0
        self._workers = workers
        self._busy = 0.0
        self._stopped = False
        self._open: set[Call] = set()
        self.outage: Outage = Outage(session, self._ask, self._open, max_outage)

    @property
    def retries(self) -> int:
        """How many requests were repeats."""
        return max(0, self.sends - self.calls)

    def seconds_for(self, groups: int, begun: int = 0) -> float:
        """Return the time until so many more groups are read, and those that were ``begun`` besides.

        Bound by the quota, or by the responses' speed.
        """
        if groups + begun <= 0:
            return 0.0
        # An average over the requests alone: their waits for quota are what the forecast is about.
        each = self._busy / self.sends if self.sends else 0.0
        queued = self.session.quota.snapshot().waiting_bulk
        # What is on its way needs no slot any more.
        quota = self.session.quota.forecast(Priority.BULK, groups) if groups or queued else 0.0
        return self.outage.asks_in + max(quota, (groups + begun) * each / self._workers) + each

    async def section_ids(self, org_id: int | None) -> tuple[list[int], bool]:
        """Return the id of every section of an organization, and whether those are all for sure.

        A list that changes while its pages are read is read again, a few times at most; then what was on any of them is
        returned. A page that cannot be read is an error of the scan.
        """
        seen: dict[int, None] = {}
        before: list[int] = []
        for _ in range(MOST_WALKS):
            walk = SectionWalk(self._send, org_id=org_id)
            async for _section in walk.sections():
                pass
            if walk.steady or [*walk.found] == before:
                return [*walk.found], True
            before = [*walk.found]
            seen |= walk.found
        return [*seen], False

    async def section(self, section_id: int) -> tuple[Section | None, ScanItem]:
        """Return a section and, when it could not be read, the outcome that says why."""
        found: list[Section] = []
        outcome = await self._outcome(get_section(section_id), section_id, None, found)
        return (found[0] if found else None), outcome

    def group(self, key: tuple[int, int]) -> Coroutine[Any, Any, ScanItem]:
        """Return the outcome of a group. ``key``: the ids of its section and its own."""
        return self._outcome(get_group(*key), *key)

    def stop(self) -> None:
        """Let nothing more be sent: calls that wait are cancelled, those in flight are not repeated.

        Every call has to be in a task of the scan's own, since it is the task that is cancelled.
        """
        self._stopped = True
        for call in self._open:
            call.last_try = True
            if call.task is not None and not self.outage.is_out(call):
                call.task.cancel()

    async def _send(self, operation: Operation[Any]) -> Any:
        call = Call(self.outage.run)
        self._begin(call)
        try:
            return await self.session.send(operation, priority=Priority.BULK, call=call)
        finally:
            self._end(call)

    async def _ask(self, operation: Operation[Any], call: Call, own: Call | None) -> Any:
        """Send a request to see whether there is an answer. ``own``: the call that waits for this very answer."""
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
        self._open.add(call)

    def _end(self, call: Call) -> None:
        self._open.remove(call)
        self.calls += 1
        self.sends += call.sends
        self._busy += call.request_seconds

    async def _outcome(
        self,
        operation: Operation[Any],
        section_id: int,
        group_id: int | None,
        found: list[Any] | None = None,
    ) -> ScanItem:
        """Return what became of a key. The value of anything but a group goes to ``found``."""
        loop, call = asyncio.get_running_loop(), Call(self.outage.run)
        started = loop.time()
        value, failure = None, None
        self._begin(call)
        try:
            value = await self.session.send(operation, priority=Priority.BULK, call=call)
        except (ClientClosedError, QuotaExceededError, OutageError):
            raise
        except PartooError as error:
            if isinstance(error, DeadlineExceededError) and loop.time() >= ambient_deadline():
                raise  # the time of the whole scan, and not of this key
            if call.last_try and error.transient and not self._stopped:
                raise ClientClosedError("the client was closed while the scan read") from None
            if call.last_try and error.transient:
                # Cut short by stop(): it would have been tried again, and so it is no outcome that a journal may keep.
                raise asyncio.CancelledError from None
            failure = error.with_traceback(None)  # its frames would keep the whole call alive in a report
        finally:
            self._end(call)
        if found is not None and value is not None:
            found.append(value)
            value = None
        return ScanItem(section_id, group_id, value, failure, call.sends, loop.time() - started)
