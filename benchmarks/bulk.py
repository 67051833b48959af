"""What bulk work takes: scans with a journal, exports, progress, resuming, comparing.

    python -m benchmarks.bulk             # a quarter of an hour
    python -m benchmarks.bulk --quick     # does it still work?

Each is measured in a process of its own, whose CPU time and peak memory they are, against a server in another one.
Journals of a million groups are written to the current directory's disk, into a temporary directory.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from array import array
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench_server import free_port, serving, wait_until_up
from benchmarks.figures import Figures, cpu_seconds, parser, peak_bytes, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Nothing of the package is imported up here: this process starts the others, and a process begins its life with the
# peak of the one that started it.

_KEY = "k" * 32
_IN_FLIGHT = 50
_PER_SECTION = 1_000


def group_ids(section: int, per_section: int) -> range:
    return range(section * per_section, (section + 1) * per_section)


def business_ids(group: int, size: int) -> tuple[str, ...]:
    return tuple(f"5409c35a97bb{(group * 7919 + number) % 2**48:012x}" for number in range(size))


class SectionServer(asyncio.Protocol):
    """Answers each section with so many groups, and a group with no business."""

    per_section = 1
    _PATH = re.compile(rb"GET /v2/sections/(\d+)(?:/groups/(\d+))? ")

    def __init__(self) -> None:
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        *requests, self.received = (self.received + data).split(b"\r\n\r\n")
        for request in requests:
            found = self._PATH.match(request)
            assert found is not None
            body = self.answer(*(int(number) for number in found.groups() if number is not None))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self.transport.write(head % len(body) + body)

    def answer(self, section: int, group: int | None = None) -> bytes:
        if group is not None:
            return json.dumps({"id": group, "name": "G", "has_puller": False, "business_ids": []}).encode()
        listed = [{"id": one, "name": f"G{one}", "has_puller": False} for one in group_ids(section, self.per_section)]
        facts = {"id": section, "name": f"S{section}", "can_edit": True, "has_puller": False, "groups": listed}
        return json.dumps(facts).encode()


async def serve(port: int, per_section: int) -> None:
    SectionServer.per_section = per_section
    server = await asyncio.get_running_loop().create_server(SectionServer, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


@contextmanager
def serving_sections(per_section: int) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bulk", "--measure", "serve", str(port), str(per_section)]
    with subprocess.Popen(command) as process:
        try:
            wait_until_up(process, port)
            yield f"http://127.0.0.1:{port}/v2"
        finally:
            process.terminate()


def client(url: str) -> Any:
    from partoo_async import PartooClient  # noqa: PLC0415 - see above

    return PartooClient(_KEY, server=url, rate_limit=None, max_concurrency=_IN_FLIGHT + _IN_FLIGHT // 7 + 1)


async def drop(scan: Any) -> int:
    count = 0
    async with scan:
        async for item in scan:
            assert item.group is not None, item.error
            count += 1
    return count


def written() -> int:
    """Bytes that this process has handed to the system, where it counts them."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])


async def scan(place: Path, how: str, url: str, size: str, count: str) -> dict[str, float]:
    """Microseconds a group; with a journal its size, and bytes written for each."""
    from partoo_async import exports  # noqa: PLC0415 - see above

    journal = place / "scan.journal" if how == "journal" else None
    async with client(url) as partoo:
        for groups in (int(count) // 10, int(count)):
            if journal is not None:
                journal.unlink(missing_ok=True)
            one = partoo.scan(size, group_ids=range(groups), max_concurrency=_IN_FLIGHT, journal=journal)
            before, bytes_before = cpu_seconds(), written()
            if how in ("drop", "journal"):
                await drop(one)
            else:
                await exports.write(one, place / f"scan.{how}")
    found = {"cpu": (cpu_seconds() - before) / groups * 1e6}
    if journal is not None:
        found |= {"size": journal.stat().st_size / groups, "written": (written() - bytes_before) / groups}
    return found


async def sections(place: Path, how: str, url: str, count: str) -> dict[str, float]:
    """Microseconds a section of one group, until the plan is made."""
    journal = place / "sections.journal" if how == "journal" else None
    async with client(url) as partoo:
        await drop(partoo.scan(1, group_ids=[1]))
        before = cpu_seconds()
        async with partoo.scan(range(int(count)), journal=journal, max_concurrency=_IN_FLIGHT) as one:
            assert one.plan.groups == int(count)
            return {"cpu": (cpu_seconds() - before) / int(count) * 1e6}


async def progress(_: Path, url: str, count: str) -> dict[str, float]:
    """Microseconds that one look takes, in the midst of a scan of so many sections."""
    async with client(url) as partoo, partoo.scan(range(int(count)), max_concurrency=_IN_FLIGHT) as one:
        await anext(one)
        before = cpu_seconds()
        for _ in range(1_000):
            assert one.progress.total == int(count)
        return {"cpu": (cpu_seconds() - before) * 1e3}


async def make(place: Path, name: str, groups: str, size: str, changed: str) -> dict[str, float]:
    """A complete journal, as a scan would leave it; every so many-th group has another name."""
    from partoo_async.models import Group, GroupSummary, Section  # noqa: PLC0415 - see above
    from partoo_async.scan.items import ScanSuccess  # noqa: PLC0415
    from partoo_async.scan.journal.journal import Journal  # noqa: PLC0415
    from partoo_async.scan.outcomes import ScanPlan  # noqa: PLC0415
    from partoo_async.scan.scope import Scope  # noqa: PLC0415

    count = int(groups) // _PER_SECTION
    scope = Scope(tuple(range(count)))
    url = (place / "url").read_text(encoding="utf-8")
    journal = await Journal.open(place / name, url, scope, resume=False)
    await journal.load()
    for number in range(count):
        ids = group_ids(number, _PER_SECTION)
        listed = tuple(GroupSummary(one, f"G{one}", False) for one in ids)
        section = Section(number, f"S{number}", can_edit=True, has_puller=False, groups=listed)
        await journal.compare(number, section, array("q", ids))
        items = []
        for one in ids:
            other = "other" if int(changed) and one % int(changed) == 0 else f"G{one}"
            items.append(ScanSuccess(number, one, Group(one, other, False, business_ids(one, int(size))), None, 1, 0.1))
        await asyncio.gather(*map(journal.record, items))
    await journal.note_plan(ScanPlan(count, int(groups), int(groups) + count, 0.0))
    await journal.finish()
    await journal.aclose()
    return {"size": (place / name).stat().st_size / int(groups)}


async def resume(place: Path, url: str, name: str, groups: str) -> dict[str, float]:
    """Seconds and memory of a run that has nothing left to do: it reads the sections, and replays."""
    sections = range(int(groups) // _PER_SECTION)
    async with client(url) as partoo:
        before = cpu_seconds()
        assert await drop(partoo.scan(sections, journal=place / name, resume=True)) == int(groups)
        return {"cpu": cpu_seconds() - before, "peak": peak_bytes() / 1e6}


async def diff(place: Path, one: str, other: str, changes: str) -> dict[str, float]:
    from partoo_async import diff_scans  # noqa: PLC0415 - see above

    before = cpu_seconds()
    found = await diff_scans(place / one, place / other)
    assert len(found.groups_changed) == int(changes)
    return {"cpu": cpu_seconds() - before, "peak": peak_bytes() / 1e6}


async def idle(_: Path) -> dict[str, float]:
    """Memory of a process that has imported everything."""
    import partoo_async.scan.journal.journal  # noqa: PLC0415 - see above

    assert partoo_async.PartooClient
    return {"peak": peak_bytes() / 1e6}


_WORK: Mapping[str, Callable[..., Any]] = {
    "scan": scan,
    "sections": sections,
    "progress": progress,
    "make": make,
    "resume": resume,
    "diff": diff,
    "idle": idle,
}


def measured(place: Path, *words: object) -> dict[str, float]:
    """Return what one of the functions above found, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bulk", "--measure", *map(str, words), str(place)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def compare_scans(figures: Figures, place: Path, rounds: int, quick: bool) -> None:
    goals: dict[tuple[str, int], float | None] = {
        **{("drop", 20): None, ("journal", 20): 110.0, ("ndjson", 20): None, ("csv", 20): None},
        **{("drop", 2_000): None, ("journal", 2_000): 450.0, ("ndjson", 2_000): 300.0, ("csv", 2_000): 1_800.0},
    }
    with serving([20, 2_000], None) as (url, _):
        for size, count in ((20, 1_000 if quick else 20_000), (2_000, 100 if quick else 2_000)):
            more: list[dict[str, float]] = []

            def one(how: str, size: int = size, count: int = count, more: list[Any] = more) -> float:
                found = measured(place, "scan", how, url, size, count)
                more += [found] if how == "journal" else []
                return found["cpu"]

            ways = ("drop", "journal", "ndjson", "csv")
            found = turns({how: lambda how=how: one(how) for how in ways}, rounds)  # type: ignore[misc]
            for how in ways:
                figures.add(f"scan, {how}, {size} ids", found[how], "us a group", goal=goals[how, size])
            figures.add(f"journal, {size} ids", [each["size"] for each in more], "bytes a group")
            figures.add(f"written to it, {size} ids", [each["written"] for each in more], "bytes a group")


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        name, *words = sys.argv[2:]
        if name == "serve":
            asyncio.run(serve(*map(int, words)))
        else:
            print(json.dumps(asyncio.run(_WORK[name](Path(words[-1]), *words[:-1]))))
        return
    arguments = parser(__doc__).parse_args()
    quick, rounds = arguments.quick, arguments.rounds or (1 if arguments.quick else 5)
    figures = Figures("bulk", arguments.json)
    with tempfile.TemporaryDirectory(dir=".") as directory:
        place = Path(directory)
        compare_scans(figures, place, rounds, quick)
        many = 500 if quick else 100_000
        with serving_sections(1) as url:
            few = 500 if quick else 20_000
            for how, goal in (("drop", None), ("journal", 200.0)):
                found = []
                for _ in range(rounds):
                    found.append(measured(place, "sections", how, url, few)["cpu"])
                    (place / "sections.journal").unlink(missing_ok=True)
                figures.add(f"sections, {how}", found, "us each", goal=goal)
            for count in (100, many):
                found = [measured(place, "progress", url, count)["cpu"] for _ in range(min(rounds, 3))]
                figures.add(f"progress, {count:,} sections", found, "us a look")
        groups = 2_000 if quick else 1_000_000
        figures.add("a process with nothing to do", [measured(place, "idle")["peak"]], "MB")
        with serving_sections(_PER_SECTION) as url:
            (place / "url").write_text(url, encoding="utf-8")
            size = measured(place, "make", "one.journal", groups, 20, 0)["size"]
            figures.add(f"journal of {groups:,} groups", [size * groups / 1e6], "MB")
            measured(place, "resume", url, "one.journal", groups)  # a scan has marks of its sections, this has none yet
            found = [measured(place, "resume", url, "one.journal", groups) for _ in range(min(rounds, 2))]
            figures.add(f"resume of {groups:,}", [one["cpu"] for one in found], "s", goal=7.0)
            figures.add(f"resume of {groups:,}, peak", [one["peak"] for one in found], "MB", goal=60.0)
            measured(place, "make", "other.journal", groups, 20, _PER_SECTION)
        result = measured(place, "diff", "one.journal", "other.journal", groups // _PER_SECTION)
        figures.add(f"diff of {groups:,}", [result["cpu"]], "s")
        figures.add(f"diff of {groups:,}, peak", [result["peak"]], "MB", goal=100.0)


if __name__ == "__main__":
    main()
