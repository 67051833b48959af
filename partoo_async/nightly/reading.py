"""Reads everything of an organization into a journal: its sections, groups and businesses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from partoo_async._internal.checks import check_file
from partoo_async.errors import ScanError
from partoo_async.nightly.businesses import BusinessReader, has_businesses
from partoo_async.resources.businesses import BusinessSearch
from partoo_async.scan.inference import ListUse
from partoo_async.scan.journal.baseline import carry_forward
from partoo_async.scan.journal.codec import JournalError
from partoo_async.scan.journal.database import open_database
from partoo_async.scan.journal.header import write_header
from partoo_async.scan.journal.known import known_ids
from partoo_async.scan.journal.reader import open_reader
from partoo_async.scan.outcomes import ScanReport
from partoo_async.scan.scan import Scan
from partoo_async.scan.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from partoo_async.client import PartooClient
    from partoo_async.scan.inference import Strategy, Verify
    from partoo_async.scan.outcomes import ScanProgress

__all__ = ["carry_forward", "read_everything", "recorded_report"]


async def read_everything(
    client: PartooClient,
    journal: Path,
    *,
    resume: bool,
    strategy: Strategy = "auto",
    verify: Verify = 20,
    org_id: int | None = None,
    businesses_since: datetime | None = None,
    before: Path | None = None,
    on_progress: Callable[[ScanProgress], object] | None = None,
    on_scan: Callable[[Scan], object] = id,
    on_step: Callable[[str], object] = id,
) -> ScanReport:
    """Scan all sections, and read all businesses, those in no group as well, into one journal.

    ``JournalReader.businesses_listed`` says whether it has all of them, and ``everything_read`` that this came to its
    end. A list of businesses that cannot be read is ``businesses_problem``, and no error. What ``before`` has and a
    list lacks is looked up by id: one that changes while its pages are read may lack what is there.

    Args:
        client: An open client.
        journal: The file.
        resume: Go on with the journal, or begin it.
        strategy: As for ``scan_all``. "auto" knows that the list of businesses is read anyway.
        verify: As for ``scan_all``.
        org_id: Another organization, for keys of the PROVIDER role.
        businesses_since: Read only businesses that were modified since then, unless the scan has the list anyway.
        before: The journal of an earlier time, with what was known. A damaged one counts as none, with a warning.
        on_progress: Gets the progress of the scan.
        on_scan: Gets the scan.
        on_step: Gets in words what is read after it.

    Returns:
        The report of the scan, whose requests and seconds are those of both. The businesses are in the journal only.

    Raises:
        ScanError: It ended early, such as by an outage. The journal has what was read, and can be resumed.
        ConfigurationError: As for a scan; or ``before`` is in use.
    """
    BusinessSearch(client.session, per_page=100, modified_since=businesses_since)  # refuses a time without a time zone
    since = None if businesses_since is None else businesses_since.astimezone(UTC)
    known = await known_ids(before)
    options: dict[str, Any] = {"strategy": strategy, "verify": verify, "on_progress": on_progress}
    options["list_use"] = ListUse(businesses_since is None, known.sections, known.businesses)
    scan = Scan(client.session, Scope.of_organization(org_id), journal=journal, resume=resume, **options)
    on_scan(scan)
    report = await scan.collect()
    database = await open_database(check_file("journal", journal))
    try:
        if not await has_businesses(database, since):
            on_step("reading businesses")
            reader = BusinessReader(client, database, org_id=org_id, since=since, known=known)
            report = await reader.read(report)
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
