"""What a scan counts: outcomes, failures against ``max_failures``, progress while it runs."""

from __future__ import annotations

import asyncio
import sys
import time
from array import array
from pathlib import Path

import pytest

from partoo_async import NotFoundError, PartooClient, RateLimit, Scan, ScanFailure, ScanProgress
from partoo_async._protocol.http import Response
from partoo_async.scan.progress import Failures
from tests.support.each import each
from tests.support.raw_server import GROUP, answer, raw_server
from tests.support.simulated import Key, Partoo, client_of
from tests.support.virtual import run_virtual


@pytest.mark.parametrize("total", [50, 100, 700, 1000, 123_400])
def test_a_fraction_of_failures_is_exact(total: int) -> None:
    """Of 100 groups 0.29 tolerates 29, though 0.29 * 100 is a little less in binary."""
    for percent in range(101):
        failures = Failures(percent / 100)
        failures.begin(total)
        failures.count = total * percent // 100
        assert not failures.exceeded
        failures.count += 1
        assert failures.exceeded


async def test_progress_costs_the_same_for_many_sections() -> None:
    """It is asked after each outcome, so that it must not go through the sections."""

    async def cost(sections: int) -> float:
        async with client_of(Partoo({})) as client:
            scan = client.scan(range(sections))
            for section_id in range(sections):
                comparing = scan._journal.compare(section_id, None, array("q", [1]))
                await scan._work._take(section_id, comparing)
            assert scan._work.left == sections
            times = []
            for _ in range(200):
                started = time.perf_counter()
                scan._counter.progress(None, None, is_open=True)
                times.append(time.perf_counter() - started)
            return min(times)

    assert await cost(20_000) < 20 * await cost(10)


async def test_progress_counts_and_ends_at_zero(client: PartooClient) -> None:
    """on_progress is called after each outcome; done reaches total, failed ones included, and the ETA ends at 0."""
    seen: list[ScanProgress] = []
    await client.scan([7, 404], on_progress=seen.append).collect()
    assert [progress.done for progress in seen] == list(range(1, 26))
    assert {progress.total for progress in seen} == {25}
    assert (seen[-1].failed, seen[-1].eta) == (1, 0.0)
    assert seen[-1].rate > 0


def test_progress_while_the_sections_are_read() -> None:
    """Until all sections are read there is no total, whatever is known of some of them; the ETA is that of the reads
    that are known to be ahead. Six sections, at most four requests a minute: two of them take a minute more."""
    partoo = Partoo({1: [], 2: [21], 3: [31], 4: [41, 42], 5: [51], 6: [61]})
    partoo.missing = {(1, None)}
    partoo.delay = lambda key: 2.0 if key[0] < 6 else 5.0  # type: ignore[method-assign]

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(4, 60.0)) as client:
            scan = client.scan([1, 2, 3, 4, 5, 6])
            assert scan_progress(scan) == (0, 0, 0, 0.0, 0.0)
            running = asyncio.create_task(scan.collect())
            await asyncio.sleep(1.0)
            seen = [scan_progress(scan)]  # four are on their way
            await asyncio.sleep(20.0)
            seen.append(scan_progress(scan))  # one could not be read, three could, two wait for their turn
            await asyncio.sleep(45.0)
            seen.append(scan_progress(scan))  # one is left
            assert [progress[:4] for progress in seen] == [(0, 0, 0, 0.0)] * 3
            # The quota lets four go at 0 s, 62 s and 124 s. Known are: two more sections, at 62 s; those and two groups
            # by then, two more groups at 124 s; at last five groups, of which three at 124 s.
            assert [progress[4] for progress in seen] == [pytest.approx(eta, abs=3) for eta in (61, 103, 60)]
            report = await running
            assert (len(report.items), scan.progress.total, scan.progress.eta) == (7, 7, 0.0)

    run_virtual(main())


def scan_progress(scan: Scan) -> tuple[int, int, int, float, float]:
    progress = scan.progress
    return progress.done, progress.failed, progress.total, progress.rate, progress.eta


@pytest.mark.usefixtures("hurried")
async def test_progress_shows_a_pause() -> None:
    """While the server pauses the quota, progress says for how long, and a group's timeout does not run."""
    answers = [answer(429, b"", "Retry-After: 1"), answer(200, GROUP)]
    async with raw_server(*answers) as server, PartooClient("key", server=server.url, timeout=0.9) as client:
        async with client.scan(7, group_ids=[42]) as scan:
            task = asyncio.ensure_future(anext(scan))
            while not client.quota.waiting:
                await asyncio.sleep(0.01)
            progress = scan.progress
            item = await task
    assert 0 < progress.paused_for <= 1.02
    assert progress.eta == pytest.approx(progress.paused_for, abs=0.01)
    assert item.error is None
    assert item.attempts == 2


async def test_on_progress_errors_cost_no_item(client: PartooClient, caplog: pytest.LogCaptureFixture) -> None:
    """An on_progress that raises is logged once, and every group still has its outcome."""

    def bad(_: ScanProgress) -> None:
        raise ValueError("mine")

    assert len((await client.scan(7, on_progress=bad).collect()).items) == 24
    assert len(caplog.records) == 1


@each(
    ("tolerated", "total", "exceeded_at", "said"),
    [
        (0, 10, 1, "1 failed, and max_failures=0 tolerates no more"),
        (3, 10, 4, "4 failed, and max_failures=3 tolerates no more"),
        (0.0, 10, 1, "1 failed, and max_failures=0.0 tolerates no more than 0"),
        (0.25, 10, 3, "3 failed, and max_failures=0.25 tolerates no more than 2"),
        (1.0, 10, None, ""),
        (None, 1000, None, ""),
    ],
)
def test_failures_beyond_the_limit(tolerated: float | None, total: int, exceeded_at: int | None, said: str) -> None:
    """A count, a fraction of all outcomes, or no limit; the error says what was tolerated."""
    failures = Failures(tolerated)
    failures.begin(total)
    failed = ScanFailure(7, 1, None, NotFoundError(404), 1, 0.5)
    for number in range(1, total + 1):
        failures.add(failed)
        if failures.exceeded:
            assert (number, str(failures)) == (exceeded_at, said)
            return
    assert exceeded_at is None


@each(("tolerated", "kept"), [(None, 100), (7, 8), (0.01, 11)])
def test_few_failures_are_kept(tolerated: float | None, kept: int) -> None:
    """Those of the report of an early end, in order: memory does not grow with the groups. Successes are not kept."""
    failures = Failures(tolerated)
    failures.begin(1000)
    for number in range(1000):
        failures.add(ScanFailure(7, number, None, NotFoundError(404), 1, 0.5))
    assert [item.group_id for item in failures.kept] == list(range(kept))
    assert failures.count == 1000


def test_progress_tells_a_wait_for_quota_and_retries() -> None:
    """How long the quota lets nothing go, while something waits for it; and how many requests were retries."""

    class Once(Partoo):
        def answer(self, key: Key) -> Response:
            first = len(self.delivered) == 3
            return Response(503, {}, b"{}") if first else super().answer(key)

    partoo = Once({7: list(range(9))})

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(6, 60.0)) as client:
            scan = client.scan(7)
            running = asyncio.create_task(scan.collect())
            await asyncio.sleep(20.0)
            assert scan.progress.quota_wait == pytest.approx(41, abs=3)
            await running
            assert (scan.progress.quota_wait, scan.progress.retries) == (0.0, 1)

    run_virtual(main())


def test_progress_tells_a_silence() -> None:
    """Since when nothing has come, once that is long and while requests are in flight: not while all wait for the
    quota, nor when the server answers again."""

    class Hanging(Partoo):
        def delay(self, key: Key) -> float:
            return 12.0 if len(self.arrived) in range(4, 7) else 0.1

    partoo = Hanging({7: list(range(6))})

    async def main() -> None:
        async with client_of(partoo, rate_limit=RateLimit(6, 60.0), max_concurrency=8) as client:
            scan = client.scan(7)
            running, silences = asyncio.create_task(scan.collect()), []
            for _ in range(70):
                await asyncio.sleep(1.0)
                silences.append(round(scan.progress.silent_for))
            await running
            assert silences == [*[0] * 5, *range(6, 13), *[0] * 58]
            assert scan.progress.silent_for == 0.0

    run_virtual(main())


async def test_a_shared_quota_has_a_forecast(tmp_path: Path) -> None:
    """Which slots come when only its store knows; but not more than the limit in a window."""
    partoo = Partoo({7: list(range(300))}, late=0.0)
    options = {"quota": f"file://{tmp_path}/quota", "rate_limit": RateLimit(100, 20.0)}
    async with client_of(partoo, **options) as client, client.scan(7) as scan:
        assert 40 <= scan.plan.seconds <= 61
        assert scan.progress.eta >= 40


def test_progress_costs_the_same_whatever_the_number_of_sections() -> None:
    """A look at a scan of many sections takes as many steps as at one of few."""

    async def steps(count: int) -> int:
        partoo = Partoo({number: [1] for number in range(count)})
        seen = 0

        def note(*_: object) -> None:
            nonlocal seen
            seen += 1

        async with client_of(partoo, rate_limit=None) as client, client.scan(range(count)) as scan:
            await anext(scan)
            _ = scan.progress
            sys.setprofile(note)
            try:
                _ = scan.progress
            finally:
                sys.setprofile(None)
        return seen

    few, many = (run_virtual(steps(count)) for count in (100, 1000))
    assert many < 1.5 * few
