"""Cancel scopes of anyio, and so web frameworks built on it: a cancellation ends in the scope that it came from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import anyio
import pytest

from tests.support.simulated import Partoo, assert_nothing_left, client_of, journals_in_virtual_time
from tests.support.virtual import run_virtual


@pytest.mark.parametrize(
    ("with_journal", "apart"), [(False, 0.4), (True, 0.9), pytest.param(True, 0.1, marks=pytest.mark.soak)]
)
def test_a_scan_that_its_scope_cancels(tmp_path: Path, with_journal: bool, apart: float) -> None:
    """At any moment: the scope catches what it began, the code after it runs on, and nothing is left."""

    async def main(moment: float, path: Path | None) -> bool:
        partoo = Partoo({1: list(range(30)), 2: list(range(30))}, late=0.5, seed=int(moment * 10))
        task = asyncio.current_task()
        assert task is not None
        async with client_of(partoo, rate_limit=None, max_concurrency=8) as client:
            with anyio.move_on_after(moment) as scope:
                await client.scan([1, 2], journal=path).collect()
            assert not task.cancelling()
            await asyncio.sleep(1)
            assert_nothing_left(client, partoo)
        return scope.cancelled_caught

    with journals_in_virtual_time():
        caught = {
            run_virtual(main(number * apart, tmp_path / f"{number}.db" if with_journal else None))
            for number in range(int(6.4 / apart))
        }
    assert caught == {True, False}


async def test_a_journal_is_closed_under_a_cancelled_scope(tmp_path: Path) -> None:
    """With real threads, and a scope that cancels again and again while they write: the same."""
    partoo = Partoo({1: list(range(200))}, late=0.0)
    async with client_of(partoo, rate_limit=None) as client:
        for done in (1, 30, 90):
            with anyio.CancelScope() as scope:
                async with client.scan(1, journal=tmp_path / f"{done}.db") as scan:
                    async for _ in scan:
                        if scan.progress.done == done:
                            scope.cancel()
            assert scope.cancelled_caught
    await asyncio.sleep(0)
