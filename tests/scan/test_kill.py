"""Scans that are killed with SIGKILL, at any moment, and gone on with: nothing is lost, nothing is asked for twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import define, field

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.support.common import PATIENCE
from tests.support.simulated import recorded

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() there")

# Starts a process for each scan. They are forked from one that has imported everything, so that a run costs no half
# second of imports, and the kills fall into the scan. Only the parent kills: it has not waited for its child yet, so
# that no other process can have the number. With a fourth argument the child kills itself, at that step of its journal.
PROGRAM = """
import asyncio, json, os, signal, sys
from aiosqlite import Connection
from partoo_async import PartooClient
from partoo_async.scan.journal import journal
from partoo_async.scan.outcomes import item_object

async def scan(path, lines, strategy):
    with open(lines, "w") as file:
        async with PartooClient(rate_limit=None, max_concurrency=8) as client:
            scan = client.scan([7, 8, 9, 404], journal=path, resume=True)
            if strategy != "groups":
                scan = client.scan_all(journal=path, resume=True, strategy=strategy, verify=1, businesses=True)
            async with scan as running:
                async for item in running:
                    row = item_object(item)
                    if strategy != "groups":  # the order is that of the list, or that of the group
                        names = sorted((one.id, one.name) for one in item.businesses)
                        row |= {"business_ids": sorted(row["business_ids"]), "names": names}
                    print(json.dumps(row), file=file, flush=True)

def die_at(step, execute=Connection._execute):
    async def counted(*arguments, **options):
        nonlocal step
        step -= 1
        if step < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return await execute(*arguments, **options)

    Connection._execute = counted

for line in sys.stdin:
    command = json.loads(line)
    if command[0] == "start":
        process = os.fork()
        if process == 0:
            for step in command[4:]:
                die_at(step)
            asyncio.run(scan(*command[1:4]))
            os._exit(0)
    else:
        if command[0] == "kill":
            os.kill(process, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


@define
class Scans:
    """Runs of one scan on one journal, each in a process of its own, and what they may not ask for any more."""

    process: asyncio.subprocess.Process
    emulator: Emulator
    journal: Path
    strategy: str = "groups"
    runs: int = 0
    done: set[str] = field(factory=set)

    async def tell(self, *command: str | int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        await self.process.stdin.drain()

    async def ended(self, how: str) -> int:
        """Kill the run, or wait for it, and return its exit code."""
        await self.tell(how)
        assert self.process.stdout is not None
        return int(await self.process.stdout.readline())

    async def start(self, *step: int) -> Path:
        self.runs += 1
        lines = self.journal.with_suffix(f".{self.runs}.ndjson")
        await self.tell("start", str(self.journal), str(lines), self.strategy, *step)
        return lines

    async def killed(self, chance: random.Random) -> bool:
        """Start a run and kill it at a random moment; return whether it was not too late for that."""
        before = len(self.emulator.requests)
        lines = await self.start()
        if chance.random() < 0.5:  # while the journal is made, or while it is read and the sections are
            await asyncio.sleep(chance.uniform(0, 0.04))
        else:
            enough = before + chance.randrange(4, 60)
            # Inferred outcomes need no requests.
            some = self.total if self.strategy == "groups" else chance.randrange(self.total)
            async with asyncio.timeout(PATIENCE):
                while len(self.emulator.requests) < enough and len(complete(lines)) < some:
                    await asyncio.sleep(0.001)
        code = await self.ended("kill")
        assert code in (-9, 0)
        await self.check(lines, before)
        return code == -9

    @property
    def total(self) -> int:
        """How many outcomes there are in all; the last one may be that of the section that there is not."""
        groups = sum(len(section.groups) for section in self.emulator.sections.values())
        return groups + (self.strategy == "groups")

    async def check(self, lines: Path, before: int) -> None:
        asked = [seen.path for seen in self.emulator.requests[before:]]
        assert not self.done & {*asked}, "asked for again what was recorded"
        outcomes = await recorded(self.journal)
        now = {f"/v2/sections/{item.section_id}/groups/{item.group_id}" for item in outcomes if item.group is not None}
        assert self.done <= now, "what was recorded is gone"
        self.done = now
        given = [(line["section_id"], line["group_id"]) for line in map(json.loads, complete(lines))]
        assert {*given} <= {(item.section_id, item.group_id) for item in outcomes}, "handed out before it was recorded"
        assert len({*given}) == len(given), "handed out twice"

    async def finish(self) -> bytes:
        """Run the scan to its end and return its lines, sorted."""
        before = len(self.emulator.requests)
        lines = await self.start()
        assert await self.ended("wait") == 0
        await self.check(lines, before)
        return b"\n".join(sorted(complete(lines)))


def complete(lines: Path) -> list[bytes]:
    """The lines that were written; the last one may be cut off."""
    return lines.read_bytes().split(b"\n")[:-1] if lines.exists() else []


@asynccontextmanager
async def scanning(python: tuple[str, ...], emulator: Emulator) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    environment = os.environ | {"PARTOO_SERVER": emulator.url, "PARTOO_API_KEY": emulator.api_key}
    process = await asyncio.create_subprocess_exec(*python, "-c", PROGRAM, stdin=pipe, stdout=pipe, env=environment)
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def demo(sizes: dict[int, int]) -> list[EmulatedSection]:
    sections = []
    for number, groups in sizes.items():
        ids = range(number * 1000, number * 1000 + groups)
        members = {n: EmulatedGroup(n, f"Île {n}", business_ids=[f"b{n}", "é"]) for n in ids}
        sections.append(EmulatedSection(number, f"S{number}", members))
    return sections


SOAK = [pytest.param(strategy, 50, marks=pytest.mark.soak) for strategy in ("groups", "businesses")]


@pytest.mark.parametrize(("strategy", "times"), [("groups", 10), ("businesses", 6), *SOAK])
async def test_a_scan_survives_being_killed(
    quick_python: tuple[str, ...], tmp_path: Path, strategy: str, times: int
) -> None:
    """Killed many times, and gone on with each time: the lines of the last run are, sorted, those of a run that
    nobody disturbed, to the byte, and no group was asked for after its outcome was recorded. So it is where most are
    inferred, whose names are in the journal as well."""
    chance = random.Random(3)
    sections = demo({7: 120, 8: 90, 9: 30})
    async with Emulator(sections=sections, rate_limit=None, latency=(0.0, 0.02)) as emulator:
        async with scanning(quick_python, emulator) as process:
            undisturbed = await Scans(process, emulator, tmp_path / "undisturbed.db", strategy).finish()
            assert undisturbed.count(b"\n") == 240 - (strategy != "groups")
            assert (len(emulator.requests) < 20) == (strategy != "groups"), "nothing was inferred"
            kills = chains = 0
            while kills < times:
                chains += 1
                scans = Scans(process, emulator, tmp_path / f"{chains}.db", strategy)
                # Until it is complete; if that was too early, another one begins with no journal.
                while kills < times and await scans.killed(chance):
                    kills += 1
                assert await scans.finish() == undisturbed


STEPS = [pytest.param(strategy, 1, marks=pytest.mark.soak) for strategy in ("groups", "businesses")]


@pytest.mark.parametrize(("strategy", "every"), [("groups", 7), ("businesses", 13), *STEPS])
async def test_killed_at_every_step_of_a_short_scan(
    quick_python: tuple[str, ...], tmp_path: Path, strategy: str, every: int
) -> None:
    """Not a moment is spared: before each thing that a scan does with its journal, from its making to its closing,
    one process dies, and another one goes on."""
    sections = demo({7: 1, 8: 0, 9: 1} if strategy == "groups" else {7: 4, 8: 0, 9: 4})
    async with Emulator(sections=sections, rate_limit=None) as emulator, scanning(quick_python, emulator) as process:
        undisturbed = await Scans(process, emulator, tmp_path / "undisturbed.db", strategy).finish()
        step, code = 0, -9
        while code == -9:
            scans = Scans(process, emulator, tmp_path / f"{step}.db", strategy)
            before = len(emulator.requests)
            lines = await scans.start(step)
            code = await scans.ended("wait")
            await scans.check(lines, before)
            assert await scans.finish() == undisturbed
            step += every
    assert code == 0
    assert step > 20, "it did not die where it was told to"
