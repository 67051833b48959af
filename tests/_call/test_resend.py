"""When a request goes out a second time at once, and when it is only put back behind the gate."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from partoo_async._call.resend import Resender
from partoo_async._protocol.operations import Operation, custom, get_group
from partoo_async._transport import HeldBackError
from partoo_async.errors import APIConnectionError, ClientClosedError, QuotaExceededError
from partoo_async.policy import Priority


def stale() -> APIConnectionError:
    error = APIConnectionError("the connection was closed")
    error.stale = True
    return error


class Calls:
    """Sends with the outcomes that it is given, and keeps whether each was to be on a new connection."""

    priority = Priority.BULK

    def __init__(self, *outcomes: object, last_try: bool = False) -> None:
        self.last_try = last_try
        self._outcomes = list(outcomes)
        self.fresh: list[bool] = []

    async def send(self, operation: Operation[Any], *, fresh: bool = False) -> Any:
        self.fresh.append(fresh)
        await asyncio.sleep(0)
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def stopped_error(self) -> BaseException:
        return ClientClosedError("stopped")


READ: Operation[Any] = get_group(7, 42)


async def run(calls: Calls, operation: Operation[Any] = READ, resender: Resender | None = None) -> object:
    result: object = await (resender or Resender()).send(calls, operation)
    return result


async def test_a_closed_connection_costs_one_more_request_on_a_new_one() -> None:
    """And no more than one."""
    calls = Calls(stale(), "group")
    assert (await run(calls), calls.fresh) == ("group", [False, True])
    twice = Calls(stale(), stale())
    with pytest.raises(APIConnectionError):
        await run(twice)
    assert twice.fresh == [False, True]


async def test_a_get_that_may_not_be_repeated_is_not() -> None:
    """The caller said that it is no safe request, whatever its method."""
    calls = Calls(stale())
    with pytest.raises(APIConnectionError):
        await run(calls, custom("GET", "/jobs/run", params=None, json=None, idempotent=False))
    assert calls.fresh == [False]


async def test_without_a_slot_for_it_the_first_failure_is_told() -> None:
    """It says more than that the quota is spent."""
    with pytest.raises(APIConnectionError):
        await run(Calls(stale(), QuotaExceededError("spent", 30.0)))


async def test_what_the_gate_holds_back_goes_behind_it() -> None:
    """As often as that happens; but not what was stopped meanwhile."""
    calls = Calls(HeldBackError(), HeldBackError(), "group")
    assert (await run(calls), calls.fresh) == ("group", [False, False, False])
    stopped = Calls(HeldBackError(), last_try=True)
    with pytest.raises(ClientClosedError, match="stopped"):
        await run(stopped)
    assert stopped.fresh == [False]


async def test_an_outage_costs_a_scan_one_second_send() -> None:
    """All that is in flight meets a closed connection: one is sent again, and when that fails nobody else is."""
    calls, resender = [Calls(stale(), APIConnectionError("refused")) for _ in range(28)], Resender()
    failures = await asyncio.gather(*(run(call, resender=resender) for call in calls), return_exceptions=True)
    assert {type(failure) for failure in failures} == {APIConnectionError}
    assert sum(len(call.fresh) for call in calls) == 28 + 1


async def test_a_server_that_closes_behind_its_answers_costs_each_one_more() -> None:
    """The second send succeeds, so that nobody is left out."""
    calls, resender = [Calls(stale(), "group") for _ in range(5)], Resender()
    assert await asyncio.gather(*(run(call, resender=resender) for call in calls)) == ["group"] * 5
