"""Runs of the nightly job that are killed with SIGKILL at each step: the next one goes on, and all is true."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from partoo_async.emulator import EmulatedBusiness, EmulatedGroup, EmulatedSection, Emulator
from partoo_async.nightly.state import take_state
from tests.nightly.conftest import groups_in, truth
from tests.support.common import PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() there")

# Forks a process for each run, from one that has imported everything. A run counts what it does with its files, and
# kills itself at the step that it was told; what it does in place of a load replaces a file, as a database does.
PROGRAM = """
import asyncio, json, os, signal, sys
from pathlib import Path
from aiosqlite import Connection
from partoo_async import PartooClient
from partoo_async.nightly import options, reading, run
from partoo_async.nightly.options import SyncOptions
from partoo_async.scan.journal.reader import open_reader
from partoo_async.warehouse import load as loading

async def load(journal, to, **_):
    async with open_reader(journal) as reader:
        items = [item async for item in reader.items() if item.group]
        gone = {one.section_id: one.group_ids for one in reader.sections.values()}
    rows = [[item.section_id, item.group_id, sorted(item.group.business_ids)] for item in items]
    before = json.loads(Path(to).read_text()) if os.path.exists(to) else []
    known = {(row[0], row[1]): row for row in [*before, *rows] if row[0] not in gone or row[1] in gone[row[0]]}
    Path(to + ".new").write_text(json.dumps([*known.values()]))
    os.replace(to + ".new", to)
    return {"groups": len(rows)}

async def main(state, to, told, strategy):
    async def deliver(diff):
        with open(told, "a") as file:
            print(json.dumps([one.after.id for one in diff.groups_changed]), file=file, flush=True)

    options = SyncOptions.checked(state, to, to + ".md", strategy=strategy, verify=1)
    async with PartooClient(rate_limit=None) as client:
        result = await run.run_once(client, options, deliver)
        assert result.complete

def die_at(step):
    def counted(work):
        def counting(*arguments, **options):
            nonlocal step
            step -= 1
            if step < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*arguments, **options)
        return counting

    Connection._execute = counted(Connection._execute)
    os.replace, os.unlink, os.open = counted(os.replace), counted(os.unlink), counted(os.open)
    Path.write_text = counted(Path.write_text)

loading.load, options._try_target = load, lambda *_: None
for line in sys.stdin:
    *arguments, step = json.loads(line)
    process = os.fork()
    if process == 0:
        if step >= 0:
            die_at(step)
        asyncio.run(main(*arguments))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


@define
class Job:
    """Runs in processes of their own."""

    process: asyncio.subprocess.Process
    emulator: Emulator
    strategy: str

    async def run(self, folder: Path, step: int = -1) -> int:
        """Run in this folder, to the end or to a step, and return the exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        words = (*map(str, (folder / "state", folder / "table.json", folder / "told")), self.strategy, step)
        self.process.stdin.write(json.dumps(words).encode() + b"\n")
        await self.process.stdin.drain()
        async with asyncio.timeout(PATIENCE):
            return int(await self.process.stdout.readline())


@asynccontextmanager
async def jobs(python: tuple[str, ...], emulator: Emulator, strategy: str) -> AsyncIterator[Job]:
    pipe = asyncio.subprocess.PIPE
    environment = os.environ | {"PARTOO_SERVER": emulator.url, "PARTOO_API_KEY": emulator.api_key}
    process = await asyncio.create_subprocess_exec(*python, "-c", PROGRAM, stdin=pipe, stdout=pipe, env=environment)
    try:
        yield Job(process, emulator, strategy)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def demo() -> Emulator:
    """Two sections of two groups, an empty one, and businesses of which one is in no group."""
    businesses = {f"b{number}": EmulatedBusiness(f"b{number}", f"Shop {number}") for number in range(5)}
    sections = [
        EmulatedSection(7, "Regions", {n: EmulatedGroup(n, f"G{n}", business_ids=["b0", f"b{n}"]) for n in (1, 2)}),
        EmulatedSection(8, "Empty", {}),
        EmulatedSection(9, "Brands", {n: EmulatedGroup(n, f"G{n}", business_ids=[f"b{n}"]) for n in (3, 4)}),
    ]
    emulator = Emulator(sections=sections, rate_limit=None)
    emulator.businesses.update(businesses)
    return emulator


def told(folder: Path) -> list[Any]:
    path = folder / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table(folder: Path) -> dict[tuple[int, int], frozenset[str]]:
    rows = json.loads((folder / "table.json").read_text())
    assert len({(section_id, group_id) for section_id, group_id, _ in rows}) == len(rows)
    return {(section_id, group_id): frozenset(ids) for section_id, group_id, ids in rows}


async def check(folder: Path, emulator: Emulator) -> None:
    """All is true, and nothing is left over."""
    state = folder / "state"
    assert table(folder) == truth(emulator) == await groups_in(state / "baseline.journal")
    assert (folder / "table.json.md").read_text().count("# ") > 0
    assert not {path.name for path in state.iterdir()} - {"state.json", "lock", "baseline.journal", "archive"}
    take_state(state, emulator.url, None).release()


STEPS = [
    ("groups", 29),
    ("businesses", 41),
    *(pytest.param(strategy, 1, marks=pytest.mark.soak) for strategy in ("groups", "businesses")),
]


@pytest.mark.parametrize(("strategy", "every"), STEPS)
async def test_killed_at_every_step_of_a_night(
    quick_python: tuple[str, ...], tmp_path: Path, strategy: str, every: int
) -> None:
    """In the scan, in the list of businesses, in the load, and between them: a second run goes on, and all tables are
    true. What changed is told, twice only if the run died after it was told."""
    async with demo() as emulator, jobs(quick_python, emulator, strategy) as job:
        before = tmp_path / "before"
        before.mkdir()
        assert await job.run(before) == 0
        await check(before, emulator)
        emulator.sections[9].groups[4].business_ids.append("b0")
        step, code, twice = 0, -9, 0
        while code == -9:
            folder = tmp_path / str(step)
            shutil.copytree(before, folder)
            code = await job.run(folder, step)
            assert await job.run(folder) == 0
            await check(folder, emulator)
            assert [*map(json.dumps, told(folder))] in (["[4]"], ["[4]", "[4]"])
            twice += len(told(folder)) - 1
            assert len([*(folder / "state" / "archive").iterdir()]) == 2 + (code == 0)
            shutil.rmtree(folder)
            step += every
    assert code == 0
    assert step > 100, "it did not die where it was told to"
    assert twice <= 60 / every


@pytest.mark.parametrize("every", [53, pytest.param(1, marks=pytest.mark.soak)])
async def test_killed_at_every_step_of_the_first_night(
    quick_python: tuple[str, ...], tmp_path: Path, every: int
) -> None:
    """From the making of the directory on: whatever is in it then, a second run takes it, and tells of no change."""
    async with demo() as emulator, jobs(quick_python, emulator, "auto") as job:
        step, code = 0, -9
        while code == -9:
            folder = tmp_path / str(step)
            folder.mkdir()
            code = await job.run(folder, step)
            assert await job.run(folder) == 0
            await check(folder, emulator)
            assert told(folder) == []
            step += every
    assert code == 0
    assert step > 100, "it did not die where it was told to"


async def test_a_run_that_was_read_asks_for_nothing(quick_python: tuple[str, ...], tmp_path: Path) -> None:
    """Killed when it had read everything: the next run loads that."""
    async with demo() as emulator, jobs(quick_python, emulator, "groups") as job:
        step, requests = 60, -1
        while requests != 0:
            shutil.rmtree(tmp_path / "night", ignore_errors=True)
            (tmp_path / "night").mkdir()
            assert await job.run(tmp_path / "night", step) == -9, "no step was after the last request"
            before = len(emulator.requests)
            assert await job.run(tmp_path / "night") == 0
            requests = len(emulator.requests) - before
            step += 20
        await check(tmp_path / "night", emulator)
