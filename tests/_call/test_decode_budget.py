"""At most 128 KiB are decoded in each event-loop iteration."""

from __future__ import annotations

import asyncio

import pytest

from partoo_async import PartooClient
from partoo_async._call.decode_budget import LARGE, DecodeBudget
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.support.common import PATIENCE

HALF = 64 * 1024
"""Bytes: two pieces of them fill an iteration."""


async def test_one_in_each_iteration() -> None:
    """Of large pieces that come at once each gets an iteration of its own, in order; other tasks run in between."""
    budget, happened = DecodeBudget(), list[str]()

    async def work(name: str) -> None:
        await budget.wait(HALF + 1)
        happened.append(name)

    async def tick() -> None:
        for _ in range(4):
            happened.append("|")
            await asyncio.sleep(0)

    await asyncio.gather(work("a"), work("b"), work("c"), tick())
    assert "".join(happened).replace("||", "|") == "a|b|c|"


async def test_small_ones_share_an_iteration() -> None:
    """As many go together as fill an iteration, a larger one goes alone, and nobody overtakes."""
    budget, happened = DecodeBudget(), list[str]()

    async def work(name: str, size: int) -> None:
        await budget.wait(size)
        happened.append(name)

    async def tick() -> None:
        for _ in range(5):
            happened.append("|")
            await asyncio.sleep(0)

    sizes = {"a": HALF, "b": HALF, "c": 4 * HALF, "d": HALF, "e": HALF - 1, "f": 1}
    await asyncio.gather(*(work(name, size) for name, size in sizes.items()), tick())
    assert "".join(happened).replace("||", "|").strip("|") == "ab|c|def"


async def test_who_was_cancelled_holds_nobody_up() -> None:
    """One that is cancelled while it waits leaves its iteration to the next."""
    budget = DecodeBudget()
    await budget.wait(HALF + 1)
    waiting = [asyncio.create_task(budget.wait(HALF + 1)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    await asyncio.wait_for(waiting[2], PATIENCE)
    await asyncio.sleep(0)
    await asyncio.wait_for(budget.wait(HALF + 1), PATIENCE)


@pytest.mark.parametrize("scanned", [False, True])
async def test_large_responses_are_spread(scanned: bool) -> None:
    """Large responses that come together are spread over iterations, for calls and for scans, and each is whole."""
    ids = [f"{number:024x}" for number in range(4 * LARGE // 20)]
    groups = {number: EmulatedGroup(number, f"Group {number}", business_ids=ids) for number in range(1, 11)}
    async with (
        Emulator(sections=[EmulatedSection(7, "Country", groups)], rate_limit=None) as emulator,
        PartooClient(emulator.api_key, server=emulator.server, rate_limit=None) as client,
    ):
        if scanned:
            async with client.scan(7) as scan:
                found = [item.group async for item in scan]
        else:
            found = await asyncio.gather(*(client.groups.get(7, number) for number in groups))
    assert sorted(group.id for group in found if group) == list(groups)
    assert all(group and len(group.business_ids) == len(ids) for group in found)
