"""Looks up the businesses of a scan's groups."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING

from attrs import evolve

from partoo_async._internal.text import cut
from partoo_async._protocol.business_query import can_be_listed, url_parts
from partoo_async.errors import PartooError
from partoo_async.models import BusinessSummary
from partoo_async.resources.businesses import BusinessSearch
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.no_journal import NoJournal
from partoo_async.scan.lookups import Halving
from partoo_async.scan.worker_pool import Stage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from partoo_async._protocol.operations import Operation
    from partoo_async.models import Business, BusinessPage
    from partoo_async.scan.fetcher import GroupFetcher
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.journal.journal import Journal

__all__ = ["BusinessNames"]

_logger = logging.getLogger("partoo_async.scan")

_CHUNK = 100  # ids in one request, unless they are long: as many as a page has
_MOST_WAITING = 100  # items
_LONGEST_ID = 80  # characters, in a message


class BusinessNames:
    """The businesses of a scan by id. Items wait until theirs are known, so that each request asks for many."""

    def __init__(self, fetcher: GroupFetcher, org_id: int | None) -> None:
        self.known: dict[str, Business] = {}
        self._fetcher = fetcher
        self._org_id = org_id
        self._stage = Stage(fetcher.stop)
        self._journal: Journal | NoJournal = NoJournal()
        self._summaries: dict[str, BusinessSummary] = {}  # of all ids, also of those that were not found
        self._wanted: dict[str, None] = {}  # ids to look up
        self._waiting: list[ScanItem] = []
        self._ready: deque[ScanItem] = deque()
        self._groups = self._chunks = 0  # put in, and looked up
        self._end: BaseException | None = None  # of the source
        self._cut_short: PartooError | JournalError | None = None  # what ended the scan while names were looked up
        self._failure: PartooError | None = None  # after which nothing is looked up
        self._halving = Halving()
        self._context = copy_context()
        self._looking: asyncio.Task[None] | None = None

    def requests_for(self, groups: int) -> int:
        """Return how many requests the names of so many groups will take, as until now."""
        return round(groups * self._chunks / self._groups) if self._groups else 0

    async def load(self, journal: Journal | NoJournal) -> None:
        """Take the businesses that a journal has, and record others there."""
        self._journal = journal
        self._context = copy_context()  # with the deadline of the scan; the consumer may have one for an item
        self._take((await journal.businesses()).values())

    async def add(self, businesses: Iterable[Business]) -> None:
        """Add businesses, which need not be looked up then."""
        found = [business for business in businesses if business.id not in self.known]
        self._take(found)
        await self._journal.record_businesses(found)

    def _take(self, businesses: Iterable[Business]) -> None:
        for one in businesses:
            self.known[one.id] = one
            self._summaries[one.id] = BusinessSummary(one.id, one.name, one.code, one.status, one.city)
            self._wanted.pop(one.id, None)

    async def next(self, source: Callable[[], Awaitable[ScanItem]]) -> ScanItem:
        """Return the next item of a source with its businesses, then the error at its end."""
        while not self._ready:
            full = len(self._wanted) >= _CHUNK or len(self._waiting) >= _MOST_WAITING
            if self._looking is None and self._end is None and not full:
                try:
                    self._put(await source())
                except (StopAsyncIteration, PartooError, JournalError) as end:
                    self._end = end
                continue
            if self._looking is None and not self._waiting:
                # Raised again and again: without the frames of the time before.
                raise (self._cut_short or self._end or StopAsyncIteration()).with_traceback(None)
            # A task of its own: who gives up waiting, as by a timeout, does not make it begin anew.
            looking = self._looking = self._looking or asyncio.create_task(self._look_up(), context=self._context)
            await asyncio.wait([looking])
            looking.result()
        return self._ready.popleft()

    def _put(self, item: ScanItem) -> None:
        ids = item.group.business_ids if item.group else ()
        # What cannot be asked for has no name, and no say in what becomes of the others.
        unknown = [one for one in ids if one not in self._summaries and can_be_listed(one)]
        self._groups += 1
        self._wanted.update(dict.fromkeys(unknown))
        if unknown:
            self._waiting.append(item)
        else:
            self._ready.append(self._named(item))

    def _named(self, item: ScanItem) -> ScanItem:
        if item.error is not None:
            return item
        found = (self._summaries.get(one) or BusinessSummary(one) for one in item.group.business_ids)
        return evolve(item, businesses=tuple(found))

    async def _look_up(self) -> None:
        """Look up what is wanted, and make the items ready that wait for nothing more."""
        if self._stage.closed:
            self._wanted.clear()  # the scan has ended early, such as by an outage
        chunks = [*url_parts(self._wanted)]
        # The last one waits until it is full, as long as more ids are to come.
        more = self._end is None and len(self._waiting) < _MOST_WAITING
        if more and len(chunks) > 1 and len(chunks[-1]) < _CHUNK:
            chunks.pop()
        try:
            await self._stage.run(chunks, self._look_up_chunk, self._fetcher.workers)
        except (PartooError, JournalError) as end:
            self._cut_short = end
            self._wanted.clear()
        finally:
            self._looking = None
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            if item.group is None or self._wanted.keys().isdisjoint(item.group.business_ids):
                self._ready.append(self._named(item))
            else:
                self._waiting.append(item)

    async def _look_up_chunk(self, ids: tuple[str, ...]) -> None:
        parts = [ids]
        while parts and self._failure is None:
            part = parts.pop()
            error = await self._search(part)
            if error is None:
                self._halving.succeeded()
            elif (halves := self._halving.halves(part, error)) is None:
                self._give_up(error)
            elif halves:
                parts += halves
            else:
                _logger.warning("scan: business %s has no name, because of: %s", cut(part[0], _LONGEST_ID), error)
        for one in ids:
            self._wanted.pop(one, None)
            self._summaries.setdefault(one, BusinessSummary(one))

    async def _search(self, ids: tuple[str, ...]) -> PartooError | None:
        """Add the businesses of these ids. Return why that is not possible, if so."""
        self._chunks += 1
        search = BusinessSearch(self._fetcher.session, ids=ids, per_page=_CHUNK, org_id=self._org_id)
        number, found, left = 1, 0, {*ids}
        while True:
            page = await self._fetcher.page(search, number, _as_it_is)
            if isinstance(page, PartooError):
                return page
            await self.add(page.businesses)
            # A server may have smaller pages than it was asked for, and say nothing of them or anything. So no page is
            # read after one that has none of these.
            before = len(left)
            left -= {business.id for business in page.businesses}
            found += len(page.businesses)
            last = found >= (len(ids) if page.count is None else page.count)
            if not left or len(left) == before or (last if page.max_page is None else number >= page.max_page):
                return None
            number += 1

    def _give_up(self, error: PartooError) -> None:
        _logger.warning("scan: businesses have no names, because they could not be looked up: %s", error)
        if not error.transient:
            self._failure = error  # for the others it would be the same

    def stop(self) -> None:
        """Begin no further request."""
        self._stage.stop()

    async def aclose(self) -> None:
        """Cancel what is begun."""
        await self._stage.aclose()
        if self._looking is not None:
            await asyncio.wait([self._looking])


def _as_it_is(search: Operation[BusinessPage]) -> Operation[BusinessPage]:
    return search
