"""A scan holds while the server answers nobody, and goes on with its first answer: no group fails for an outage."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partoo_async import (
    APIConnectionError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    Event,
    HoldEvent,
    InternalServerError,
    PartooClient,
    RateLimit,
    RetryPolicy,
    ScanError,
    ScanProgress,
    deadline,
)
from partoo_async.scan.key_retries import short_reason
from tests.support.simulated import assert_nothing_left, client_of, journals_in_virtual_time, recorded
from tests.support.stormy import KINDS, Stormy
from tests.support.virtual import VirtualLoop, run_virtual


def keys(items: Any) -> list[int]:
    return sorted(item.group_id for item in items)


@pytest.mark.parametrize("seconds", [2.0, 60.0])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("groups", "limit"), [(250, RateLimit()), (600, None)])
def test_no_group_fails_for_an_outage(kind: str, seconds: float, groups: int, limit: RateLimit | None) -> None:
    """In mid scan: each group once, none failed, and few requests more than groups."""
    partoo = Stormy({7: list(range(groups))}, kind, (3.0, 3.0 + seconds), late=0.5)

    async def main() -> None:
        async with client_of(partoo, rate_limit=limit) as client:
            report = await client.scan(7).collect()
            report.raise_for_failures()
            assert keys(report.items) == list(range(groups))
            assert len(partoo.arrived) <= 1.1 * groups + 40
            assert report.requests == len(partoo.arrived)
            assert report.seconds < groups / 50 + seconds + 30
            assert_nothing_left(client, partoo)

    run_virtual(main())


@pytest.mark.parametrize("options", [{"max_concurrency": 1}, {"max_concurrency": 2}, {}])
@pytest.mark.parametrize("retries", [0, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_workers_and_the_policy(kind: str, retries: int, options: dict[str, int]) -> None:
    """A hold is no retry: it needs neither three workers nor a policy that repeats, and no failure is tolerated."""
    partoo = Stormy({7: list(range(100))}, kind, (2.0, 90.0), late=0.2)

    async def main() -> None:
        async with client_of(partoo, retry=RetryPolicy(retries)) as client:
            report = await client.scan(7, max_failures=0, **options).collect()
            assert keys(report.succeeded) == list(range(100))

    run_virtual(main())


def test_it_is_told_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    """One WARNING, one INFO, two events, and progress says for how long and why."""
    partoo = Stormy({7: list(range(100))}, "refused", (2.0, 42.0), late=1.0)
    events: list[Event] = []
    caplog.set_level(logging.INFO, "partoo_async.scan")

    async def main() -> list[ScanProgress]:
        seen = []
        async with client_of(partoo, on_event=events.append, rate_limit=None, max_concurrency=4) as client:
            scan = client.scan(7)
            running = asyncio.create_task(scan.collect())
            for moment in (12.0, 22.0, 32.0, 48.0):
                await asyncio.sleep(moment - partoo.now)
                seen.append(scan.progress)
            await running
            seen.append(scan.progress)
        return seen

    *held, after, ended = run_virtual(main())
    assert [progress.held_for for progress in held] == [pytest.approx(since, abs=1.0) for since in (10, 20, 30)]
    assert {progress.held_by for progress in held} == {"connection refused"}
    assert all(progress.eta > 0 for progress in held)
    assert [(progress.held_for, progress.held_by) for progress in (after, ended)] == [(0.0, "")] * 2
    told = [record for record in caplog.records if "on hold" in record.message]
    assert [record.levelname for record in told] == ["WARNING", "INFO"]
    assert "Connection refused" in told[0].message
    begin, end = (event for event in events if isinstance(event, HoldEvent))
    assert (begin.seconds, begin.error) == (0.0, "APIConnectionError")
    assert (end.seconds, end.error) == (pytest.approx(42, abs=4), "APIConnectionError")
    assert begin.route.startswith("GET /sections/7")
    assert {one.template.partition("/groups")[0] for one in (begin, end)} == {"GET /sections/{section_id}"}


def test_one_asks_at_a_time() -> None:
    """While a scan holds, single requests leave, half a second apart, then more, five at most; and none of those that
    had waited for the quota."""
    partoo = Stormy({7: list(range(100))}, "reset", (3.0, 63.0), late=0.1)

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(20, 2.0)) as client:
            await client.scan(7).collect()
        sent = [when - 1000 for when, _ in partoo.arrived]
        # Three failed, and what had been good did, too. A slot of the quota was free for each of those that waited.
        assert len([when for when in sent if 3 < when < 4.5]) == 4
        asked = [when for when in sent if 4.5 < when < 63]
        gaps = [after - before for before, after in pairwise(asked)]
        assert all(0.3 < gap <= 5.1 for gap in gaps)
        assert gaps[-1] > 3.7
        assert 12 <= len(asked) <= 18

    run_virtual(main())


def test_a_503_says_when_to_ask_again() -> None:
    """Its Retry-After is obeyed by who asks, and never early."""
    partoo = Stormy({7: list(range(50))}, "503", (1.0, 50.0), late=0.1)
    partoo.headers = {"Retry-After": "20"}

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(20, 2.0)) as client:
            assert keys((await client.scan(7).collect()).succeeded) == list(range(50))
        first, second, *_ = (when - 1000 for when, _ in partoo.arrived if when > 1005)
        assert first >= 21
        assert second - first >= 20

    run_virtual(main())


@pytest.mark.parametrize("kind", KINDS)
def test_after_max_outage_the_scan_ends_and_can_be_resumed(tmp_path: Path, kind: str) -> None:
    """With a ScanError that says "later", and its report. What was read is not read again, and nothing is a failure."""
    partoo = Stormy({7: list(range(100))}, kind, (2.0, 500.0), late=1.0)
    path = tmp_path / "scan.db"

    async def main() -> None:
        async with client_of(partoo, max_concurrency=8, rate_limit=None) as client:
            with pytest.raises(ScanError, match="ended early: the server did not respond for 100 s") as caught:
                await client.scan(7, journal=path, max_outage=100.0).collect()
            assert caught.value.transient
            report = caught.value.report
            assert (report.complete, report.failed) == (False, ())
            assert partoo.now == pytest.approx(103.0 + 15.0 * (kind == "silent"), abs=3.0)
            assert_nothing_left(client, partoo)
            had = keys(await recorded(path))
            assert had == keys(report.items)
            await asyncio.sleep(500)
            before = len(partoo.arrived)
            assert len((await client.scan(7, journal=path, resume=True).collect()).succeeded) == 100
            assert not {*had} & {key[1] for _, key in partoo.arrived[before:]}

    with journals_in_virtual_time():
        run_virtual(main())


@pytest.mark.parametrize("arguments", [{"section_ids": [7, 8, 9]}, {"section_ids": 7, "group_ids": range(50)}])
def test_a_wrong_address_is_told_soon(arguments: dict[str, Any]) -> None:
    """Before its first success a scan waits for the client's timeout and no longer; then nothing failed either."""
    partoo = Stormy({7: [], 8: [], 9: []}, "refused", (0.0, 1e6))

    async def main() -> None:
        async with client_of(partoo, timeout=30.0) as client:
            with pytest.raises(ScanError, match=r"the server did not respond for 30 s.*Connection refused") as caught:
                await client.scan(**arguments).collect()
            assert caught.value.report.items == ()
            assert partoo.now == pytest.approx(30.0, abs=2.0)
            assert_nothing_left(client, partoo)

    run_virtual(main())


def test_a_scan_may_begin_in_an_outage() -> None:
    """Sections and groups are kept and tried again in the time that there is before the first success."""
    partoo = Stormy({number: [number] for number in range(40)}, "503", (0.0, 20.0), late=0.1)

    async def main() -> None:
        async with client_of(partoo) as client:
            assert keys((await client.scan(range(40)).collect()).succeeded) == list(range(40))

    run_virtual(main())


@pytest.mark.parametrize("workers", [1, 2, 5, 28])
def test_keys_that_fail_alone_are_items(caplog: pytest.LogCaptureFixture, workers: int) -> None:
    """Groups that always fail while others succeed, next to each other or the last ones, are outcomes with an error,
    after the tries of the policy. The scan does not hold for them."""
    partoo = Stormy({7: list(range(60))}, "", late=0.1)
    partoo.sick = {(7, group) for group in (3, 20, 21, 22, 58, 59)}

    async def main() -> None:
        async with client_of(partoo, rate_limit=None) as client:
            report = await client.scan(7, max_concurrency=workers).collect()
            assert keys(report.failed) == [3, 20, 21, 22, 58, 59]
            assert keys(report.succeeded) == [group for group in range(60) if (7, group) not in partoo.sick]
            assert {item.attempts for item in report.failed} == {5}
            assert all(isinstance(item.error, InternalServerError) for item in report.failed)
            assert {len(item.error.attempts) for item in report.failed if item.error} == {5}
            assert len(partoo.arrived) <= 61 + 6 * 4 + 6 * 3  # and up to three looks whether it is an outage
            assert_nothing_left(client, partoo)

    run_virtual(main())
    assert not caplog.records


def test_a_server_whose_groups_all_fail_is_not_asked_five_times_for_each() -> None:
    """While sections are answered and no group is, that is no outage: groups fail, and soon without repeats."""
    partoo = Stormy({7: list(range(500))}, "", late=0.1)
    partoo.sick = {(7, group) for group in range(500)}

    async def main() -> None:
        async with client_of(partoo, rate_limit=None) as client:
            report = await client.scan(7).collect()
            assert len(report.failed) == 500
            assert sum(item.attempts for item in report.items) <= 550

    run_virtual(main())


def test_the_last_group_in_an_outage() -> None:
    """Nobody else is under way: what succeeded before is asked for, and fails, too. The group is kept."""
    partoo = Stormy({7: [1, 2, 3]}, "503", (5.0, 200.0), late=0.1)
    partoo.delay = lambda key: 10.0 if key[1] == 3 else 0.1  # type: ignore[method-assign]

    async def main() -> None:
        async with client_of(partoo, attempt_timeout=6.0) as client:
            await asyncio.sleep(1)
            partoo.delay, slow = super(Stormy, partoo).delay, partoo.delay  # type: ignore[method-assign]
            partoo.delay = lambda key: slow(key) if partoo.now < 150 else 0.1  # type: ignore[method-assign]
            report = await client.scan(7).collect()
            assert keys(report.succeeded) == [1, 2, 3]
            assert partoo.now > 200

    run_virtual(main())


@pytest.mark.parametrize("closed", ["scan", "client", "cancelled"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_journal", [False, True])
@pytest.mark.parametrize("sections", [{7: range(100)}, {number: [number] for number in range(60)}])
def test_closing_while_it_holds(
    tmp_path: Path, kind: str, closed: str, with_journal: bool, sections: dict[int, list[int]]
) -> None:
    """It ends at once, leaves no task, and makes no outcome of what was held, be it groups or sections."""
    partoo = Stormy(sections, kind, (2.0, 1e6), late=1.0)
    path = tmp_path / "scan.db" if with_journal else None

    async def main() -> None:
        async with client_of(partoo, max_concurrency=8) as client:
            scan = client.scan(sections, journal=path)
            running = asyncio.create_task(scan.collect())
            await asyncio.sleep(60.5)
            assert scan.progress.held_for > 30
            before = partoo.now
            if closed == "cancelled":
                running.cancel()
            else:
                await (scan if closed == "scan" else client).aclose()
            await asyncio.wait([running])
            assert partoo.now - before <= 2.0 * (kind == "silent" and with_journal)
            error = None if running.cancelled() else running.exception()
            assert running.cancelled() or isinstance(error, ScanError | ClientClosedError)
            assert not isinstance(error, ScanError) or error.report.failed == ()
            assert_nothing_left(client, partoo)
            sent = len(partoo.arrived)
            await asyncio.sleep(60)
            assert len(partoo.arrived) == sent
        if path is not None:
            assert all(item.group for item in await recorded(path))

    with journals_in_virtual_time():
        run_virtual(main())


def test_interactive_calls_fail_fast_and_have_their_own_budget() -> None:
    """While a scan holds, another call is tried as often as its policy says; the scan has spent none of its tokens."""
    partoo = Stormy({7: list(range(100))}, "503", (2.0, 100.0), late=0.5)

    async def main() -> None:
        async with client_of(partoo) as client:
            running = asyncio.create_task(client.scan(7).collect())
            await asyncio.sleep(30)
            assert client.session.context.throttle.tokens == 100.0
            before = partoo.now
            with pytest.raises(InternalServerError) as caught:
                await client.groups.get(7, 1)
            assert len(caught.value.attempts) == 5
            assert partoo.now - before < 10
            assert len((await running).succeeded) == 100

    run_virtual(main())


def test_an_outage_does_not_use_up_the_repeats_of_a_scan() -> None:
    """When the server is back, the budget is full: what was in flight has paid for nothing."""
    storms = [(2.0 + 4 * number, 4.0 + 4 * number) for number in range(5)]
    partoo = Stormy({7: list(range(400))}, "503", *storms, late=1.0)
    budgets = []

    def heard(event: Event) -> None:
        if isinstance(event, HoldEvent) and event.seconds:
            budgets.append(scan._fetcher.outage._throttle.tokens)

    async def main() -> None:
        nonlocal scan
        async with client_of(partoo, rate_limit=None, on_event=heard) as client:
            scan = client.scan(7)
            (await scan.collect()).raise_for_failures()

    scan: Any = None
    run_virtual(main())
    assert budgets == [100.0] * 5


def test_a_deadline_ends_a_hold() -> None:
    """deadline() bounds a scan that holds, too."""
    partoo = Stormy({7: list(range(100))}, "refused", (1.0, 1e6), late=0.5)

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(20, 1.0)) as client:
            with deadline(33.0), pytest.raises(ScanError, match="the time that deadline"):
                await client.scan(7).collect()
            assert partoo.now == pytest.approx(33.0)
            assert_nothing_left(client, partoo)

    run_virtual(main())


@pytest.mark.parametrize("timeout", [3.0, 90.0])
def test_a_process_that_was_stopped(timeout: float) -> None:
    """What was in flight while the process stood still for longer than a call may take is asked for once more."""
    partoo = Stormy({7: list(range(40))}, "", late=2.0)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        async with client_of(partoo, timeout=timeout, max_concurrency=8) as client:
            running = asyncio.create_task(client.scan(7).collect())
            for _ in range(3):
                await asyncio.sleep(1.5)
                loop.clock += timeout + 20
            report = await running
            assert keys(report.succeeded) == list(range(40))

    run_virtual(main())


@pytest.mark.parametrize("seed", [2, 5, 9, 18])
def test_the_last_keys_meet_two_outages(seed: int) -> None:
    """Nobody else succeeds meanwhile, and still their retries are not spent on the first one."""
    any_outages("silent", [(10.0, 20.0), (3.0, 1.0)], 6, set(), seed)


@pytest.mark.parametrize("examples", [25, pytest.param(500, marks=pytest.mark.soak)])
def test_any_outages(examples: int) -> None:
    """However often the server comes and goes: each group once, those that are sick failed and no other, and each
    outage costs what was in flight and who asked."""
    told = given(
        kind=st.sampled_from(KINDS),
        gaps=st.lists(st.tuples(st.floats(0.2, 20.0), st.floats(0.05, 90.0)), max_size=6),
        workers=st.integers(1, 28),
        sick=st.sets(st.integers(0, 119), max_size=3),
        seed=st.integers(0, 2**16),
    )
    settings(max_examples=examples)(told(any_outages))()


def any_outages(kind: str, gaps: list[tuple[float, float]], workers: int, sick: set[int], seed: int) -> None:
    storms, now = [], 2.0
    for calm, length in gaps:
        storms.append((now + calm, now + calm + length))
        now += calm + length
    partoo = Stormy({7: list(range(120))}, kind, *storms, late=0.3, seed=seed)
    partoo.sick = {(7, group) for group in sick}

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(60, 10.0), attempt_timeout=3.0) as client:
            report = await client.scan(7, max_concurrency=workers).collect()
            assert keys(report.items) == list(range(120))
            assert keys(report.failed) == sorted(sick)
            lasted = sum(length for _, length in gaps)
            assert len(partoo.arrived) <= 121 + (workers + 8) * len(storms) + lasted / 3 + 12 * len(sick) + 12
            assert_nothing_left(client, partoo)

    run_virtual(main())


@pytest.mark.parametrize("wrong", [-1, "600", float("nan"), True])
async def test_max_outage_is_checked(wrong: Any) -> None:
    """A bad bound is a ConfigurationError that names it."""
    async with PartooClient("key", server="http://127.0.0.1:9/v2") as client:
        with pytest.raises(ConfigurationError, match="^max_outage: "):
            client.scan(7, max_outage=wrong)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            APIConnectionError("GET /x at s: cannot connect: Connection refused"),
            "connection refused",
        ),
        (APIConnectionError("GET /x at s: ServerDisconnectedError"), "connection closed"),
        (InternalServerError(503, route="GET /x"), "503 Service Unavailable"),
        (InternalServerError(599), "599"),
        (DeadlineExceededError("GET /x: no answer"), "no response in time"),
        (DeadlineExceededError("GET /x: no answer", InternalServerError(502)), "502 Bad Gateway"),
    ],
)
def test_why_in_few_words(error: Any, words: str) -> None:
    """Without the route, which differs from key to key."""
    assert short_reason(error) == words
