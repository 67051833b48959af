"""The emulator as its own tests start it, and one in a thread for tools that are not asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Thread

import pytest

from partoo_async.emulator import Behaviour, Emulator
from tests.emulator.conftest import serve as serve  # noqa: PLC0414 - a fixture is found by its name here
from tests.support.common import PATIENCE


@pytest.fixture(scope="module")
def threaded() -> Iterator[Emulator]:
    """An emulator in a thread. Names need not be unique: whoever makes them up does not know those that are taken."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    emulator = Emulator(rate_limit=None, behaviour=Behaviour(unique_names="none"))
    try:
        asyncio.run_coroutine_threadsafe(emulator.start(), loop).result(PATIENCE)
        yield emulator
    finally:
        asyncio.run_coroutine_threadsafe(emulator.stop(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
