"""The scheduler in virtual time: who gets a slot when, what a 429 does, what is foretold and refused.

A slot of a minute's window is held for 60.05 s after the answer; ``chance=lambda: 0.0`` takes the jitter out.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import pytest

from partoo_async import QuotaExceededError
from partoo_async.policy import Priority, RateLimit
from partoo_async.quota import Quota
from tests.support.each import each
from tests.support.virtual import VirtualLoop, run_virtual

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


def make(requests: int = 10, per: float = 60.0, chance: float = 0.0, **options: Any) -> Quota:
    return Quota(RateLimit(requests, per, **options), chance=lambda: chance)


class Clock:
    """Seconds since the test began, and calls that note when they were let through."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.loop = asyncio.get_running_loop()
        self.start = self.loop.time()
        self.log: list[tuple[str, float]] = []

    @property
    def now(self) -> float:
        return round(self.loop.time() - self.start, 6)

    async def until(self, seconds: float) -> None:
        await asyncio.sleep(self.start + seconds - self.loop.time())

    async def call(self, name: str, priority: Priority = INTERACTIVE, took: float = 0.0) -> None:
        """One request whose answer takes ``took`` seconds."""
        await self.quota.acquire(priority)
        self.log.append((name, self.now))
        await asyncio.sleep(took)
        self.quota.release()

    def spawn(self, name: str, priority: Priority = INTERACTIVE, took: float = 0.0) -> asyncio.Task[None]:
        return asyncio.create_task(self.call(name, priority, took))


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


# --- the window


def test_the_next_window_begins_with_the_answers() -> None:
    """Three slots answered after 1, 2 and 3 s: the next three calls go 60.05 s after each of those."""

    async def main() -> None:
        clock = Clock(make(3))
        await asyncio.gather(*(clock.call(f"c{number}", took=number % 3 + 1) for number in range(6)))
        assert clock.log == [("c0", 0), ("c1", 0), ("c2", 0), ("c3", 61.05), ("c4", 62.05), ("c5", 63.05)]

    run_virtual(main())


def test_an_unsent_request_lets_the_next_one_go_at_once() -> None:
    """What was never sent costs nothing."""

    async def main() -> None:
        quota = make(1)
        clock = Clock(quota)
        await quota.acquire()
        waiting = clock.spawn("next")
        await clock.until(5)
        quota.release(sent=False)
        await waiting
        assert clock.log == [("next", 5)]

    run_virtual(main())


def test_smooth_pacing_is_even() -> None:
    """58 s for 30 slots at 29/30 of the rate is one call in 2 s, from the first on, for both lanes."""

    async def main() -> None:
        for priority in Priority:
            clock = Clock(make(30, 58.0, pacing="smooth"))
            await asyncio.gather(*(clock.call(str(number), priority, took=0.3) for number in range(60)))
            assert [when for _, when in clock.log] == pytest.approx([2.0 * number for number in range(60)])

    run_virtual(main())


def test_smooth_bulk_keeps_its_pace_behind_the_reserve() -> None:
    """Slots left to interactive calls do not slow bulk work while there are enough: one call in 2 s all the same."""

    async def main() -> None:
        clock = Clock(make(30, 58.0, pacing="smooth", reserve=0.3))
        await clock.call("i")
        await asyncio.gather(*(clock.call(str(number), BULK, took=0.3) for number in range(10)))
        assert [when for _, when in clock.log] == pytest.approx([2.0 * number for number in range(11)])

    run_virtual(main())


def test_a_share_is_all_that_is_used() -> None:
    """A third of ten slots is three."""

    async def main() -> None:
        quota = make(10, share=0.3)
        assert [quota.try_acquire() for _ in range(4)] == [True, True, True, False]
        assert quota.snapshot().limit == 3

    run_virtual(main())


# --- lanes


def test_first_in_first_out_and_interactive_first() -> None:
    """When slots come back, waiting interactive calls go in their order, then bulk in its order."""

    async def main() -> None:
        quota = make(2, reserve=0.0)
        clock = Clock(quota)
        await asyncio.gather(clock.call("x"), clock.call("y"))
        names = [("b1", BULK), ("i1", INTERACTIVE), ("b2", BULK), ("i2", INTERACTIVE)]
        tasks = [clock.spawn(*name) for name in names]
        await turn()
        state = quota.snapshot()
        assert (state.waiting, state.waiting_interactive, state.waiting_bulk) == (4, 2, 2)
        await asyncio.gather(*tasks)
        assert clock.log[2:] == [("i1", 60.05), ("i2", 60.05), ("b1", 120.1), ("b2", 120.1)]

    run_virtual(main())


def test_bulk_alone_uses_everything() -> None:
    """A batch job without interactive calls beside it takes all ten slots, reserve or not."""

    async def main() -> None:
        quota = make(10, reserve=0.5)
        assert [quota.try_acquire(BULK) for _ in range(11)] == [True] * 10 + [False]

    run_virtual(main())


@each(("seconds", "slots"), [(0.0, 6), (59.9, 6), (60.1, 9)])
def test_bulk_leaves_the_reserve_for_a_window_after_an_interactive_call(seconds: float, slots: int) -> None:
    """One interactive call in flight and three slots of reserve leave bulk six of ten; a window later, nine."""

    async def main() -> None:
        quota = make(10, reserve=0.3)
        clock = Clock(quota)
        assert quota.try_acquire(INTERACTIVE)
        await clock.until(seconds)
        assert sum(quota.try_acquire(BULK) for _ in range(10)) == slots
        assert sum(quota.try_acquire(INTERACTIVE) for _ in range(10)) == 9 - slots

    run_virtual(main())


def test_waiting_bulk_gets_the_reserve_when_it_lapses() -> None:
    """It is woken at that moment; nothing else has to happen."""

    async def main() -> None:
        quota = make(10, reserve=0.3)
        clock = Clock(quota)
        assert quota.try_acquire(INTERACTIVE)
        await clock.until(20)
        for _ in range(6):
            assert quota.try_acquire(BULK)
        await asyncio.gather(*(clock.call(f"b{number}", BULK) for number in range(3)))
        assert clock.log == [("b0", 60), ("b1", 60), ("b2", 60)]

    run_virtual(main())


@each("reserve", [0.0, 0.5])
def test_bulk_gets_one_in_twenty_under_steady_interactive_load(reserve: float) -> None:
    """Interactive calls wait at any time, more than the quota serves: of 2,000 slots bulk has 100, evenly."""

    async def main() -> None:
        clock = Clock(make(20, 60.0, reserve=reserve))

        async def again_and_again(name: str, priority: Priority, count: int) -> None:
            for _ in range(count):
                await clock.call(name, priority, took=0.1)

        interactive = [asyncio.create_task(again_and_again("i", INTERACTIVE, 60)) for _ in range(40)]
        bulk = [asyncio.create_task(again_and_again("b", BULK, 200)) for _ in range(3)]
        await asyncio.sleep(100 * 61)
        served = "".join(name for name, _ in clock.log)[:2000]
        assert len(served) == 2000
        assert served.count("b") == pytest.approx(100, abs=2)
        assert "i" * 20 not in served[20:]
        for task in interactive + bulk:
            task.cancel()
        await asyncio.gather(*interactive, *bulk, return_exceptions=True)

    run_virtual(main())


# --- the gate


def test_a_429_pauses_every_call_and_then_full_rate(caplog: pytest.LogCaptureFixture) -> None:
    """Waiting and new calls of both lanes go when the pause ends, all at once; thirty 429s make one WARNING."""
    caplog.set_level(logging.WARNING, "partoo_async.quota")

    async def main() -> None:
        quota = make(10, reserve=0.0)
        clock = Clock(quota)
        await clock.call("first")
        for _ in range(30):
            assert quota.pause(37.0) == 37.0
        assert not quota.try_acquire()
        tasks = [clock.spawn("i", INTERACTIVE), clock.spawn("b", BULK)]
        await clock.until(36.9)
        assert len(clock.log) == 1
        assert quota.snapshot().paused_for == pytest.approx(0.1)
        await asyncio.gather(*tasks, clock.call("late"))
        assert clock.log[1:] == [("i", 37), ("late", 37), ("b", 37)]
        assert (quota.paused_for(), quota.snapshot().paused_until) == (0.0, None)

    run_virtual(main())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "429" in caplog.messages[0]
    assert "37.0 s" in caplog.messages[0]


def test_after_a_short_pause_calls_come_back_at_the_pace_of_the_quota() -> None:
    """A 429 that asks for 2 s of 58 would be met again by a burst: one call in 2 s for a window, then the full rate."""

    async def main() -> None:
        quota = make(30, 58.0)
        clock = Clock(quota)
        quota.pause(2.0)
        await asyncio.gather(*(clock.call(str(number), BULK) for number in range(30)))
        # 2 + 58 = 60 is the end of the spacing out: 29 calls at 2, 4, ... 58, and then whatever waits.
        assert [when for _, when in clock.log] == pytest.approx([2.0 * number for number in range(1, 31)])

    run_virtual(main())


def test_each_pause_warns_once_and_repeated_ones_say_why(caplog: pytest.LogCaptureFixture) -> None:
    """A second pause is a second WARNING, with a hint at other consumers of the quota and other ways to count."""

    async def main() -> None:
        quota = make()
        quota.pause(10.0)
        await asyncio.sleep(11)
        quota.pause(10.0)
        quota.pause(20.0)

    run_virtual(main())
    assert len(caplog.records) == 2
    assert "another one uses" not in caplog.messages[0]
    assert "another one uses" in caplog.messages[1]
    assert "smooth" in caplog.messages[1]


def test_without_retry_after_the_pause_is_a_minute() -> None:
    """A 429 that does not say for how long pauses 60 s."""

    async def main() -> None:
        quota = make()
        assert quota.pause(None) == 60.0
        assert quota.paused_for() == 60.0

    run_virtual(main())


@each(
    ("seconds", "chance", "paused"),
    [(60.0, 0.0, 60.0), (60.0, 1.0, 60.25), (60.0, 0.5, 60.125), (2.0, 1.0, 2.02), (0.0, 1.0, 0.0), (None, 1.0, 60.25)],
)
def test_jitter_is_later_and_small(seconds: float | None, chance: float, paused: float) -> None:
    """Never before the time that the server gave, and at most a quarter of a second, or a hundredth, after it."""

    async def main() -> None:
        quota = make(chance=chance)
        quota.pause(seconds)
        assert quota.paused_for() == pytest.approx(paused)

    run_virtual(main())


def test_the_longest_pause_counts() -> None:
    """Of the answers of one burst the one that asks for the longest time is obeyed."""

    async def main() -> None:
        quota = make()
        clock = Clock(quota)
        for seconds in (5.0, 30.0, 10.0):
            quota.pause(seconds)
        await clock.call("next")
        assert clock.log == [("next", 30)]

    run_virtual(main())


def test_whoever_cannot_outwait_a_pause_is_told_at_once() -> None:
    """Their deadline falls into it: refused when the 429 comes, not when their time is up; the others wait on."""

    async def main() -> None:
        quota = make(4)
        clock = Clock(quota)
        for _ in range(4):
            assert quota.try_acquire()
        deadlines = (70.0, 100.0, 105.0, math.inf)
        tasks = [asyncio.create_task(quota.acquire(INTERACTIVE, clock.start + deadline)) for deadline in deadlines]
        await turn()
        for _ in range(4):
            quota.release()  # at 0, so that all of them expect a slot at 60.05
        await clock.until(5)
        quota.pause(97.0)  # until 102
        await turn()
        assert [task.done() for task in tasks] == [True, True, False, False]
        for task in tasks[:2]:
            error = task.exception()
            assert isinstance(error, QuotaExceededError)
            assert error.retry_after == pytest.approx(97.0)
        await tasks[2]
        assert clock.now == 102
        quota.release()  # the first after the pause goes alone; its answer lets the next one go
        await tasks[3]
        assert clock.now == 102

    run_virtual(main())


@each("priority", list(Priority))
def test_a_pause_of_more_than_five_minutes_is_not_sat_out(priority: Priority) -> None:
    """Those who wait and those who come are refused with the time to come back, deadline or not."""

    async def main() -> None:
        quota = make(1)
        await quota.acquire()
        waiting = asyncio.create_task(quota.acquire(priority))
        await turn()
        quota.pause(3600.0)
        with pytest.raises(QuotaExceededError, match="429") as caught:
            await waiting
        assert caught.value.retry_after == pytest.approx(3600.0)
        with pytest.raises(QuotaExceededError) as caught:
            await quota.acquire(priority)
        assert caught.value.retry_after == pytest.approx(3600.0)
        # When less than five minutes are left, waiting is reasonable again.
        quota.release(sent=False)
        await asyncio.sleep(3301)
        assert quota.paused_for() == pytest.approx(299.0)
        await quota.acquire(priority)
        assert quota.paused_for() == 0.0

    run_virtual(main())


def test_no_limit_keeps_the_gate() -> None:
    """``rate_limit=None`` switches the counting off, not the obedience to a 429."""

    async def main() -> None:
        quota = Quota(None, chance=lambda: 0.0)
        clock = Clock(quota)
        await asyncio.gather(*(clock.call("free") for _ in range(500)))
        assert clock.now == 0
        quota.pause(20.0)
        await asyncio.gather(*(clock.call("paused", priority) for priority in Priority for _ in range(100)))
        assert [when for _, when in clock.log[500:]] == [20] * 200
        state = quota.snapshot()
        assert (state.limit, state.available, state.used, state.waiting) == (None, None, 0, 0)

    run_virtual(main())


# --- the forecast


def test_the_forecast() -> None:
    """By hand: four slots, answered at 1, 2, 3 and 4 s, come back at 61.05, 62.05, 63.05 and 64.05 s."""

    async def main() -> None:
        quota = make(4, reserve=0.0)
        clock = Clock(quota)
        assert (quota.forecast(), quota.forecast(calls=4)) == (0.0, 0.0)
        assert quota.forecast(calls=5) == pytest.approx(60.05)
        for _ in range(4):
            assert quota.try_acquire()
        for second in (1, 2, 3, 4):
            await clock.until(second)
            quota.release()
        assert quota.forecast() == pytest.approx(57.05)
        assert quota.forecast(BULK) == pytest.approx(57.05)
        assert quota.forecast(calls=4) == pytest.approx(60.05)
        assert quota.forecast(calls=6) == pytest.approx(58.05 + 60.05)
        assert quota.snapshot().wait == pytest.approx(57.05)
        tasks = [clock.spawn("i"), clock.spawn("b", BULK)]
        await turn()
        assert quota.forecast() == pytest.approx(58.05)  # behind the interactive call, before bulk
        assert quota.forecast(BULK) == pytest.approx(59.05)  # behind both
        quota.pause(58.5)
        assert quota.forecast() == pytest.approx(58.5)
        assert quota.forecast(BULK) == pytest.approx(59.05)
        await asyncio.gather(*tasks)

    run_virtual(main())


def test_the_forecast_of_bulk_knows_when_the_reserve_lapses() -> None:
    """Half is kept for 60 s after the last interactive call: bulk is foretold the end of that, not a longer wait."""

    async def main() -> None:
        quota = make(10, reserve=0.5)
        clock = Clock(quota)
        assert quota.try_acquire(INTERACTIVE)
        for _ in range(4):
            assert quota.try_acquire(BULK)
        await clock.until(59)
        assert quota.forecast(BULK) == pytest.approx(1.0)
        await quota.acquire(BULK, deadline=clock.start + 61)
        assert clock.now == 60

    run_virtual(main())


def test_a_call_that_cannot_make_it_is_refused_before_it_waits() -> None:
    """The slot comes in 60.05 s: with 60 s there is an error at once, with 61 s a slot."""

    async def main() -> None:
        quota = make(1)
        clock = Clock(quota)
        await clock.call("first")
        with pytest.raises(QuotaExceededError, match=r"used up \(1 requests in 60 s\)") as caught:
            await quota.acquire(deadline=clock.start + 60)
        assert clock.now == 0
        assert caught.value.retry_after == pytest.approx(60.05)
        await quota.acquire(deadline=clock.start + 61)
        assert clock.now == 60.05
        assert quota.snapshot().waiting == 0

    run_virtual(main())


def test_a_free_slot_is_given_even_at_the_deadline() -> None:
    """The quota refuses what it cannot serve; whether there is time to send is the call's affair."""

    async def main() -> None:
        quota = make(1)
        await quota.acquire(deadline=asyncio.get_running_loop().time())

    run_virtual(main())


def test_a_call_that_was_overtaken_ends_at_its_deadline() -> None:
    """The forecast is the least wait: bulk work overtaken by interactive calls is refused when its time is up."""

    async def main() -> None:
        quota = make(1, reserve=0.0)
        clock = Clock(quota)
        await clock.call("first")
        bulk = asyncio.create_task(quota.acquire(BULK, clock.start + 70))
        await turn()
        interactive = [clock.spawn("i1"), clock.spawn("i2")]
        with pytest.raises(QuotaExceededError) as caught:
            await bulk
        assert clock.now == 70
        assert caught.value.retry_after > 0
        await asyncio.gather(*interactive)
        assert clock.log[1:] == [("i1", 60.05), ("i2", 120.1)]

    run_virtual(main())


# --- cancelling


def test_a_cancelled_waiter_leaves_nothing() -> None:
    """Its place in the queue goes to the next, and the timer of an empty queue goes too."""

    async def main() -> None:
        quota = make(1)
        clock = Clock(quota)
        await clock.call("first")
        one, two = clock.spawn("one"), clock.spawn("two")
        await turn()
        one.cancel()
        await two
        assert clock.log[1:] == [("two", 60.05)]
        three = clock.spawn("three")
        await turn()
        assert "wakes in" in repr(quota)
        three.cancel()
        await turn()
        assert quota.snapshot().waiting == 0
        assert "wakes in" not in repr(quota)

    run_virtual(main())


@each("cancelled_first", [False, True])
def test_granted_and_cancelled_in_the_same_turn(cancelled_first: bool) -> None:
    """Whichever came first, the slot goes to the next waiter at once: it was not sent."""

    async def main() -> None:
        quota = make(1)
        clock = Clock(quota)
        await quota.acquire()
        unlucky, lucky = clock.spawn("unlucky"), clock.spawn("lucky")
        await clock.until(7)
        if cancelled_first:
            unlucky.cancel()
            quota.release(sent=False)
        else:
            quota.release(sent=False)
            unlucky.cancel()
        await lucky
        assert unlucky.cancelled()
        assert clock.log == [("lucky", 7)]
        assert quota.snapshot().used == 1

    run_virtual(main())


def test_a_cancelled_waiter_costs_smooth_pacing_no_turn() -> None:
    """A waiter that is cancelled in the moment of its turn does not take the gap before the next one with it."""

    async def main() -> None:
        quota = make(30, 58.0, pacing="smooth")
        clock = Clock(quota)
        await quota.acquire()
        unlucky, lucky = clock.spawn("unlucky"), clock.spawn("lucky")
        await turn()
        assert isinstance(clock.loop, VirtualLoop)
        clock.loop.clock += 2.5  # the loop was busy with something else
        unlucky.cancel()
        quota.release(sent=False)
        await lucky
        assert clock.log == [("lucky", 2.5)]

    run_virtual(main())


def test_refused_and_cancelled_in_the_same_turn() -> None:
    """The refusal of a call that nobody waits for any more is nobody's unhandled error, and takes no slot."""

    async def main() -> None:
        quota = make(1)
        await quota.acquire()
        waiting = asyncio.create_task(quota.acquire())
        await turn()
        quota.pause(1000.0)
        waiting.cancel()
        await turn()
        assert waiting.cancelled()
        assert (quota.snapshot().used, quota.snapshot().waiting) == (1, 0)

    run_virtual(main())


# --- what it says of itself


def test_the_snapshot() -> None:
    """Limit, window, used and free slots, the queue by lane, the pause as a time and as seconds, the wait."""

    async def main() -> None:
        quota = make(4, 60.0, reserve=0.25)
        clock = Clock(quota)
        for _ in range(3):
            assert quota.try_acquire()
        tasks = [clock.spawn("b", BULK), clock.spawn("b", BULK)]
        await turn()
        quota.pause(30.0)
        state = quota.snapshot()
        assert (state.limit, state.per, state.used, state.available) == (4, 60.0, 3, 1)
        assert (state.waiting, state.waiting_interactive, state.waiting_bulk) == (2, 0, 2)
        assert state.paused_until == clock.start + 30
        assert (state.paused_for, state.wait) == (30.0, 30.0)
        for task in tasks:
            task.cancel()
        await turn()

    run_virtual(main())


def test_a_fresh_quota_tells_of_itself_without_a_loop() -> None:
    """A health page may ask before the first call, from wherever it runs."""
    quota = make(10, 2.0)
    state = quota.snapshot()
    assert (state.limit, state.per, state.used, state.available, state.waiting) == (10, 2.0, 0, 10, 0)
    assert (state.paused_until, state.paused_for, state.wait) == (None, 0.0, 0.0)
    assert repr(quota) == "<Quota 0 of 10 used per 2 s, 0 waiting>"


def test_the_repr() -> None:
    """Used, waiting, paused, and when it wakes up next."""

    async def main() -> None:
        quota = make(1)
        clock = Clock(quota)
        await clock.call("first")
        waiting = clock.spawn("next")
        await turn()
        assert repr(quota) == "<Quota 1 of 1 used per 60 s, 1 waiting, wakes in 60.05 s>"
        quota.pause(90.0)
        assert repr(quota) == "<Quota 1 of 1 used per 60 s, 1 waiting, paused for 90.00 s, wakes in 90.00 s>"
        await waiting

    run_virtual(main())


@each("tick", [1e-6, 1e-4, 3e-3])
def test_a_clock_that_moves_on_loses_no_wakeup(tick: float) -> None:
    """A slot that comes free between a look at the slots and the setting of the timer still wakes the next waiter."""

    async def main() -> int:
        quota = Quota(RateLimit(30, 2.0))

        async def call() -> None:
            await quota.acquire(BULK)
            await asyncio.sleep(0.001)
            quota.release()

        await asyncio.gather(*(call() for _ in range(120)))
        return quota.snapshot().waiting

    assert run_virtual(main(), tick=tick) == 0
