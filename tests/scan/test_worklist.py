"""What a scan has to read: sections in order, their groups, and what is known of both while they are read."""

from __future__ import annotations

import asyncio

from partoo_async.scan.journal.no_journal import NoJournal
from partoo_async.scan.scope import Scope
from partoo_async.scan.worklist import WorkList
from tests.support.simulated import Partoo, client_of
from tests.support.virtual import run_virtual


async def read(partoo: Partoo, scope: Scope) -> WorkList:
    """A work list that has read its sections."""
    async with client_of(partoo, rate_limit=None) as client:
        scan = client.scan(list(scope.sections or ()) or [1])
        work = WorkList(scope, scan._fetcher)
        await work.read(NoJournal())
        return work


def test_groups_come_in_the_order_of_the_sections() -> None:
    """Whichever section was read first, and each key once."""
    partoo = Partoo({3: [31, 32], 1: [], 2: [21]})
    partoo.delay = lambda key: float(key[0])  # type: ignore[method-assign]
    work = run_virtual(read(partoo, Scope((3, 1, 2))))
    assert [*work.keys()] == [(3, 31), (3, 32), (2, 21)]
    assert (work.left, work.plan(0).groups, work.plan(0).requests) == (3, 3, 6)


def test_given_groups_are_taken_as_they_are() -> None:
    """Their section is not read."""
    partoo = Partoo({7: [1]})
    work = run_virtual(read(partoo, Scope((7,), (5, 2, 9))))
    assert [*work.keys()] == [(7, 5), (7, 2), (7, 9)]
    assert (partoo.arrived, work.plan(0).requests, work.plan(4).groups) == ([], 3, 7)


def test_a_section_that_cannot_be_read_is_an_outcome() -> None:
    """The others are read all the same."""
    work = run_virtual(read(Partoo({1: [11]}), Scope((1, 404))))
    assert [*work.keys()] == [(1, 11)]
    assert [(item.section_id, item.group_id, item.attempts) for item in work.unreadable] == [(404, None, 1)]


def test_closing_ends_the_reading() -> None:
    """What was read by then is there; ``ahead`` says at any moment how many reads are to come and are in flight."""
    partoo = Partoo({number: [number * 10] for number in range(1, 6)})
    partoo.delay = lambda _key: 1.0  # type: ignore[method-assign]

    async def main() -> None:
        async with client_of(partoo, rate_limit=None) as client:
            work = WorkList(Scope((1, 2, 3, 4, 5)), client.scan(1, max_concurrency=2)._fetcher)
            assert work.ahead == (0, 0)
            reading = asyncio.create_task(work.read(NoJournal()))
            await asyncio.sleep(0.5)
            assert work.ahead == (3, 2)
            await asyncio.sleep(1.0)
            assert work.ahead == (3, 2)  # one more section and two groups, while two are in flight
            await work.aclose()
            await reading
            assert [*work.keys()] == [(1, 10), (2, 20)]
            assert len(partoo.arrived) == 4

    run_virtual(main())
