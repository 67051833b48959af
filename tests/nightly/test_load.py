"""Runs that load into a real database, and are killed while they do."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.nightly.conftest import truth
from tests.support.common import PATIENCE

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() there"),
    pytest.mark.skipif(find_spec("dlt") is None or find_spec("duckdb") is None, reason="needs the extra dlt"),
]

# Each line is a run, forked from a process that has imported everything, with the statement before which it dies.
PROGRAM = """
import asyncio, json, os, signal, sys
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
import duckdb
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from partoo_async import PartooClient, sync
import partoo_async.nightly.run, partoo_async.warehouse.load, partoo_async.warehouse.source

async def main(state, to):
    async with PartooClient(rate_limit=None) as client:
        result = await sync(client, state, to, strategy="groups")
        assert result.complete

def die_at(step):
    execute = DuckDbSqlClient.execute_query

    def counting(*arguments, **options):
        nonlocal step
        step -= 1
        if step < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(*arguments, **options)

    DuckDbSqlClient.execute_query = counting

def show(file):
    with duckdb.connect(file, read_only=True) as database:
        groups = database.execute("select section_id, id from partoo.groups").fetchall()
        members = database.execute("select section_id, group_id, business_id from partoo.memberships").fetchall()
    print(json.dumps([groups, members]), flush=True)

for line in sys.stdin:
    state, file, step = json.loads(line)
    process = os.fork()
    if process == 0:
        if step is None:
            show(file)
            os._exit(0)
        if step >= 0:
            die_at(step)
        asyncio.run(main(state, f"duckdb:///{file}"))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
os._exit(0)  # DuckDB writes a page about what an ending interpreter leaves, and so it is not used in that of the tests
"""


def true(rows: Any) -> dict[tuple[int, int], frozenset[str]]:
    """The businesses of each group, by the rows of both tables."""
    groups, members = ([tuple(row) for row in table] for table in rows)
    assert len({*groups}) == len(groups)
    assert len({*members}) == len(members)
    return {
        key: frozenset(business_id for section_id, group_id, business_id in members if (section_id, group_id) == key)
        for key in groups
    }


@pytest.mark.parametrize("every", [110, pytest.param(5, marks=pytest.mark.soak)])
async def test_killed_at_every_statement_of_a_load(quick_python: tuple[str, ...], tmp_path: Path, every: int) -> None:
    """A group was deleted, one was made, and one changed: whatever of that was loaded when the process died, after the
    next run the tables are true, without a row twice."""
    groups = {number: EmulatedGroup(number, f"G{number}", business_ids=["a", f"b{number}"]) for number in range(1, 4)}
    async with Emulator(sections=[EmulatedSection(7, "Regions", groups)], rate_limit=None) as emulator:
        environment = os.environ | {"PARTOO_SERVER": emulator.url, "PARTOO_API_KEY": emulator.api_key}
        pipe: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment}
        process = await asyncio.create_subprocess_exec(*quick_python, "-c", PROGRAM, **pipe)
        assert process.stdin is not None
        assert process.stdout is not None

        async def run(step: int | None = -1) -> Any:
            words = (str(tmp_path / "state"), str(tmp_path / "shops.duckdb"), step)
            process.stdin.write(json.dumps(words).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
                return json.loads(await process.stdout.readline())

        async def rows() -> Any:
            found = await run(None)
            assert await process.stdout.readline() == b"0\n"
            return found

        assert await run() == 0
        step, code, number = 0, -9, 3
        while code == -9:
            there = emulator.sections[7].groups
            del there[min(there)]
            number += 1
            there[number] = EmulatedGroup(number, f"G{number}", business_ids=["a"])
            there[number - 1].business_ids.append(f"c{number}")
            code = await run(step)
            assert await run() == 0
            assert true(await rows()) == truth(emulator)
            step += every
        process.stdin.close()
        await process.wait()
    assert code == 0
    assert step > 60, "it did not die where it was told to"
