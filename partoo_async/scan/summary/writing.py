"""A summary as a file: from a journal, or from the outcomes of a scan."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - asyncio would import it late, perhaps without a file handle
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from partoo_async._internal.atomic_file import AtomicFile
from partoo_async._internal.checks import check_count, check_file
from partoo_async._internal.text import shown
from partoo_async.errors import ConfigurationError
from partoo_async.scan.confidence import how_sure
from partoo_async.scan.journal.lock import is_database
from partoo_async.scan.journal.reader import open_reader
from partoo_async.scan.journal.recording import ALL
from partoo_async.scan.summary.as_json import json_report
from partoo_async.scan.summary.facts import Run
from partoo_async.scan.summary.gather import Gathering
from partoo_async.scan.summary.html import html_report
from partoo_async.scan.summary.markdown import markdown_report

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from partoo_async.models import Business
    from partoo_async.scan.diff.changes import ScanDiff
    from partoo_async.scan.items import ScanItem
    from partoo_async.scan.summary.facts import Summary

__all__ = ["began", "check_report", "summary_text", "write_report", "write_scan"]

# How a file is laid out, and how many entries a list has at most unless it is said.
_LAYOUTS = {".html": (html_report, 100), ".md": (markdown_report, 10), ".json": (json_report, None)}


def check_report(name: str, path: str | os.PathLike[str]) -> Path:
    """Return the path of a report, or raise ``ConfigurationError`` that begins with the name of the argument."""
    file = check_file(name, path)
    if file.suffix.lower() not in _LAYOUTS:
        raise ConfigurationError(f"{name}: expected a name that ends with .html, .md or .json, not {shown(file)}")
    with suppress(OSError):  # what cannot be read is judged when it is replaced
        if file.is_file() and is_database(file):
            raise ConfigurationError(f"{name}: {shown(file)} is a journal or another database; use another file")
    return file


async def write_report(
    journal: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    diff: ScanDiff | None = None,
    since: datetime | None = None,
    most: int | None = None,
) -> None:
    """Write the report of a journal, which replaces a file as a whole.

    Args:
        journal: The journal of the scan, complete or not.
        path: The file. Its suffix says what it is: .html, .md or .json.
        diff: What changed since an earlier scan. None: the report says nothing about changes.
        since: When that scan began.
        most: Entries of a list; what is left out is counted. None: 100 in HTML, 10 in Markdown, all in JSON.

    Raises:
        ConfigurationError: The journal cannot be read, the file cannot be written, or an argument is wrong.
    """
    target = check_report("path", path)
    await _write(await _of_journal(journal), target, diff, since, most)


async def summary_text(
    journal: str | os.PathLike[str],
    *,
    diff: ScanDiff | None = None,
    since: datetime | None = None,
    most: int | None = None,
) -> str:
    """Return the report of a journal as Markdown, with the arguments of ``write_report``."""
    summary = await _of_journal(journal)
    return await asyncio.to_thread(markdown_report, summary, diff, since, _entries(most, 10))


async def began(journal: str | os.PathLike[str]) -> datetime | None:
    """Return when the scan of a journal began, None if the file is none."""
    try:
        async with open_reader(journal) as recording:
            return recording.started
    except ConfigurationError:
        return None


async def write_scan(
    path: str | os.PathLike[str],
    run: Run,
    items: Iterable[ScanItem],
    sections: Mapping[int, str],
    businesses: Iterable[Business],
    *,
    diff: ScanDiff | None,
    most: int | None,
) -> None:
    """Write the report of outcomes in memory."""
    target = check_report("path", path)
    summary = await asyncio.to_thread(_of_items, run, items, sections, businesses)
    await _write(summary, target, diff, None, most)


async def _of_journal(journal: str | os.PathLike[str]) -> Summary:
    gathering = Gathering()
    async with open_reader(journal) as recording:
        for section in recording.sections.values():
            gathering.add_section(section.section_id, section.name, section.group_ids)
        async for item in recording.items():
            gathering.add_item(item)
        async for business in recording.businesses():
            gathering.add_business(business)
        run = Run(
            recording.started,
            recording.complete,
            requests=recording.requests or None,  # an older journal does not count them
            seconds=recording.seconds or None,
            businesses_problem=recording.businesses_problem,
            server=recording.server,
            version=recording.version,
        )
        whole, verified = recording.businesses_listed == ALL, recording.verified
    return await asyncio.to_thread(_summary, gathering, run, whole, verified)


def _summary(gathering: Gathering, run: Run, whole: bool, verified: int) -> Summary:
    summary = gathering.summary(run, whole=whole)
    if not summary.inferred:
        return summary
    return evolve(summary, run=evolve(run, certainty=how_sure(verified, len(summary.groups), summary.inferred)))


def _of_items(
    run: Run, items: Iterable[ScanItem], sections: Mapping[int, str], businesses: Iterable[Business]
) -> Summary:
    gathering = Gathering()
    for section_id, name in sections.items():
        gathering.add_section(section_id, name)
    for item in items:
        gathering.add_item(item)
    for business in businesses:
        gathering.add_business(business)
    return gathering.summary(run, whole=False)


async def _write(
    summary: Summary, target: Path, diff: ScanDiff | None, since: datetime | None, most: int | None
) -> None:
    layout, usual = _LAYOUTS[target.suffix.lower()]
    await asyncio.to_thread(_put, target, partial(layout, summary, diff, since, _entries(most, usual)))


def _entries(most: int | None, usual: int | None) -> int | None:
    return usual if most is None else check_count("most", most, least=0)


def _put(target: Path, made: partial[str]) -> None:
    place = AtomicFile(target)
    try:
        place.open()
        with place.writing() as file:
            file.write(made().encode())
        place.complete()
        place.commit()
    except BaseException:
        place.discard()
        raise
