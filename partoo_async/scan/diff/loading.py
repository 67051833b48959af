"""Loads a scan to be compared: a report, a file of lines, or a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partoo_async._internal.callables import in_daemon
from partoo_async._internal.checks import check_file
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.models import Business
from partoo_async.scan.diff.ndjson import read_lines
from partoo_async.scan.diff.snapshots import ScanSnapshot, SectionSnapshot
from partoo_async.scan.journal.lock import is_database
from partoo_async.scan.outcomes import ScanReport

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from contextlib import AsyncExitStack
    from pathlib import Path

    from partoo_async.scan.diff.snapshots import Snapshot

__all__ = ["load_snapshot"]

_STEP = 1000


async def load_snapshot(
    source: str | os.PathLike[str] | ScanReport, argument: str, ids: dict[str, str], stack: AsyncExitStack
) -> Snapshot:
    """Load a report or an NDJSON file, or open a journal until the end of the stack.

    Raises ``ConfigurationError``, which names the argument.
    """
    snapshot = ScanSnapshot(ids)
    if isinstance(source, ScanReport):
        await _in_thread(_load_report(snapshot, source))
        return snapshot
    path = check_file(argument, source, "a ScanReport, or the path of a journal or of an NDJSON file")
    try:
        if await in_daemon(_is_database, path):
            # Only for journals, because it loads SQLite.
            from partoo_async.scan.diff.journals import open_journal  # noqa: PLC0415 - see above

            return await stack.enter_async_context(open_journal(path))
        await _in_thread(_load_lines(snapshot, path, argument))
    except ConfigurationError as error:
        problem = f"{argument}: {str(error).removeprefix('journal: ').removeprefix(f'{argument}: ')}"
    except OSError as error:
        problem = f"{argument}: cannot read {shown(path)}: {error.strerror or error}"
    else:
        return snapshot
    raise ConfigurationError(problem)


def _is_database(path: Path) -> bool:
    # Not of a pipe, such as a shell's <(...): it can be read only once.
    if path.exists() and not path.is_file():
        return False
    return is_database(path)


async def _in_thread(steps: Iterator[None]) -> None:
    # In steps, so that after a cancellation the thread ends soon.
    while await in_daemon(next, steps, steps) is not steps:
        pass


def _load_report(snapshot: ScanSnapshot, report: ScanReport) -> Iterator[None]:
    snapshot.complete = snapshot.whole = report.complete
    for section_id, name in report.sections.items():
        snapshot.sections[section_id], snapshot.lists_sections = SectionSnapshot(name), True
    for number, item in enumerate(report.items, start=1):
        snapshot.add_item(item)
        if not report.businesses:
            for one in item.businesses:
                snapshot.add_business(Business(one.id, one.name, one.code, one.status, city=one.city))
        if number % _STEP == 0:
            yield
    for number, business in enumerate(report.businesses.values(), start=1):
        snapshot.add_business(business)
        if number % _STEP == 0:
            yield


def _load_lines(snapshot: ScanSnapshot, path: Path, argument: str) -> Iterator[None]:
    for number, (section_id, group_id, outcome, businesses) in enumerate(read_lines(path, argument), start=1):
        snapshot.add(section_id, group_id, outcome)
        for business in businesses:
            snapshot.add_business(business)
        if number % _STEP == 0:
            yield
