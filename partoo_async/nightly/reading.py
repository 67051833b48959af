"""Reads everything of an organization into a journal: its sections, groups and businesses."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import evolve

from partoo_async._internal.checks import check_file
from partoo_async._protocol.operations import list_sections
from partoo_async.errors import ClientClosedError, PartooError, ScanError
from partoo_async.resources.businesses import BusinessSearch
from partoo_async.resources.paging import MOST_WALKS, PageWalk
from partoo_async.scan.fetcher import SCAN_ENDS, GroupFetcher
from partoo_async.scan.journal.baseline import carry_forward
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.database import open_database
from partoo_async.scan.journal.header import write_header
from partoo_async.scan.journal.reader import open_reader, read_header, readable
from partoo_async.scan.journal.recording import ALL, add_spent, record_business_list, record_businesses
from partoo_async.scan.outcomes import ScanReport
from partoo_async.scan.scan import Scan
from partoo_async.scan.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from partoo_async.client import PartooClient
    from partoo_async.models import BusinessPage
    from partoo_async.scan.inference import Strategy, Verify
    from partoo_async.scan.journal.database import Database
    from partoo_async.scan.outcomes import ScanProgress

__all__ = ["carry_forward", "read_everything", "recorded_report"]

_logger = logging.getLogger("partoo_async.scan")

_MOST_OUTAGE = 600.0  # seconds, as for a scan
_CHANGING = f"the list of businesses kept changing while its pages were read {MOST_WALKS} times: some may be missing"


async def read_everything(
    client: PartooClient,
    journal: Path,
    *,
    resume: bool,
    strategy: Strategy = "auto",
    verify: Verify = 20,
    org_id: int | None = None,
    businesses_since: datetime | None = None,
    on_progress: Callable[[ScanProgress], object] | None = None,
) -> ScanReport:
    """Scan all sections, and read all businesses, those in no group as well, into one journal.

    ``JournalReader.businesses_listed`` says whether it has all of them, and ``everything_read`` that this came to its
    end. A list of businesses that cannot be read is ``businesses_problem``, and no error.

    Args:
        client: An open client.
        journal: The file.
        resume: Go on with the journal, or begin it.
        strategy: As for ``scan_all``. "auto" knows that the list of businesses is read anyway.
        verify: As for ``scan_all``.
        org_id: Another organization, for keys of the PROVIDER role.
        businesses_since: Read only businesses that were modified since then, unless the scan has the list anyway.
        on_progress: Gets the progress of the scan.

    Returns:
        The report of the scan, whose requests and seconds are those of both. The businesses are in the journal only.

    Raises:
        ScanError: It ended early, such as by an outage. The journal has what was read, and can be resumed.
        ConfigurationError: As for a scan.
    """
    BusinessSearch(client.session, per_page=100, modified_since=businesses_since)  # refuses a time without a time zone
    since = None if businesses_since is None else businesses_since.astimezone(UTC)
    options: dict[str, Any] = {"strategy": strategy, "verify": verify, "on_progress": on_progress}
    list_use: Any = "wanted" if businesses_since is None else "kept"
    scope = Scope.of_organization(org_id)
    scan = Scan(client.session, scope, journal=journal, resume=resume, list_use=list_use, **options)
    report = await scan.collect()
    database = await open_database(check_file("journal", journal))
    try:
        if not await _has_list(database, since):
            report = await _Businesses(client, database, org_id, since).read(report)
        await write_header(database, {"ended": True})
    except JournalError as error:
        raise ScanError(f"the scan ended early: {error}", report, transient=False) from None
    finally:
        await database.aclose()
    return report


async def recorded_report(journal: Path) -> ScanReport:
    """Return what a journal has as a report. Its requests and seconds are those of all runs.

    Args:
        journal: The file.

    Raises:
        ConfigurationError: It is no journal, is damaged or is in use.
    """
    async with open_reader(journal) as reader:
        listed = {one.section_id: {*one.group_ids} for one in reader.sections.values()}
        # Outcomes of groups that were deleted before the scan was resumed stay in the journal.
        items = [
            item
            async for item in reader.items()
            if item.group_id is None or item.group_id in listed.get(item.section_id, ())
        ]
        return ScanReport(
            tuple(items),
            reader.requests,
            reader.seconds,
            complete=reader.complete,
            strategy=reader.strategy,
            verified=reader.verified,
            sections={one.section_id: one.name for one in reader.sections.values() if one.name is not None},
        )


async def _has_list(database: Database, since: datetime | None) -> bool:
    """Whether the journal has the businesses already, all or those modified since then."""
    listed = (await read_header(database)).get("businesses_listed")
    if listed in (None, ALL):
        return listed is not None
    with readable(database.path, "header"):
        return since is not None and datetime.fromisoformat(listed) <= since


class _Businesses:
    """Reads the list of businesses, page by page, into a journal."""

    def __init__(self, client: PartooClient, database: Database, org_id: int | None, since: datetime | None) -> None:
        session = client.session.with_own_drift()
        self._database = database
        self._since = since
        self._search = BusinessSearch(session, per_page=100, org_id=org_id, modified_since=since)
        self._fetcher = GroupFetcher(session, 1, _MOST_OUTAGE)
        # The scan has read it: so the first failure here is told from an outage, which is waited for as long as there.
        self._fetcher.outage.succeeded(list_sections(page=1, org_id=org_id, group_name_query=None))

    async def read(self, report: ScanReport) -> ScanReport:
        """Read the list, and return the report with what that took."""
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
        fetcher, drift = self._fetcher, Counter(report.drift) + Counter(self._fetcher.session.drift)
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
        """Read the list, and return why it was not read whole, "" if it was."""
        before: list[str] = []
        try:
            for _ in range(MOST_WALKS):
                walk = PageWalk(self._page, attrgetter("businesses"))
                async for _business in walk.items():
                    pass
                found: list[str] = [*walk.found]
                if walk.steady or found == before:
                    listed = ALL if self._since is None else self._since.isoformat()
                    await record_business_list(self._database, found, listed)
                    return ""
                before = found
            problem = _CHANGING
        except (*SCAN_ENDS, ClientClosedError):
            raise
        except PartooError as error:
            problem = f"the list of businesses could not be read: {error}"
        _logger.warning("scan: %s", problem)
        return problem

    async def _page(self, number: int) -> BusinessPage:
        page = await self._fetcher.page(self._search, number, lambda operation: operation)
        if isinstance(page, PartooError):
            raise page
        await record_businesses(self._database, page.businesses)
        return page
