"""What it costs to wait: callers without a slot of the quota that are cancelled, and a stampede on one page.

    python -m benchmarks.waiting

Nothing leaves the process: the responses are made by a ``MockTransport``. The garbage collector is on.
"""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from benchmarks.figures import Figures, cpu_seconds, parser, ratios_of, turns
from partoo_async import PartooClient, Quota, RateLimit
from partoo_async.testing import MockResponse, MockTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeAlias

    from partoo_async.testing import MockRequest

    Call: TypeAlias = Callable[[PartooClient, Quota, int], Coroutine[Any, Any, object]]

IDS = [f"business-{number}" for number in range(20)]


async def respond(request: MockRequest) -> MockResponse:
    await asyncio.sleep(0)  # as long as it takes, others may ask
    group = int(request.path.rpartition("/")[2])
    return MockResponse(json={"id": group, "name": "group", "has_puller": False, "business_ids": IDS})


def client_of(quota: Quota, callers: int) -> PartooClient:
    return PartooClient("key", quota=quota, transport=MockTransport(respond), max_concurrency=max(callers, 1))


async def cancelled(callers: int, call: Call) -> float:
    """Return the CPU seconds from the cancellation of tasks that wait for the quota to their end."""
    quota = Quota(RateLimit(callers))
    while quota.try_acquire():
        pass
    async with client_of(quota, callers) as client, asyncio.TaskGroup() as group:
        tasks = [group.create_task(call(client, quota, number)) for number in range(1, callers + 1)]
        while quota.snapshot().waiting < callers:  # noqa: ASYNC110 - they say nothing when they begin to wait
            await asyncio.sleep(0)
        before = cpu_seconds()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return cpu_seconds() - before


async def stampede(callers: int, groups: int) -> float:
    """Return the CPU microseconds of each of many callers that read at once: that many groups between them."""
    async with client_of(Quota(None), callers) as client:
        before = cpu_seconds()
        await asyncio.gather(*(client.groups.get(7, number % groups + 1) for number in range(callers)))
        return (cpu_seconds() - before) / callers * 1e6


def alone(work: Coroutine[Any, Any, float]) -> float:
    gc.collect()  # what others left behind
    return asyncio.run(work)


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    figures = Figures("waiting", arguments.json)
    waiters, callers = (5_000, 500) if arguments.quick else (100_000, 5_000)
    calls: dict[str, Call] = {
        "Quota.acquire()": lambda _, quota, __: quota.acquire(),
        "request()": lambda client, _, number: client.request("GET", f"/sections/7/groups/{number}"),
        "groups.get()": lambda client, _, number: client.groups.get(7, number),
    }
    for name, call in calls.items():
        seconds = [alone(cancelled(waiters, call)) for _ in range(rounds)]
        figures.add(f"{waiters:,} waiting {name} cancelled", seconds, "s", goal=3.0)
    stampedes = {
        f"each of {callers:,} callers, different pages": lambda: alone(stampede(callers, callers)),
        f"each of {callers:,} callers, one page": lambda: alone(stampede(callers, 1)),
    }
    found = turns(stampedes, 2 * rounds + 1)
    different, one = stampedes
    for name, values in found.items():
        figures.add(name, values, "us of CPU")
    figures.add("one page over different pages", ratios_of(found, one, different), "x", goal=1.0)


if __name__ == "__main__":
    main()
