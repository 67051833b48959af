"""Reads the list of businesses into a journal, and looks up those that it may lack."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

from partoo_async._internal.text import cut
from partoo_async._protocol.business_query import url_parts
from partoo_async._protocol.operations import list_sections
from partoo_async.errors import ClientClosedError, PartooError, ScanError
from partoo_async.resources.businesses import BusinessSearch
from partoo_async.resources.paging import MOST_WALKS, PageWalk
from partoo_async.scan.fetcher import SCAN_ENDS, GroupFetcher
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.header import write_header
from partoo_async.scan.journal.reader import read_header, readable
from partoo_async.scan.journal.recording import (
    ALL,
    add_spent,
    doubtful_businesses,
    record_business_list,
    record_businesses,
)
from partoo_async.scan.lookups import look_up

if TYPE_CHECKING:
    from partoo_async.client import PartooClient
    from partoo_async.models import BusinessPage
    from partoo_async.scan.journal.database import Database
    from partoo_async.scan.journal.known import Known
    from partoo_async.scan.outcomes import ScanReport

__all__ = ["BusinessReader", "has_businesses"]

_logger = logging.getLogger("partoo_async.scan")

T = TypeVar("T")

_MOST_OUTAGE = 600.0  # seconds, as for a scan
_LONGEST_IDS = 200  # characters, in a message
_KEPT = "businesses that are not in the list of them could not be looked up, and are kept as they were"
_CHANGING = f"the list of businesses kept changing while its pages were read {MOST_WALKS} times: some may be missing"


async def has_businesses(database: Database, since: datetime | None) -> bool:
    """Whether the journal has the businesses already, all or those modified since then."""
    return await _reaches(database, "businesses_listed", since)


async def _reaches(database: Database, fact: str, since: datetime | None) -> bool:
    listed = (await read_header(database)).get(fact)
    if listed in (None, ALL):
        return listed is not None
    with readable(database.path, "header"):
        return since is not None and datetime.fromisoformat(listed) <= since


class BusinessReader:
    """Reads the list, page by page, unless the scan did; ``known``: what is looked up if it lacks it."""

    def __init__(
        self,
        client: PartooClient,
        database: Database,
        *,
        org_id: int | None,
        since: datetime | None,
        known: Known,
    ) -> None:
        self._session = client.session.with_own_drift()
        self._database = database
        self._org_id = org_id
        self._since = since
        self._known = known
        self._fetcher = GroupFetcher(self._session, 1, _MOST_OUTAGE)
        # The scan has read it: so the first failure here is told from an outage, which is waited for as long as there.
        self._fetcher.outage.succeeded(list_sections(page=1, org_id=org_id, group_name_query=None))

    async def read(self, report: ScanReport) -> ScanReport:
        """Read what is left, and return the report with what that took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        failure: Exception | None = None
        try:
            problem = await self._problem()
        except (*SCAN_ENDS, ClientClosedError) as error:
            failure, problem = error, ""
        finally:
            self._fetcher.stop()
            seconds = clock() - began
        fetcher, drift = self._fetcher, Counter(report.drift) + Counter(self._session.drift)
        report = evolve(
            report,
            requests=report.requests + fetcher.sends,
            seconds=report.seconds + seconds,
            retries=report.retries + fetcher.retries,
            drift=dict(drift),
        )
        if failure is not None:
            transient = not isinstance(failure, (JournalError, ClientClosedError))
            raise ScanError(f"the scan ended early: {failure}", report, transient=transient) from None
        await add_spent(self._database, fetcher.sends, seconds)
        await write_header(self._database, {"businesses_problem": problem})
        return report

    async def _problem(self) -> str:
        """Read the businesses, and return why not all of them are known, "" if they are."""
        doing = "the list of businesses could not be read"
        try:
            problem = "" if await _reaches(self._database, "businesses_found", self._since) else await self._read_list()
            if not problem:
                doing = "businesses that were known, and are not in the list of them, could not be looked up"
                problem = await self._look_up()
        except (*SCAN_ENDS, ClientClosedError):
            raise
        except PartooError as error:
            problem = f"{doing}: {error}"
        if problem:
            _logger.warning("scan: %s", problem)
        return problem

    async def _read_list(self) -> str:
        """Read the list until it holds still, and return "", or that it does not."""
        before: list[str] = []
        search = BusinessSearch(self._session, per_page=100, org_id=self._org_id, modified_since=self._since)

        async def page(number: int) -> BusinessPage:
            read = _or_raise(await self._fetcher.page(search, number, lambda operation: operation))
            await record_businesses(self._database, read.businesses)
            return read

        for _ in range(MOST_WALKS):
            walk = PageWalk(page, attrgetter("businesses"))
            async for _business in walk.items():
                pass
            found: list[str] = [*walk.found]
            if walk.steady or found == before:
                listed = self._since.isoformat() if self._since else ALL
                await record_business_list(self._database, found, listed, self._known.businesses)
                return ""
            before = found
        return _CHANGING

    async def _look_up(self) -> str:
        """Look up the businesses that the list may lack. After that, it is whole. Return which could not be."""
        refused: dict[str, PartooError] = {}
        found = (await read_header(self._database))["businesses_found"]
        if found == ALL:
            for ids in url_parts(await doubtful_businesses(self._database)):
                page, unknown = _or_raise(await look_up(self._fetcher, ids, self._org_id))
                await record_businesses(self._database, page.businesses, {*ids} - unknown.keys())
                refused |= unknown
        problem = await self._keep(refused) if refused else ""
        await write_header(self._database, {"businesses_listed": found, "businesses_problem": problem})
        return problem

    async def _keep(self, refused: dict[str, PartooError]) -> str:
        """Keep what was known of businesses, and return that."""
        kept = await self._known.recall(refused)
        error = next(iter(refused.values()))
        if len(kept) < len(refused):
            raise error
        # They stay doubtful: a run that is killed before the problem is noted looks them up again.
        await record_businesses(self._database, kept)
        return f"{_KEPT}: {cut(', '.join(refused), _LONGEST_IDS)}, because of: {error}"


def _or_raise(found: T | PartooError) -> T:
    if isinstance(found, PartooError):
        raise found
    return found
