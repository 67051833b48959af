"""How much memory a scan takes, whatever its size.

    python -m benchmarks.memory           # three or four minutes

Scans 1,000 to 100,000 emulated groups to NDJSON, without and with a journal, and 10,000 the naive way, with one
asyncio.gather. The emulator is a process of its own, and so is each scan: what is measured is the peak of the resident
memory of that process alone, the interpreter and its libraries included. Prints markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# Nothing of the package is imported up here: this process starts the others, and a process begins its life with the
# peak of the one that started it.

_PER_SECTION = 1_000
_BUSINESSES = 20


async def serve(groups: int) -> None:
    """Emulate an organization of so many groups, say where, and go on until standard input is closed."""
    from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator  # noqa: PLC0415 - see above

    businesses = [f"{number:024x}" for number in range(_BUSINESSES)]
    sections = []
    for first in range(0, groups, _PER_SECTION):
        ids = range(first, min(first + _PER_SECTION, groups))
        members = {number: EmulatedGroup(number, f"Group {number}", business_ids=businesses) for number in ids}
        sections.append(EmulatedSection(first // _PER_SECTION, f"Section {first}", members))
    async with Emulator(sections=sections, rate_limit=None) as emulator:
        print(json.dumps([emulator.url, emulator.api_key]), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def stream(partoo: Any, sections: int, directory: Path, journal: Path | None) -> int:
    from partoo_async import exports  # noqa: PLC0415 - see above

    scan = partoo.scan(range(sections), journal=journal)
    return (await exports.write(scan, directory / "groups.ndjson")).groups


async def gather(partoo: Any, sections: int, directory: Path) -> int:
    """What one writes without a library: all at once, and everything kept until the last one is there."""
    listed = await asyncio.gather(*(partoo.sections.get(number) for number in range(sections)))
    keys = [(section.id, group.id) for section in listed for group in section.groups]
    groups = await asyncio.gather(*(partoo.groups.get(*key) for key in keys))
    with (directory / "groups.ndjson").open("w") as file:
        for group in groups:
            row = {"id": group.id, "name": group.name, "business_ids": group.business_ids}
            file.write(json.dumps(row) + "\n")
    return len(groups)


async def measure(how: str, groups: int, directory: Path) -> None:
    """Run one scan, and print how long it took and the peak of this process."""
    from partoo_async import PartooClient  # noqa: PLC0415 - see above

    sections = -(-groups // _PER_SECTION)
    started = time.perf_counter()
    async with PartooClient(rate_limit=None, timeout=600.0) as partoo:
        if how == "gather":
            count = await gather(partoo, sections, directory)
        else:
            count = await stream(partoo, sections, directory, directory / "scan.db" if how == "journal" else None)
    assert count == groups
    # Linux counts kilobytes, macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps([time.perf_counter() - started, peak]))


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.memory", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def peak_of(how: str, groups: int, server: list[str]) -> tuple[float, float]:
    """Return seconds and megabytes of one scan in a fresh process."""
    with tempfile.TemporaryDirectory() as directory:
        environment = os.environ | {"PARTOO_SERVER": server[0], "PARTOO_API_KEY": server[1]}
        with start("--measure", how, "--groups", str(groups), "--directory", directory, env=environment) as process:
            out, _ = process.communicate()
        assert process.returncode == 0
        seconds, peak = json.loads(out)
    return seconds, peak / 1e6


def compare(sizes: list[int]) -> None:
    names = {"stream": "scan to NDJSON", "journal": "the same with a journal", "gather": "naive asyncio.gather"}
    peaks: dict[str, list[float]] = {how: [] for how in names}
    print("| | groups | peak | groups a second |\n| --- | --- | --- | --- |")
    for groups in sizes:
        with start("--serve", "--groups", str(groups), stdin=subprocess.PIPE) as process:
            assert process.stdout is not None
            server = json.loads(process.stdout.readline())
            # The naive way is shown once: where it leads is clear.
            for how in names if groups == sizes[1] else ("stream", "journal"):
                seconds, peak = peak_of(how, groups, server)
                peaks[how].append(peak)
                print(f"| {names[how]} | {groups:,} | {peak:.1f} MB | {groups / seconds:,.0f} |", flush=True)
            process.communicate("")
    for how in ("stream", "journal"):
        first, *_, before, last = peaks[how]
        print(f"\n{names[how]}: {last - before:+.1f} MB from {sizes[-2]:,} to {sizes[-1]:,} groups,", end=" ")
        print(f"{last - first:+.1f} MB from {sizes[0]:,}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=["stream", "journal", "gather"], help=argparse.SUPPRESS)
    parser.add_argument("--groups", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.groups))
    elif arguments.measure:
        asyncio.run(measure(arguments.measure, arguments.groups, arguments.directory))
    else:
        compare([1_000, 10_000, 100_000])


if __name__ == "__main__":
    main()
