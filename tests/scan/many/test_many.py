"""Scans of many organizations in virtual time: each at its own speed, none in the way of another, nothing left."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import aclosing
from typing import Any

import pytest

from partoo_async import (
    AuthenticationError,
    ConfigurationError,
    ManyProgress,
    Organization,
    PartooError,
    RateLimit,
    RetryPolicy,
    ScanError,
    ScanItem,
)
from tests.support.agency import Agency, assert_nothing_left, scans_of
from tests.support.virtual import run_virtual

TEN_A_MINUTE = RateLimit(10, 60.0)


async def consume(items: Any) -> dict[str, list[Any]]:
    """Everything by organization, with the second at which it came."""
    loop, found = asyncio.get_running_loop(), dict[str, list[Any]]()
    started = loop.time()
    async for name, item in items:
        found.setdefault(name, []).append((loop.time() - started, item))
    return found


def ids(found: list[Any]) -> list[int]:
    """The groups that were read."""
    return sorted(item.group_id for _, item in found if isinstance(item, ScanItem) and item.error is None)


def errors(found: list[Any]) -> list[type[PartooError]]:
    """How the organization failed as a whole."""
    return [type(item) for _, item in found if isinstance(item, PartooError)]


@pytest.mark.parametrize("sections", [None, [7]])
def test_every_group_of_every_organization_comes_once(sections: list[int] | None) -> None:
    """With the name of its organization, whether all sections are scanned or some; and nothing is left."""
    agency = Agency({"a": 12, "b": 5, "c": 0, "d": 40})

    async def main() -> dict[str, list[Any]]:
        found = await consume(scans_of(agency, agency.organizations(sections), at_once=2))
        assert_nothing_left(agency)
        return found

    found = run_virtual(main())
    assert {name: ids(found.get(name, [])) for name in agency.partoos} == {
        name: list(range(count)) for name, count in {"a": 12, "b": 5, "c": 0, "d": 40}.items()
    }
    read = 1 if sections else 2
    assert agency.requests_by_name == {"a": 12 + read, "b": 5 + read, "c": read, "d": 40 + read}


def test_each_organization_has_the_speed_of_its_own_quota() -> None:
    """Twenty organizations of 35 groups, at 10 requests a minute each, take as long together as one alone: the list,
    the section and 35 groups are four windows. One of 100 groups delays none of them."""

    async def main(agency: Agency) -> dict[str, list[Any]]:
        return await consume(scans_of(agency, rate_limit=TEN_A_MINUTE))

    alone = run_virtual(main(Agency({"small": 35})))["small"][-1][0]
    together = run_virtual(main(Agency({"big": 100} | {f"small-{number}": 35 for number in range(20)})))
    assert 180 < alone < 200
    for name in together.keys() - {"big"}:
        assert abs(together[name][-1][0] - alone) < 3  # how late each response is, is chance
    assert 600 < together["big"][-1][0] < 620


def test_names_with_one_key_share_its_quota() -> None:
    """Two names for one organization send no more than one would: 2 x 15 groups are three windows, not two."""
    agency = Agency({"a": 13})
    organizations = {name: Organization("key-of-a", 7) for name in ("one", "two")}
    found = run_virtual(consume(scans_of(agency, organizations, rate_limit=TEN_A_MINUTE)))
    assert {name: len(items) for name, items in found.items()} == {"one": 13, "two": 13}
    times = [moment for moment, _ in agency.partoos["a"].arrived]
    assert all(late - early >= 60 for early, late in zip(times, times[10:], strict=False))


def test_at_once_bounds_how_many_organizations_are_begun() -> None:
    """With three at once, a fourth is begun when one has ended, in the order given."""
    agency = Agency({f"o{number}": 5 + number % 3 for number in range(12)})
    most: list[ManyProgress] = []
    run_virtual(consume(scans_of(agency, at_once=3, on_progress=most.append)))
    assert {progress.running for progress in most} == {0, 1, 2, 3}
    begun = {name: partoo.arrived[0][0] for name, partoo in agency.partoos.items()}
    assert sorted(begun, key=lambda name: (begun[name], int(name[1:]))) == list(agency.partoos)
    assert len({begun[name] for name in list(agency.partoos)[:3]}) == 1


@pytest.mark.parametrize("sections", [None, [7], [7, 8, 9]])
def test_a_refused_key_is_one_error(sections: list[int] | None) -> None:
    """Not one for each section; the other organizations do not notice."""
    agency = Agency({"a": 8, "b": 8})
    organizations = agency.organizations([7]) | {"wrong": Organization("key-of-nobody", sections)}
    found = run_virtual(consume(scans_of(agency, organizations, max_failures=0)))
    assert {name: len(items) for name, items in found.items()} == {"a": 8, "b": 8, "wrong": 1}
    assert errors(found["wrong"]) == [AuthenticationError]


def test_what_fails_in_an_organization_is_an_item() -> None:
    """A group or a section that cannot be read is no failure of the organization."""
    agency = Agency({"a": 8})
    agency.partoos["a"].missing = {(7, 3)}
    found = run_virtual(consume(scans_of(agency, {"a": Organization("key-of-a", [7, 8])})))
    failed = [item for _, item in found["a"] if item.error is not None]
    assert sorted((item.section_id, item.group_id or 0) for item in failed) == [(7, 3), (8, 0)]
    assert errors(found["a"]) == []
    assert len(ids(found["a"])) == 7


def test_one_failure_too_many_ends_its_organization_alone() -> None:
    """``max_failures`` counts for each organization by itself, and the error comes after what was had until then."""
    agency = Agency({"a": 50, "b": 50})
    agency.partoos["a"].missing = {(7, 1), (7, 2)}
    agency.partoos["b"].missing = {(7, 49)}
    found = run_virtual(consume(scans_of(agency, max_failures=1)))
    assert errors(found["a"]) == [ScanError]
    assert isinstance(found["a"][-1][1], ScanError)
    assert len(found["a"]) < 50
    assert (errors(found["b"]), len(found["b"])) == ([], 50)


def test_an_outage_of_one_holds_no_other() -> None:
    """The server fails for one key, and in the middle of its scan for another: the rest ends as if nothing were."""
    agency = Agency({"a": 60, "b": 60, "c": 60})
    agency.down = {"a"}
    agency.partoos["c"].faults = 0.2

    async def main() -> dict[str, list[Any]]:
        loop = asyncio.get_running_loop()
        loop.call_later(3, agency.down.add, "b")
        retry = RetryPolicy(max_retries=10)  # so that chance cannot use them up
        return await consume(scans_of(agency, rate_limit=None, max_outage=300.0, timeout=30.0, retry=retry))

    found = run_virtual(main())
    assert errors(found["a"])
    assert errors(found["b"]) == [ScanError]
    assert 0 < len(ids(found["b"])) < 60
    assert found["b"][-1][0] > 300
    assert ids(found["c"]) == list(range(60))
    assert found["c"][-1][0] < 60


def test_a_slow_consumer_stops_the_reading() -> None:
    """A hundred organizations of a thousand groups, of which nobody takes more than ten: what was read meanwhile is
    bounded by those at once and their requests in flight."""
    agency = Agency({f"o{number}": 1000 for number in range(100)})

    async def main() -> int:
        taken = 0
        async with aclosing(scans_of(agency, at_once=5, max_concurrency=4, rate_limit=None)) as items:
            async for _ in items:
                taken += 1
                await asyncio.sleep(50)
                if taken == 10:
                    break
        assert_nothing_left(agency)
        return sum(agency.requests_by_name.values())

    # For each: the list, the section, 4 ready and 4 held by workers, one handed over, and as many again on their way.
    assert run_virtual(main()) <= 10 + 5 * (2 + 4 + 4 + 1 + 2)


def test_organizations_take_turns() -> None:
    """A consumer that takes one a second gets as many of each of ten organizations, whatever their size."""
    agency = Agency({"big": 3000} | {f"o{number}": 100 for number in range(9)}, late=0.1)

    async def main() -> Counter[str]:
        seen: Counter[str] = Counter()
        async with aclosing(scans_of(agency, rate_limit=None)) as items:
            async for name, _ in items:
                seen[name] += 1
                await asyncio.sleep(1)
                if seen.total() == 500:
                    return seen
        raise AssertionError

    seen = run_virtual(main())
    assert all(45 <= count <= 55 for count in seen.values())


class MineError(Exception):
    """Raised by the body of a loop."""


async def _break(agency: Agency, **options: Any) -> None:
    async for _ in scans_of(agency, **options):
        break


async def _close(agency: Agency, **options: Any) -> None:
    async with aclosing(scans_of(agency, **options)) as items:
        await anext(items)
    with pytest.raises(StopAsyncIteration):
        await anext(items)


async def _raise(agency: Agency, **options: Any) -> None:
    with pytest.raises(MineError):
        async for _ in scans_of(agency, **options):
            raise MineError


async def _cancel(agency: Agency, **options: Any) -> None:
    async def forever() -> None:
        async for _ in scans_of(agency, **options):
            await asyncio.sleep(0.5)

    task = asyncio.create_task(forever())
    await asyncio.sleep(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _never(agency: Agency, **options: Any) -> None:
    scans_of(agency, **options)
    agency.closed = True  # nothing was opened


@pytest.mark.parametrize("leave", [_break, _close, _raise, _cancel, _never])
def test_leaving_the_loop_ends_everything(leave: Any) -> None:
    """By break, aclose(), an error or a cancellation: a second later there is no task, no request and no warning."""
    agency = Agency({f"o{number}": 1000 for number in range(50)})

    async def main() -> None:
        await leave(agency, at_once=20)
        await asyncio.sleep(1)
        assert_nothing_left(agency)

    run_virtual(main())


def test_the_program_may_end_in_the_loop() -> None:
    """After a ``break`` the program ends at once, with all scans open: nothing is left, and nothing complained of."""
    agency = Agency({f"o{number}": 1000 for number in range(50)})
    run_virtual(_break(agency, at_once=20))
    assert agency.closed
    assert agency.in_flight == 0


def test_progress_counts_over_all() -> None:
    """Each outcome and each end is told; the last value has everything, and no time left."""
    agency = Agency({"a": 30, "b": 20, "c": 10})
    agency.partoos["a"].missing = {(7, 1)}
    agency.refused = {"c"}
    told: list[ManyProgress] = []
    run_virtual(consume(scans_of(agency, on_progress=told.append)))
    last = told[-1]
    assert (last.done, last.failed, last.total) == (50, 1, 50)
    assert (last.organizations, last.running, last.ended, last.broken) == (3, 0, 3, 1)
    assert last.eta == 0.0
    assert last.rate > 0
    assert len(told) == 50 + 3
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert all(progress.done <= progress.total for progress in told)
    assert last.to_dict()["organizations"] == 3


def test_the_time_left_is_about_right() -> None:
    """Thirty organizations of 52 groups, ten at a time, at 18 requests a minute each: three windows each, three after
    each other. From the first window on the forecast is right within a twentieth of the whole."""
    agency = Agency({f"o{number}": 52 for number in range(30)}, late=0.2)
    told: list[tuple[float, float]] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        limit = RateLimit(18, 60.0)
        options = {"at_once": 10, "rate_limit": limit}
        await consume(scans_of(agency, on_progress=lambda now: told.append((loop.time(), now.eta)), **options))
        return loop.time()

    end = run_virtual(main())
    whole = end - told[0][0]
    assert 300 < whole < 600
    # The first values come while most of the sections are still being read.
    later = [(end - moment, eta) for moment, eta in told if moment > told[0][0] + 60]
    assert [(left, eta) for left, eta in later if abs(left - eta) > whole / 20] == []


def test_an_on_progress_that_raises_ends_no_scan(caplog: pytest.LogCaptureFixture) -> None:
    """It is not called again, and its error is logged."""
    agency = Agency({"a": 5, "b": 5})
    calls: list[ManyProgress] = []

    def broken(progress: ManyProgress) -> None:
        calls.append(progress)
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "partoo_async.scan"):
        found = run_virtual(consume(scans_of(agency, on_progress=broken)))
    assert {name: len(items) for name, items in found.items()} == {"a": 5, "b": 5}
    assert len(calls) == 1
    assert "on_progress raised and is not called again" in caplog.text


def test_a_key_may_come_from_a_callable() -> None:
    """An async callable is asked for the key of its organization; one that fails ends its organization alone."""
    agency = Agency({"a": 3, "b": 3})

    async def fetch() -> str:
        await asyncio.sleep(0.1)
        return "key-of-a"

    async def broken() -> str:
        raise OSError("no vault")

    organizations = {"a": Organization(fetch), "b": Organization(broken), "c": Organization("key-of-b")}
    found = run_virtual(consume(scans_of(agency, organizations, timeout=5.0)))
    assert (ids(found["a"]), ids(found["c"])) == ([0, 1, 2], [0, 1, 2])
    assert len(errors(found["b"])) == 1


def test_a_fault_of_the_machine_is_raised() -> None:
    """What is no ``PartooError`` is not an outcome: it reaches the caller, and ends everything."""
    agency = Agency({"a": 1000, "b": 1000})

    async def main() -> None:
        def full(*_: Any) -> float:
            raise MemoryError

        agency.partoos["b"].delay = full  # type: ignore[method-assign]
        with pytest.raises(MemoryError):
            await consume(scans_of(agency))
        assert_nothing_left(agency)

    run_virtual(main())


def test_an_iterator_is_used_once() -> None:
    """A second loop over it is empty, as with every generator; a new call scans again."""
    agency = Agency({"a": 3})

    async def main() -> None:
        items = scans_of(agency)
        assert len([item async for item in items]) == 3
        assert [item async for item in items] == []
        agency.closed = False
        assert len([item async for item in scans_of(agency)]) == 3

    run_virtual(main())


def test_bad_arguments_are_told_at_the_call() -> None:
    """Before anything is sent, and before the first iteration."""
    agency = Agency({"a": 3})
    for options, problem in [
        ({"at_once": 0}, "at_once: expected at least 1, not 0"),
        ({"max_concurrency": 0}, "max_concurrency: expected at least 1, not 0"),
        ({"max_failures": 1.5}, "max_failures: expected a count, or a fraction"),
        ({"max_outage": -1}, "max_outage: expected a finite number of seconds"),
        ({"strategy": "fast"}, "strategy: expected 'groups' or"),
        ({"businesses": 1}, "businesses: expected True or False"),
        ({"resume": True}, "resume: goes with journals=..., the directory"),
        ({"journals": 5}, "journals: expected the path of a directory, not int"),
        ({"on_progress": 5}, "on_progress: expected a callable"),
        ({"timeout": 0}, "timeout: expected a finite number of seconds"),
    ]:
        with pytest.raises(ConfigurationError, match=problem):
            scans_of(agency, **options)
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        scans_of(agency, colour="red")
    assert agency.requests_by_name == {"a": 0}
