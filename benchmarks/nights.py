"""How many requests, and how long, a nightly job takes: the first night, and one after it.

    python -m benchmarks.nights     # real limit (300 a minute), virtual time: two minutes of wall time

Reads everything of an organization into a journal, as ``partoo sync`` does: the client as it is, on a faked clock, with
simulated connections (see ``benchmarks/strategies.py``). Until the next night one business in a hundred was modified,
and two groups have lost one. That night is read once with a full pass over the businesses, and once with those
modified since. Each journal is compared with the organization. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.strategies import EmulatedTransport, row
from partoo_async import PartooClient, ScanReport, diff_scans
from partoo_async.emulator import EmulatedSection, generated_sections
from partoo_async.emulator.data.profiles import PROFILES
from partoo_async.nightly.reading import read_everything
from partoo_async.scan.journal.reader import open_reader
from tests.support.simulated import journals_in_virtual_time
from tests.support.virtual import run_virtual

if TYPE_CHECKING:
    from collections.abc import Sequence

STRATEGIES = ("auto", "groups")


async def night(
    sections: Sequence[EmulatedSection], journal: Path, strategy: Any, since: datetime | None = None
) -> ScanReport:
    """Read everything, and check what the journal has."""
    transport = EmulatedTransport(sections)
    async with PartooClient("key", server="http://127.0.0.1:9/v2", transport=transport) as client:
        report = await read_everything(client, journal, resume=False, strategy=strategy, businesses_since=since)
    report.raise_for_failures()
    assert not report.fallback
    truth = {group.id: {*group.business_ids} for section in sections for group in section.groups.values()}
    there = {business.id: business.modified for business in transport.index.all_businesses().values()}
    async with open_reader(journal) as reader:
        assert {item.group_id: {*item.group.business_ids} async for item in reader.items() if item.group} == truth
        read = {business.id async for business in reader.businesses()}
        listed = reader.businesses_listed
    least = 0.0 if listed == "all" or since is None else since.timestamp()
    assert {one for one, modified in there.items() if modified >= least} <= read
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", nargs="+", choices=PROFILES, default=[*PROFILES])
    arguments = parser.parse_args()
    logging.getLogger("partoo_async").setLevel(logging.ERROR)
    columns = ("profile", "groups", "businesses", "strategy")
    row(*columns, "first night", "seconds", "next night", "seconds", "only modified", "seconds")
    row("---", "--:", "--:", "---", *["--:"] * 6)
    for profile in arguments.profiles:
        compare(profile)


def compare(profile: Any) -> None:
    sections = generated_sections(profile)
    groups = [group for section in sections for group in section.groups.values()]
    sizes = [f"{size:,}" for size in (len(groups), PROFILES[profile].businesses)]
    for strategy in STRATEGIES:
        with tempfile.TemporaryDirectory() as folder:
            first, second, third = (Path(folder) / f"{number}.journal" for number in range(3))
            with journals_in_virtual_time():
                reports = [run_virtual(night(sections, first, strategy))]
                changed = generated_sections(profile)
                for section in changed[:2]:
                    next(iter(section.groups.values())).business_ids.pop()
                reports.append(run_virtual(night(changed, second, strategy)))
                reports.append(run_virtual(night(changed, third, strategy, modified_since(changed))))
            assert len(asyncio.run(diff_scans(first, second)).groups_changed) == 2
        cells: list[str] = []
        for report in reports:
            cells += [f"{report.requests:,}", f"{report.seconds:,.1f}"]
        row(profile, *sizes, f"auto, takes {reports[0].strategy}" if strategy == "auto" else strategy, *cells)


def modified_since(sections: Sequence[EmulatedSection]) -> datetime:
    """Since when one business in a hundred was modified."""
    times = sorted(business.modified for business in EmulatedTransport(sections).index.all_businesses().values())
    return datetime.fromtimestamp(times[-max(1, len(times) // 100)], UTC)


if __name__ == "__main__":
    main()
