"""Ctrl-C ends a program that closes nothing: none of the threads that the package starts, or causes, is in its way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, os, signal, sys
from partoo_async import diff_scans, exports
from partoo_async.testing import make_client, make_emulator

path = sys.argv[1]
emulator = make_emulator().__enter__()

async def interrupted():
    # Not in the midst of a coroutine, which would clean up: it comes while the loop waits.
    asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
    await asyncio.Event().wait()

async def journal():
    async with make_client(emulator) as client, client.scan(7, journal=path) as scan:
        async for item in scan:
            await interrupted()

async def export():
    async def items():
        async with client.scan(7) as scan:
            async for item in scan:
                yield item
                await interrupted()
    async with make_client(emulator) as client:
        await exports.write(items(), path)

async def diff():
    reading = asyncio.create_task(diff_scans(path, path))
    while True:
        try:
            os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # succeeds as soon as the other end is waited at
        except OSError:
            await asyncio.sleep(0.01)
        else:
            await interrupted()

work = dict(journal=journal, export=export, diff=diff)[sys.argv[2]]
try:
    if sys.argv[3] == "run":
        asyncio.run(work())
    else:
        asyncio.new_event_loop().run_until_complete(work())
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals and no named pipes there")
@pytest.mark.parametrize("loop", ["run", "run_until_complete"])
@pytest.mark.parametrize("work", ["journal", "export", "diff"])
def test_a_program_that_is_interrupted_ends(
    quick_python: tuple[str, ...], tmp_path: Path, work: str, loop: str
) -> None:
    """Amid a scan with a journal, amid an export, and while a comparison waits for a pipe that nobody writes to: with
    asyncio.run, and with a loop that is left as it stands when Ctrl-C comes."""
    path = tmp_path / {"journal": "scan.db", "export": "groups.csv", "diff": "pipe"}[work]
    if work == "diff":
        os.mkfifo(path)
    command = [*quick_python, "-c", PROGRAM, str(path), work, loop]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "interrupted\n"), ended.stderr
