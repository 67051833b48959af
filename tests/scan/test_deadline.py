"""A scan inside ``deadline()``: what was asked for, and so paid for with quota, is not lost when time is up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from partoo_async import PartooClient, RateLimit, ScanError, ScanItem, deadline
from partoo_async._protocol.http import Response
from tests.support.simulated import Partoo, assert_nothing_left, client_of, journals_in_virtual_time, recorded
from tests.support.virtual import run_virtual

# Ten at once, and nothing for a minute: with half a minute of time, the eleventh group is refused.
TEN = RateLimit(10, 60.0)
HALF_A_MINUTE = 30.0


async def refused(client: PartooClient, journal: Path | None) -> tuple[list[int | None], ScanError, float]:
    """Scan twenty groups of a section within the time. Return those that came, the error, and when it came."""
    items: list[ScanItem] = []
    started = asyncio.get_running_loop().time()
    scan = client.scan(1, group_ids=range(1, 21), journal=journal)
    with deadline(HALF_A_MINUTE), pytest.raises(ScanError) as caught:
        async with scan:
            async for item in scan:
                items.append(item)  # noqa: PERF401 - what came before an error must not be lost
    return [item.group_id for item in items], caught.value, asyncio.get_running_loop().time() - started


@pytest.mark.parametrize("with_journal", [False, True])
def test_what_is_in_flight_when_a_group_is_refused(tmp_path: Path, with_journal: bool) -> None:
    """Seven groups are asked for at once, and three more after the first answers. The fourth answer would be followed
    by an eleventh request, which the quota refuses: the six that are in flight then are waited for and kept."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: min(key[1] or 0, 10.0)  # type: ignore[method-assign]
    path = tmp_path / "scan.db" if with_journal else None

    async def main() -> None:
        async with client_of(partoo, rate_limit=TEN, max_concurrency=8) as client:
            groups, error, seconds = await refused(client, path)
            assert groups == list(range(1, 11))
            assert seconds == pytest.approx(13.0)  # the tenth was asked for after the third answer
            assert str(error).startswith("the scan ended early: the quota is used up (10 requests in 60 s)")
            assert (error.transient, error.report.complete, error.report.requests) == (True, False, 10)
            assert_nothing_left(client, partoo)
            if path is not None:
                await assert_resumed(client, partoo, path, set(range(1, 11)))

    with journals_in_virtual_time():
        run_virtual(main())


async def assert_resumed(client: PartooClient, partoo: Partoo, path: Path, expected: set[int | None]) -> None:
    """The journal has these groups, and a second run asks for the others alone."""
    assert {item.group_id for item in await recorded(path)} == expected
    before = len(partoo.arrived)
    report = await client.scan(1, group_ids=range(1, 21), journal=path, resume=True).collect()
    assert sorted(item.group_id or 0 for item in report.succeeded) == list(range(1, 21))
    assert sorted(key[1] or 0 for _, key in partoo.arrived[before:]) == sorted({*range(1, 21)} - expected)


def test_a_failure_then_is_not_tried_again(tmp_path: Path) -> None:
    """Nothing more is sent after the refusal: a 500 that comes then is left to the next run, and is no outcome."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: min(key[1] or 0, 10.0)  # type: ignore[method-assign]
    partoo.answers = {(1, 6): Response(500, {}, b"")}
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo, rate_limit=TEN, max_concurrency=8) as client:
            groups, error, _ = await refused(client, path)
            assert groups == [1, 2, 3, 4, 5, 7, 8, 9, 10]
            assert error.report.failed == ()
            partoo.answers.clear()
            await assert_resumed(client, partoo, path, {*range(1, 11)} - {6})

    with journals_in_virtual_time():
        run_virtual(main())


def test_what_waits_is_left_to_the_next_run(tmp_path: Path) -> None:
    """A group that waits for the quota when another one is refused is not asked for, though its turn would come in
    time: the scan cannot come to its end, and says so soon. Nobody waits for nothing until the deadline."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: float(key[1] or 0)  # type: ignore[method-assign]
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(5, 20.0), max_concurrency=8) as client:
            groups, _, seconds = await refused(client, path)
            # The first answer is followed by a refusal; the two that had waited until then are dropped.
            assert (groups, seconds) == ([1, 2, 3, 4, 5], pytest.approx(5.0))
            assert [key[1] for _, key in partoo.arrived] == [1, 2, 3, 4, 5]
            assert_nothing_left(client, partoo)

    with journals_in_virtual_time():
        run_virtual(main())


def test_an_answer_that_comes_too_late(tmp_path: Path) -> None:
    """What is in flight is waited for until the deadline and no longer."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: 1.0 if (key[1] or 0) <= 4 else 12.0  # type: ignore[method-assign]
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo, rate_limit=TEN, max_concurrency=8) as client:
            started = asyncio.get_running_loop().time()
            with deadline(12.5), pytest.raises(ScanError, match="ended early"):
                await client.scan(1, group_ids=range(1, 21), journal=path).collect()
            assert asyncio.get_running_loop().time() - started == pytest.approx(12.5)
            assert_nothing_left(client, partoo)
            # The last three were asked for after a second, and would have been answered half a second too late.
            assert {item.group_id for item in await recorded(path)} == set(range(1, 8))

    with journals_in_virtual_time():
        run_virtual(main())


def test_a_pause_of_hours(tmp_path: Path) -> None:
    """A 429 that closes the quota for hours refuses what waits, and what is in flight comes to its end all the same."""
    partoo = Partoo({1: list(range(1, 21))})
    partoo.delay = lambda key: min(key[1] or 0, 10.0)  # type: ignore[method-assign]
    partoo.answers = {(1, 1): Response(429, {"Retry-After": "3600"}, b"")}
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo, max_concurrency=8) as client:
            with pytest.raises(ScanError, match="paused by the server's 429") as caught:
                await client.scan(1, group_ids=range(1, 21), journal=path).collect()
            assert [item.group_id for item in caught.value.report.succeeded] == [2, 3, 4, 5, 6, 7]
            assert_nothing_left(client, partoo)
            assert {item.group_id for item in await recorded(path)} == set(range(1, 8))
            assert len(partoo.arrived) == 7

    with journals_in_virtual_time():
        run_virtual(main())


@pytest.mark.parametrize("seed", range(12))
def test_whatever_was_answered_is_recorded(tmp_path: Path, seed: int) -> None:
    """With any delays, faults and sections: after the error, a resumed scan asks for nothing that was answered."""
    sections = {1: list(range(1, 13)), 2: list(range(1, 13))}
    partoo = Partoo(sections, seed=seed, late=4.0)
    partoo.faults = 0.2
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(6, 10.0), max_concurrency=8) as client:
            with deadline(5.0 + 2 * seed), pytest.raises(ScanError):
                await client.scan(sections, journal=path).collect()
            assert_nothing_left(client, partoo)
            answered = {key for key in partoo.delivered if key[1] is not None}
            assert {(item.section_id, item.group_id) for item in await recorded(path) if item.group} == answered
            partoo.faults, before = 0.0, len(partoo.arrived)
            report = await client.scan(sections, journal=path, resume=True).collect()
            assert len(report.succeeded) == 24
            assert not answered & {key for _, key in partoo.arrived[before:]}

    with journals_in_virtual_time():
        run_virtual(main())
