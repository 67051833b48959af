"""A watch goes on: after a long round, an outage, changes that nobody took; and it ends when nothing else helps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from partoo_async import APIConnectionError, AuthenticationError, ConfigurationError, ScanError, ScanReport
from partoo_async.nightly.run import NotDeliveredError
from partoo_async.nightly.watch import repeat
from tests.support.virtual import run_virtual

LOST = APIConnectionError("cannot connect to api.example: refused", False)
HELD = ScanError("the server did not recover", ScanReport((), 0, 600.0), transient=True)


class NoMoreError(Exception):
    """What ends a watch at the end of a test."""


class Rounds:
    """Rounds that last so long, or end with an error; ``began`` has their times."""

    def __init__(self, *steps: float | BaseException) -> None:
        self.steps = iter(steps)
        self.began: list[float] = []
        self.ended = False

    async def run(self) -> None:
        self.began.append(asyncio.get_running_loop().time() - 1000)  # at which a virtual clock begins
        step = next(self.steps, None)
        if step is None:
            raise NoMoreError
        if isinstance(step, BaseException):
            raise step
        try:
            await asyncio.sleep(step)
        finally:
            self.ended = True


def began(steps: Iterable[float | BaseException]) -> list[float]:
    rounds = Rounds(*steps)
    with pytest.raises(NoMoreError):
        run_virtual(repeat(rounds.run, 3600.0))
    return rounds.began


def test_a_round_begins_every_hour() -> None:
    """From beginning to beginning, however long each round takes."""
    assert began([0.0, 10.0, 3599.0]) == [0, 3600, 7200, 10800]


def test_a_long_round_leaves_out_the_ones_it_overlaps() -> None:
    """There is never a second one at the same time, and they do not pile up."""
    assert began([3 * 3600.0 + 1, 1.0]) == [0, 4 * 3600, 5 * 3600]


@pytest.mark.parametrize(
    "trouble", [LOST, HELD, NotDeliveredError("notify ended with 1")], ids=["lost", "held", "exec"]
)
def test_a_round_that_fails_is_no_end(trouble: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The next one begins when it would have begun anyway; a warning says why."""
    assert began([trouble, trouble, 1.0]) == [0, 3600, 7200, 10800]
    messages = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(messages) == 2
    assert str(trouble) in messages[0]


WRONG = [ConfigurationError("state: /srv is in use"), AuthenticationError(401, None, "GET /sections")]


@pytest.mark.parametrize("error", WRONG, ids=["configuration", "key"])
def test_a_mistake_ends_it_at_once(error: Exception) -> None:
    """What cannot work is told when it is started, not logged every hour; an outage before it does not change that."""
    with pytest.raises(type(error)):
        began([LOST, error])


@pytest.mark.parametrize("error", WRONG, ids=["configuration", "key"])
def test_what_worked_once_may_work_again(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A database that is down, a key that is being changed: a warning, and the next round."""
    assert began([1.0, error, 1.0]) == [0, 3600, 7200, 10800]
    assert [record.getMessage() for record in caplog.records] == [f"this round failed: {error}"]


@pytest.mark.parametrize("after", [0.5, 30.0])
def test_it_stops_in_a_round_and_between_two(after: float) -> None:
    """Cancelled, a round cleans up behind itself, and no other one begins."""

    async def stop() -> Rounds:
        rounds = Rounds(1.0)
        task = asyncio.create_task(repeat(rounds.run, 60.0))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return rounds

    rounds = run_virtual(stop())
    assert (len(rounds.began), rounds.ended) == (1, True)
