"""Write every business of every group as CSV: ``python examples/scan_sections.py SECTION_ID... > businesses.csv``.

Rows are written as groups come, so memory stays small. Plan, progress and failures go to standard error. The exit code
is 1 if a group is missing.
"""

import asyncio
import csv
import sys

from connect import connect

from partoo_async import PartooError, ScanProgress


def show(progress: ScanProgress) -> None:
    if progress.done % 25 == 0 or progress.done == progress.total:
        print(f"{progress.done} of {progress.total} groups, {progress.eta:.0f} s left", file=sys.stderr)


async def main(section_ids: list[str]) -> int:
    rows = csv.writer(sys.stdout)
    rows.writerow(["section_id", "group_id", "group", "business_id"])
    async with connect() as partoo, partoo.scan(section_ids, on_progress=show) as scan:
        print(scan.plan, file=sys.stderr)
        async for item in scan:
            if item.group is None:
                print(f"section {item.section_id}, group {item.group_id}: {item.error}", file=sys.stderr)
                continue
            rows.writerows([item.section_id, item.group_id, item.group.name, one] for one in item.group.business_ids)
        return 1 if scan.progress.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(sys.argv[1:] or ["7", "9"])))
    except PartooError as error:
        sys.exit(f"error: {error}")
