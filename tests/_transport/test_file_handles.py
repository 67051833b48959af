"""A process that has used up its file handles: journals and exports fail as documented, or do not notice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="limits of a process are a thing of POSIX")

PROGRAM = """
import asyncio, json, os, resource, sys
from partoo_async import PartooError, ScanReport, diff_scans, exports
from partoo_async.testing import make_client, make_emulator

held = []

def use_up():
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass

def free():
    while held:
        os.close(held.pop())

async def caught(work):
    use_up()
    try:
        await work
    except PartooError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        free()

async def main(emulator, folder):
    said = {}
    async with make_client(emulator, max_concurrency=1) as client:
        await client.groups.get(7, 42)
        scan = client.scan(7, journal=f"{folder}/early.db")
        said["journal"] = await caught(scan.collect())
        said["export"] = await caught(exports.write([], f"{folder}/a.csv"))
        said["diff"] = await caught(diff_scans(f"{folder}/a", f"{folder}/b"))
        async with client.scan(7, journal=f"{folder}/late.db") as scan:
            await anext(scan)
            use_up()
            said["rest"] = len([item async for item in scan if item.error is None])
            free()
        said["recorded"] = (await client.scan(7, journal=f"{folder}/late.db", resume=True).collect()).requests
    print(json.dumps(said))

with make_emulator() as emulator:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    asyncio.run(main(emulator, sys.argv[1]))
"""


def test_journals_and_exports_without_a_file_handle(tmp_path: Path) -> None:
    """To open one is a ConfigurationError that gives the reason, whatever was imported by then; one that is open goes
    on, and has every outcome."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["journal"].startswith(
        f"ConfigurationError: journal: cannot open {tmp_path}/early.db: Too many open files"
    )
    assert said["export"] == f"ConfigurationError: path: cannot write {tmp_path}/a.csv: Too many open files"
    assert said["diff"] == f"ConfigurationError: before: cannot read {tmp_path}/a: Too many open files"
    assert (said["rest"], said["recorded"]) == (23, 1)
