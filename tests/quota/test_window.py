"""Where the slots are: taken before a send, back a window after the answer. Pure, with the clock as an argument.

A slot is held for ``per`` and a margin of a twelve-hundredth, 2 ms at least: 60.05 s for a minute, 2.002 s for 2 s.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit
from partoo_async.quota.backend import OpenGate
from partoo_async.quota.window import SlidingWindow
from tests.each import each


def taken(window: SlidingWindow, now: float, spare: int = 0) -> int:
    """Take all the slots that can be had at a moment; return how many."""
    count = 0
    while window.acquire(now, spare):
        count += 1
    return count


@each(
    ("per", "answered", "held"),
    [
        (60.0, True, 60.05),
        (2.0, True, 2.002),
        (0.5, True, 0.502),
        (600.0, True, 600.5),
        # One that got no answer may still be on its way: a sixtieth of the window more.
        (60.0, False, 61.05),
        (0.6, False, 0.612),
    ],
)
def test_a_slot_comes_back_a_window_after_the_answer(per: float, answered: bool, held: float) -> None:
    """Not a window after the send: the server may have counted the request as late as its answer."""
    window = SlidingWindow(RateLimit(1, per))
    assert window.acquire(0.0)
    window.release(40.0, sent=True, answered=answered)
    assert not window.acquire(40.0 + held - 0.001)
    assert window.acquire(40.0 + held + 1e-9)


def test_a_slot_in_flight_never_comes_back_by_itself() -> None:
    """However long the answer takes, the slot is not given to another request."""
    window = SlidingWindow(RateLimit(1, 1.0))
    assert window.acquire(0.0)
    assert not window.acquire(1e6)
    assert window.used(1e6) == 1


def test_an_unsent_request_gives_its_slot_back_at_once() -> None:
    """The server has not seen it, so nothing has to cool down."""
    window = SlidingWindow(RateLimit(2, 60.0))
    assert taken(window, 0.0) == 2
    window.release(0.0, sent=False, answered=False)
    assert window.used(0.0) == 1
    assert taken(window, 0.0) == 1


def test_slots_come_back_one_by_one() -> None:
    """Each slot has its own time: three answers a second apart are three slots a second apart."""
    window = SlidingWindow(RateLimit(3, 60.0))
    assert taken(window, 0.0) == 3
    for answer in (1.0, 2.0, 3.0):
        window.release(answer, sent=True, answered=True)
    assert [window.used(now) for now in (61.0, 61.06, 62.06, 63.06)] == [3, 2, 1, 0]


def test_answers_out_of_order_come_back_in_order() -> None:
    """A request without an answer holds longer than one answered after it, and does not keep that one back."""
    window = SlidingWindow(RateLimit(2, 60.0))
    assert taken(window, 0.0) == 2
    window.release(0.0, sent=True, answered=False)  # back at 61.05
    window.release(0.5, sent=True, answered=True)  # back at 60.55
    assert [window.used(now) for now in (60.5, 60.6, 61.0, 61.1)] == [2, 1, 1, 0]


@each(
    ("requests", "share", "slots"),
    [(300, 1.0, 300), (300, 0.5, 150), (300, 1 / 3, 100), (300, 0.33, 99), (10, 0.39, 3), (100, 0.29, 29), (7, 0.3, 2)],
)
def test_a_share_is_rounded_down(requests: int, share: float, slots: int) -> None:
    """K processes together never pass the limit; a product that is whole but for rounding keeps its last slot."""
    limit = RateLimit(requests, 60.0, share=share)
    assert limit.slots == slots
    assert taken(SlidingWindow(limit), 0.0) == slots


@each(
    "arguments",
    [
        {"requests": 0},
        {"requests": -1},
        {"requests": 1.5},
        {"requests": True},
        {"per": 0.0},
        {"per": -60.0},
        {"per": math.nan},
        {"per": math.inf},
        {"per": "60"},
        {"reserve": 1.0},
        {"reserve": -0.1},
        {"reserve": math.nan},
        {"share": 0.0},
        {"share": 1.1},
        {"share": math.nan},
        {"requests": 10, "share": 0.05},
        {"pacing": "slow"},
    ],
)
def test_a_limit_that_cannot_be_is_refused(arguments: dict[str, object]) -> None:
    """A wrong number is an error at construction that names the argument, not a scan that hangs."""
    with pytest.raises(ConfigurationError, match=f"^{list(arguments)[-1]}: "):
        RateLimit(**arguments)  # type: ignore[arg-type]


def test_spare_slots_are_left() -> None:
    """Who has to leave three free gets seven of ten; who need not gets the rest."""
    window = SlidingWindow(RateLimit(10, 60.0))
    assert taken(window, 0.0, spare=3) == 7
    assert taken(window, 0.0) == 3


def test_smooth_pacing_spaces_sends_evenly() -> None:
    """29 of 30 slots' worth of rate, one at a time: 300 a minute is one in 60 / 290 s, no burst at the start."""
    window = SlidingWindow(RateLimit(300, 60.0, pacing="smooth"))
    interval = 60 / 290
    for number in range(290):
        now = 1000 + number * (interval + 1e-9)
        assert window.acquire(now), number
        assert not window.acquire(now), number
        assert not window.acquire(now + 0.99 * interval), number
        window.release(now + 0.1, sent=True, answered=True)


def test_smooth_pacing_saves_nothing_up() -> None:
    """After a long rest one request goes, not the ones that were not made."""
    window = SlidingWindow(RateLimit(300, 60.0, pacing="smooth"))
    assert taken(window, 0.0) == 1
    window.release(0.1, sent=True, answered=True)
    assert taken(window, 30.0) == 1


def probed(window: SlidingWindow, now: float) -> int:
    """Take all slots after a pause, the first of which goes alone until it is answered; return how many."""
    assert taken(window, now) == 1
    window.release(now, sent=True, answered=True)
    return 1 + taken(window, now)


def test_the_first_after_a_pause_goes_alone() -> None:
    """Until the first answer after a pause nobody else is sent; one that was dropped or not sent hands over."""
    window = SlidingWindow(RateLimit(30, 60.0))
    window.pause(0.0, 40.0)
    assert taken(window, 40.0) == 1
    window.release(41.0, sent=False, answered=False)
    assert taken(window, 41.0) == 1
    window.release(42.0, sent=True, answered=False)
    assert taken(window, 42.0) == 1
    window.release(43.0, sent=True, answered=True)
    assert taken(window, 43.0) == 28


def test_a_429_soon_after_a_pause_pauses_for_longer() -> None:
    """Retry-After promised too much: within a window of the gate's opening, the next pause takes a quarter of one."""
    window = SlidingWindow(RateLimit(30, 60.0))
    window.pause(0.0, 1.0)
    window.pause(0.5, 2.0)
    assert window.paused_until == 2.0
    window.pause(3.0, 4.0)
    assert window.paused_until == 18.0
    window.pause(20.0, 60.0)
    assert window.paused_until == 60.0
    window.pause(121.0, 122.0)
    assert window.paused_until == 122.0


@each("make", [OpenGate, lambda: SlidingWindow(RateLimit(5, 60.0))])
def test_a_closed_gate_lets_nobody_through(make: type[OpenGate]) -> None:
    """From the pause until its end, to the moment; a shorter pause never opens the gate earlier."""
    gate = make()
    assert gate.acquire(0.0)
    gate.pause(0.0, 30.0)
    gate.pause(0.0, 10.0)
    assert [gate.acquire(now) for now in (0.0, 10.0, 29.999, 30.0)] == [False, False, False, True]
    assert [gate.ready_at(now, 0) for now in (0.0, 30.0, 31.0)] == [30.0, 30.0, 31.0]


def test_the_open_gate_has_no_slots() -> None:
    """Without a limit everything goes at once, and nothing is used."""
    gate = OpenGate()
    assert all(gate.acquire(0.0) for _ in range(1000))
    gate.release(1.0, sent=True, answered=True)
    assert (gate.limit, gate.used(1.0), gate.ready_at(1.0, 5000)) == (None, 0, 1.0)


@each(
    ("position", "ready"),
    [
        (0, 20.0),  # 10 slots: 4 in flight, 4 cool down, 2 are free
        (1, 20.0),
        (2, 61.05),
        (5, 64.05),
        (6, 80.05),  # the slots in flight: answered now, at the earliest
        (9, 80.05),
        (10, 80.05),  # a second use of the two that are free now
        (12, 121.10),  # and of the first that cools down: 61.05 and one more hold
        (25, 184.15),  # the third use of the slot of position 5: 64.05 + 2 * 60.05
    ],
)
def test_when_a_slot_is_ready(position: int, ready: float) -> None:
    """The earliest time at which a place in the queue can be served, over as many windows as it takes."""
    window = SlidingWindow(RateLimit(10, 60.0))
    for _ in range(8):
        window.acquire(0.0)
    for answer in (1.0, 2.0, 3.0, 4.0):
        window.release(answer, sent=True, answered=True)
    assert window.ready_at(20.0, position) == pytest.approx(ready)


def test_when_a_slot_is_ready_after_a_pause() -> None:
    """A pause moves the slots that would be ready before it ends, and not the later ones."""
    window = SlidingWindow(RateLimit(2, 60.0))
    window.acquire(0.0)
    window.release(0.0, sent=True, answered=True)
    window.pause(0.0, 30.0)
    assert [window.ready_at(10.0, position) for position in range(3)] == pytest.approx([30.0, 60.05, 90.05])


@each(("position", "ready"), [(0, 100.0), (1, 102.0), (29, 158.0)])
def test_smooth_pacing_is_foreseen(position: int, ready: float) -> None:
    """Thirty slots a minute go out every 60 / 29 s at the fastest, after a rest as well: 29 sends are 28 gaps."""
    window = SlidingWindow(RateLimit(30, 58.0, pacing="smooth"))  # 58 / 29: one in 2 s
    assert window.ready_at(100.0, position) == pytest.approx(ready)
    assert window.acquire(0.0)
    window.release(0.0, sent=False, answered=False)
    assert window.ready_at(100.0, position) == pytest.approx(ready)


def test_smooth_pacing_is_foreseen_behind_a_reserve() -> None:
    """Slots left to others cost bulk work no time while there are more than those: the next send is the next gap."""
    window = SlidingWindow(RateLimit(30, 58.0, pacing="smooth"))
    assert window.acquire(100.0)
    assert window.ready_at(100.0, 0, spare=10) == pytest.approx(102.0)


@each(("paused", "burst"), [(1.0, 1), (14.9, 1), (15.0, 29), (30.0, 29)])
def test_after_a_short_pause_sends_are_spaced_out(paused: float, burst: int) -> None:
    """Half a window drains the server's count; less means that room comes back bit by bit, and so do the sends."""
    window = SlidingWindow(RateLimit(29, 30.0))
    window.pause(0.0, paused)
    assert probed(window, paused) == burst


def test_spacing_out_ends_a_window_after_the_pause() -> None:
    """Without another 429 the full rate is back: here 30.0 s after a pause of 2 s, until then one in 30 / 29 s."""
    window = SlidingWindow(RateLimit(30, 30.0))
    window.pause(0.0, 2.0)
    assert [window.ready_at(0.0, position) for position in (0, 1, 10)] == pytest.approx([2, 2 + 30 / 29, 2 + 300 / 29])
    assert window.ready_at(0.0, 29) == pytest.approx(32.0)  # not 2 + 30: the rest goes at once
    sent = []
    for now in (step / 100 for step in range(200, 3200)):
        if window.acquire(now):
            sent.append(now)
            window.release(now, sent=True, answered=True)
    assert len(sent) == 29  # one in 1.04 s, since this clock has steps of 10 ms
    assert min(after - before for before, after in pairwise(sent)) >= 30 / 29 - 1e-9
    assert taken(window, 32.0) == 30 - len(sent)


def test_a_shorter_pause_within_a_longer_one_changes_nothing() -> None:
    """A late 429 of the same burst that asks for less does not take the full rate after the long pause away."""
    window = SlidingWindow(RateLimit(29, 30.0))
    window.pause(0.0, 20.0)
    window.pause(1.0, 3.0)
    assert probed(window, 20.0) == 29


@pytest.mark.parametrize(("late", "held"), [(0.0, 61.05), (0.5, 61.05), (15.0, 75.05)])
def test_a_request_that_was_given_up_may_arrive_late(late: float, held: float) -> None:
    """Its slot is held for as long as it may still take to reach the server, and a window after that."""
    window = SlidingWindow(RateLimit(1, 60.0))
    assert window.acquire(0.0)
    window.release(0.0, sent=True, answered=False, late=late)
    assert not window.acquire(held - 0.001)
    assert window.acquire(held + 1e-9)


def test_a_second_429_without_a_time_spaces_sends_out() -> None:
    """The first may be an accident; after the second one the first send goes alone and the others a gap apart."""
    window = SlidingWindow(RateLimit(29, 30.0))
    window.pause(0.0, 30.0, vague=True)
    assert probed(window, 30.0) == 29
    for _ in range(28):
        window.release(30.0, sent=True, answered=True)
    window.pause(200.0, 230.0, vague=True)
    assert window.spaced(200.0)
    assert probed(window, 230.0) == 1
    assert not window.spaced(260.0)


def test_a_429_within_a_window_of_the_opening_spaces_sends_out() -> None:
    """Whatever it says: the time that the server gave was not enough. Later it is an accident again."""
    window = SlidingWindow(RateLimit(29, 30.0))
    window.pause(0.0, 30.0)
    window.pause(59.0, 89.0)
    assert probed(window, 89.0) == 1
    assert window.spaced(118.9)
    window.pause(250.0, 280.0)
    assert probed(window, 280.0) == 29


def test_bursts_that_are_refused_again_and_again_become_rare() -> None:
    """Spaced for one window, then for two, four, eight; after a window of bursts without a 429 for one again."""
    window = SlidingWindow(RateLimit(29, 30.0))
    window.pause(0.0, 30.0)
    window.pause(31.0, 61.0)
    ends = []
    for _ in range(4):
        end = next(61.0 + 30 * number for number in range(1000) if not window.spaced(61.0 + 30 * number))
        ends.append(end)
        window.pause(end, end + 30.0)
    assert [after - before for before, after in pairwise([61.0, *ends])] == [30.0, 90.0, 150.0, 270.0]


def test_what_is_known_is_forgotten_a_window_after_it_mattered() -> None:
    """After that a quota may be made anew."""
    window = SlidingWindow(RateLimit(10, 60.0))
    assert window.forgotten_at() == -math.inf
    assert window.acquire(0.0)
    assert window.forgotten_at() == math.inf
    window.release(5.0, sent=True, answered=True)
    assert window.forgotten_at() == 65.05
    window.pause(6.0, 16.0)
    assert window.forgotten_at() == 136.0  # spaced until 76, and a 429 within a window of that tells something
    gate = OpenGate()
    gate.pause(0.0, 10.0)
    assert gate.forgotten_at() == 70.0
