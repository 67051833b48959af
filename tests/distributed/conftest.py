"""A Dask cluster in this process, for all that needs no process to die."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.support.dask import Client, LocalCluster


@pytest.fixture
async def dask() -> AsyncIterator[Any]:
    """A client of two workers, which share the loop of the test."""
    options: dict[str, Any] = {"processes": False, "asynchronous": True, "dashboard_address": "127.0.0.1:0"}
    async with LocalCluster(n_workers=2, threads_per_worker=4, silence_logs=50, **options) as cluster:
        async with Client(cluster, asynchronous=True) as client:
            yield client


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Sections 1 to 20, each with the two groups 10 and 11, 20 and 21 ..."""
    sections = [
        EmulatedSection(n, f"S{n}", {one: EmulatedGroup(one, f"G{one}", False, ["a"]) for one in (n * 10, n * 10 + 1)})
        for n in range(1, 21)
    ]
    async with Emulator(sections=sections, rate_limit=None) as emulator:
        yield emulator
