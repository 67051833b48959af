"""A scan never slows a page: visitors' calls beside a scan that takes all of the quota, in virtual time."""

from __future__ import annotations

import asyncio
import random
from statistics import median

import pytest
from attrs import define, field

from partoo_async import PartooClient, QuotaExceededError, RateLimit
from partoo_async._protocol.http import Response
from partoo_async._transport import Exchange
from tests.support.simulated import Partoo, client_of
from tests.support.virtual import run_virtual

GROUPS, MANY_GROUPS = 1_500, 5_000
SCANNED, SHOWN = 1, 2
LIMIT = RateLimit(300, 60.0)


class Timed(Partoo):
    """A Partoo that answers within 200 ms and notes how long it took for each group of the section that pages show."""

    def __init__(self, seed: int, groups: int = GROUPS) -> None:
        super().__init__({SCANNED: list(range(groups)), SHOWN: list(range(groups))}, seed=seed, late=0.2)
        self.took: dict[int, float] = {}

    async def send(self, exchange: Exchange) -> Response:
        request, _until = exchange.request, exchange.until
        loop = asyncio.get_running_loop()
        started = loop.time()
        response = await super().send(exchange)
        if request.path.startswith(f"/sections/{SHOWN}/"):
            self.took[int(request.path.rpartition("/")[2])] = loop.time() - started
        return response


@define
class Outcome:
    """``waits``: of each page's call, the seconds in which its request was not under way; ``seconds``: of the scan."""

    seconds: float = 0.0
    waits: list[float] = field(factory=list)
    arrivals: list[float] = field(factory=list)


async def scan_beside(*, pages: bool, seed: int, hold: bool = True, groups: int = GROUPS) -> Outcome:
    """Scan while calls come at random moments of it, as those of many visitors do: one for 25 groups."""
    outcome, partoo, chance = Outcome(), Timed(seed, groups), random.Random(seed)
    over = 0.95 * groups / LIMIT.requests * LIMIT.per
    loop = asyncio.get_running_loop()

    async def visit(client: PartooClient, number: int, when: float) -> None:
        await asyncio.sleep(when)
        started = loop.time()
        await client.groups.get(SHOWN, number)
        outcome.waits.append(loop.time() - started - partoo.took[number])

    async with client_of(partoo, rate_limit=LIMIT) as client, asyncio.TaskGroup() as group:
        if hold:
            client.session.quota.hold_reserve()
        for number in range(groups // 25 if pages else 0):
            group.create_task(visit(client, number, chance.uniform(0, over)))
        report = await client.scan(SCANNED).collect()
    assert len(report.succeeded) == groups
    outcome.seconds, outcome.arrivals = report.seconds, [when for when, _ in partoo.arrived]
    return outcome


@pytest.mark.parametrize(
    ("seed", "groups"), [(0, GROUPS), *(pytest.param(seed, MANY_GROUPS, marks=pytest.mark.soak) for seed in range(3))]
)
def test_a_scan_never_slows_a_page(seed: int, groups: int) -> None:
    """Of the calls in the time of a scan, the median waits for less than 20 ms and none for as long as its own answer
    may take, 200 ms; and the scan takes at most a quarter longer than it does alone."""
    alone = run_virtual(scan_beside(pages=False, hold=False, seed=seed, groups=groups))
    both = run_virtual(scan_beside(pages=True, seed=seed, groups=groups))
    assert len(both.waits) == groups // 25
    assert median(both.waits) < 0.020
    assert max(both.waits) < 0.2
    assert both.seconds <= 1.25 * alone.seconds


async def _first_visit(*, hold: bool) -> float:
    """Return what a visitor waits for who is the first one after a quiet minute, when a scan has been at work for 5 s;
    infinity when the call is refused because it would take longer than its 3 s."""
    partoo = Timed(0)
    async with client_of(partoo, rate_limit=LIMIT) as client:
        if hold:
            client.session.quota.hold_reserve()
        scan = asyncio.create_task(client.scan(SCANNED).collect())
        await asyncio.sleep(5.0)
        started = asyncio.get_running_loop().time()
        try:
            await client.with_options(timeout=3.0).groups.get(SHOWN, 7)
            return asyncio.get_running_loop().time() - started - partoo.took[7]
        except QuotaExceededError:
            return float("inf")
        finally:
            scan.cancel()


def test_the_first_page_after_a_quiet_minute_finds_the_reserve() -> None:
    """A batch job alone uses the whole quota, so that a call that comes then is refused; in a web application, which
    holds the reserve, it goes at once."""
    assert run_virtual(_first_visit(hold=False)) == float("inf")
    assert run_virtual(_first_visit(hold=True)) == 0.0


def test_the_window_holds_with_both() -> None:
    """Visitors and scan together send no more than 300 requests in any minute."""
    arrivals = run_virtual(scan_beside(pages=True, seed=9)).arrivals
    assert all(later - early > LIMIT.per for early, later in zip(arrivals, arrivals[LIMIT.requests :], strict=False))
