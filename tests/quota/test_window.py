"""Where the slots are: taken before a send, back a window after the answer. Pure, with the clock as an argument.

A slot is held for ``per`` and a margin of a twelve-hundredth, 2 ms at least: 60.05 s for a minute, 2.002 s for 2 s.
"""

from __future__ import annotations

import math

import pytest

from partoo_async.errors import ConfigurationError
from partoo_async.policy import RateLimit
from partoo_async.quota.backend import SlidingWindow, Unlimited
from tests.support.each import each


def taken(window: SlidingWindow, now: float, reserved: int = 0) -> int:
    """Take all the slots that can be had at a moment; return how many."""
    count = 0
    while window.acquire(now, reserved):
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


def test_reserved_slots_are_left() -> None:
    """Who has to leave three free gets seven of ten; who need not gets the rest."""
    window = SlidingWindow(RateLimit(10, 60.0))
    assert taken(window, 0.0, reserved=3) == 7
    assert taken(window, 0.0) == 3


def test_without_a_limit_there_are_no_slots() -> None:
    """Without a limit everything goes at once, and nothing is used."""
    unlimited = Unlimited()
    assert all(unlimited.acquire(0.0) for _ in range(1000))
    unlimited.release(1.0, sent=True, answered=True)
    assert (unlimited.limit, unlimited.used(1.0), unlimited.ready_at(1.0, 5000)) == (None, 0, 1.0)


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


@pytest.mark.parametrize(("late", "held"), [(0.0, 61.05), (0.5, 61.05), (15.0, 75.05)])
def test_a_request_that_was_given_up_may_arrive_late(late: float, held: float) -> None:
    """Its slot is held for as long as it may still take to reach the server, and a window after that."""
    window = SlidingWindow(RateLimit(1, 60.0))
    assert window.acquire(0.0)
    window.release(0.0, sent=True, answered=False, late=late)
    assert not window.acquire(held - 0.001)
    assert window.acquire(held + 1e-9)
