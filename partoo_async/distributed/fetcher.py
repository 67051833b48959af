"""Reads by the workers of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partoo_async.distributed.batches import Batches
from partoo_async.distributed.payload import Question
from partoo_async.scan.fetcher import GroupFetcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from partoo_async._protocol.operations import MarkedSection
    from partoo_async.distributed.payload import Answers
    from partoo_async.scan.items import ScanFailure, ScanItem
    from partoo_async.session import PartooSession

__all__ = ["IN_FLIGHT", "KEYS_IN_FLIGHT", "RemoteFetcher"]

# What a dead worker did is read again: with three workers, of six tasks of eight requests about sixteen. So many in
# flight reach five requests a second at latencies of up to nine seconds.
IN_FLIGHT = 6
_SIZE = 8
KEYS_IN_FLIGHT = IN_FLIGHT * _SIZE


class RemoteFetcher(GroupFetcher):
    """Asks workers. The session is there for its options, and sends nothing."""

    def __init__(
        self,
        session: PartooSession,
        workers: int,
        max_outage: float,
        send: Callable[[Sequence[Question]], Awaitable[Answers]],
    ) -> None:
        super().__init__(session, workers, max_outage)
        self._far_send = send
        self.batches: Batches[Question, Any] = Batches(self._read, size=_SIZE, most=IN_FLIGHT)

    async def _read(self, questions: Sequence[Question]) -> Sequence[Any]:
        found = await self._far_send(questions)
        if found.figures is not None:
            self.add_figures(found.figures)
        return found.answers

    def seconds_for(self, groups: int, begun: int = 0) -> float:
        """Return the seconds for so many more groups and those that were begun, by the quota."""
        # What the workers have left of their quotas is not known here.
        limit = self.session.settings.rate_limit
        quota = 0.0 if limit is None else (groups + begun) * limit.per / limit.slots
        each = self._busy / self.sends if self.sends else 0.0
        return max(quota, (groups + begun) * each / self.workers)

    async def section_ids(self, org_id: int | None) -> tuple[list[int], bool]:
        """Return the ids of an organization's sections, and whether that is certainly all."""
        ids, whole = await self.batches.ask(Question("section_ids", org_id))
        return ids, whole

    async def section(
        self, section_id: int, *, plain: bool = False, known: str | None = None
    ) -> MarkedSection | ScanFailure:
        """Return a section, or why there is none. Always a model without a mark: another process reads it."""
        found: MarkedSection | ScanFailure = await self.batches.ask(Question("section", section_id))
        return found

    def group(self, key: tuple[int, int]) -> Coroutine[Any, Any, ScanItem]:
        """Return the outcome of a group, by section id and group id."""
        return self.batches.ask(Question("group", key))

    def stop(self) -> None:
        """Send no further task."""
        super().stop()
        self.batches.stop()
