"""Bulk scans: one outcome per key, exactly once, in bounded memory."""

from __future__ import annotations

import asyncio
import gc
import pickle
import warnings
from typing import Any

import pytest

from partoo_async import (
    ConfigurationError,
    NotFoundError,
    PartooClient,
    RateLimit,
    RateLimitError,
    RetryPolicy,
    ScanError,
    ScanPlan,
)
from partoo_async.emulator import EmulatedGroup, EmulatedSection, Emulator
from tests.support.each import each
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.simulated import Partoo, client_of
from tests.support.virtual import run_virtual


def section(number: int, groups: int) -> EmulatedSection:
    """A section whose groups are numbered from a hundred times its own number."""
    first = number * 100
    members = {first + n: EmulatedGroup(first + n, f"G{n}", business_ids=[f"b{n}"]) for n in range(groups)}
    return EmulatedSection(number, f"S{number}", members)


async def test_a_scan_yields_every_group_once(emulator: Emulator, client: PartooClient) -> None:
    """Every group of every section comes once, the plan counts the section reads, and the section is read once."""
    async with client.scan([7, 9, 7]) as scan:
        plan = scan.plan
        items = [item async for item in scan]
    expected = {(s, g) for s in (7, 9) for g in emulator.sections[s].groups}
    assert sorted((item.section_id, item.group_id) for item in items) == sorted(expected)
    assert plan == ScanPlan(2, len(expected), len(expected) + 2, plan.seconds)
    assert [request.path for request in emulator.requests].count("/v2/sections/7") == 1
    for item in items:
        assert item.group is not None
        assert item.group.id == item.group_id
        assert (item.error, item.attempts, item.recorded) == (None, 1, False)


async def test_collect(client: PartooClient) -> None:
    """collect() gives the report with figures; with no failures raise_for_failures does nothing."""
    report = await client.scan(7).collect()
    assert len(report.items) == len(report.succeeded) == 24
    assert (report.failed, report.requests, report.retries, dict(report.drift)) == ((), 25, 0, {})
    assert report.seconds > 0
    report.raise_for_failures()


async def test_failures_are_data(emulator: Emulator, client: PartooClient) -> None:
    """A group that vanished and a section that cannot be read are outcomes, and the report's error lists them."""
    async with client.scan([7, 404]) as scan:
        del emulator.sections[7].groups[63]
        items = [item async for item in scan]
    failed = {(item.section_id, item.group_id): item.error for item in items if item.error}
    assert set(failed) == {(7, 63), (404, None)}
    assert all(isinstance(error, NotFoundError) for error in failed.values())
    report = await client.scan([7, 404]).collect()
    with pytest.raises(ScanError, match=r"1 of 24 outcomes failed:\n  404 Not Found .*\n    section 404$") as caught:
        report.raise_for_failures()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert len(copy.report.failed) == 1


async def test_given_groups_need_no_section(emulator: Emulator, client: PartooClient) -> None:
    """With group_ids the section is not read, and each id is asked for once, in digits or as an int."""
    report = await client.scan(7, group_ids=[42, "43", 42]).collect()
    assert [item.group_id for item in report.items] == [42, 43]
    assert len(emulator.requests) == report.requests == 2


async def test_ids_and_counts_of_numpy(emulator: Emulator, client: PartooClient) -> None:
    """What a table of ids hands out is as good as an int, wherever an id or a count is asked for; its bools are not."""
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    seven, ids = numpy.int64(7), numpy.array([42, 43])
    limit = RateLimit(requests=numpy.int64(300))
    async with PartooClient(
        emulator.api_key,
        server=emulator.server,
        timeout=numpy.int64(30),
        max_concurrency=numpy.int16(8),
        retry=RetryPolicy(max_retries=numpy.uint8(1)),
        rate_limit=limit,
    ) as other:
        assert (await other.groups.get(seven, ids[0])).id == 42
        options: dict[str, Any] = {"max_concurrency": numpy.int32(2), "max_failures": numpy.int32(1)}
        for sections in (seven, numpy.array([7])):
            report = await other.scan(sections, group_ids=ids, **options).collect()
            assert {(type(item.group_id), item.group_id) for item in report.items} == {(int, 42), (int, 43)}
    assert (type(limit.requests), limit.slots) == (int, 300)
    for wrong in (numpy.True_, numpy.float64(7)):
        with pytest.raises(ConfigurationError, match="^section_id: "):
            await client.groups.get(wrong, 42)
        with pytest.raises(ConfigurationError, match="^max_concurrency: "):
            client.with_options(max_concurrency=wrong)


@pytest.mark.parametrize(
    ("ids", "options", "argument"),
    [
        ([], {}, "section_ids"),
        (None, {}, "section_ids"),
        ([7, -1], {}, "section_ids"),
        (True, {}, "section_ids"),
        ([7, 9], {"group_ids": [1]}, "group_ids"),
        (7, {"group_ids": []}, "group_ids"),
        (7, {"group_ids": ["x"]}, "group_ids"),
        (7, {"max_failures": -1}, "max_failures"),
        (7, {"max_concurrency": 0}, "max_concurrency"),
        (7, {"on_progress": 1}, "on_progress"),
        (7, {"resume": "yes"}, "resume"),
        (7, {"retry_failed": 1}, "retry_failed"),
    ],
)
async def test_bad_arguments(client: PartooClient, ids: Any, options: dict[str, Any], argument: str) -> None:
    """A bad argument of a scan is a ConfigurationError that names it, before anything is sent."""
    with pytest.raises(ConfigurationError, match=rf"^{argument}: "):
        client.scan(ids, **options)


async def test_a_scan_is_used_once_and_inside_async_with(client: PartooClient) -> None:
    """Iterating or asking for the plan outside `async with`, or twice, says what to do."""
    scan = client.scan(7)
    with pytest.raises(ConfigurationError, match="async with"):
        _ = scan.plan
    with pytest.raises(ConfigurationError, match="collect"):
        async for _ in scan:
            pass
    await scan.collect()
    with pytest.raises(ConfigurationError, match="used once"):
        await scan.collect()
    assert "closed, 24 outcomes" in repr(scan)


async def test_max_failures_ends_a_scan(emulator: Emulator, client: PartooClient) -> None:
    """max_failures=n tolerates n; the next failure ends the scan with a ScanError that carries the report."""
    assert len((await client.scan(7, group_ids=[1, 2, 42], max_failures=2).collect()).failed) == 2
    with pytest.raises(ScanError, match="max_failures=2") as caught:
        await client.scan(7, group_ids=range(1000, 1900), max_failures=2, max_concurrency=2).collect()
    assert len(caught.value.report.failed) == len(caught.value.report.items) == 3
    with pytest.raises(ScanError) as streamed:
        async with client.scan(7, group_ids=[1, 42], max_failures=0, max_concurrency=1) as scan:
            async for _ in scan:
                pass
    assert len(streamed.value.report.failed) == 1
    assert len(emulator.requests) < 60


async def test_leaving_early_stops_everything(emulator: Emulator, client: PartooClient) -> None:
    """Breaking out of a scan drops what is in flight and leaves no task behind."""
    async with client.scan(7) as scan:
        async for _ in scan:
            break
    before = len(emulator.requests)
    assert asyncio.all_tasks() == {asyncio.current_task()} | {
        task for task in asyncio.all_tasks() if "aiohttp/web" in repr(task) or "RequestHandler" in repr(task)
    }
    await asyncio.sleep(0)
    assert len(emulator.requests) == before
    assert not scan.complete
    assert (await client.groups.get(7, 42)).id == 42


def test_the_plan_knows_the_quota() -> None:
    """On a fresh quota 300 groups take no time to let through, 301 take a window, 1,000 three."""

    async def plan(groups: int) -> float:
        # Nothing is read: given groups need no section, and leaving at once drops what was started.
        async with (
            PartooClient("key", server="http://127.0.0.1:9/v2") as client,
            client.scan(7, group_ids=range(groups)) as scan,
        ):
            return scan.plan.seconds

    assert run_virtual(plan(300)) == 0
    assert run_virtual(plan(301)) == pytest.approx(60, abs=0.1)
    assert run_virtual(plan(1000)) == pytest.approx(180, abs=0.2)


def test_a_scan_uses_the_whole_quota_alone() -> None:
    """A scan alone takes every request of the window, not one more, and its ETA at the start was right."""

    async def main() -> None:
        partoo = Partoo({1: list(range(100))}, late=0.2)
        async with client_of(partoo, rate_limit=RateLimit(requests=30, per=60.0)) as client:
            async with client.scan(1) as scan:
                plan = scan.plan
                items = [item async for item in scan]
            report = scan.report(items)
        moments = [moment for moment, _ in partoo.arrived]
        assert max(sum(start <= moment < start + 60.0 for moment in moments) for start in moments) == 30
        assert len(report.succeeded) == 100
        assert 180 <= report.seconds <= 182
        assert plan.seconds == pytest.approx(report.seconds, abs=2)

    run_virtual(main())


def test_interactive_calls_pass_a_scan() -> None:
    """While a scan waits for the quota, an interactive call takes the next slot."""

    async def main() -> None:
        partoo = Partoo({1: list(range(40)), 2: [1]}, late=0.2)
        async with client_of(partoo, rate_limit=RateLimit(requests=10, per=60.0)) as client:
            async with client.scan(1) as scan:
                done = 0
                async for _ in scan:
                    done += 1
                    if done == 9:  # the first window is spent
                        started = asyncio.get_running_loop().time()
                        await client.groups.get(2, 1)
                        assert asyncio.get_running_loop().time() - started < 61
            assert done == 40

    run_virtual(main())


async def test_drift_is_in_the_report() -> None:
    """Unknown, missing and null fields are tolerated and counted in the report of the scan that met them."""
    odd = b'{"id":42,"name":"France","has_puller":false,"business_ids":null,"colour":"red"}'
    async with raw_server(answer(200, odd)) as server, PartooClient("key", server=server.url) as client:
        report = await client.scan(7, group_ids=[42]).collect()
        assert dict(report.drift) == {"Group.business_ids null": 1, "Group.colour unknown": 1}
        assert report.items[0].group is not None
        assert report.items[0].group.business_ids == ()
        strict = client.with_options(strict=True)
        failed = (await strict.scan(7, group_ids=[42]).collect()).failed
        assert "unknown @ $.colour" in str(failed[0].error)


async def test_a_pause_of_hours_ends_a_scan() -> None:
    """When the server pauses the quota for more than five minutes, the scan ends at once and says so."""
    hours = answer(429, b"", "Retry-After: 7200")
    async with raw_server(answer(200, GROUP), hours) as server, PartooClient("key", server=server.url) as client:
        with pytest.raises(ScanError, match="paused by the server.*retry in 3600") as caught:
            await client.scan(7, group_ids=[42, *range(500)], max_concurrency=1).collect()
        assert len(server.requests) == 2
    first, second = caught.value.report.items
    assert first.group is not None
    assert isinstance(second.error, RateLimitError)


async def test_a_closed_client_ends_a_scan(client: PartooClient) -> None:
    """Closing the client under a scan ends it with one error, not with an item for each key."""
    scan = client.scan(7)
    await client.aclose()
    with pytest.raises(Exception, match="closed"):
        await scan.collect()


@each(
    ("seconds", "text"),
    [
        (0.1, "less than 1 s"),
        (0.6, "less than 1 s"),
        (1.0, "about 1.0 s"),
        (41.4, "about 41 s"),
        (83, "about 1 min 23 s"),
    ],
)
def test_a_plan_is_one_line(seconds: float, text: str) -> None:
    """With its time as people say it; below a second no forecast is exact."""
    assert str(ScanPlan(2, 412, 414, seconds)) == f"412 groups, 414 requests, {text}"
    assert str(ScanPlan(1, 1, 2, seconds, 1)) == f"1 group (1 recorded already), 2 requests, {text}"


async def test_a_worker_that_is_cancelled_is_no_silent_loss(emulator: Emulator) -> None:
    """When what the api_key callable waits for is cancelled, the group fails with an error; none is missing."""
    calls = 0

    async def key() -> str:
        nonlocal calls
        calls += 1
        if calls in (3, 5):
            token: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            token.cancel()
            return await token
        return emulator.api_key

    async with PartooClient(key, server=emulator.server, retry=RetryPolicy(max_retries=0)) as client:
        report = await client.scan(7, group_ids=range(41, 51), max_concurrency=2).collect()
    assert len(report.items) == 10
    assert str(report.failed[0].error).startswith("api_key: the callable raised CancelledError")


def test_a_scan_in_the_next_loop() -> None:
    """A scan, like a call, works in another loop once that of an earlier call was closed."""
    client = PartooClient("emulator-key", server="http://127.0.0.1:9/v2")

    async def use(*, close: bool) -> int:
        async with Emulator() as emulator:
            found = len((await client.with_options(server=emulator.server).scan(7).collect()).items)
            if close:
                await client.aclose()
            return found

    with warnings.catch_warnings():
        # The first loop was closed with connections open: asyncio and aiohttp say so, and rightly.
        warnings.simplefilter("ignore", ResourceWarning)
        assert [asyncio.run(use(close=close)) for close in (False, True)] == [24, 24]
        gc.collect()


async def test_a_second_consumer_is_refused(client: PartooClient) -> None:
    """Two tasks in one scan's 'async for' would each get a part: the second is told so, and the first goes on."""
    async with client.scan(7) as scan:
        first = asyncio.ensure_future(anext(scan))
        await asyncio.sleep(0)
        with pytest.raises(ConfigurationError, match="one 'async for' at a time"):
            await anext(scan)
        items = [await first, *[item async for item in scan]]
    assert len({item.group_id for item in items}) == 24


async def test_collecting_a_scan_that_is_closed_elsewhere_is_an_error() -> None:
    """collect() never passes a part for the whole: the error has what there is, and its report says so."""
    async with Emulator(latency=0.03, rate_limit=None) as emulator:
        async with PartooClient(emulator.api_key, server=emulator.server) as client:
            for close in ("scan", "client"):
                copy = client.with_options()
                scan = copy.scan(7, max_concurrency=2, on_progress=None)
                collecting = asyncio.create_task(scan.collect())
                while scan._counter.done < 4:
                    await asyncio.sleep(0.01)
                await (scan.aclose() if close == "scan" else client.aclose())
                with pytest.raises(ScanError) as caught:
                    await collecting
                assert 4 <= len(caught.value.report.items) < 24
                assert not caught.value.report.complete


def test_the_eta_does_not_wait_for_slots_that_are_taken() -> None:
    """When what is left is on its way, the ETA is that of its answers, though the quota is spent."""

    async def main() -> list[float]:
        partoo = Partoo({7: list(range(59))}, late=0.2)
        async with client_of(partoo, rate_limit=RateLimit(60, 60.0)) as client, client.scan(7) as scan:
            return [scan.progress.eta async for _ in scan]

    etas = run_virtual(main())
    assert len(etas) == 59
    assert max(etas) < 5


async def test_a_scan_says_what_it_knows_of_itself(client: PartooClient) -> None:
    """A prompt does not take sections that are not read yet for none."""
    scan = client.scan([7, 9])
    assert repr(scan) == "<Scan of some sections, new, 0 outcomes>"
    await scan.collect()
    assert repr(scan).startswith("<Scan of 2 sections, ")
