"""A client that nobody closed: one sentence of ours, and closed connections."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from partoo_async import PartooClient
from partoo_async.emulator import Emulator
from partoo_async.testing import make_emulator
from tests.support.common import PATIENCE

SAID = "a PartooClient was never closed; use 'async with PartooClient(...)' or 'await client.aclose()'"


@contextmanager
def warned() -> Iterator[list[str]]:
    """The texts of warnings. To record them whole would keep what they are about."""
    texts: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: texts.append(str(message))
        yield texts


async def settle(connector: Any) -> None:
    while not connector.closed:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("cyclic", [False, True])
async def test_one_sentence_is_said(cyclic: bool, caplog: pytest.LogCaptureFixture) -> None:
    """In a loop that runs: nothing of aiohttp's session, connector or connections, which are closed."""
    async with Emulator() as emulator:
        client: Any = PartooClient(emulator.api_key, server=emulator.server)
        await client.groups.get(7, 42)
        connector = client.session.transport._session.connector
        if cyclic:
            client.itself = client
        with warned() as said, caplog.at_level(logging.DEBUG):
            del client
            gc.collect()
            await asyncio.wait_for(settle(connector), PATIENCE)
            del connector
            gc.collect()
    assert said == [SAID]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_who_sees_no_such_warnings_sees_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Python hides them by default: then the sentence is logged."""
    async with Emulator() as emulator:
        client = PartooClient(emulator.api_key, server=emulator.server)
        await client.groups.get(7, 42)
        with warned() as said, caplog.at_level(logging.WARNING):
            warnings.simplefilter("ignore", ResourceWarning)
            del client
            gc.collect()
    assert [record.getMessage() for record in caplog.records] == [SAID]
    assert said == []


def test_a_loop_that_stopped_is_no_reason_for_more(caplog: pytest.LogCaptureFixture) -> None:
    """As in a notebook whose cell has ended, and from another thread."""
    loop = asyncio.new_event_loop()
    with make_emulator() as emulator:
        clients: list[Any] = [PartooClient(emulator.api_key, server=emulator.url) for _ in range(2)]
        for client in clients:
            loop.run_until_complete(client.groups.get(7, 42))
        del client
        with warned() as said, caplog.at_level(logging.WARNING):
            clients.pop()
            gc.collect()
            last = threading.Thread(target=clients.pop)
            last.start()
            last.join()
            gc.collect()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
    assert said == [SAID, SAID]
    assert not caplog.records


async def test_a_filter_for_other_warnings_makes_no_second_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """Whether Python hides the warning is told by its whole filter, with text and module."""
    async with Emulator() as emulator:
        client = PartooClient(emulator.api_key, server=emulator.server)
        await client.groups.get(7, 42)
        with warned() as said, caplog.at_level(logging.WARNING):
            warnings.filterwarnings("ignore", message="something else")
            warnings.filterwarnings("ignore", module="another_package")
            del client
            gc.collect()
    assert said == [SAID]
    assert not caplog.records


async def test_who_closes_hears_nothing() -> None:
    """Nor does who never used a client."""
    async with Emulator() as emulator:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            async with PartooClient(emulator.api_key, server=emulator.server) as client:
                await client.groups.get(7, 42)
            PartooClient("key")
            del client
            gc.collect()


EXIT = """
import asyncio
from partoo_async import PartooClient
from partoo_async.emulator import Emulator
async def main():
    global emulator, kept
    emulator = Emulator()
    await emulator.start()
    kept = PartooClient(emulator.api_key, server=emulator.server)
    await kept.groups.get(7, 42)
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""


EXIT_BESIDE_A_STOPPED_LOOP = """
import asyncio
from partoo_async import PartooClient
from partoo_async.testing import make_emulator
loop = asyncio.new_event_loop()
with make_emulator() as emulator:
    kept = PartooClient(emulator.api_key, server=emulator.url)
    loop.run_until_complete(kept.groups.get(7, 42))
"""


@pytest.mark.parametrize("code", [EXIT, EXIT_BESIDE_A_STOPPED_LOOP])
def test_at_the_exit_nothing_is_said(code: str) -> None:
    """The process ends, and its sockets with it."""
    command = [sys.executable, "-W", "default:a PartooClient:ResourceWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (done.stdout, done.stderr) == ("", "")
