"""Who goes next: pure rules, no clock."""

from __future__ import annotations

from partoo_async.policy import Priority
from partoo_async.quota.wait_queue import Lanes
from tests.support.each import each

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


def queue(lanes: Lanes[str], priority: Priority, *names: str) -> None:
    for name in names:
        lanes.lane(priority)[name] = None


def serve(lanes: Lanes[str], count: int) -> list[str]:
    """Give ``count`` slots away."""
    served = []
    for _ in range(count):
        priority = lanes.next()
        assert priority is not None
        served.append(lanes.lane(priority).popitem(last=False)[0])
        lanes.granted(priority)
    return served


def test_interactive_calls_go_first_and_each_lane_in_its_order() -> None:
    """Whoever came first within a lane goes first; bulk waits for the other lane to be empty."""
    lanes: Lanes[str] = Lanes()
    queue(lanes, BULK, "b1", "b2")
    queue(lanes, INTERACTIVE, "i1", "i2")
    assert len(lanes) == 4
    assert serve(lanes, 4) == ["i1", "i2", "b1", "b2"]
    assert lanes.next() is None


def test_whoever_leaves_the_middle_holds_nobody_up() -> None:
    """A cancelled waiter goes, the order of the others stays."""
    lanes: Lanes[str] = Lanes()
    queue(lanes, INTERACTIVE, "i1", "i2", "i3")
    del lanes.lane(INTERACTIVE)["i2"]
    assert serve(lanes, 2) == ["i1", "i3"]


def test_bulk_gets_one_slot_in_twenty() -> None:
    """Nineteen interactive calls in a row while bulk waits, then one of bulk, again and again."""
    lanes: Lanes[str] = Lanes()
    queue(lanes, BULK, *(f"b{number}" for number in range(10)))
    queue(lanes, INTERACTIVE, *(f"i{number}" for number in range(200)))
    served = serve(lanes, 100)
    assert [place for place, name in enumerate(served, 1) if name.startswith("b")] == [20, 40, 60, 80, 100]


def test_a_run_counts_only_while_bulk_waits() -> None:
    """Interactive calls that kept nobody waiting do not count: the first bulk call does not jump the queue."""
    lanes: Lanes[str] = Lanes()
    for _ in range(100):
        lanes.granted(INTERACTIVE)
    queue(lanes, BULK, "b")
    assert not lanes.bulk_is_due
    for _ in range(18):
        lanes.granted(INTERACTIVE)
    assert not lanes.bulk_is_due
    lanes.granted(INTERACTIVE)
    assert lanes.bulk_is_due
    lanes.granted(BULK)
    assert not lanes.bulk_is_due


@each(
    ("waiting", "priority", "passes"),
    [
        ((), INTERACTIVE, True),
        ((), BULK, True),
        ((BULK,), INTERACTIVE, True),
        ((BULK,), BULK, False),
        ((INTERACTIVE,), INTERACTIVE, False),
        ((INTERACTIVE,), BULK, False),
        ((INTERACTIVE, BULK), INTERACTIVE, False),
    ],
)
def test_who_may_pass_without_queueing(waiting: tuple[Priority, ...], priority: Priority, passes: bool) -> None:
    """A new call overtakes those who go after it, and nobody else."""
    lanes: Lanes[str] = Lanes()
    for lane in waiting:
        queue(lanes, lane, lane.value)
    assert lanes.may_pass(priority) is passes


def test_nobody_passes_bulk_work_that_is_due() -> None:
    """Not even an interactive call with an empty lane before it; or steady single calls would starve bulk."""
    lanes: Lanes[str] = Lanes()
    queue(lanes, BULK, "b")
    for _ in range(19):
        assert lanes.may_pass(INTERACTIVE)
        lanes.granted(INTERACTIVE)
    assert not lanes.may_pass(INTERACTIVE)
    assert serve(lanes, 1) == ["b"]
    assert lanes.may_pass(INTERACTIVE)
