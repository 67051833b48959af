"""When requests may leave: pauses, the probe after one, spacing. Pure, with the clock as an argument."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from partoo_async.policy import RateLimit
from partoo_async.quota.backend import SlidingWindow, Unlimited
from partoo_async.quota.gate import Gate
from tests.support.each import each


class Slots:
    """A gate with slots behind it, put together as a quota does it."""

    def __init__(self, rate_limit: RateLimit | None) -> None:
        self.window = SlidingWindow(rate_limit) if rate_limit else Unlimited()
        smooth = rate_limit is not None and rate_limit.pacing == "smooth"
        self.gate = Gate(self.window.limit, self.window.per, smooth=smooth)

    def acquire(self, now: float) -> bool:
        if now < self.gate.opens_at or not self.window.acquire(now):
            return False
        self.gate.sent(now)
        return True

    def release(self, now: float, *, sent: bool = True, answered: bool = True) -> None:
        self.window.release(now, sent=sent, answered=answered)
        if self.gate.is_probing:
            self.gate.ended(now, answered=sent and answered)

    def ready_at(self, now: float, position: int, reserved: int = 0) -> float:
        slot = self.window.ready_at(now, position, reserved, self.gate.paused_until)
        return max(slot, self.gate.ready_at(now, position))

    def forgotten_at(self) -> float:
        return max(self.window.forgotten_at(), self.gate.forgotten_at())


def taken(slots: Slots, now: float) -> int:
    """Take all the slots that can be had at a moment; return how many."""
    count = 0
    while slots.acquire(now):
        count += 1
    return count


def test_smooth_pacing_spaces_sends_evenly() -> None:
    """29 of 30 slots' worth of rate, one at a time: 300 a minute is one in 60 / 290 s, no burst at the start."""
    slots = Slots(RateLimit(300, 60.0, pacing="smooth"))
    interval = 60 / 290
    for number in range(290):
        now = 1000 + number * (interval + 1e-9)
        assert slots.acquire(now), number
        assert not slots.acquire(now), number
        assert not slots.acquire(now + 0.99 * interval), number
        slots.release(now + 0.1, sent=True, answered=True)


def test_smooth_pacing_saves_nothing_up() -> None:
    """After a long rest one request goes, not the ones that were not made."""
    slots = Slots(RateLimit(300, 60.0, pacing="smooth"))
    assert taken(slots, 0.0) == 1
    slots.release(0.1, sent=True, answered=True)
    assert taken(slots, 30.0) == 1


def probed(slots: Slots, now: float) -> int:
    """Take all slots after a pause, the first of which goes alone until it is answered; return how many."""
    assert taken(slots, now) == 1
    slots.release(now, sent=True, answered=True)
    return 1 + taken(slots, now)


def test_the_first_after_a_pause_goes_alone() -> None:
    """Until the first answer after a pause nobody else is sent; one that was dropped or not sent hands over."""
    slots = Slots(RateLimit(30, 60.0))
    slots.gate.pause(0.0, 40.0)
    assert taken(slots, 40.0) == 1
    slots.release(41.0, sent=False, answered=False)
    assert taken(slots, 41.0) == 1
    slots.release(42.0, sent=True, answered=False)
    assert taken(slots, 42.0) == 1
    slots.release(43.0, sent=True, answered=True)
    assert taken(slots, 43.0) == 28


def test_a_429_soon_after_a_pause_pauses_for_longer() -> None:
    """Retry-After promised too much: within a window of the gate's opening, the next pause takes a quarter of one."""
    slots = Slots(RateLimit(30, 60.0))
    slots.gate.pause(0.0, 1.0)
    slots.gate.pause(0.5, 2.0)
    assert slots.gate.paused_until == 2.0
    slots.gate.pause(3.0, 4.0)
    assert slots.gate.paused_until == 18.0
    slots.gate.pause(20.0, 60.0)
    assert slots.gate.paused_until == 60.0
    slots.gate.pause(121.0, 122.0)
    assert slots.gate.paused_until == 122.0


@each("rate_limit", [None, RateLimit(5, 60.0)])
def test_a_closed_gate_lets_nobody_through(rate_limit: RateLimit | None) -> None:
    """From the pause until its end, to the moment; a shorter pause never opens the gate earlier."""
    slots = Slots(rate_limit)
    assert slots.acquire(0.0)
    slots.gate.pause(0.0, 30.0)
    slots.gate.pause(0.0, 10.0)
    assert [slots.acquire(now) for now in (0.0, 10.0, 29.999, 30.0)] == [False, False, False, True]
    assert [slots.ready_at(now, 0) for now in (0.0, 30.0, 31.0)] == [30.0, 30.0, 31.0]


@each("rate_limit", [None, RateLimit(5, 60.0)])
def test_the_pause_of_another_process_is_taken_as_it_is(rate_limit: RateLimit | None) -> None:
    """However short and often: no longer pause and no spacing follow, since those are for whoever met the 429."""
    slots = Slots(rate_limit)
    for until in (1.0, 2.0, 3.0, 2.0):
        slots.gate.close(until)
    assert (slots.gate.paused_until, slots.gate.is_spaced(3.0)) == (3.0, False)
    assert [slots.acquire(now) for now in (2.999, 3.0)] == [False, True]
    # With a limit the first goes alone, as after a pause of one's own.
    assert slots.acquire(3.0) is (rate_limit is None)


def test_when_a_slot_is_ready_after_a_pause() -> None:
    """A pause moves the slots that would be ready before it ends, and not the later ones."""
    slots = Slots(RateLimit(2, 60.0))
    slots.acquire(0.0)
    slots.release(0.0, sent=True, answered=True)
    slots.gate.pause(0.0, 30.0)
    assert [slots.ready_at(10.0, position) for position in range(3)] == pytest.approx([30.0, 60.05, 90.05])


@each(("position", "ready"), [(0, 100.0), (1, 102.0), (29, 158.0)])
def test_smooth_pacing_is_foreseen(position: int, ready: float) -> None:
    """Thirty slots a minute go out every 60 / 29 s at the fastest, after a rest as well: 29 sends are 28 gaps."""
    slots = Slots(RateLimit(30, 58.0, pacing="smooth"))  # 58 / 29: one in 2 s
    assert slots.ready_at(100.0, position) == pytest.approx(ready)
    assert slots.acquire(0.0)
    slots.release(0.0, sent=False, answered=False)
    assert slots.ready_at(100.0, position) == pytest.approx(ready)


def test_smooth_pacing_is_foreseen_behind_a_reserve() -> None:
    """Slots left to others cost bulk work no time while there are more than those: the next send is the next gap."""
    slots = Slots(RateLimit(30, 58.0, pacing="smooth"))
    assert slots.acquire(100.0)
    assert slots.ready_at(100.0, 0, reserved=10) == pytest.approx(102.0)


@each(("paused", "burst"), [(1.0, 1), (14.9, 1), (15.0, 29), (30.0, 29)])
def test_after_a_short_pause_sends_are_spaced_out(paused: float, burst: int) -> None:
    """Half a window drains the server's count; less means that room comes back bit by bit, and so do the sends."""
    slots = Slots(RateLimit(29, 30.0))
    slots.gate.pause(0.0, paused)
    assert probed(slots, paused) == burst


def test_spacing_out_ends_a_window_after_the_pause() -> None:
    """Without another 429 the full rate is back: here 30.0 s after a pause of 2 s, until then one in 30 / 29 s."""
    slots = Slots(RateLimit(30, 30.0))
    slots.gate.pause(0.0, 2.0)
    assert [slots.ready_at(0.0, position) for position in (0, 1, 10)] == pytest.approx([2, 2 + 30 / 29, 2 + 300 / 29])
    assert slots.ready_at(0.0, 29) == pytest.approx(32.0)  # not 2 + 30: the rest goes at once
    sent = []
    for now in (step / 100 for step in range(200, 3200)):
        if slots.acquire(now):
            sent.append(now)
            slots.release(now, sent=True, answered=True)
    assert len(sent) == 29  # one in 1.04 s, since this clock has steps of 10 ms
    assert min(after - before for before, after in pairwise(sent)) >= 30 / 29 - 1e-9
    assert taken(slots, 32.0) == 30 - len(sent)


def test_a_shorter_pause_within_a_longer_one_changes_nothing() -> None:
    """A late 429 of the same burst that asks for less does not take the full rate after the long pause away."""
    slots = Slots(RateLimit(29, 30.0))
    slots.gate.pause(0.0, 20.0)
    slots.gate.pause(1.0, 3.0)
    assert probed(slots, 20.0) == 29


def test_a_second_429_without_a_time_spaces_sends_out() -> None:
    """The first may be an accident; after the second one the first send goes alone and the others a gap apart."""
    slots = Slots(RateLimit(29, 30.0))
    slots.gate.pause(0.0, 30.0, vague=True)
    assert probed(slots, 30.0) == 29
    for _ in range(28):
        slots.release(30.0, sent=True, answered=True)
    slots.gate.pause(200.0, 230.0, vague=True)
    assert slots.gate.is_spaced(200.0)
    assert probed(slots, 230.0) == 1
    assert not slots.gate.is_spaced(260.0)


def test_a_429_within_a_window_of_the_opening_spaces_sends_out() -> None:
    """Whatever it says: the time that the server gave was not enough. Later it is an accident again."""
    slots = Slots(RateLimit(29, 30.0))
    slots.gate.pause(0.0, 30.0)
    slots.gate.pause(59.0, 89.0)
    assert probed(slots, 89.0) == 1
    assert slots.gate.is_spaced(118.9)
    slots.gate.pause(250.0, 280.0)
    assert probed(slots, 280.0) == 29


def test_bursts_that_are_refused_again_and_again_become_rare() -> None:
    """Spaced for one window, then for two, four, eight; after a window of bursts without a 429 for one again."""
    slots = Slots(RateLimit(29, 30.0))
    slots.gate.pause(0.0, 30.0)
    slots.gate.pause(31.0, 61.0)
    ends = []
    for _ in range(4):
        end = next(61.0 + 30 * number for number in range(1000) if not slots.gate.is_spaced(61.0 + 30 * number))
        ends.append(end)
        slots.gate.pause(end, end + 30.0)
    assert [after - before for before, after in pairwise([61.0, *ends])] == [30.0, 90.0, 150.0, 270.0]


def test_what_is_known_is_forgotten_a_window_after_it_mattered() -> None:
    """After that a quota may be made anew."""
    slots = Slots(RateLimit(10, 60.0))
    assert slots.forgotten_at() == -math.inf
    assert slots.acquire(0.0)
    assert slots.forgotten_at() == math.inf
    slots.release(5.0, sent=True, answered=True)
    assert slots.forgotten_at() == 65.05
    slots.gate.pause(6.0, 16.0)
    assert slots.forgotten_at() == 136.0  # spaced until 76, and a 429 within a window of that tells something
    open_end = Slots(None)
    open_end.gate.pause(0.0, 10.0)
    assert open_end.forgotten_at() == 70.0
